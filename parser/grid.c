/*
 * grid - see grid.h. Columns of a page: vertical rules where there are at least two, else the gaps that no word of the page crosses.
 */
#include "grid.h"

#include <glib.h>
#include <math.h>

enum { GRID_EDGES_MAX = 2048 };

static json_t *grid_box(double x0, double y0, double x1, double y1)
{
    return json_pack("[f,f,f,f]", round(x0 * 100) / 100, round(y0 * 100) / 100, round(x1 * 100) / 100, round(y1 * 100) / 100);
}

int grid_text(const struct page pages[], size_t n, json_t *reply)
{
    json_t *words = json_array();
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i < pages[p].n_words; i++) {
            const struct word *w = &pages[p].words[i];
            json_array_append_new(words, json_pack("{s:i,s:s,s:o}", "page", pages[p].number, "text", w->text, "box",
                                                   grid_box(w->x0, w->y0, w->x1, w->y1)));
        }
    json_object_set_new(reply, "type", json_string("text"));
    json_object_set_new(reply, "rows_seen", json_integer(0));
    json_object_set_new(reply, "rows_parsed", json_integer(0));
    json_object_set_new(reply, "words", words);
    json_object_set_new(reply, "warnings", json_array());
    return 0;
}

static int grid_double_order(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

/* Positions of rules that are long enough, each once. */
static size_t grid_edges(const struct rules *rules, double min_length, double edges[])
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < rules->n && n < GRID_EDGES_MAX; i++)
        if (rules->items[i].to - rules->items[i].from >= min_length)
            edges[n++] = rules->items[i].at;
    qsort(edges, n, sizeof *edges, grid_double_order);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || edges[i] - edges[kept - 1] > 2)
            edges[kept++] = edges[i];
    return kept;
}

/* Left edges of columns where nothing is drawn: where a gap of half an em ends that no word crosses. */
static size_t grid_gaps(const struct page *page, double edges[])
{
    size_t width = (size_t)MIN_OF(fmax(page->width, 1), 20000.0), n = 0, gap = 8;
    bool *used = g_new0(bool, width + 1);
    for (size_t i = 0; i < page->n_words; i++)
        for (double x = fmax(page->words[i].x0, 0); x <= page->words[i].x1 && x < (double)width; x += 1)
            used[(size_t)x] = true;
    for (size_t x = 0; x < width && n < GRID_EDGES_MAX; x++) {
        if (used[x] && gap >= 5)
            edges[n++] = (double)x;
        gap = used[x] ? 0 : gap + 1;
    }
    g_free(used);
    return n;
}

static size_t grid_at(const double edges[], size_t n, double value)
{
    size_t at = 0;
    while (at < n && edges[at] <= value)
        at++;
    return at;
}

static int grid_order(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    double dy = ((*p)->y0 + (*p)->y1) - ((*q)->y0 + (*q)->y1);
    if (fabs(dy) > 0.7 * (*p)->size)
        return dy < 0 ? -1 : 1;
    return (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

static json_t *grid_cell(const struct word *words[], size_t n)
{
    GString *text = g_string_new(NULL);
    double x0 = INFINITY, y0 = INFINITY, x1 = 0, y1 = 0;
    qsort(words, n, sizeof *words, grid_order);
    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", words[i]->text);
        x0 = fmin(x0, words[i]->x0);
        y0 = fmin(y0, words[i]->y0);
        x1 = fmax(x1, words[i]->x1);
        y1 = fmax(y1, words[i]->y1);
    }
    json_t *cell = json_pack("{s:s}", "text", text->str);
    if (n > 0)
        json_object_set_new(cell, "box", grid_box(x0, y0, x1, y1));
    g_string_free(text, TRUE);
    return cell;
}

static void grid_row(const struct word *words[], size_t n, const double columns[], size_t n_columns, int page, json_t *rows,
                     int *number)
{
    const struct word **cell = g_new(const struct word *, n + 1);
    json_t *cells = json_array();
    for (size_t c = 0; c <= n_columns; c++) {
        size_t n_cell = 0;
        for (size_t i = 0; i < n; i++)
            if (grid_at(columns, n_columns, words[i]->x0 + 1) == c)
                cell[n_cell++] = words[i];
        if (n_cell > 0 || (c > 0 && c < n_columns))
            json_array_append_new(cells, grid_cell(cell, n_cell));
    }
    json_array_append_new(rows, json_pack("{s:i,s:i,s:o}", "page", page, "row", ++*number, "cells", cells));
    g_free(cell);
}

static void grid_page(const struct page *page, json_t *rows)
{
    double *columns = g_new(double, GRID_EDGES_MAX), *lines = g_new(double, GRID_EDGES_MAX);
    size_t n_columns = grid_edges(&page->vertical, 10, columns), n_lines = grid_edges(&page->horizontal, 20, lines), n = 0;
    bool ruled = n_columns >= 2 && n_lines >= 2;
    if (n_columns < 2)
        n_columns = grid_gaps(page, columns);
    const struct word **words = g_new(const struct word *, page->n_words + 1);
    for (size_t i = 0; i < page->n_words; i++)
        words[n++] = &page->words[i];
    qsort(words, n, sizeof *words, grid_order);
    int number = 0;
    for (size_t i = 0, end; i < n; i = end) {
        double middle = (words[i]->y0 + words[i]->y1) / 2;
        size_t band = grid_at(lines, n_lines, middle);
        for (end = i + 1; end < n; end++) {
            double other = (words[end]->y0 + words[end]->y1) / 2;
            bool same = ruled && band > 0 && band < n_lines ? grid_at(lines, n_lines, other) == band
                                                             : fabs(other - middle) < 0.5 * words[i]->size;
            if (!same)
                break;
        }
        grid_row(words + i, end - i, columns, n_columns, page->number, rows, &number);
    }
    g_free(words);
    g_free(columns);
    g_free(lines);
}

int grid_tables(const struct page pages[], size_t n, json_t *reply, struct err *e)
{
    json_t *rows = json_array();
    for (size_t p = 0; p < n; p++)
        grid_page(&pages[p], rows);
    json_int_t count = (json_int_t)json_array_size(rows);
    json_object_set_new(reply, "type", json_string("table"));
    json_object_set_new(reply, "rows_seen", json_integer(count));
    json_object_set_new(reply, "rows_parsed", json_integer(count));
    json_object_set_new(reply, "rows", rows);
    json_object_set_new(reply, "warnings", json_array());
    return count > 0 ? 0 : err_set(e, ERR_NO_EVENTS, "no page holds a row");
}
