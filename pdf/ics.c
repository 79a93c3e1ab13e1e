/*
 * ics - see ics.h. Times are written as the zone's clock shows them, with the zone's changes beside them; an event without a place in time is
 * named in a warning, never given an invented one. No METHOD: that is for calendars sent by an organizer (RFC 5546), and these have none.
 */
#include "ics.h"

#include "ics_day.h"
#include "ics_line.h"
#include "ics_repeat.h"

#include <stdio.h>

enum { ICS_TEXT_MAX = 2 << 20, ICS_UID_MAX = 200, ICS_AFTER_DAYS = 366, ICS_DAYS_OF_WEEK = 7 };

struct ics {
    const struct ics_input *in;
    struct ics_terms terms;
    struct buf body; /* the events' lines */
    int64_t first_s, last_s; /* instants the calendar speaks of */
    json_t *warnings;
};

/* When an event takes place, on the zone's clock. */
struct ics_time {
    int64_t start_s, end_s; /* of the first time; end_s ≤ start_s: no end */
    struct ics_days days;   /* all times; one or more, the first is start_s' day */
};

static const char *ics_text(const json_t *event, const char *name)
{
    const char *text = json_string_value(json_object_get(event, name));
    return text != NULL ? text : "";
}

static void ics_warn(const struct ics *c, const json_t *event, const char *why)
{
    json_t *w = json_pack("{s:s,s:s,s:s}", "code", "not_in_calendar", "message", why, "text", ics_text(event, "summary"));
    if (w != NULL && json_object_get(event, "src") != NULL)
        (void)json_object_set(w, "src", json_object_get(event, "src"));
    (void)json_array_append_new(c->warnings, w);
}

/* Seconds of the day of "HH:MM"; -1: none. */
static int32_t ics_clock(const char *text)
{
    int hour = 0, minute = 0;
    if (sscanf(text, "%2d:%2d", &hour, &minute) != 2 || hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return -1;
    return hour * 3600 + minute * 60;
}

/* What the zone's clock shows at the instant of a reading: the reading itself, but for one that is skipped there. */
static int64_t ics_shown(const struct ics *c, int64_t local_s, bool *ret_skipped)
{
    int64_t at_s = ics_zone_instant(c->in->zone, local_s, ret_skipped);
    return at_s + ics_zone_offset(c->in->zone, at_s);
}

/* A lecture does not take place at a time its day does not have (RFC 5545 §3.3.10), so no client need know that. */
static void ics_drop_skipped(const struct ics *c, struct ics_days *days, int32_t start)
{
    size_t n = 0;
    for (size_t i = 0; i < days->n; i++) {
        bool skipped;
        (void)ics_zone_instant(c->in->zone, (int64_t)days->day[i] * ICS_DAY_SECONDS + start, &skipped);
        if (!skipped)
            days->day[n++] = days->day[i];
    }
    days->n = n;
}

/* NULL, or why the event has no place in time. */
static const char *ics_when(const struct ics *c, const json_t *event, struct ics_time *t)
{
    const char *date = ics_text(event, "date"), *why = NULL;
    int32_t start = ics_clock(ics_text(event, "start")), end = ics_clock(ics_text(event, "end"));
    bool skipped;
    if (start < 0)
        return "it has no time yet";
    if (json_is_true(json_object_get(event, "recurring"))) {
        why = ics_repeat_days(&c->terms, event, &t->days);
        if (why == NULL)
            ics_drop_skipped(c, &t->days, start);
    } else if (pdf_request_is_date(date)) {
        t->days = (struct ics_days){.day = {ics_day_read(date)}, .n = 1};
    } else {
        why = "it has no date yet";
    }
    if (why == NULL && t->days.n == 0)
        why = "its time does not occur in its term";
    if (why != NULL)
        return why;
    int64_t midnight = (int64_t)t->days.day[0] * ICS_DAY_SECONDS;
    t->start_s = ics_shown(c, midnight + start, &skipped);
    t->end_s = end < 0 || end == start ? t->start_s : ics_shown(c, midnight + end + (end < start ? ICS_DAY_SECONDS : 0), &skipped);
    return NULL;
}

static void ics_zoned(struct ics *c, const char *name, int64_t local_s)
{
    char text[16];
    ics_day_write(local_s, text);
    ics_line(&c->body, "%s;TZID=%s:%s", name, c->in->zone->name, text);
}

/* The weeks between two days of the list, as large as all of them allow. */
static int32_t ics_interval(const struct ics_days *days)
{
    int32_t weeks = 0;
    for (size_t i = 1; i < days->n; i++) {
        int32_t rest = (days->day[i] - days->day[i - 1]) / ICS_DAYS_OF_WEEK;
        while (rest != 0) { /* Euclid */
            int32_t was = rest;
            rest = weeks % rest;
            weeks = was;
        }
    }
    return weeks;
}

/* UNTIL is the last time's instant, in UTC because DTSTART has a zone (RFC 5545 §3.3.10); days the rule says too many are named. */
static void ics_rule_lines(struct ics *c, const struct ics_time *t)
{
    char until[16];
    const struct ics_days *days = &t->days;
    int32_t clock = (int32_t)(t->start_s - (int64_t)days->day[0] * ICS_DAY_SECONDS), weeks = ics_interval(days);
    bool skipped;
    int64_t last_s = ics_zone_instant(c->in->zone, (int64_t)days->day[days->n - 1] * ICS_DAY_SECONDS + clock, &skipped);
    ics_day_write(last_s, until);
    c->last_s = MAX_OF(c->last_s, last_s);
    if (weeks > 1)
        ics_line(&c->body, "RRULE:FREQ=WEEKLY;INTERVAL=%d;UNTIL=%sZ", weeks, until);
    else
        ics_line(&c->body, "RRULE:FREQ=WEEKLY;UNTIL=%sZ", until);
    size_t next = 0;
    for (int32_t day = days->day[0]; next < days->n; day += weeks * ICS_DAYS_OF_WEEK) {
        if (day == days->day[next])
            next++;
        else
            ics_zoned(c, "EXDATE", (int64_t)day * ICS_DAY_SECONDS + clock);
    }
}

static void ics_describe(struct ics *c, const json_t *from)
{
    static const char *const shown[][2] = {{"Campus", "campus"}, {"Group", "group"},   {"Language", "lang"}, {"Semester", "semester"},
                                           {"Study programme", "study_prog"}, {"Status", "status"}, {"Comments", "comments"}};
    bool estimated = json_is_true(json_object_get(from, "end_estimated")), open = json_is_true(json_object_get(from, "unfinalised"));
    struct buf text, place;
    buf_init(&text, ICS_TEXT_MAX);
    buf_init(&place, ICS_TEXT_MAX);
    const json_t *venues = json_object_get(from, "venues");
    for (size_t i = 0; i < json_array_size(venues); i++) {
        const char *venue = json_string_value(json_array_get(venues, i));
        if (venue != NULL)
            (void)buf_addf(&place, "%s%s", place.len > 0 ? ", " : "", venue);
    }
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (ics_text(from, shown[i][1])[0] != '\0')
            (void)buf_addf(&text, "%s%s: %s", text.len > 0 ? "\n" : "", shown[i][0], ics_text(from, shown[i][1]));
    if (estimated)
        (void)buf_addf(&text, "%sThe end is an estimate: the timetable names none.", text.len > 0 ? "\n" : "");
    if (open)
        (void)buf_addf(&text, "%sNot final yet.", text.len > 0 ? "\n" : "");
    ics_line_text(&c->body, "SUMMARY", ics_text(from, "summary"), true);
    if (place.len > 0 || ics_text(from, "campus")[0] != '\0')
        ics_line_text(&c->body, "LOCATION", place.len > 0 ? place.data : ics_text(from, "campus"), true);
    if (text.len > 0)
        ics_line_text(&c->body, "DESCRIPTION", text.data, false);
    if (ics_text(from, "kind")[0] != '\0')
        ics_line_text(&c->body, "CATEGORIES", ics_text(from, "kind"), true);
    ics_line(&c->body, "STATUS:%s", strcasestr(ics_text(from, "status"), "cancel") != NULL ? "CANCELLED" : open ? "TENTATIVE" : "CONFIRMED");
    if (estimated)
        ics_line(&c->body, "X-STINT-END-ESTIMATED:TRUE");
    if (text.failed || place.failed)
        c->body.failed = true;
    buf_fini(&text);
    buf_fini(&place);
}

static void ics_alarm(struct ics *c, const json_t *from)
{
    if (c->in->request->alarm_minutes < 0)
        return;
    ics_line(&c->body, "BEGIN:VALARM");
    ics_line(&c->body, "ACTION:DISPLAY");
    ics_line(&c->body, "TRIGGER:-PT%lldM", (long long)c->in->request->alarm_minutes);
    ics_line_text(&c->body, "DESCRIPTION", ics_text(from, "summary"), true);
    ics_line(&c->body, "END:VALARM");
}

static void ics_event(struct ics *c, const json_t *from)
{
    struct ics_time t;
    char stamp[16], uid[ICS_UID_MAX + 8];
    bool skipped;
    const char *why = ics_when(c, from, &t);
    if (why != NULL) {
        ics_warn(c, from, why);
        return;
    }
    const json_t *revision = json_object_get(c->in->revisions, ics_text(from, "uid"));
    bool known = json_array_size(revision) == 2;
    ics_day_write(known ? json_integer_value(json_array_get(revision, 1)) : c->in->stamp_s, stamp);
    int64_t first_s = ics_zone_instant(c->in->zone, t.start_s, &skipped);
    c->first_s = MIN_OF(c->first_s, first_s);
    c->last_s = MAX_OF(c->last_s, first_s);
    ics_line(&c->body, "BEGIN:VEVENT");
    (void)snprintf(uid, sizeof uid, "%.*s@stint", ICS_UID_MAX, ics_text(from, "uid"));
    ics_line_text(&c->body, "UID", uid, true);
    ics_line(&c->body, "DTSTAMP:%sZ", stamp);
    ics_line(&c->body, "LAST-MODIFIED:%sZ", stamp);
    ics_line(&c->body, "SEQUENCE:%lld", known ? (long long)json_integer_value(json_array_get(revision, 0)) : 0);
    ics_zoned(c, "DTSTART", t.start_s);
    if (t.end_s > t.start_s)
        ics_zoned(c, "DTEND", t.end_s);
    if (t.days.n > 1)
        ics_rule_lines(c, &t);
    ics_describe(c, from);
    ics_alarm(c, from);
    ics_line(&c->body, "END:VEVENT");
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t ics_hash(uint64_t hash, const void *data, size_t len)
{
    for (const unsigned char *at = data; len > 0; at++, len--)
        hash = (hash ^ *at) * UINT64_C(0x100000001b3);
    return hash;
}

json_t *ics_places(const struct ics_input *in)
{
    struct ics c = {.in = in};
    json_t *places = json_array();
    ics_terms_read(&c.terms, in->request);
    for (size_t i = 0; i < json_array_size(in->events); i++) {
        struct ics_time t;
        char text[20] = "nowhere";
        if (ics_when(&c, json_array_get(in->events, i), &t) == NULL) {
            uint64_t hash = ics_hash(UINT64_C(0xcbf29ce484222325), in->zone->name, strlen(in->zone->name));
            hash = ics_hash(hash, &t.start_s, sizeof t.start_s);
            hash = ics_hash(hash, &t.end_s, sizeof t.end_s);
            hash = ics_hash(hash, t.days.day, t.days.n * sizeof t.days.day[0]);
            (void)snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
        }
        if (json_array_append_new(places, json_string(text)) < 0) {
            json_decref(places);
            return NULL;
        }
    }
    return places;
}

static void ics_offset_text(int32_t seconds, char out[static 8])
{
    unsigned s = (unsigned)(seconds < 0 ? -seconds : seconds);
    int n = snprintf(out, 8, "%c%02u%02u", seconds < 0 ? '-' : '+', s / 3600 % 100, s / 60 % 60);
    if (s % 60 != 0)
        (void)snprintf(out + n, 8 - (size_t)n, "%02u", s % 60);
}

/* One change of the zone's offset. */
static void ics_observance(struct buf *out, const struct ics_zone *z, size_t i)
{
    const struct ics_offset *to = &z->types[z->changes[i].type], *from = i > 0 ? &z->types[z->changes[i - 1].type] : to;
    const char *which = to->dst ? "DAYLIGHT" : "STANDARD";
    char start[16] = "19000101T000000", text[8];
    if (i > 0)
        ics_day_write(z->changes[i].at_s + from->seconds, start);
    ics_line(out, "BEGIN:%s", which);
    ics_line(out, "DTSTART:%s", start);
    ics_offset_text(from->seconds, text);
    ics_line(out, "TZOFFSETFROM:%s", text);
    ics_offset_text(to->seconds, text);
    ics_line(out, "TZOFFSETTO:%s", text);
    ics_line_text(out, "TZNAME", to->name, true);
    ics_line(out, "END:%s", which);
}

/* The zone from what is in force at the first event until a year after the last: each change by itself, exact, and no rule that a client could
 * read otherwise. */
static void ics_timezone(const struct ics *c, struct buf *out)
{
    const struct ics_zone *z = c->in->zone;
    int64_t until_s = c->last_s + (int64_t)ICS_AFTER_DAYS * ICS_DAY_SECONDS;
    ics_line(out, "BEGIN:VTIMEZONE");
    ics_line(out, "TZID:%s", z->name);
    for (size_t i = ics_zone_at(z, c->first_s); i < z->n_changes && z->changes[i].at_s <= until_s; i++)
        ics_observance(out, z, i);
    ics_line(out, "END:VTIMEZONE");
}

int ics_write(const struct ics_input *in, struct buf *out, json_t *warnings, struct err *e)
{
    struct ics c = {.in = in, .warnings = warnings, .first_s = INT64_MAX, .last_s = INT64_MIN};
    ics_terms_read(&c.terms, in->request);
    buf_init(&c.body, out->max);
    for (size_t i = 0; i < json_array_size(in->events) && !c.body.failed; i++)
        ics_event(&c, json_array_get(in->events, i));
    ics_line(out, "BEGIN:VCALENDAR");
    ics_line(out, "VERSION:2.0");
    ics_line(out, "PRODID:-//stint//pdf-parse//EN");
    ics_line(out, "CALSCALE:GREGORIAN");
    if (in->request->calendar_name[0] != '\0') {
        ics_line_text(out, "NAME", in->request->calendar_name, true); /* RFC 7986 */
        ics_line_text(out, "X-WR-CALNAME", in->request->calendar_name, true);
    }
    if (c.body.len == 0) /* a calendar holds at least one component (RFC 5545 §3.6) */
        c.first_s = c.last_s = in->stamp_s;
    ics_timezone(&c, out);
    (void)buf_add(out, c.body.data, c.body.len);
    ics_line(out, "END:VCALENDAR");
    bool failed = c.body.failed || out->failed;
    buf_fini(&c.body);
    return failed ? err_set(e, ERR_DECOMPRESSION_LIMIT, "the calendar is longer than %zu MiB, the most an answer may hold", out->max >> 20) : 0;
}
