/*
 * pdf_remote - documents sent to the workers, all before the first is waited for.
 *
 * Runs in: ctl. Blocks.
 */
#pragma once

#include "pdf_report.h"

/* Sends, waits and reports each in order. 0, or a service's error with e when the queue cannot be reached; then none was sent. */
int pdf_remote_run(struct pdf_report *r, const struct pdf_inputs *in, struct err *e);
