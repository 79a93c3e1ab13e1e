/*
 * schedule_event - one event in the making: texts put into it field by field, then checked as a whole.
 *
 * Runs in: parser cell. Pure. Owner of the draft: whoever began it, until schedule_event_finish or schedule_event_drop.
 */
#pragma once

#include "layout_pattern.h"
#include "schedule.h"

struct schedule_event {
    json_t *members; /* owned */
    int page, row;   /* where it stands */
    unsigned days;   /* bit 0 is Monday */
    char end[6];     /* of a column of its own, or ""; */
    int minutes;     /* of a column for durations, or 0 */
    bool failed;     /* something was not understood, and the row is named in a warning */
};

/* Begins an event of the row. */
struct schedule_event schedule_event_begin(const struct schedule *s, int page, int row);
void schedule_event_drop(struct schedule_event *d);
/* Puts text under field: parsed where the field has a form, as it is otherwise; blank adds nothing. label names it in a warning. */
void schedule_event_put(struct schedule *s, struct schedule_event *d, enum layout_field field, const char *label, const char *text);
/* The same for a column of the layout, whose patterns take the text apart. */
void schedule_event_column(struct schedule *s, struct schedule_event *d, size_t column, const char *text);
/* The same for what a pattern found. */
void schedule_event_parts(struct schedule *s, struct schedule_event *d, const struct layout_parts *parts, const char *label);
/* Completes the event with the layout's facts and adds it, once for each of its days. Ends the draft. False, with a warning, when it is
 * none. */
bool schedule_event_finish(struct schedule *s, struct schedule_event *d);
