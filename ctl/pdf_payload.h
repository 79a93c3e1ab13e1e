/*
 * pdf_payload - the payload of a pdf-parse job from the options of `stint pdf parse`, and a document put into it.
 *
 * Runs in: ctl. Blocks on reading files.
 */
#pragma once

#include "args.h"
#include "err.h"
#include <jansson.h>

/* {"v":1,"source":{"path":"-"},…} with every option; ics: a calendar is asked for. *ret_payload is the caller's. ERR_BAD_ARGUMENT
 * names the option. */
int pdf_payload_options(const struct args *a, bool ics, json_t **ret_payload, struct err *e);
/* A copy of options whose source is the document: an address, or the bytes of a file or of standard input, at most max_bytes.
 * *ret_payload is the caller's. */
int pdf_payload_make(const json_t *options, const char *name, size_t max_bytes, json_t **ret_payload, struct err *e);
