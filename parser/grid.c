/*
 * grid - see grid.h. What vertical rules cross is a drawn table; other lines that stand near one another have columns where no word crosses.
 */
#include "grid.h"

#include "grid_frame.h"
#include "table_line.h"
#include <glib.h>
#include <math.h>

enum { GRID_COLUMNS_MAX = 256 };
static const double GRID_GAP = 5; /* points that part two columns where nothing is drawn */

static json_t *grid_box(double x0, double y0, double x1, double y1)
{
    return json_pack("[f,f,f,f]", round(x0 * 100) / 100, round(y0 * 100) / 100, round(x1 * 100) / 100, round(y1 * 100) / 100);
}

/* True when b stands on a's line, no further from it than words of one sentence are. */
static bool grid_goes_on(const struct word *a, const struct word *b)
{
    double middle = (b->y0 + b->y1) / 2;
    return middle > a->y0 && middle < a->y1 && b->x0 >= a->x0 && b->x0 - a->x1 < 1.5 * a->size;
}

int grid_text(const struct page pages[], size_t n, json_t *reply)
{
    json_t *words = json_array();
    for (size_t p = 0; p < n; p++) {
        const struct word **run = g_new(const struct word *, pages[p].n_words + 1);
        for (size_t i = 0, end; i < pages[p].n_words; i = end) {
            run[0] = &pages[p].words[i];
            for (end = i + 1; end < pages[p].n_words && grid_goes_on(&pages[p].words[end - 1], &pages[p].words[end]); end++)
                run[end - i] = &pages[p].words[end];
            table_line_sort(run, end - i);
            for (size_t k = 0; k < end - i; k++)
                json_array_append_new(words, json_pack("{s:i,s:s,s:o}", "page", pages[p].number, "text", run[k]->text, "box",
                                                       grid_box(run[k]->x0, run[k]->y0, run[k]->x1, run[k]->y1)));
        }
        g_free(run);
    }
    json_object_set_new(reply, "type", json_string("text"));
    json_object_set_new(reply, "rows_seen", json_integer(0));
    json_object_set_new(reply, "rows_parsed", json_integer(0));
    json_object_set_new(reply, "words", words);
    json_object_set_new(reply, "warnings", json_array());
    return 0;
}

static json_t *grid_cell(const struct word *words[], size_t n)
{
    GString *text = g_string_new(NULL);
    struct table_cell cell = {0};
    double x0 = INFINITY, y0 = INFINITY, x1 = 0, y1 = 0;
    for (size_t i = 0; i < n; i++) {
        x0 = fmin(x0, words[i]->x0);
        y0 = fmin(y0, words[i]->y0);
        x1 = fmax(x1, words[i]->x1);
        y1 = fmax(y1, words[i]->y1);
    }
    table_line_fill(&cell, words, n, 0);
    for (size_t i = 0; i < cell.n; i++)
        table_line_join(text, cell.lines[i].text);
    json_t *out = json_pack("{s:s}", "text", text->str);
    if (n > 0)
        json_object_set_new(out, "box", grid_box(x0, y0, x1, y1));
    table_line_clear(&cell);
    g_string_free(text, TRUE);
    return out;
}

/* One row of the words given, each with its column; nothing where there are none. */
static void grid_row_add(json_t *rows, int page, int *number, const struct word *words[], const size_t column[], size_t n, size_t n_columns)
{
    const struct word **cell = g_new(const struct word *, n + 1);
    json_t *cells = json_array();
    for (size_t c = 0; c < n_columns && n > 0; c++) {
        size_t n_cell = 0;
        for (size_t i = 0; i < n; i++)
            if (column[i] == c)
                cell[n_cell++] = words[i];
        json_array_append_new(cells, grid_cell(cell, n_cell));
    }
    if (n > 0)
        json_array_append_new(rows, json_pack("{s:i,s:i,s:O}", "page", page, "row", ++*number, "cells", cells));
    json_decref(cells);
    g_free(cell);
}

static bool grid_same_line(const struct word *a, const struct word *b)
{
    return (b->y0 + b->y1) / 2 - (a->y0 + a->y1) / 2 < 0.5 * a->size;
}

/* Left edges of the columns of n words: where a gap ends that no word crosses. */
static size_t grid_columns(const struct word *const words[], size_t n, double width, double edges[])
{
    size_t slots = (size_t)CLAMP(width, 1, 20000), found = 0;
    double gap = INFINITY;
    bool *used = g_new0(bool, slots + 1);
    for (size_t i = 0; i < n; i++)
        for (double x = fmax(words[i]->x0, 0); x <= words[i]->x1 && x < (double)slots; x += 1)
            used[(size_t)x] = true;
    for (size_t x = 0; x < slots && found < GRID_COLUMNS_MAX; x++) {
        if (used[x] && gap >= GRID_GAP)
            edges[found++] = (double)x;
        gap = used[x] ? 0 : gap + 1;
    }
    g_free(used);
    return found;
}

/* Lines of one print that stand near one another, where nothing is drawn around them: end of the words that begin at from. */
static size_t grid_block_end(const struct word *const words[], size_t from, size_t n)
{
    size_t end = from + 1;
    while (end < n && words[end]->y0 - words[end - 1]->y1 < 2 * words[end]->size &&
           fabs(words[end]->size - words[from]->size) < 0.2 * words[from]->size)
        end++;
    return end;
}

static void grid_block(const struct page *page, const struct word *words[], size_t n, json_t *rows, int *number)
{
    double edges[GRID_COLUMNS_MAX], rules[GRID_COLUMNS_MAX];
    size_t n_columns = grid_columns(words, n, page->width, edges), n_rules = grid_frame_rules(page, words, n, rules, GRID_COLUMNS_MAX);
    size_t *column = g_new(size_t, n + 1), rule = 0;
    for (size_t i = 0; i < n; i++)
        for (column[i] = 0; column[i] + 1 < n_columns && edges[column[i] + 1] <= words[i]->x0 + 1;)
            column[i]++;
    for (size_t i = 0, end; i < n; i = end) {
        while (rule < n_rules && rules[rule] < (words[i]->y0 + words[i]->y1) / 2)
            rule++;
        for (end = i + 1; end < n; end++) {
            double middle = (words[end]->y0 + words[end]->y1) / 2;
            if (n_rules >= 2 ? rule < n_rules && middle > rules[rule] : !grid_same_line(words[i], words[end]))
                break;
            if (n_rules >= 2 && (rule == 0 || rule == n_rules) && !grid_same_line(words[end - 1], words[end]))
                break;
        }
        grid_row_add(rows, page->number, number, words + i, column + i, end - i, n_columns);
    }
    g_free(column);
}

static void grid_drawn(const struct page *page, const struct grid_frame *frame, const struct word *words[], size_t n, json_t *rows, int *number)
{
    const struct word **row = g_new(const struct word *, n + 1);
    size_t *column = g_new(size_t, n + 1), *own_row = g_new(size_t, n + 1), *own_column = g_new(size_t, n + 1);
    size_t *first = g_new0(size_t, frame->n_rows + 2), *order = g_new(size_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        grid_frame_cell(frame, (words[i]->x0 + words[i]->x1) / 2, (words[i]->y0 + words[i]->y1) / 2, &own_row[i], &own_column[i]);
        first[own_row[i] + 1]++;
    }
    for (size_t r = 0; r <= frame->n_rows; r++)
        first[r + 1] += first[r];
    size_t *next = g_memdup2(first, (frame->n_rows + 2) * sizeof *next);
    for (size_t i = 0; i < n; i++)
        order[next[own_row[i]]++] = i;
    for (size_t r = 0; r <= frame->n_rows; r++) {
        size_t n_row = 0;
        for (size_t k = first[r]; k < first[r + 1]; k++) {
            column[n_row] = own_column[order[k]];
            row[n_row++] = words[order[k]];
        }
        grid_row_add(rows, page->number, number, row, column, n_row, frame->n_columns - 1);
    }
    g_free(next);
    g_free(order);
    g_free(first);
    g_free(own_row);
    g_free(own_column);
    g_free(column);
    g_free(row);
}

static void grid_page_read(const struct page *page, json_t *rows)
{
    struct grid_frame *frames = NULL;
    size_t n_frames = grid_frame_find(page, &frames), n = page->n_words, frame = 0;
    const struct word **words = g_new(const struct word *, n + 1);
    int number = 0;
    for (size_t i = 0; i < n; i++)
        words[i] = &page->words[i];
    qsort(words, n, sizeof *words, table_line_order);
    for (size_t i = 0, end; i < n; i = end) {
        double middle = (words[i]->y0 + words[i]->y1) / 2;
        while (frame < n_frames && frames[frame].bottom < middle)
            frame++;
        bool inside = frame < n_frames && frames[frame].top <= middle;
        double until = inside ? frames[frame].bottom : frame < n_frames ? frames[frame].top : INFINITY;
        for (end = i + 1; end < n && (words[end]->y0 + words[end]->y1) / 2 < until; end++)
            continue;
        if (inside) {
            grid_drawn(page, &frames[frame], words + i, end - i, rows, &number);
            continue;
        }
        for (size_t k = i, stop; k < end; k = stop) {
            stop = grid_block_end(words, k, end);
            grid_block(page, words + k, stop - k, rows, &number);
        }
    }
    grid_frame_free(frames, n_frames);
    g_free(words);
}

int grid_tables(const struct page pages[], size_t n, json_t *reply, struct err *e)
{
    json_t *rows = json_array();
    for (size_t p = 0; p < n; p++)
        grid_page_read(&pages[p], rows);
    json_int_t count = (json_int_t)json_array_size(rows);
    json_object_set_new(reply, "type", json_string("table"));
    json_object_set_new(reply, "rows_seen", json_integer(count));
    json_object_set_new(reply, "rows_parsed", json_integer(count));
    json_object_set_new(reply, "rows", rows);
    json_object_set_new(reply, "warnings", json_array());
    return count > 0 ? 0 : err_set(e, ERR_NO_EVENTS, "no page holds a row");
}
