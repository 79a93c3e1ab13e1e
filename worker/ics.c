/*
 * ics - see ics.h. A lecture repeats weekly within its own term, leaves out holidays and the gap between the terms of a whole-year module;
 * an event without a place in time is named in a warning, never given an invented one.
 */
#include "ics.h"

#include <libical/ical.h>
#include <stdio.h>

enum { ICS_EXDATES_MAX = 800, ICS_SECONDS_A_DAY = 86400 };

struct ics {
    icalcomponent *calendar;
    icaltimezone *zone;
    const struct pdf_request *request;
    int64_t stamp_s;
    json_t *warnings;
};

/* The days an event repeats in: from start to end, without [gap_start, gap_end]. */
struct ics_span {
    char start[11], end[11];
    char gap_start[11], gap_end[11]; /* last day of the first term, first day of the second; "" when there is no gap */
};

void ics_init(void)
{
    icaltimezone_set_builtin_tzdata(0); /* the system's zone files */
}

static const char *ics_text(const json_t *event, const char *name)
{
    const char *text = json_string_value(json_object_get(event, name));
    return text != NULL ? text : "";
}

static struct icaltimetype ics_time(const struct ics *c, const char *date, const char *time)
{
    struct icaltimetype t = icaltime_null_time();
    t.year = atoi(date);
    t.month = atoi(date + 5);
    t.day = atoi(date + 8);
    t.hour = atoi(time);
    t.minute = atoi(time + 3);
    return icaltime_set_timezone(&t, c->zone), t;
}

static void ics_add_zoned(const struct ics *c, icalcomponent *event, icalproperty *property)
{
    icalproperty_add_parameter(property, icalparameter_new_tzid(c->request->timezone));
    icalcomponent_add_property(event, property);
}

static void ics_warn(const struct ics *c, const json_t *event, const char *why)
{
    char text[400];
    (void)snprintf(text, sizeof text, "%.200s", ics_text(event, "summary"));
    json_t *src = json_object_get(event, "src"), *shown = json_string(text);
    json_array_append_new(c->warnings, json_pack("{s:s,s:s,s:o,s:O}", "code", "not_in_calendar", "message", why, "text",
                                                 shown != NULL ? shown : json_string(""), "src", src));
}

static const struct pdf_term *ics_term(const struct pdf_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_terms; i++)
        if (strcasecmp(r->terms[i].name, name) == 0)
            return &r->terms[i];
    return NULL;
}

/* The term of the event's semester. A whole year (Y) without a term of its own runs over S1 and S2. */
static bool ics_span(const struct ics *c, const char *semester, struct ics_span *span)
{
    const struct pdf_term *term = ics_term(c->request, semester), *first = term, *second = term;
    if (term == NULL && strcasecmp(semester, "Y") == 0) {
        first = ics_term(c->request, "S1");
        second = ics_term(c->request, "S2");
    }
    *span = (struct ics_span){0};
    if (first == NULL || second == NULL)
        return false;
    memcpy(span->start, first->start, sizeof span->start);
    memcpy(span->end, second->end, sizeof span->end);
    if (first != second) {
        memcpy(span->gap_start, first->end, sizeof span->gap_start);
        memcpy(span->gap_end, second->start, sizeof span->gap_end);
    }
    return true;
}

/* 1 Sunday … 7 Saturday, as libical counts; 0: none. */
static int ics_weekday(const char *day)
{
    static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    for (size_t i = 0; i < ARRAY_LEN(days); i++)
        if (strcmp(day, days[i]) == 0)
            return (int)i + 1;
    return 0;
}

static void ics_date(struct icaltimetype t, char out[static 11])
{
    (void)snprintf(out, 11, "%04u-%02u-%02u", (unsigned)t.year % 10000, (unsigned)t.month % 100, (unsigned)t.day % 100);
}

/* UNTIL is UTC because DTSTART has a zone (RFC 5545 §3.3.10): the end of the last day, there. */
static icalproperty *ics_rule(const struct ics *c, const struct ics_span *span)
{
    struct icalrecurrencetype rule;
    icalrecurrencetype_clear(&rule);
    rule.freq = ICAL_WEEKLY_RECURRENCE;
    struct icaltimetype until = ics_time(c, span->end, "23:59");
    until.second = 59;
    rule.until = icaltime_convert_to_zone(until, icaltimezone_get_utc_timezone());
    return icalproperty_new_rrule(rule);
}

static void ics_exclude(const struct ics *c, icalcomponent *event, struct icaltimetype first, const struct ics_span *span)
{
    size_t n = 0;
    for (struct icaltimetype at = first; n < ICS_EXDATES_MAX; icaltime_adjust(&at, 7, 0, 0, 0)) {
        char date[11];
        ics_date(at, date);
        if (strcmp(date, span->end) > 0)
            return;
        bool out = span->gap_start[0] != '\0' && strcmp(date, span->gap_start) > 0 && strcmp(date, span->gap_end) < 0;
        for (size_t i = 0; i < c->request->n_holidays; i++)
            out = out || strcmp(c->request->holidays[i], date) == 0;
        if (out) {
            ics_add_zoned(c, event, icalproperty_new_exdate(at));
            n++;
        }
    }
}

/* Date of the first occurrence; with it the rule and what it leaves out. False, with a warning, when there is none. */
static bool ics_repeat(const struct ics *c, const json_t *from, icalcomponent *event, char ret_date[static 11])
{
    struct ics_span span;
    int weekday = ics_weekday(ics_text(from, "day"));
    if (weekday == 0) {
        ics_warn(c, from, "it has no day");
        return false;
    }
    if (!ics_span(c, ics_text(from, "semester"), &span)) {
        ics_warn(c, from, "payload.terms has no dates for its semester");
        return false;
    }
    struct icaltimetype first = ics_time(c, span.start, ics_text(from, "start"));
    while (icaltime_day_of_week(first) != weekday)
        icaltime_adjust(&first, 1, 0, 0, 0);
    ics_date(first, ret_date);
    if (strcmp(ret_date, span.end) > 0) {
        ics_warn(c, from, "its day does not occur in its term");
        return false;
    }
    icalcomponent_add_property(event, ics_rule(c, &span));
    ics_exclude(c, event, first, &span);
    return true;
}

static void ics_describe(icalcomponent *event, const json_t *from)
{
    static const char *const shown[][2] = {{"Campus", "campus"}, {"Group", "group"},   {"Language", "lang"}, {"Semester", "semester"},
                                           {"Study programme", "study_prog"}, {"Status", "status"}, {"Comments", "comments"}};
    struct buf text, place;
    buf_init(&text, 65536);
    buf_init(&place, 65536);
    const json_t *venues = json_object_get(from, "venues");
    for (size_t i = 0; i < json_array_size(venues); i++)
        (void)buf_addf(&place, "%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(venues, i)));
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (ics_text(from, shown[i][1])[0] != '\0')
            (void)buf_addf(&text, "%s%s: %s", text.len > 0 ? "\n" : "", shown[i][0], ics_text(from, shown[i][1]));
    if (json_is_true(json_object_get(from, "end_estimated")))
        (void)buf_addf(&text, "%sThe end is an estimate.", text.len > 0 ? "\n" : "");
    icalcomponent_add_property(event, icalproperty_new_summary(ics_text(from, "summary")));
    if (place.len > 0)
        icalcomponent_add_property(event, icalproperty_new_location(place.data));
    if (text.len > 0)
        icalcomponent_add_property(event, icalproperty_new_description(text.data));
    icalcomponent_add_property(event, icalproperty_new_categories(ics_text(from, "kind")));
    icalcomponent_add_property(event, icalproperty_new_status(json_is_true(json_object_get(from, "unfinalised")) ? ICAL_STATUS_TENTATIVE
                                                                                                                  : ICAL_STATUS_CONFIRMED));
    buf_fini(&text);
    buf_fini(&place);
}

static void ics_event(const struct ics *c, const json_t *from)
{
    char date[11] = "", uid[96];
    const char *start = ics_text(from, "start"), *end = ics_text(from, "end");
    if (start[0] == '\0' || end[0] == '\0') {
        ics_warn(c, from, "it has no time yet");
        return;
    }
    icalcomponent *event = icalcomponent_new_vevent();
    bool placed = true;
    if (json_is_true(json_object_get(from, "recurring")))
        placed = ics_repeat(c, from, event, date);
    else if (ics_text(from, "date")[0] != '\0')
        memcpy(date, ics_text(from, "date"), 10);
    else {
        ics_warn(c, from, "it has no date yet");
        placed = false;
    }
    if (!placed) {
        icalcomponent_free(event);
        return;
    }
    (void)snprintf(uid, sizeof uid, "%.64s@stint", ics_text(from, "uid"));
    icalcomponent_add_property(event, icalproperty_new_uid(uid));
    icalcomponent_add_property(event, icalproperty_new_dtstamp(icaltime_from_timet_with_zone((time_t)c->stamp_s, 0, icaltimezone_get_utc_timezone())));
    ics_add_zoned(c, event, icalproperty_new_dtstart(ics_time(c, date, start)));
    ics_add_zoned(c, event, icalproperty_new_dtend(ics_time(c, date, end)));
    ics_describe(event, from);
    icalcomponent_add_component(c->calendar, event);
}

int ics_write(const json_t *events, const struct pdf_request *r, int64_t stamp_s, struct buf *out, json_t *warnings, struct err *e)
{
    struct ics c = {.request = r, .stamp_s = stamp_s, .warnings = warnings, .zone = icaltimezone_get_builtin_timezone(r->timezone)};
    icalcomponent *zone = c.zone != NULL ? icaltimezone_get_component(c.zone) : NULL;
    if (zone == NULL)
        return err_set(e, ERR_BAD_PAYLOAD, "timezone %.63s is not known here; allowed are names such as Africa/Johannesburg (tzdata)",
                       r->timezone);
    c.calendar = icalcomponent_new_vcalendar();
    icalcomponent_add_property(c.calendar, icalproperty_new_version("2.0"));
    icalcomponent_add_property(c.calendar, icalproperty_new_prodid("-//stint//pdf-parse//EN"));
    icalcomponent_add_property(c.calendar, icalproperty_new_calscale("GREGORIAN"));
    /* The library's ids carry a vendor's prefix; calendars know the zone by its plain name. */
    icalcomponent *rules = icalcomponent_new_clone(zone);
    icalproperty *id = icalcomponent_get_first_property(rules, ICAL_TZID_PROPERTY);
    if (id != NULL)
        icalproperty_set_tzid(id, r->timezone);
    icalcomponent_add_component(c.calendar, rules);
    for (size_t i = 0; i < json_array_size(events); i++)
        ics_event(&c, json_array_get(events, i));
    char *text = icalcomponent_as_ical_string_r(c.calendar);
    int rc = text == NULL || buf_adds(out, text) < 0 ? err_set(e, ERR_OUT_OF_MEMORY, "no memory for the calendar") : 0;
    icalmemory_free_buffer(text);
    icalcomponent_free(c.calendar);
    return rc;
}
