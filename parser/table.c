/*
 * table - see table.h. Every word below the header ends in a cell or in `outside`; none is dropped.
 */
#include "table.h"

#include "table_cut.h"
#include "table_edges.h"
#include "table_header.h"
#include "table_line.h"
#include "table_list.h"
#include "table_margin.h"
#include "table_rows.h"
#include <glib.h>
#include <math.h>

/* One page's words below its header, cut and in order. */
struct table_sheet {
    GArray *own;               /* struct word, owned */
    const struct word **words; /* owned, into own */
    size_t first, end;         /* the rows' part of words */
    double left[LAYOUT_COLUMNS_MAX], right[LAYOUT_COLUMNS_MAX]; /* the table's, on this page */
    double *edges;             /* owned */
    size_t n_edges;
    double body_size;          /* the page's most frequent font size */
};

char *table_cell_text(const struct table_cell *cell)
{
    GString *s = g_string_new(NULL);
    for (size_t i = 0; i < cell->n; i++)
        table_line_join(s, cell->lines[i].text);
    return g_string_free(s, FALSE);
}

void table_free(struct table *t)
{
    for (size_t r = 0; r < t->n_rows; r++)
        for (size_t c = 0; c < t->n_columns; c++)
            table_line_clear(&t->rows[r].cells[c]);
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

bool table_is_rest(const struct table_line *above, const struct table_line *line)
{
    bool adjoins = line->y - above->y < 1.8 * line->size;
    return adjoins && strpbrk(above->text, "0123456789") == NULL && g_ascii_isdigit(line->text[0]);
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

/* Finds the rows' part of a page. The table's columns are this page's. */
static void table_sheet_init(struct table_sheet *sheet, const struct table *t, const struct page pages[], size_t n_pages, size_t at, double top)
{
    sheet->body_size = table_body_size(&pages[at]);
    sheet->own = table_cut_words(t, &pages[at], top);
    sheet->words = g_new(const struct word *, sheet->own->len + 1);
    sheet->edges = g_new(double, TABLE_EDGES_MAX);
    for (guint i = 0; i < sheet->own->len; i++)
        sheet->words[i] = &g_array_index(sheet->own, struct word, i);
    qsort(sheet->words, sheet->own->len, sizeof *sheet->words, table_line_order);
    sheet->end = sheet->own->len;
    sheet->n_edges = table_edges_drawn(t, &pages[at], sheet->words, sheet->end, sheet->edges);
    const struct table_margin margin = {t, pages, n_pages, at, top, sheet->body_size};
    table_margin_find(&margin, sheet->words, sheet->edges, sheet->n_edges, &sheet->first, &sheet->end);
    memcpy(sheet->left, t->left, sizeof sheet->left);
    memcpy(sheet->right, t->right, sizeof sheet->right);
}

static void table_sheet_fini(struct table_sheet *sheet)
{
    table_cut_free(sheet->own);
    g_free(sheet->words);
    g_free(sheet->edges);
}

/* The page's rows, and what stands above and below them. */
static void table_sheet_read(struct table *t, struct table_sheet *sheet, const struct page *page, const struct table_gaps *gaps)
{
    const struct word **rows = sheet->words + sheet->first;
    size_t n = sheet->end - sheet->first;
    memcpy(t->left, sheet->left, sizeof t->left);
    memcpy(t->right, sheet->right, sizeof t->right);
    bool by_gaps = table_edges_tell(gaps, sheet->body_size);
    if (by_gaps)
        sheet->n_edges = table_edges_add(gaps, rows, n, sheet->edges, sheet->n_edges);
    const struct table_strip strip = {page, rows, n, sheet->edges, sheet->n_edges, by_gaps, sheet->body_size};
    table_rows_outside(t, sheet->words, sheet->first, page->number);
    table_rows_outside(t, sheet->words + sheet->end, sheet->own->len - sheet->end, page->number);
    table_rows_read(t, &strip);
}

/* Gaps are believed or not for the whole document: all pages are looked at before one is read. */
static void table_pages(struct table *t, const struct table_header *header, const struct page pages[], size_t n_pages)
{
    struct table_sheet *sheets = g_new0(struct table_sheet, n_pages);
    struct table_gaps gaps = TABLE_GAPS_NONE;
    for (size_t p = 0; p < n_pages; p++) {
        struct table_header again;
        double top = p == 0 ? header->bottom : -INFINITY;
        if (p > 0 && table_header_find(&again, t->layout, &pages[p], pages, n_pages, header) && again.n_found >= header->n_found) {
            top = again.bottom;
            memcpy(t->left, again.left, sizeof t->left);
            memcpy(t->right, again.right, sizeof t->right);
        }
        table_sheet_init(&sheets[p], t, pages, n_pages, p, top);
        table_edges_learn(&gaps, t, sheets[p].words + sheets[p].first, sheets[p].end - sheets[p].first, sheets[p].edges, sheets[p].n_edges);
    }
    for (size_t p = 0; p < n_pages; p++) {
        table_sheet_read(t, &sheets[p], &pages[p], &gaps);
        table_sheet_fini(&sheets[p]);
    }
    g_free(sheets);
}

int table_build(struct table *t, const struct layout *layout, const struct page pages[], size_t n_pages, struct err *e)
{
    struct table_header header = {0};
    *t = (struct table){.layout = layout, .n_columns = layout_n_columns(layout)};
    bool found = n_pages > 0 && table_header_find(&header, layout, &pages[0], pages, n_pages, NULL);
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
    table_cut_learn(t, header.text, pages, n_pages);
    double margin = INFINITY;
    for (size_t c = 0; c < t->n_columns; c++)
        if (t->left[c] < t->right[c])
            margin = fmin(margin, t->text[c][0]);
    t->page_right = pages[0].width - margin;
    table_pages(t, &header, pages, n_pages);
    table_list_settle(t);
    return 0;
}
