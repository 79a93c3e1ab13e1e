/*
 * pdf_result - the parser's reply, checked and completed: what the job answers and what is stored.
 *
 * Runs in: worker, ctl. Pure. Events are built anew from known members; rows and words are passed on as data, never interpreted.
 */
#pragma once

#include "pdf_reply.h"

enum { PDF_EVENTS_MAX = 200000, PDF_VENUES_MAX = 256, PDF_WEEKS_MAX = 120, PDF_DAY_MINUTES = 1440 };

/* reply: the cell's. ret_result (owned by the caller): {"type","producer","pages","encrypted","rows_seen","rows_parsed","events","warnings"}
 * plus "rows" or "words" for tables and texts. ERR_BAD_REPLY when the reply is not of its form or loses rows; ERR_NO_EVENTS when include_groups leaves
 * none. */
int pdf_result_build(const json_t *reply, const struct pdf_request *r, json_t **ret_result, struct err *e);
