/*
 * layout_files - asks stint-parser about layout files: it alone reads them.
 *
 * Runs in: ctl. Blocks until the parser has answered, at most LAYOUT_FILES_MS.
 */
#pragma once

#include "err.h"
#include <jansson.h>

enum { LAYOUT_FILES_MS = 60000, LAYOUT_FILES_TEXT_MAX = 8 * 1024 * 1024 };

/* Runs stint-parser with arguments (NULL-terminated, without its name). *ret_text (the caller's to free) is what it printed, *ret_exit its
 * exit code. 0, or a negative code with e when it could not be run or did not end. */
int layout_files_ask(const char *const arguments[], char **ret_text, size_t *ret_len, int *ret_exit, struct err *e);
/* The lines of such a text as an array of objects (the caller's); lines that are none are left out. */
json_t *layout_files_lines(const char *text);
/* Reads every layout of path (examples: and runs them). 0 and *ret_layouts, how many; ERR_BAD_CONFIG with e: file, line and what is wrong. */
int layout_files_check(const char *path, bool examples, size_t *ret_layouts, struct err *e);
