/*
 * schedule - rows of a timetable to events: one per record, one per session's line, one per class in a grid's cell.
 *
 * Runs in: parser cell. Pure: driven by the layout, no rule names a university.
 *
 * Invariant: rows_seen = rows_parsed + rows named in warnings. It is asserted before the result is given. In a grid a row is one
 * occupied cell.
 */
#pragma once

#include "table.h"
#include <jansson.h>

enum { SCHEDULE_EVENTS_MAX = 200000, SCHEDULE_WARNINGS_MAX = 200000 };

struct schedule {
    json_t *events;   /* owned array: members named by LAYOUT_FIELDS, "end", "kind", "unfinalised", "recurring", "src" */
    json_t *warnings; /* owned array of {"code","message","page","row","text"}; page and row where they apply */
    size_t rows_seen, rows_parsed;
    const struct layout *layout;  /* borrowed */
    struct layout_values values;  /* the layout's (not owned), with the year a caption said */
    char *facts[LAYOUT_FIELD_COUNT]; /* owned: what all events say unless their row does; NULL: nothing */
    json_int_t warned_row;        /* the row named last, so that the bound on warnings never hides a row */
};

/* Reads every row of the table; pages are looked through for captions. Free with schedule_free. */
void schedule_read(struct schedule *s, const struct table *table, const struct page pages[], size_t n_pages);
void schedule_free(struct schedule *s);
/* An empty schedule that takes its facts from the layout's fixed values and the pages' captions. */
void schedule_begin(struct schedule *s, const struct layout *layout, const struct page pages[], size_t n_pages);
/* Asserts the invariant. */
void schedule_end(const struct schedule *s);
/* Adds a warning; page or row 0: does not apply. text may be NULL. */
void schedule_warn(struct schedule *s, const char *code, const char *message, int page, int row, const char *text);

/* schedule_read's halves. Both return false when the row had to be named in a warning. */
struct schedule_carry {
    char *values[LAYOUT_COLUMNS_MAX]; /* owned: what carrying columns last said */
    struct _GHashTable *firsts[LAYOUT_COLUMNS_MAX]; /* owned: what the first lines of shared columns' cells say, over all rows */
};
bool schedule_record(struct schedule *s, const struct table *table, const struct table_row *row, struct schedule_carry *carry);
bool schedule_sessions(struct schedule *s, const struct table *table, const struct table_row *row, struct schedule_carry *carry);
/* The venues of lines: one per line when the column is a list, else joined. */
json_t *schedule_venues(const struct table *table, size_t column, const struct table_line *lines, size_t n);
