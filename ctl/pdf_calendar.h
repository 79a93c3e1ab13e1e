/*
 * pdf_calendar - events as a calendar, for one document or for all.
 *
 * Runs in: ctl. Blocks on reading a file of the zone database.
 */
#pragma once

#include "buf.h"
#include "pdf_request.h"

/* Appends the calendar of events (pdf_result's form, borrowed) to out, as of now; what has no place in it is told in warnings. ERR_BAD_PAYLOAD when
 * the request's zone is not known, and ics_write's errors. */
int pdf_calendar_write(const json_t *events, const struct pdf_request *r, struct buf *out, json_t *warnings, struct err *e);
