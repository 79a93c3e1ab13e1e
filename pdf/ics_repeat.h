/*
 * ics_repeat - on which days an event takes place: within its own term, without holidays, the recess and weeks it leaves out.
 *
 * Runs in: worker, ctl. Pure.
 */
#pragma once

#include "pdf_request.h"

enum { ICS_REPEAT_DAYS_MAX = 2 * PDF_TERM_DAYS_MAX / 7 + 2, ICS_REPEAT_WEEKS_MAX = 120 };

/* The payload's terms and holidays as numbers. */
struct ics_terms {
    const struct pdf_request *request;
    int32_t holidays[PDF_HOLIDAYS_MAX]; /* ascending */
    size_t n_holidays;
};

struct ics_days {
    int32_t day[ICS_REPEAT_DAYS_MAX]; /* ascending, a whole number of weeks apart */
    size_t n;
};

/* Borrows r. */
void ics_terms_read(struct ics_terms *t, const struct pdf_request *r);
/* The days of an event that recurs (pdf_result's form). NULL, or why there are none, for people; static text. */
const char *ics_repeat_days(const struct ics_terms *t, const json_t *event, struct ics_days *ret_days);
