/*
 * grid_frame - see grid_frame.h. Rules that no other joins are no table; more edges than the maxima are not looked at.
 */
#include "grid_frame.h"

#include <glib.h>
#include <math.h>

enum { GRID_LEFT = 1, GRID_ABOVE = 2 };
static const double JOIN = 2, VERTICAL_MIN = 8, HORIZONTAL_MIN = 15;

static int frame_from_order(const void *a, const void *b)
{
    const struct rule *p = a, *q = b;
    return p->from < q->from ? -1 : p->from > q->from;
}

static int frame_double_order(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

static size_t frame_once(double edges[], size_t n)
{
    size_t kept = 0;
    qsort(edges, n, sizeof *edges, frame_double_order);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || edges[i] - edges[kept - 1] > JOIN)
            edges[kept++] = edges[i];
    return kept;
}

/* The edge at or before value, 0 for none. */
static size_t frame_at(const double edges[], size_t n, double value)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (edges[middle] <= value)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

/* Notes what each rule parts. */
static void frame_part(struct grid_frame *f, const struct page *page, const struct rule verticals[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t c = frame_at(f->columns, f->n_columns, verticals[i].at + JOIN);
        for (size_t r = frame_at(f->rows, f->n_rows, verticals[i].from + JOIN); r + 1 < f->n_rows; r++) {
            double middle = (f->rows[r] + f->rows[r + 1]) / 2;
            if (middle > verticals[i].to)
                break;
            if (middle >= verticals[i].from)
                f->parted[r * f->n_columns + c] |= GRID_LEFT;
        }
    }
    for (size_t i = 0; i < page->horizontal.n; i++) {
        const struct rule *rule = &page->horizontal.items[i];
        if (rule->at < f->top - JOIN || rule->at > f->bottom + JOIN)
            continue;
        size_t r = frame_at(f->rows, f->n_rows, rule->at + JOIN);
        for (size_t c = frame_at(f->columns, f->n_columns, rule->from + JOIN); c + 1 < f->n_columns; c++) {
            double middle = (f->columns[c] + f->columns[c + 1]) / 2;
            if (middle > rule->to)
                break;
            if (middle >= rule->from)
                f->parted[r * f->n_columns + c] |= GRID_ABOVE;
        }
    }
}

/* verticals: those that cross one stretch of the page. False when they make no table. */
static bool frame_make(struct grid_frame *f, const struct page *page, const struct rule verticals[], size_t n)
{
    f->columns = g_new(double, GRID_FRAME_COLUMNS_MAX * 8);
    f->rows = g_new(double, GRID_FRAME_ROWS_MAX);
    double left = INFINITY, right = -INFINITY;
    size_t columns = 0, rows = 0;
    for (size_t i = 0; i < n; i++) {
        if (columns == GRID_FRAME_COLUMNS_MAX * 8)
            columns = frame_once(f->columns, columns);
        if (columns < GRID_FRAME_COLUMNS_MAX * 8)
            f->columns[columns++] = verticals[i].at;
        left = fmin(left, verticals[i].at);
        right = fmax(right, verticals[i].at);
    }
    f->n_columns = frame_once(f->columns, columns);
    for (size_t i = 0; i < page->horizontal.n && rows + 2 < GRID_FRAME_ROWS_MAX; i++) {
        const struct rule *r = &page->horizontal.items[i];
        if (r->at > f->top - JOIN && r->at < f->bottom + JOIN && r->to - r->from >= HORIZONTAL_MIN && r->to > left && r->from < right)
            f->rows[rows++] = r->at;
    }
    f->rows[rows++] = f->top;
    f->rows[rows++] = f->bottom;
    f->n_rows = frame_once(f->rows, rows);
    if (f->n_columns < 3 || f->n_rows < 2 || f->n_columns > GRID_FRAME_COLUMNS_MAX) {
        g_free(f->columns);
        g_free(f->rows);
        return false;
    }
    f->parted = g_new0(uint8_t, f->n_columns * f->n_rows);
    frame_part(f, page, verticals, n);
    return true;
}

size_t grid_frame_find(const struct page *page, struct grid_frame **ret_frames)
{
    struct rule *verticals = g_new(struct rule, page->vertical.n + 1);
    struct grid_frame *frames = NULL;
    size_t n = 0, found = 0;
    for (size_t i = 0; i < page->vertical.n; i++)
        if (page->vertical.items[i].to - page->vertical.items[i].from >= VERTICAL_MIN)
            verticals[n++] = page->vertical.items[i];
    qsort(verticals, n, sizeof *verticals, frame_from_order);
    for (size_t i = 0, end; i < n; i = end) {
        struct grid_frame frame = {.top = verticals[i].from, .bottom = verticals[i].to};
        for (end = i + 1; end < n && verticals[end].from < frame.bottom + JOIN; end++)
            frame.bottom = fmax(frame.bottom, verticals[end].to);
        if (!frame_make(&frame, page, verticals + i, end - i))
            continue;
        frames = g_renew(struct grid_frame, frames, found + 1);
        frames[found++] = frame;
    }
    g_free(verticals);
    *ret_frames = frames;
    return found;
}

void grid_frame_free(struct grid_frame *frames, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_free(frames[i].columns);
        g_free(frames[i].rows);
        g_free(frames[i].parted);
    }
    g_free(frames);
}

void grid_frame_cell(const struct grid_frame *f, double x, double y, size_t *ret_row, size_t *ret_column)
{
    size_t r = MIN_OF(frame_at(f->rows, f->n_rows, y), f->n_rows - 2), c = MIN_OF(frame_at(f->columns, f->n_columns, x), f->n_columns - 2);
    while (c > 0 && !(f->parted[r * f->n_columns + c] & GRID_LEFT))
        c--;
    while (r > 0 && !(f->parted[r * f->n_columns + c] & GRID_ABOVE))
        r--;
    *ret_row = r;
    *ret_column = c;
}

size_t grid_frame_rules(const struct page *page, const struct word *const words[], size_t n, double rules[], size_t max)
{
    double left = INFINITY, right = -INFINITY, top = INFINITY, bottom = -INFINITY;
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        left = fmin(left, words[i]->x0);
        right = fmax(right, words[i]->x1);
        top = fmin(top, words[i]->y0);
        bottom = fmax(bottom, words[i]->y1);
    }
    for (size_t i = 0; i < page->horizontal.n && found < max; i++) {
        const struct rule *r = &page->horizontal.items[i];
        if (r->at > top - words[0]->size && r->at < bottom + words[0]->size && fmin(r->to, right) - fmax(r->from, left) > 0.6 * (right - left))
            rules[found++] = r->at;
    }
    return frame_once(rules, found);
}
