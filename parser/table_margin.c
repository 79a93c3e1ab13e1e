/*
 * table_margin - see table_margin.h. Takes a line from the table only for a reason: rules end before it, or it is smaller, or it runs
 * across columns, or it stands there on every page. What is taken is reported by the caller, not dropped.
 */
#include "table_margin.h"

#include "schedule_value.h"
#include <ctype.h>
#include <glib.h>
#include <math.h>

static const double FAR = 2.5; /* ems: no line of a row is so far from the next */

static double margin_middle(const struct word *w)
{
    return (w->y0 + w->y1) / 2;
}

bool table_margin_crossed(const struct page *page, double y)
{
    for (size_t i = 0; i < page->vertical.n; i++)
        if (page->vertical.items[i].from <= y && page->vertical.items[i].to >= y)
            return true;
    return false;
}

/* What column c says on the line of seed. */
static char *margin_cell(const struct table *t, size_t c, const struct word *seed, const struct word *const words[], size_t n)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < n; i++)
        if (fabs(margin_middle(words[i]) - margin_middle(seed)) < 0.45 * seed->size && table_column_at(t, words[i]) == (int)c)
            g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", words[i]->text);
    return g_string_free(text, FALSE);
}

static bool margin_line_begins_row(const struct table *t, const struct word *seed, const struct word *const words[], size_t n)
{
    size_t understood = 0;
    bool empty = false;
    for (size_t c = 0; c < t->n_columns; c++) {
        if (!(t->layout->columns[c].flags & LAYOUT_KEY) || t->left[c] >= t->right[c] || schedule_value_says_when(t->layout, c, "") < 0)
            continue;
        char *text = margin_cell(t, c, seed, words, n);
        understood += schedule_value_says_when(t->layout, c, text) > 0;
        empty = empty || text[0] == '\0';
        g_free(text);
    }
    return understood > 0 && !empty;
}

bool table_margin_begins_row(const struct table *t, const struct word *const words[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((i == 0 || margin_middle(words[i]) - margin_middle(words[i - 1]) > 0.3 * words[i]->size) &&
            margin_line_begins_row(t, words[i], words, n))
            return true;
    return false;
}

/* Text that goes on over the edge of a column, a space apart. Next to other lines it must not begin where that column's texts do. */
static bool margin_runs_across(const struct table *t, const struct word *const line[], size_t n, bool apart)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            int a = table_column_at(t, line[i]), b = table_column_at(t, line[k]);
            double gap = line[k]->x0 - line[i]->x1;
            if (b <= 0 || a == b || gap < -0.1 * line[k]->size || gap > 0.5 * line[k]->size)
                continue;
            if (apart || (fabs(line[k]->x0 - t->text[b][0]) > 1.5 && fabs(line[k]->x0 - t->text[b][1]) > 1.5))
                return true;
        }
    return false;
}

/* The same text but for its digits. */
static bool margin_alike(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            a += strspn(a, "0123456789") - 1;
            b += strspn(b, "0123456789") - 1;
        } else if (*a != *b) {
            return false;
        }
    }
    return *a == *b;
}

static bool margin_page_has(const struct page *page, const struct word *w)
{
    for (size_t i = 0; i < page->n_words; i++) {
        const struct word *other = &page->words[i];
        if (fabs(other->y0 - w->y0) < 0.6 && fabs(other->x0 - w->x0) < 8 && margin_alike(other->text, w->text))
            return true;
    }
    return false;
}

/* On every page: the rest of a row may stand at the top of two pages and say the same, but not where page 1 has its title. */
static bool margin_is_repeated(const struct table_margin *m, const struct word *const line[], size_t n)
{
    for (size_t p = 0; p < m->n_pages; p++)
        for (size_t i = 0; i < n; i++)
            if (p != m->at && !margin_page_has(&m->pages[p], line[i]))
                return false;
    return m->n_pages > 1;
}

static bool margin_is_small(const struct table_margin *m, const struct word *const line[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (line[i]->size >= m->body_size - 1.4)
            return false;
    return true;
}

/* The columns of this page's rows are drawn: what no vertical rule crosses is no row. */
static bool margin_has_drawn_columns(const struct table_margin *m)
{
    const struct page *page = &m->pages[m->at];
    size_t n = 0;
    for (size_t i = 0; m->table->ruled && i < page->vertical.n; i++)
        n += page->vertical.items[i].to > m->top + m->body_size;
    return n >= m->table->n_columns;
}

/* gap: between the line and the one next to it towards the middle of the page. */
static bool margin_is_outside(const struct table_margin *m, const struct word *const line[], size_t n, double gap, bool drawn)
{
    if (table_margin_crossed(&m->pages[m->at], margin_middle(line[0])))
        return false;
    if (drawn)
        return true;
    bool apart = gap > 0.5 * m->body_size;
    if (apart && margin_is_small(m, line, n))
        return true;
    if (table_margin_begins_row(m->table, line, n))
        return false;
    return margin_runs_across(m->table, line, n, apart) || (apart && margin_is_repeated(m, line, n));
}

static size_t margin_line_end(const struct word *words[], size_t from, size_t end)
{
    size_t i = from + 1;
    while (i < end && margin_middle(words[i]) - margin_middle(words[from]) < 0.35 * words[from]->size)
        i++;
    return i;
}

static size_t margin_line_start(const struct word *words[], size_t first, size_t end)
{
    size_t i = end - 1;
    while (i > first && margin_middle(words[end - 1]) - margin_middle(words[i - 1]) < 0.35 * words[end - 1]->size)
        i--;
    return i;
}

void table_margin_find(const struct table_margin *m, const struct word *words[], const double rows[], size_t n_rows, size_t *first,
                       size_t *end)
{
    bool drawn = margin_has_drawn_columns(m);
    double top = n_rows >= 2 ? rows[0] : INFINITY, bottom = n_rows >= 2 ? rows[n_rows - 1] : -INFINITY;
    while (*first < *end && margin_middle(words[*first]) < top) {
        size_t next = margin_line_end(words, *first, *end);
        double gap = next < *end ? words[next]->y0 - words[next - 1]->y1 : INFINITY;
        if (!margin_is_outside(m, words + *first, next - *first, gap, drawn))
            break;
        *first = next;
    }
    while (*first < *end && margin_middle(words[*end - 1]) > bottom) {
        size_t start = margin_line_start(words, *first, *end);
        double gap = start > *first ? words[start]->y0 - words[start - 1]->y1 : INFINITY;
        bool far = gap > FAR * m->body_size && start > *first && !table_margin_begins_row(m->table, words + start, *end - start) &&
                   !table_margin_crossed(&m->pages[m->at], margin_middle(words[start]));
        if (!far && !margin_is_outside(m, words + start, *end - start, gap, drawn))
            break;
        *end = start;
    }
}
