/*
 * ics_repeat - see ics_repeat.h. Lists the days instead of describing them: what a rule must say is then read off the list, so that a first
 * day on a holiday, a term over the new year or odd weeks are no cases of their own. Invents no term.
 */
#include "ics_repeat.h"

#include "ics_day.h"

/* The days an event may take place on: [start, end] without (gap_start, gap_end). */
struct repeat_span {
    int32_t start, end;
    int32_t gap_start, gap_end; /* last day of the first term, first of the second; equal: no gap */
    int32_t week1;              /* Monday of week 1 */
};

static int repeat_order(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

void ics_terms_read(struct ics_terms *t, const struct pdf_request *r)
{
    t->request = r;
    t->n_holidays = r->n_holidays;
    for (size_t i = 0; i < r->n_holidays; i++)
        t->holidays[i] = ics_day_read(r->holidays[i]);
    qsort(t->holidays, t->n_holidays, sizeof t->holidays[0], repeat_order);
}

static const struct pdf_term *repeat_term(const struct pdf_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_terms; i++)
        if (strcasecmp(r->terms[i].name, name) == 0)
            return &r->terms[i];
    return NULL;
}

static void repeat_one(const struct pdf_term *term, struct repeat_span *span)
{
    int32_t week1 = ics_day_read(term->week1[0] != '\0' ? term->week1 : term->start);
    *span = (struct repeat_span){.start = ics_day_read(term->start), .end = ics_day_read(term->end), .week1 = week1 - ics_day_weekday(week1)};
}

/* A whole year (Y) without a term of its own runs over S1 and S2, whichever is first. An event that names no term is in the only one. */
static const char *repeat_span(const struct pdf_request *r, const char *semester, struct repeat_span *span)
{
    const struct pdf_term *term = repeat_term(r, semester);
    const struct pdf_term *one = repeat_term(r, "S1"), *two = repeat_term(r, "S2");
    if (term == NULL && semester[0] == '\0' && r->n_terms == 1)
        term = &r->terms[0];
    if (term != NULL) {
        repeat_one(term, span);
        return NULL;
    }
    if (semester[0] == '\0')
        return r->n_terms == 0 ? "payload.terms gives no dates to repeat between" : "it names no semester, and payload.terms has several";
    if (strcasecmp(semester, "Y") != 0 || one == NULL || two == NULL)
        return "payload.terms has no dates for its semester";
    const struct pdf_term *first = strcmp(one->start, two->start) <= 0 ? one : two, *second = first == one ? two : one;
    repeat_one(first, span);
    span->gap_start = span->end;
    span->gap_end = ics_day_read(second->start);
    span->end = MAX_OF(span->end, ics_day_read(second->end));
    return span->end - span->start > 2 * PDF_TERM_DAYS_MAX ? "its two terms lie years apart" : NULL;
}

/* days: since the Monday of week 1; what lies before it is week 0, -1 and so on. */
static bool repeat_in_weeks(const json_t *weeks, int32_t days)
{
    int32_t week = days >= 0 ? days / 7 + 1 : -((6 - days) / 7) + 1;
    if (!json_is_array(weeks))
        return true;
    for (size_t i = 0; i < json_array_size(weeks); i++)
        if (json_integer_value(json_array_get(weeks, i)) == week)
            return true;
    return false;
}

const char *ics_repeat_days(const struct ics_terms *t, const json_t *event, struct ics_days *ret_days)
{
    struct repeat_span span;
    const char *semester = json_string_value(json_object_get(event, "semester")), *day = json_string_value(json_object_get(event, "day"));
    const json_t *weeks = json_object_get(event, "weeks");
    int weekday = ics_day_weekday_read(day != NULL ? day : "");
    ret_days->n = 0;
    if (weekday < 0)
        return "it has no day";
    const char *why = repeat_span(t->request, semester != NULL ? semester : "", &span);
    if (why != NULL)
        return why;
    int32_t at = span.start + (weekday - ics_day_weekday(span.start) + 7) % 7;
    for (; at <= span.end; at += 7) {
        bool recess = at > span.gap_start && at < span.gap_end;
        bool holiday = bsearch(&at, t->holidays, t->n_holidays, sizeof at, repeat_order) != NULL;
        if (!recess && !holiday && repeat_in_weeks(weeks, at - span.week1))
            ret_days->day[ret_days->n++] = at;
    }
    return ret_days->n == 0 ? "its day does not occur in its term" : NULL;
}
