/*
 * schedule_sessions - a row whose lines are events of their own: what stands on one baseline belongs together, what carries
 * holds until it changes, and a line without a day goes on with the session above it.
 */
#include "schedule_event.h"

#include "table_line.h"
#include "table_list.h"
#include <glib.h>
#include <math.h>

enum { SESSIONS_MAX = 2000 };

struct sessions {
    const struct table *table;
    const struct table_row *row;
    double starts[SESSIONS_MAX]; /* y of each session's baseline */
    size_t n;
};

static bool sessions_same_line(double a, double b, double size)
{
    return fabs(a - b) < 0.45 * size;
}

static const struct table_line *sessions_line_at(const struct table_cell *cell, double y)
{
    for (size_t i = 0; i < cell->n; i++)
        if (sessions_same_line(cell->lines[i].y, y, cell->lines[i].size))
            return &cell->lines[i];
    return NULL;
}

static int sessions_order(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

/* True when a session begins on the line of y. Bisection: a row of one module may have thousands of lines. */
static bool sessions_beside(const struct sessions *f, double y, double size)
{
    size_t low = 0, high = f->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (f->starts[middle] < y)
            low = middle + 1;
        else
            high = middle;
    }
    return (low < f->n && sessions_same_line(f->starts[low], y, size)) || (low > 0 && sessions_same_line(f->starts[low - 1], y, size));
}

/* A session begins on each line with a day; where the day is missing, on each line with an activity and a time. */
static void sessions_find(struct sessions *f)
{
    int day = layout_column_of(f->table->layout, LAYOUT_DAY), time = layout_column_of(f->table->layout, LAYOUT_TIME_RANGE);
    int activity = layout_column_of(f->table->layout, LAYOUT_ACTIVITY);
    for (int pass = 0; pass < 2; pass++) {
        int column = pass == 0 ? day : activity;
        const struct table_cell *cell = column >= 0 ? &f->row->cells[column] : NULL;
        for (size_t i = 0; cell != NULL && i < cell->n && f->n < SESSIONS_MAX; i++) {
            const struct table_line *line = &cell->lines[i];
            bool known = false;
            for (size_t k = 0; k < f->n; k++)
                known = known || sessions_same_line(f->starts[k], line->y, line->size);
            bool timed = time >= 0 && sessions_line_at(&f->row->cells[time], line->y) != NULL;
            if (!known && (pass == 0 || timed))
                f->starts[f->n++] = line->y;
        }
    }
    qsort(f->starts, f->n, sizeof *f->starts, sessions_order);
}

/* What a carrying column says at session i: the last of its lines at or above; lines with no session beside them go on with the
 * text above them. A row that names it only further down (centred cells) means its first. */
static void sessions_carry(const struct sessions *f, size_t column, size_t i, struct schedule_carry *carry)
{
    const struct table_cell *cell = &f->row->cells[column];
    GString *value = NULL;
    double y = f->starts[i], next = i + 1 < f->n ? f->starts[i + 1] - 5 : INFINITY;
    for (size_t k = 0; k < cell->n && (cell->lines[k].y < next || (k == 0 ? i == 0 : table_is_rest(&cell->lines[k - 1], &cell->lines[k]))); k++) {
        bool beside = sessions_beside(f, cell->lines[k].y, cell->lines[k].size), rest = k > 0 && table_is_rest(&cell->lines[k - 1], &cell->lines[k]);
        if (value == NULL) {
            value = g_string_new(cell->lines[k].text);
        } else if (beside && !rest) {
            g_string_assign(value, cell->lines[k].text);
        } else if (cell->lines[k].y > y - 200) {
            table_line_join(value, cell->lines[k].text);
        }
    }
    if (value != NULL) {
        g_free(carry->values[column]);
        carry->values[column] = g_string_free(value, FALSE);
    }
}

/* A row that names its anchor begins afresh: nothing of the module above holds for it. */
static void sessions_begin(const struct sessions *f, struct schedule_carry *carry)
{
    bool anchored = false;
    for (size_t c = 0; c < f->table->n_columns; c++)
        anchored = anchored || ((f->table->layout->columns[c].flags & LAYOUT_ANCHOR) && f->row->cells[c].n > 0);
    for (size_t c = 0; c < f->table->n_columns && anchored; c++)
        g_clear_pointer(&carry->values[c], g_free);
}

/* The lines of a cell that belong to session i. The first takes those above it too. */
static size_t sessions_lines(const struct sessions *f, size_t column, size_t i, const struct table_line **ret_lines)
{
    const struct table_cell *cell = &f->row->cells[column];
    size_t first = 0;
    while (first < cell->n && i > 0 && cell->lines[first].y < f->starts[i] - 0.45 * cell->lines[first].size)
        first++;
    size_t end = first;
    while (end < cell->n && (i + 1 == f->n || cell->lines[end].y < f->starts[i + 1] - 0.45 * cell->lines[end].size))
        end++;
    *ret_lines = end > 0 ? cell->lines + first : NULL;
    return end - first;
}

/* What a shared column says of session i: the text that begins at or above it, all its lines; the row's first where none does. A line
 * goes on with the one above when it had no room there, unless some row's text begins with it: then it is a text of its own. */
static size_t sessions_shared(const struct sessions *f, size_t column, size_t i, const struct schedule_carry *carry,
                              const struct table_line **ret_lines)
{
    const struct table_cell *cell = &f->row->cells[column];
    size_t first = 0, end = 0;
    for (size_t k = 0; k < cell->n; k++) {
        const struct table_line *line = &cell->lines[k];
        bool beside = sessions_beside(f, line->y, line->size);
        bool goes_on = k > 0 && (!beside || table_list_is_rest(line[-1].text, line->text) ||
                                 (table_list_had_no_room(f->table, column, line - 1, line) &&
                                  !g_hash_table_contains(carry->firsts[column], line->text)));
        if (!goes_on && k > 0 && line->y > f->starts[i] + 0.45 * line->size)
            break;
        first = goes_on ? first : k;
        end = k + 1;
    }
    *ret_lines = end > 0 ? cell->lines + first : NULL;
    return end - first;
}

static char *sessions_text(const struct table_line *lines, size_t n)
{
    GString *s = g_string_new(NULL);
    for (size_t i = 0; i < n; i++)
        table_line_join(s, lines[i].text);
    return g_string_free(s, FALSE);
}

static bool sessions_one(struct schedule *s, const struct sessions *f, size_t i, struct schedule_carry *carry)
{
    const struct layout *layout = f->table->layout;
    struct schedule_event event = schedule_event_begin(s, f->row->page, f->row->number);
    for (size_t c = 0; c < f->table->n_columns && !event.failed; c++) {
        if (layout->columns[c].flags & LAYOUT_CARRY) {
            sessions_carry(f, c, i, carry);
            schedule_event_column(s, &event, c, carry->values[c] != NULL ? carry->values[c] : "");
            continue;
        }
        const struct table_line *lines = NULL;
        size_t n = layout->columns[c].flags & LAYOUT_SHARED ? sessions_shared(f, c, i, carry, &lines) : sessions_lines(f, c, i, &lines);
        char *text = sessions_text(lines, n);
        schedule_event_column(s, &event, c, text);
        if (layout->columns[c].field == LAYOUT_VENUES && layout->columns[c].patterns.n == 0)
            json_object_set_new(event.members, "venues", schedule_venues(f->table, c, lines, n));
        g_free(text);
    }
    return schedule_event_finish(s, &event);
}

bool schedule_sessions(struct schedule *s, const struct table *table, const struct table_row *row, struct schedule_carry *carry)
{
    struct sessions *f = g_new0(struct sessions, 1);
    f->table = table;
    f->row = row;
    sessions_find(f);
    bool understood = f->n > 0 && f->n < SESSIONS_MAX && json_array_size(s->events) + f->n <= SCHEDULE_EVENTS_MAX;
    if (!understood)
        schedule_warn(s, f->n == 0 ? "row_without_session" : "too_many_events",
                      f->n == 0 ? "no line of the row has a day or an activity with a time" : "more sessions than allowed", row->page,
                      row->number, NULL);
    size_t n = understood ? f->n : 0;
    sessions_begin(f, carry);
    for (size_t i = 0; i < n; i++)
        understood = sessions_one(s, f, i, carry) && understood;
    g_free(f);
    return understood;
}
