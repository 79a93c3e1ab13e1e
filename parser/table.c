/*
 * table - see table.h. Every word below the header ends in a cell or in `outside`; none is dropped.
 */
#include "table.h"

#include "schedule_value.h"
#include "table_header.h"
#include "table_margin.h"
#include <glib.h>
#include <math.h>

enum { BANDS_MAX = 20000 };
static const double PAGE_STRIDE = 1e5; /* added to y per page, so that lines of a split row stay in order */

/* How sure it is that a band is part of the table. */
enum table_trust {
    TABLE_INSIDE,   /* between rules */
    TABLE_BY_SIZE,  /* above a later page's first rule: the rest of a split row, unless it is printed smaller */
    TABLE_BY_START, /* below the last rule, or after a wide gap: a row only if one begins there */
};

/* The band being read. */
struct table_scan {
    struct table *table;
    const struct page *page;
    struct table_cell cells[LAYOUT_COLUMNS_MAX]; /* of the band being read */
    int next_number;
    double body_size; /* the page's most frequent font size */
    bool ruled;       /* rules separate the rows: a band is a row, wherever in it the anchor stands */
};

char *table_cell_text(const struct table_cell *cell)
{
    GString *s = g_string_new(NULL);
    for (size_t i = 0; i < cell->n; i++)
        g_string_append_printf(s, "%s%s", i > 0 ? " " : "", cell->lines[i].text);
    return g_string_free(s, FALSE);
}

static void table_cell_free(struct table_cell *cell)
{
    for (size_t i = 0; i < cell->n; i++)
        g_free(cell->lines[i].text);
    g_free(cell->lines);
    *cell = (struct table_cell){0};
}

void table_free(struct table *t)
{
    for (size_t r = 0; r < t->n_rows; r++)
        for (size_t c = 0; c < t->n_columns; c++)
            table_cell_free(&t->rows[r].cells[c]);
    g_free(t->rows);
    for (size_t i = 0; i < t->n_outside; i++)
        g_free(t->outside[i]);
    g_free(t->outside);
    g_free(t->outside_page);
    *t = (struct table){0};
}

int table_column_at(const struct table *t, const struct word *w)
{
    double x = w->x0 + fmin(0.4 * w->size, 0.5 * (w->x1 - w->x0));
    for (size_t c = 0; c < t->n_columns; c++)
        if (x >= t->left[c] && x < t->right[c])
            return (int)c;
    return -1;
}

static int table_word_order(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    double middle_p = ((*p)->y0 + (*p)->y1) / 2, middle_q = ((*q)->y0 + (*q)->y1) / 2;
    return middle_p < middle_q ? -1 : middle_p > middle_q ? 1 : (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

static int table_left_order(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    return (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

static void table_line_add(struct table_cell *cell, const struct word *words[], size_t n, double offset)
{
    qsort(words, n, sizeof *words, table_left_order);
    struct table_line line = {.y = offset + (words[0]->y0 + words[0]->y1) / 2, .x0 = words[0]->x0, .x1 = words[0]->x1,
                              .first_word = words[0]->x1 - words[0]->x0, .size = words[0]->size};
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < n; i++) {
        /* Pieces of one word touch: a colour or font changed inside it. */
        bool touches = i > 0 && words[i]->x0 - line.x1 < 0.08 * words[i]->size;
        g_string_append_printf(text, "%s%s", i > 0 && !touches ? " " : "", words[i]->text);
        line.x1 = fmax(line.x1, words[i]->x1);
    }
    line.text = g_string_free(text, FALSE);
    cell->lines = g_renew(struct table_line, cell->lines, cell->n + 1);
    cell->lines[cell->n++] = line;
}

/* The words of one cell, any order, as lines from top to bottom. */
static void table_cell_fill(struct table_cell *cell, const struct word *words[], size_t n, double offset)
{
    qsort(words, n, sizeof *words, table_word_order);
    for (size_t i = 0; i < n;) {
        double middle = (words[i]->y0 + words[i]->y1) / 2;
        size_t end = i + 1;
        while (end < n && (words[end]->y0 + words[end]->y1) / 2 - middle < 0.35 * words[i]->size)
            end++;
        table_line_add(cell, words + i, end - i, offset);
        i = end;
    }
}

static struct table_row *table_row_new(struct table_scan *s)
{
    struct table *t = s->table;
    if ((t->n_rows & (t->n_rows - 1)) == 0)
        t->rows = g_renew(struct table_row, t->rows, MAX_OF(t->n_rows * 2, (size_t)1));
    t->rows[t->n_rows] = (struct table_row){.page = s->page->number, .number = ++s->next_number};
    return &t->rows[t->n_rows++];
}

static void table_lines_move(struct table_cell *to, struct table_cell *from, double until)
{
    size_t n = 0;
    while (n < from->n && from->lines[n].y < until)
        n++;
    if (n == 0)
        return;
    to->lines = g_renew(struct table_line, to->lines, to->n + n);
    memcpy(to->lines + to->n, from->lines, n * sizeof *to->lines);
    to->n += n;
    memmove(from->lines, from->lines + n, (from->n - n) * sizeof *from->lines);
    from->n -= n;
}

static bool table_stands(const struct table_cell *cell, double y, double size)
{
    for (size_t i = 0; i < cell->n; i++)
        if (fabs(cell->lines[i].y - y) < 0.45 * size)
            return true;
    return false;
}

bool table_is_rest(const struct table_line *above, const struct table_line *line)
{
    bool adjoins = line->y - above->y < 1.8 * line->size;
    return adjoins && strpbrk(above->text, "0123456789") == NULL && g_ascii_isdigit(line->text[0]);
}

static const struct table_line *table_line_at(const struct table_cell *cell, double y, double size)
{
    for (size_t i = 0; i < cell->n; i++)
        if (fabs(cell->lines[i].y - y) < 0.45 * size)
            return &cell->lines[i];
    return NULL;
}

/* A record's first line says when: each required column for dates and times has a text there, and the date, with its next line if it
 * wraps, is one. */
static bool table_says_when(const struct table_scan *s, double y, double size)
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
        if (line == NULL || layout->columns[c].field != LAYOUT_DATE || schedule_value_open(line->text))
            continue;
        char iso[11], *both = g_strdup_printf("%s %s", line->text, line + 1 < cell->lines + cell->n ? line[1].text : "");
        bool date = schedule_value_date(line->text, iso) || schedule_value_date(both, iso);
        g_free(both);
        if (!date)
            return false;
    }
    return true;
}

/* y of each line in the band that begins a row: an anchor (or, where columns carry, any carrying column) with a key beside it. */
static size_t table_starts(const struct table_scan *s, double starts[], size_t max)
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
                key = key || ((layout->columns[k].flags & LAYOUT_KEY) && table_stands(&s->cells[k], line->y, line->size));
            for (size_t k = 0; k < n; k++)
                known = known || fabs(starts[k] - line->y) < 0.45 * line->size;
            bool later = i > 0 && (table_is_rest(line - 1, line) ||
                                   (layout->rows == LAYOUT_RECORDS && !table_says_when(s, line->y, line->size)));
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

static bool table_band_has_anchor(const struct table_scan *s)
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
static bool table_is_centred(const struct table_scan *s, double start)
{
    double first = INFINITY, last = -INFINITY;
    for (size_t c = 0; c < s->table->n_columns; c++)
        for (size_t i = 0; i < s->cells[c].n; i++) {
            first = fmin(first, s->cells[c].lines[i].y);
            last = fmax(last, s->cells[c].lines[i].y);
        }
    return fabs(start - (first + last) / 2) < 0.7 * s->body_size;
}

/* Turns the band's cells into rows: usually one; several where no rule separates them; none of its own when it continues the
 * row before. */
static void table_band_close(struct table_scan *s)
{
    struct table *t = s->table;
    bool any = false;
    for (size_t c = 0; c < t->n_columns; c++)
        any = any || s->cells[c].n > 0;
    if (!any)
        return;
    double starts[4096];
    size_t n = table_starts(s, starts, ARRAY_LEN(starts));
    bool anchored = table_band_has_anchor(s);
    struct table_row *row = !anchored && t->n_rows > 0 ? &t->rows[t->n_rows - 1] : NULL;
    /* Lines above the first start belong to the row before; but a band between rules that has one start is that row, and cells
     * centred in it may stand above the anchor. */
    double half = s->page->n_words > 0 ? 5 : 0;
    if (n >= 1 && t->n_rows > 0 && (n > 1 || !s->ruled || !table_is_centred(s, starts[0])))
        for (size_t c = 0; c < t->n_columns; c++)
            table_lines_move(&t->rows[t->n_rows - 1].cells[c], &s->cells[c], starts[0] - half);
    for (size_t i = 0; i < MAX_OF(n, (size_t)1); i++) {
        if (row == NULL || i > 0)
            row = table_row_new(s);
        double until = n >= 2 && i + 1 < n ? starts[i + 1] - half : INFINITY;
        for (size_t c = 0; c < t->n_columns; c++)
            table_lines_move(&row->cells[c], &s->cells[c], until);
    }
    for (size_t c = 0; c < t->n_columns; c++)
        table_cell_free(&s->cells[c]);
}

static void table_outside(struct table *t, const struct word *words[], size_t n, int page)
{
    struct table_cell cell = {0};
    table_cell_fill(&cell, words, n, 0);
    for (size_t i = 0; i < cell.n; i++) {
        t->outside = g_renew(char *, t->outside, t->n_outside + 1);
        t->outside_page = g_renew(int, t->outside_page, t->n_outside + 1);
        t->outside[t->n_outside] = g_strdup(cell.lines[i].text);
        t->outside_page[t->n_outside++] = page;
    }
    table_cell_free(&cell);
}

/* Reads n words as one band. */
static void table_band(struct table_scan *s, const struct word *words[], size_t n, enum table_trust trust)
{
    struct table *t = s->table;
    const struct word **column = g_new(const struct word *, n + 1);
    double offset = s->page->number * PAGE_STRIDE;
    for (int c = -1; c < (int)t->n_columns; c++) {
        size_t n_column = 0;
        for (size_t i = 0; i < n; i++)
            if (table_column_at(t, words[i]) == c)
                column[n_column++] = words[i];
        if (n_column > 0 && c < 0)
            table_outside(t, column, n_column, s->page->number);
        else if (n_column > 0)
            table_cell_fill(&s->cells[c], column, n_column, offset);
    }
    g_free(column);
    double start;
    if (trust == TABLE_BY_START && (table_starts(s, &start, 1) == 0 || !table_margin_begins_row(t, words, n))) {
        for (size_t c = 0; c < t->n_columns; c++)
            table_cell_free(&s->cells[c]);
        size_t listed = 0;
        for (size_t i = 0; i < n; i++) /* those of no column were listed already */
            if (table_column_at(t, words[i]) >= 0)
                words[listed++] = words[i];
        table_outside(t, words, listed, s->page->number);
        return;
    }
    table_band_close(s);
}

static double table_body_size(const struct page *page)
{
    size_t counts[256] = {0}, best = 0;
    for (size_t i = 0; i < page->n_words; i++)
        if (page->words[i].size > 0 && page->words[i].size < 64)
            counts[(size_t)(page->words[i].size * 4)] += strlen(page->words[i].text);
    for (size_t i = 1; i < ARRAY_LEN(counts); i++)
        if (counts[i] > counts[best])
            best = i;
    return (double)best / 4;
}

static bool table_is_small(const struct table_scan *s, const struct word *words[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (words[i]->size > s->body_size - 0.9)
            return false;
    return true;
}

static int table_double_order(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

/* y of the horizontal rules that run along most of the table, each once. */
static size_t table_row_edges(const struct table *t, const struct page *page, double edges[], size_t max)
{
    double left = INFINITY, right = -INFINITY;
    for (size_t c = 0; c < t->n_columns; c++)
        if (t->left[c] < t->right[c]) {
            left = fmin(left, fmax(t->left[c], 0));
            right = fmax(right, fmin(t->right[c], page->width));
        }
    size_t n = 0;
    for (size_t i = 0; i < page->horizontal.n && n < max; i++) {
        double y = page->horizontal.items[i].at, covered = 0;
        bool known = false;
        for (size_t k = 0; k < n && !known; k++)
            known = fabs(edges[k] - y) < 0.9;
        for (size_t k = 0; k < page->horizontal.n && !known; k++) {
            const struct rule *r = &page->horizontal.items[k];
            if (fabs(r->at - y) < 0.6)
                covered += fmax(0, fmin(r->to, right) - fmax(r->from, left));
        }
        if (!known && covered > 0.6 * (right - left))
            edges[n++] = y;
    }
    qsort(edges, n, sizeof *edges, table_double_order);
    return n;
}

/* The words of a page that has no rules to speak of: read to the next gap too wide for a table. */
static size_t table_gap(const struct word *words[], size_t from, size_t n)
{
    size_t end = from + 1;
    while (end < n && words[end]->y0 - words[end - 1]->y1 < 3 * words[end]->size)
        end++;
    return end;
}

static void table_read(struct table_scan *s, const struct word *words[], size_t n, const double edges[], size_t n_edges)
{
    bool ruled = s->ruled = n_edges >= 2;
    size_t edge = 0;
    for (size_t i = 0, end; i < n; i = end) {
        double middle = (words[i]->y0 + words[i]->y1) / 2;
        enum table_trust trust = TABLE_INSIDE;
        if (ruled) {
            while (edge < n_edges && edges[edge] <= middle)
                edge++;
            end = i;
            while (end < n && (edge == n_edges || (words[end]->y0 + words[end]->y1) / 2 < edges[edge]))
                end++;
            if (edge == n_edges)
                end = table_gap(words, i, end);
            bool crossed = table_margin_crossed(s->page, middle);
            if (edge == n_edges && !crossed)
                trust = TABLE_BY_START;
            else if (edge == 0 && s->page->number > 1 && !crossed)
                trust = TABLE_BY_SIZE;
        } else {
            end = table_gap(words, i, n);
            trust = i == 0 ? TABLE_BY_SIZE : TABLE_BY_START;
        }
        if (trust == TABLE_BY_SIZE && table_is_small(s, words + i, end - i))
            trust = TABLE_BY_START;
        table_band(s, words + i, end - i, trust);
    }
}

/* Where most text of each column begins, to a quarter of a point. */
static void table_text_edges(struct table *t, const struct table_header *header, const struct page pages[], size_t n_pages)
{
    enum { SLOTS = 8192 };
    for (size_t c = 0; c < t->n_columns; c++) {
        uint32_t *counts = g_new0(uint32_t, SLOTS);
        size_t best = 0;
        for (size_t p = 0; p < n_pages; p++)
            for (size_t i = 0; i < pages[p].n_words; i++) {
                double x = pages[p].words[i].x0;
                if (x >= 0 && x * 4 < SLOTS && x >= t->left[c] && x < t->right[c] && ++counts[(size_t)(x * 4)] > counts[best])
                    best = (size_t)(x * 4);
            }
        t->text[c][0] = header->text[c];
        t->text[c][1] = (double)best / 4;
        g_free(counts);
    }
}

/* How wide characters are where nothing follows them but their own word. */
static void table_narrowest(struct table *t, const struct page pages[], size_t n_pages)
{
    for (size_t i = 0; i < 2 * ARRAY_LEN(t->narrow[0]); i++)
        t->narrow[i % 2][i / 2] = INFINITY;
    for (size_t p = 0; p < n_pages; p++)
        for (size_t i = 0; i < pages[p].n_words; i++) {
            const struct word *w = &pages[p].words[i];
            size_t n = strlen(w->text);
            if (w->starts == NULL || w->size <= 0 || (size_t)g_utf8_strlen(w->text, -1) != n) /* ASCII only: bytes are characters */
                continue;
            for (size_t k = 0; k < n; k++) {
                double *least = &t->narrow[w->bold][w->text[k] & 127];
                *least = fmin(*least, ((k + 1 < n ? w->starts[k + 1] : w->x1) - w->starts[k]) / w->size);
            }
        }
}

/* The character before the i-th is wider here than elsewhere, so a gap too small to see parts the two. */
static bool table_parted(const struct table *t, const struct word *w, size_t i)
{
    unsigned char before = (unsigned char)*g_utf8_offset_to_pointer(w->text, (glong)i - 1);
    double advance = w->starts[i] - w->starts[i - 1];
    return before >= 128 || fabs(advance - t->narrow[w->bold][before] * w->size) > 0.04;
}

/* Another word on w's line begins at x. */
static bool table_stands_at(const struct page *page, const struct word *w, double x)
{
    for (size_t i = 0; i < page->n_words; i++)
        if (fabs(page->words[i].x0 - x) < 0.6 && fabs(page->words[i].y0 - w->y0) < 0.3 * w->size && page->words[i].text != w->text)
            return true;
    return false;
}

/* Text that fills its cell touches the next cell's, and the library takes both for one word: it is cut where a character stands
 * exactly at the left edge of another column's text, a little apart from the one before; a text that is wider than its cell has no
 * such gap, nor where that column has a text of its own. Returns the character to cut before, 0 for none. */
static size_t table_cut(const struct table *t, const struct page *page, const struct word *w)
{
    size_t n = w->starts != NULL ? (size_t)g_utf8_strlen(w->text, -1) : 0;
    for (size_t c = 0; c < t->n_columns; c++)
        for (size_t k = 0; k < 2; k++) {
            double x = t->text[c][k];
            if (t->left[c] >= t->right[c] || w->x0 > x - 2 || w->x1 < x + 1)
                continue;
            for (size_t i = 1; i < n; i++)
                if (fabs(w->starts[i] - x) < 0.6 && table_parted(t, w, i) && !table_stands_at(page, w, x))
                    return i;
        }
    return 0;
}

/* The page's words with those of two columns cut in two. Freed with table_words_free. */
static GArray *table_words(const struct table *t, const struct page *page, double top)
{
    GArray *out = g_array_new(FALSE, FALSE, sizeof(struct word));
    for (size_t i = 0; i < page->n_words; i++) {
        struct word w = page->words[i];
        if ((w.y0 + w.y1) / 2 <= top)
            continue;
        const char *rest = w.text;
        for (size_t cut; (cut = table_cut(t, page, &w)) > 0;) {
            struct word head = w;
            const char *end = g_utf8_offset_to_pointer(rest, (glong)cut);
            head.text = g_strndup(rest, (gsize)(end - rest));
            head.x1 = w.starts[cut];
            g_array_append_val(out, head);
            rest = end;
            w.x0 = w.starts[cut];
            w.starts += cut;
            w.text += end - w.text;
        }
        w.text = g_strdup(rest);
        g_array_append_val(out, w);
    }
    return out;
}

static void table_words_free(GArray *words)
{
    for (guint i = 0; i < words->len; i++)
        g_free(g_array_index(words, struct word, i).text);
    g_array_free(words, TRUE);
}

static void table_page(struct table *t, const struct page pages[], size_t n_pages, size_t at, double top)
{
    const struct page *page = &pages[at];
    struct table_scan s = {.table = t, .page = page, .body_size = table_body_size(page)};
    GArray *own = table_words(t, page, top);
    const struct word **words = g_new(const struct word *, own->len + 1);
    double *edges = g_new(double, BANDS_MAX);
    size_t n_edges = table_row_edges(t, page, edges, BANDS_MAX);
    for (guint i = 0; i < own->len; i++)
        words[i] = &g_array_index(own, struct word, i);
    qsort(words, own->len, sizeof *words, table_word_order);
    size_t first = 0, end = own->len;
    const struct table_margin margin = {t, pages, n_pages, at, top, s.body_size};
    table_margin_find(&margin, words, edges, n_edges, &first, &end);
    table_outside(t, words, first, page->number);
    table_outside(t, words + end, own->len - end, page->number);
    table_read(&s, words + first, end - first, edges, n_edges);
    table_words_free(own);
    g_free(words);
    g_free(edges);
}

int table_build(struct table *t, const struct layout *layout, const struct page pages[], size_t n_pages, struct err *e)
{
    struct table_header header = {0};
    *t = (struct table){.layout = layout, .n_columns = layout_n_columns(layout)};
    bool found = n_pages > 0 && table_header_find(&header, layout, &pages[0], pages, n_pages);
    GString *missing = g_string_new(NULL);
    for (size_t c = 0; c < t->n_columns; c++)
        if ((layout->columns[c].flags & LAYOUT_REQUIRED) && (!found || header.left[c] >= header.right[c]))
            g_string_append_printf(missing, "%s%.*s", missing->len > 0 ? ", " : "", (int)strcspn(layout->columns[c].headers, "|"),
                                   layout->columns[c].headers);
    int rc = missing->len == 0 ? 0
                               : err_set(e, ERR_MISSING_COLUMNS, "the %s table on page 1 lacks: %s", layout->name, missing->str);
    g_string_free(missing, TRUE);
    if (rc < 0)
        return rc;
    t->ruled = header.ruled;
    memcpy(t->left, header.left, sizeof t->left);
    memcpy(t->right, header.right, sizeof t->right);
    table_text_edges(t, &header, pages, n_pages);
    table_narrowest(t, pages, n_pages);
    double margin = INFINITY;
    for (size_t c = 0; c < t->n_columns; c++)
        if (t->left[c] < t->right[c])
            margin = fmin(margin, t->text[c][0]);
    t->page_right = pages[0].width - margin;
    for (size_t p = 0; p < n_pages; p++) {
        struct table_header again;
        double top = p == 0 ? header.bottom : -INFINITY;
        if (p > 0 && table_header_find(&again, layout, &pages[p], pages, n_pages) && again.n_found >= header.n_found) {
            top = again.bottom;
            memcpy(t->left, again.left, sizeof t->left);
            memcpy(t->right, again.right, sizeof t->right);
        }
        table_page(t, pages, n_pages, p, top);
    }
    return 0;
}
