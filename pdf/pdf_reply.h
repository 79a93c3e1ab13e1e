/*
 * pdf_reply - a cell's reply as foreign bytes: is it of its form, and do its books balance?
 *
 * Runs in: worker, ctl. Pure. Every refusal is ERR_BAD_REPLY and names what is wrong: the cell was taken over, or the parser has a defect.
 */
#pragma once

#include "pdf_request.h"

enum { PDF_WARNINGS_MAX = 200000, PDF_FIELD_MAX = 4096 };

/* Type, pages, counts and warnings; rows_seen = rows_parsed + rows named in warnings. reply: any JSON. 0 or ERR_BAD_REPLY. Its events are
 * looked at one by one by pdf_result. */
int pdf_reply_check(const json_t *reply, const struct pdf_request *r, struct err *e);
/* A text of at most PDF_FIELD_MAX bytes (anything else: itself), the caller's; *cut is set when it had more. */
json_t *pdf_reply_text(const json_t *value, bool *cut);
/* The warnings of a checked reply with their known members only, long texts cut; the caller's. NULL: out of memory. */
json_t *pdf_reply_warnings(const json_t *reply);
