/*
 * ics - events as a calendar, RFC 5545 (libical writes the syntax: escaping, folding at 75 octets, CRLF).
 *
 * Runs in: worker. Pure but for the time zone's rules, which libical reads from the system's zone files. dtstamp is an argument.
 */
#pragma once

#include "buf.h"
#include "pdf_request.h"

/* Appends a VCALENDAR of the events that have a time (pdf_result's form) to out, and a warning ("not_in_calendar", with the event's page and
 * row as src) per event that has none, or whose term is not given. stamp_s: seconds since 1970, for DTSTAMP. 0; ERR_BAD_PAYLOAD when the
 * time zone is unknown; ERR_OUT_OF_MEMORY. */
int ics_write(const json_t *events, const struct pdf_request *r, int64_t stamp_s, struct buf *out, json_t *warnings, struct err *e);
/* Once per process, before the first ics_write: the system's zone files are used, not a copy of the library's. */
void ics_init(void);
