/*
 * schedule - rows of a timetable to events: one per record, or one per session's line.
 *
 * Runs in: parser cell. Pure: driven by the layout's column flags, no rule names a university.
 *
 * Invariant: rows_seen = rows_parsed + rows named in warnings. It is asserted before the result is given.
 */
#pragma once

#include "table.h"
#include <jansson.h>

enum { SCHEDULE_EVENTS_MAX = 200000, SCHEDULE_WARNINGS_MAX = 200000 };

struct schedule {
    json_t *events;   /* owned array: members named by LAYOUT_FIELDS, "end", "kind", "unfinalised", "recurring", "src" */
    json_t *warnings; /* owned array of {"code","message","page","row","text"}; page and row where they apply */
    size_t rows_seen, rows_parsed;
};

/* Reads every row of the table. Free with schedule_free. */
void schedule_read(struct schedule *s, const struct table *table);
void schedule_free(struct schedule *s);
/* Adds a warning; page or row 0: does not apply. text may be NULL. */
void schedule_warn(struct schedule *s, const char *code, const char *message, int page, int row, const char *text);

/* schedule_read's halves. Both return false when the row had to be named in a warning. */
struct schedule_carry {
    char *values[LAYOUT_COLUMNS_MAX]; /* owned: what carrying columns last said */
    struct _GHashTable *firsts[LAYOUT_COLUMNS_MAX]; /* owned: what the first lines of shared columns' cells say, over all rows */
};
bool schedule_record(struct schedule *s, const struct table *table, const struct table_row *row);
bool schedule_sessions(struct schedule *s, const struct table *table, const struct table_row *row, struct schedule_carry *carry);
/* Puts text into the event under the column's field: parsed where the field has a form, as it is otherwise; blank adds nothing. False, with
 * a warning, when it cannot be understood. */
bool schedule_put(struct schedule *s, const struct table *table, const struct table_row *row, size_t column, const char *text,
                  json_t *event);
/* True when line goes on with the text of the line before: its first word had no room there. */
bool schedule_is_wrap(const struct table *table, size_t column, const struct table_line *before, const struct table_line *line);
/* The venues of lines: one per line when the column is a list, else joined. */
json_t *schedule_venues(const struct table *table, size_t column, const struct table_line *lines, size_t n);
