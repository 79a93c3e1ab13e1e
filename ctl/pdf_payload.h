/*
 * pdf_payload - the payload of a pdf-parse job from a file and the options of `stint pdf parse`.
 *
 * Runs in: ctl. Blocks on reading the file.
 */
#pragma once

#include "session.h"

/* Reads the file and makes {"v":1,"source":{"inline_b64":…,"size":…},…}. A file that is empty, missing or larger than
 * pdf.max_bytes is an error that names it. *ret_payload is the caller's. */
int pdf_payload_make(struct session *s, const char *path, json_t **ret_payload, struct err *e);
