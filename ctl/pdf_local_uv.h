/*
 * pdf_local_uv - documents parsed here, without a server: the same zygote, cells, checks and calendar as a worker's.
 *
 * Runs in: ctl. Thread: a loop of its own, until all documents are reported. Never interprets a document's bytes.
 */
#pragma once

#include "pdf_report.h"

/* Parses every document, plan's jobs at once, and reports each in order. 0, or ERR_BOOT_FAILURE with e when the parser does not start; then none
 * was reported. */
int pdf_local_run(struct pdf_report *r, const struct pdf_inputs *in, struct err *e);
