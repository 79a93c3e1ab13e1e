/*
 * table_rows - see table_rows.h. Every word given ends in a cell or outside; none is dropped.
 */
#include "table_rows.h"

#include "schedule_value.h"
#include "table_line.h"
#include "table_margin.h"
#include <glib.h>
#include <math.h>

static const double FAR = 3;           /* ems: no row is so far from the next */
static const double PAGE_STRIDE = 1e5; /* added to y per page, so that lines of a split row stay in order */

/* How sure it is that a band is part of the table. */
enum rows_trust {
    ROWS_INSIDE,   /* between rules */
    ROWS_BY_DATE,  /* between gaps: a row where it says when; without an anchor it goes on with the row before */
    ROWS_BY_SIZE,  /* above a later page's first rule: the rest of a split row, unless it is printed smaller */
    ROWS_BY_START, /* below the last rule, or after a wide gap: a row only if one begins there */
};

/* The band being read. */
struct rows_scan {
    struct table *table;
    const struct table_strip *strip;
    struct table_cell cells[LAYOUT_COLUMNS_MAX]; /* of the band being read */
    int next_number;
    bool far;   /* the band lies far below what was read before it on its page */
    bool ruled; /* edges part the rows: a band is a row, wherever in it the anchor stands */
};

static struct table_row *rows_new(struct rows_scan *s)
{
    struct table *t = s->table;
    if ((t->n_rows & (t->n_rows - 1)) == 0)
        t->rows = g_renew(struct table_row, t->rows, MAX_OF(t->n_rows * 2, (size_t)1));
    t->rows[t->n_rows] = (struct table_row){.page = s->strip->page->number, .number = ++s->next_number};
    return &t->rows[t->n_rows++];
}

/* Line i is a date, or is one with the lines below it: a narrow column breaks it in up to three. */
static bool rows_date_begins(const struct layout *layout, size_t column, const struct table_cell *cell, size_t i)
{
    bool date = false;
    GString *text = g_string_new(NULL);
    for (size_t k = i; k < cell->n && k < i + 3 && !date; k++) {
        table_line_join(text, cell->lines[k].text);
        date = schedule_value_says_when(layout, column, text->str) > 0;
    }
    g_string_free(text, TRUE);
    return date;
}

/* A record's first line says when: each required column for dates and times has a text there, and the date, with its next line if it
 * wraps, is one. */
static bool rows_say_when(const struct rows_scan *s, double y, double size)
{
    const struct layout *layout = s->table->layout;
    for (size_t c = 0; c < s->table->n_columns; c++) {
        unsigned flags = layout->columns[c].flags;
        if (!(flags & LAYOUT_KEY) || !(flags & LAYOUT_REQUIRED))
            continue;
        const struct table_cell *cell = &s->cells[c];
        const struct table_line *line = table_line_at(cell, y, size);
        if (line == NULL && (layout->columns[c].field == LAYOUT_DATE || layout->columns[c].field == LAYOUT_TIME_RANGE))
            return false;
        if (line == NULL || layout->columns[c].field != LAYOUT_DATE || schedule_value_open(line->text, &layout->values))
            continue;
        if (!rows_date_begins(layout, c, cell, (size_t)(line - cell->lines)))
            return false;
    }
    return true;
}

/* y of each line in the band that begins a row: an anchor (or, where columns carry, any carrying column) with a key beside it. */
static size_t rows_starts(const struct rows_scan *s, double starts[], size_t max)
{
    const struct layout *layout = s->table->layout;
    size_t n = 0;
    for (size_t c = 0; c < s->table->n_columns; c++) {
        unsigned flags = layout->columns[c].flags;
        if (!(flags & LAYOUT_ANCHOR) && !((flags & LAYOUT_CARRY) && layout->rows == LAYOUT_SESSIONS))
            continue;
        for (size_t i = 0; i < s->cells[c].n && n < max; i++) {
            const struct table_line *line = &s->cells[c].lines[i];
            bool key = false, known = false;
            for (size_t k = 0; k < s->table->n_columns; k++)
                key = key || ((layout->columns[k].flags & LAYOUT_KEY) && table_line_at(&s->cells[k], line->y, line->size) != NULL);
            for (size_t k = 0; k < n; k++)
                known = known || fabs(starts[k] - line->y) < 0.45 * line->size;
            bool later = i > 0 && (table_is_rest(line - 1, line) ||
                                   (layout->rows == LAYOUT_RECORDS && !rows_say_when(s, line->y, line->size)));
            if (key && !known && !later)
                starts[n++] = line->y;
        }
    }
    for (size_t i = 1; i < n; i++) /* insertion: a handful, nearly sorted */
        for (size_t k = i; k > 0 && starts[k] < starts[k - 1]; k--) {
            double swap = starts[k];
            starts[k] = starts[k - 1];
            starts[k - 1] = swap;
        }
    return n;
}

static bool rows_have_anchor(const struct rows_scan *s)
{
    const struct layout *layout = s->table->layout;
    for (size_t c = 0; c < s->table->n_columns; c++) {
        unsigned flags = layout->columns[c].flags;
        bool begins = (flags & LAYOUT_ANCHOR) || (layout->rows == LAYOUT_SESSIONS && (flags & LAYOUT_CARRY));
        if (begins && s->cells[c].n > 0)
            return true;
    }
    return false;
}

/* True when the one anchor of a ruled band stands in the middle of its lines: a row whose short cells are centred. Else the lines
 * above it are the rest of the row before, which no rule separates from it. */
static bool rows_are_centred(const struct rows_scan *s, double start)
{
    double first = INFINITY, last = -INFINITY;
    for (size_t c = 0; c < s->table->n_columns; c++)
        for (size_t i = 0; i < s->cells[c].n; i++) {
            first = fmin(first, s->cells[c].lines[i].y);
            last = fmax(last, s->cells[c].lines[i].y);
        }
    return fabs(start - (first + last) / 2) < 0.7 * s->strip->body_size;
}

/* Turns the band's cells into rows: usually one; several where no rule separates them; none of its own when it continues the
 * row before. */
static void rows_close(struct rows_scan *s)
{
    struct table *t = s->table;
    bool any = false;
    for (size_t c = 0; c < t->n_columns; c++)
        any = any || s->cells[c].n > 0;
    if (!any)
        return;
    double starts[4096];
    size_t n = rows_starts(s, starts, ARRAY_LEN(starts));
    bool anchored = rows_have_anchor(s);
    struct table_row *row = !anchored && t->n_rows > 0 ? &t->rows[t->n_rows - 1] : NULL;
    /* Lines above the first start belong to the row before; but a band between rules that has one start is that row, and cells
     * centred in it may stand above the anchor. */
    const double half = 0.45 * s->strip->body_size;
    if (n >= 1 && t->n_rows > 0 && (n > 1 || !s->ruled || !rows_are_centred(s, starts[0])))
        for (size_t c = 0; c < t->n_columns; c++)
            table_line_move(&t->rows[t->n_rows - 1].cells[c], &s->cells[c], starts[0] - half);
    for (size_t i = 0; i < MAX_OF(n, (size_t)1); i++) {
        if (row == NULL || i > 0)
            row = rows_new(s);
        double until = n >= 2 && i + 1 < n ? starts[i + 1] - half : INFINITY;
        for (size_t c = 0; c < t->n_columns; c++)
            table_line_move(&row->cells[c], &s->cells[c], until);
    }
    for (size_t c = 0; c < t->n_columns; c++)
        table_line_clear(&s->cells[c]);
}

void table_rows_outside(struct table *t, const struct word *words[], size_t n, int page)
{
    struct table_cell cell = {0};
    table_line_fill(&cell, words, n, 0);
    for (size_t i = 0; i < cell.n; i++) {
        t->outside = g_renew(char *, t->outside, t->n_outside + 1);
        t->outside_page = g_renew(int, t->outside_page, t->n_outside + 1);
        t->outside[t->n_outside] = g_strdup(cell.lines[i].text);
        t->outside_page[t->n_outside++] = page;
    }
    table_line_clear(&cell);
}

/* The cell says a day, a date or a time in one of its lines or in all of them, or that it is open. */
static bool rows_cell_understood(const struct layout *layout, const struct table_cell *cell, size_t column)
{
    char *whole = table_cell_text(cell);
    bool understood = false;
    for (size_t i = 0; i <= cell->n && cell->n > 0 && !understood; i++) {
        const char *text = i < cell->n ? cell->lines[i].text : whole;
        understood = schedule_value_open(text, &layout->values) || schedule_value_says_when(layout, column, text) > 0;
    }
    g_free(whole);
    return understood;
}

/* How surely the band says when: one of its columns for days, dates and times does, or each that must be there. */
static bool rows_are_dated(const struct rows_scan *s, bool each)
{
    size_t understood = 0, missing = 0;
    for (size_t c = 0; c < s->table->n_columns; c++) {
        enum layout_field field = s->table->layout->columns[c].field;
        if (field != LAYOUT_DAY && field != LAYOUT_DATE && field != LAYOUT_TIME_RANGE)
            continue;
        bool known = rows_cell_understood(s->table->layout, &s->cells[c], c);
        understood += known;
        missing += !known && (s->table->layout->columns[c].flags & LAYOUT_REQUIRED) != 0;
    }
    return understood > 0 && (!each || missing == 0);
}

/* A row can begin in the band: on one of its lines, or somewhere in it where cells are centred. */
static bool rows_may_start(const struct rows_scan *s, const struct word *const words[], size_t n)
{
    double start;
    return (rows_starts(s, &start, 1) > 0 && table_margin_begins_row(s->table, words, n)) || (rows_have_anchor(s) && rows_are_dated(s, true));
}

/* What the band's trust asks of it. */
static bool rows_are_rows(const struct rows_scan *s, enum rows_trust trust, const struct word *const words[], size_t n)
{
    if (trust == ROWS_BY_START)
        return rows_may_start(s, words, n);
    return trust != ROWS_BY_DATE || rows_are_dated(s, false) || (!rows_have_anchor(s) && !s->far);
}

/* Reads n words as one band. */
static void rows_band(struct rows_scan *s, const struct word *words[], size_t n, enum rows_trust trust)
{
    struct table *t = s->table;
    const struct word **column = g_new(const struct word *, n + 1);
    double offset = s->strip->page->number * PAGE_STRIDE;
    for (int c = -1; c < (int)t->n_columns; c++) {
        size_t n_column = 0;
        for (size_t i = 0; i < n; i++)
            if (table_column_at(t, words[i]) == c)
                column[n_column++] = words[i];
        if (n_column > 0 && c < 0)
            table_rows_outside(t, column, n_column, s->strip->page->number);
        else if (n_column > 0)
            table_line_fill(&s->cells[c], column, n_column, offset);
    }
    g_free(column);
    if (!rows_are_rows(s, trust, words, n)) {
        for (size_t c = 0; c < t->n_columns; c++)
            table_line_clear(&s->cells[c]);
        size_t listed = 0;
        for (size_t i = 0; i < n; i++) /* those of no column were listed already */
            if (table_column_at(t, words[i]) >= 0)
                words[listed++] = words[i];
        table_rows_outside(t, words, listed, s->strip->page->number);
        return;
    }
    rows_close(s);
}

static bool rows_are_small(const struct rows_scan *s, const struct word *words[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (words[i]->size > s->strip->body_size - 0.9)
            return false;
    return true;
}

/* The words of a page that has no rules to speak of: read to the next gap too wide for a table. */
static size_t rows_gap(const struct word *words[], size_t from, size_t n)
{
    size_t end = from + 1;
    while (end < n && words[end]->y0 - words[end - 1]->y1 < FAR * words[end]->size)
        end++;
    return end;
}

void table_rows_read(struct table *t, const struct table_strip *strip)
{
    struct rows_scan s = {.table = t, .strip = strip, .ruled = strip->n_edges >= 2};
    const struct word **words = strip->words;
    size_t edge = 0, n = strip->n, n_edges = strip->n_edges;
    for (size_t i = 0, end; i < n; i = end) {
        double middle = (words[i]->y0 + words[i]->y1) / 2;
        enum rows_trust trust = ROWS_INSIDE;
        if (s.ruled) {
            while (edge < n_edges && strip->edges[edge] <= middle)
                edge++;
            end = i;
            while (end < n && (edge == n_edges || (words[end]->y0 + words[end]->y1) / 2 < strip->edges[edge]))
                end++;
            if (edge == n_edges)
                end = rows_gap(words, i, end);
            bool crossed = table_margin_crossed(strip->page, middle);
            if (edge == n_edges && !crossed)
                trust = ROWS_BY_START;
            else if (strip->by_gaps)
                trust = ROWS_BY_DATE;
            else if (edge == 0 && strip->page->number > 1 && !crossed)
                trust = ROWS_BY_SIZE;
        } else {
            end = rows_gap(words, i, n);
            trust = i == 0 ? ROWS_BY_SIZE : ROWS_BY_START;
        }
        s.far = i > 0 && words[i]->y0 - words[i - 1]->y1 > FAR * words[i]->size;
        if (trust == ROWS_BY_SIZE && rows_are_small(&s, words + i, end - i))
            trust = ROWS_BY_START;
        rows_band(&s, words + i, end - i, trust);
    }
}
