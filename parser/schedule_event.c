/*
 * schedule_event - see schedule_event.h. An event that cannot be (a day that is none, an end before its start) is no event: its row is named.
 */
#include "schedule_event.h"

#include "schedule_value.h"
#include <glib.h>
#include <stdio.h>

struct schedule_event schedule_event_begin(const struct schedule *s, int page, int row)
{
    return (struct schedule_event){.members = json_pack("{s:s}", "kind", s->layout->kind), .page = page, .row = row};
}

void schedule_event_drop(struct schedule_event *d)
{
    json_decref(d->members);
    d->members = NULL;
}

PRINTF_LIKE(4, 5)
static void event_fail(struct schedule *s, struct schedule_event *d, const char *text, const char *format, ...)
{
    char message[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    schedule_warn(s, "row_not_understood", message, d->page, d->row, text);
    d->failed = true;
}

static void event_set(struct schedule_event *d, const char *name, const char *text)
{
    (void)json_object_set_new(d->members, name, json_string(text));
}

/* Line breaks of a cell are spaces in a value. */
static char *event_plain(const char *text)
{
    char *plain = g_strstrip(g_strdup(text));
    g_strdelimit(plain, "\n\t", ' ');
    return plain;
}

static void event_venue(struct schedule_event *d, const char *text)
{
    json_t *venues = json_object_get(d->members, "venues");
    if (venues == NULL) {
        venues = json_array();
        (void)json_object_set_new(d->members, "venues", venues);
    }
    json_t *venue = json_string(text);
    if (venue != NULL)
        (void)json_array_append_new(venues, venue);
}

static void event_weeks(struct schedule *s, struct schedule_event *d, const char *label, const char *text)
{
    bool weeks[VALUE_WEEKS_MAX + 1];
    int n = schedule_value_weeks(text, &s->values, weeks);
    if (n < 0) {
        event_fail(s, d, text, "%s is no list of weeks; the row is not an event", label);
        return;
    }
    json_t *list = json_array();
    for (int i = 1; i <= VALUE_WEEKS_MAX; i++)
        if (weeks[i])
            (void)json_array_append_new(list, json_integer(i));
    if (n > 0)
        (void)json_object_set(d->members, "weeks", list);
    json_decref(list);
}

static void event_time(struct schedule *s, struct schedule_event *d, enum layout_field field, const char *label, const char *text)
{
    char start[6], end[6];
    enum value_time what = schedule_value_time(text, start, end);
    if (what == VALUE_BACKWARDS) {
        event_fail(s, d, text, "%s: the end is not after the start; the row is not an event", label);
    } else if (what == VALUE_NO_TIME || (field == LAYOUT_END_TIME && end[0] != '\0')) {
        event_fail(s, d, text, "%s is not understood; the row is not an event", label);
    } else if (field == LAYOUT_END_TIME) {
        memcpy(d->end, start, sizeof d->end);
    } else {
        event_set(d, "start", start);
        if (end[0] != '\0')
            event_set(d, "end", end);
    }
}

/* Fields with a form of their own. */
static void event_formed(struct schedule *s, struct schedule_event *d, enum layout_field field, const char *label, const char *text)
{
    char iso[11];
    if (field == LAYOUT_DAY) {
        d->days = schedule_value_days(text, &s->values);
        if (d->days == 0)
            event_fail(s, d, text, "%s is not understood; the row is not an event", label);
    } else if (field == LAYOUT_DATE || field == LAYOUT_WEEK1) {
        if (schedule_value_date(text, &s->values, iso))
            event_set(d, layout_field_name(field), iso);
        else
            event_fail(s, d, text, "%s is not understood; the row is not an event", label);
    } else if (field == LAYOUT_WEEKS) {
        event_weeks(s, d, label, text);
    } else if (field == LAYOUT_DURATION) {
        d->minutes = schedule_value_minutes(text);
        if (d->minutes <= 0)
            event_fail(s, d, text, "%s is no length of time; the row is not an event", label);
    } else {
        event_time(s, d, field, label, text);
    }
}

static bool event_is_formed(enum layout_field field)
{
    return field == LAYOUT_DAY || field == LAYOUT_DATE || field == LAYOUT_TIME_RANGE || field == LAYOUT_END_TIME ||
           field == LAYOUT_DURATION || field == LAYOUT_WEEKS || field == LAYOUT_WEEK1;
}

void schedule_event_put(struct schedule *s, struct schedule_event *d, enum layout_field field, const char *label, const char *text)
{
    if (d->failed || field == LAYOUT_IGNORE || field == LAYOUT_YEAR)
        return;
    bool open = schedule_value_open(text, &s->values);
    bool when = field == LAYOUT_DAY || field == LAYOUT_DATE || field == LAYOUT_TIME_RANGE;
    if (when && open) {
        (void)json_object_set_new(d->members, "unfinalised", json_true());
        return;
    }
    char *plain = event_plain(text);
    if (plain[0] == '\0' || (event_is_formed(field) && open)) {
        g_free(plain);
        return;
    }
    if (event_is_formed(field)) {
        event_formed(s, d, field, label, plain);
    } else {
        if (open && (field == LAYOUT_STATUS || field == LAYOUT_VENUES))
            (void)json_object_set_new(d->members, "unfinalised", json_true());
        if (field == LAYOUT_VENUES)
            event_venue(d, plain);
        else
            event_set(d, layout_field_name(field), plain);
    }
    g_free(plain);
}

void schedule_event_parts(struct schedule *s, struct schedule_event *d, const struct layout_parts *parts, const char *label)
{
    for (size_t i = 0; i < parts->n; i++) {
        char *text = g_strndup(parts->items[i].start, parts->items[i].len);
        schedule_event_put(s, d, parts->items[i].field, label, text);
        g_free(text);
    }
}

void schedule_event_column(struct schedule *s, struct schedule_event *d, size_t column, const char *text)
{
    const struct layout_column *c = &s->layout->columns[column];
    struct layout_parts parts;
    char label[64];
    size_t length = MIN_OF(strcspn(c->headers, "|"), sizeof label - 1);
    memcpy(label, c->headers, length);
    label[length] = '\0';
    if (c->patterns.n == 0) {
        schedule_event_put(s, d, c->field, label, text);
        return;
    }
    if (d->failed || text[strspn(text, " ")] == '\0')
        return;
    if (layout_pattern_any(&c->patterns, &s->values, text, &parts))
        schedule_event_parts(s, d, &parts, label);
    else if (schedule_value_open(text, &s->values))
        (void)json_object_set_new(d->members, "unfinalised", json_true());
    else
        event_fail(s, d, text, "%s fits no pattern of the layout; the row is not an event", label);
}

static const char *event_text(const struct schedule_event *d, const char *name)
{
    const char *text = json_string_value(json_object_get(d->members, name));
    return text != NULL ? text : "";
}

static int event_minutes(const char *time)
{
    return atoi(time) * 60 + atoi(time + 3);
}

/* The end, where a column of its own or a length gives it. */
static void event_end(struct schedule *s, struct schedule_event *d)
{
    const char *start = event_text(d, "start");
    if (d->failed || start[0] == '\0' || event_text(d, "end")[0] != '\0')
        return;
    if (d->end[0] != '\0' && strcmp(d->end, start) <= 0)
        event_fail(s, d, d->end, "the end is not after the start; the row is not an event");
    else if (d->end[0] != '\0')
        event_set(d, "end", d->end);
    else if (d->minutes > 0) {
        char end[8];
        unsigned at = (unsigned)MIN_OF(event_minutes(start) + d->minutes, 24 * 60 - 1);
        (void)snprintf(end, sizeof end, "%02u:%02u", at / 60 % 24, at % 60);
        event_set(d, "end", end);
    }
}

static void event_facts(struct schedule *s, struct schedule_event *d)
{
    for (int field = 0; field < LAYOUT_FIELD_COUNT; field++) {
        if (s->facts[field] == NULL)
            continue;
        const char *name = layout_field_name((enum layout_field)field);
        bool said = field == LAYOUT_DURATION ? d->minutes > 0 : json_object_get(d->members, name) != NULL;
        if (!said && (field != LAYOUT_WEEK1 || json_object_get(d->members, "date") == NULL))
            schedule_event_put(s, d, (enum layout_field)field, layout_field_word((enum layout_field)field), s->facts[field]);
    }
}

/* A layout whose rows never name a date means every week. */
static bool event_recurs(const struct schedule *s, const struct schedule_event *d)
{
    return event_text(d, "date")[0] == '\0' && (s->layout->rows != LAYOUT_RECORDS || layout_column_of(s->layout, LAYOUT_DATE) < 0);
}

bool schedule_event_finish(struct schedule *s, struct schedule_event *d)
{
    event_facts(s, d);
    event_end(s, d);
    if (!d->failed && event_text(d, "module")[0] == '\0') {
        schedule_warn(s, "row_without_module", "the row names no module, nor does one above it; it is not an event", d->page, d->row, NULL);
        d->failed = true;
    }
    size_t days = (size_t)__builtin_popcount(d->days);
    if (!d->failed && json_array_size(s->events) + days > SCHEDULE_EVENTS_MAX) {
        schedule_warn(s, "too_many_events", "the document holds more events than allowed", d->page, d->row, NULL);
        d->failed = true;
    }
    if (d->failed) {
        schedule_event_drop(d);
        return false;
    }
    (void)json_object_set_new(d->members, "recurring", json_boolean(event_recurs(s, d)));
    if (json_object_get(d->members, "unfinalised") == NULL)
        (void)json_object_set_new(d->members, "unfinalised", json_false());
    if (json_object_get(d->members, "venues") == NULL)
        (void)json_object_set_new(d->members, "venues", json_array());
    (void)json_object_set_new(d->members, "src", json_pack("{s:i,s:i}", "page", d->page, "row", d->row));
    for (size_t day = 0; day < 7; day++) {
        if (!(d->days & (1u << day)))
            continue;
        bool last = d->days >> day == 1;
        json_t *one = last ? json_incref(d->members) : json_deep_copy(d->members);
        (void)json_object_set_new(one, "day", json_string(schedule_value_day_name(day)));
        (void)json_array_append_new(s->events, one);
    }
    if (d->days == 0)
        (void)json_array_append(s->events, d->members);
    schedule_event_drop(d);
    return true;
}
