/*
 * ics - events as a calendar, RFC 5545.
 *
 * Runs in: worker, ctl. Pure: the zone, the revisions and the time are arguments, so the same input is the same bytes.
 */
#pragma once

#include "buf.h"
#include "ics_zone.h"
#include "pdf_request.h"

struct ics_input {
    const json_t *events;              /* array in pdf_result's form; of any content and length */
    const struct pdf_request *request; /* terms, holidays, calendar */
    const struct ics_zone *zone;       /* of the request's timezone */
    const json_t *revisions; /* object: uid → [sequence, seconds since 1970 of the last change]; what is not in it, or NULL: new */
    int64_t stamp_s;         /* seconds since 1970: last change of new events */
};

/* Appends a VCALENDAR of the events that have a place in time to out, and a warning ("not_in_calendar", with the event's page and row as src) for
 * each that has none, or whose term is not given. 0; ERR_DECOMPRESSION_LIMIT: longer than out may become; ERR_OUT_OF_MEMORY. */
int ics_write(const struct ics_input *in, struct buf *out, json_t *warnings, struct err *e);
/* For each event, in order, a text that is another when the event takes place at other times; the caller's array. NULL: out of memory. */
json_t *ics_places(const struct ics_input *in);
