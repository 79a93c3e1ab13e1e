/*
 * payload_in - the bytes of a payload from where the operator has them: the command line, a file, standard input.
 *
 * Runs in: ctl. Blocks on reading.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <jansson.h>

enum { PAYLOAD_IN_MAX_BYTES = 64 * 1024 * 1024 };

/* A whole file, NUL-terminated; path "-" is standard input. *ret_bytes is the caller's. ERR_NOT_FOUND, ERR_BAD_ARGUMENT
 * (too large, a folder, unreadable) with e naming the file. */
int payload_in_file(const char *path, size_t max_bytes, char **ret_bytes, size_t *ret_len, struct err *e);
/* "-", "@FILE" or the JSON text itself, checked to be JSON. `what` is the option's name for messages. *ret_bytes,
 * *ret_json (may be NULL) are the caller's; the bytes are those given, not a reformatted copy. */
int payload_in_read(const char *what, const char *argument, char **ret_bytes, size_t *ret_len, json_t **ret_json,
                    struct err *e);
