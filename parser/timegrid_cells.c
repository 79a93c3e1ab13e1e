/*
 * timegrid_cells - the cells of a grid from its rules: small fields between all edges, joined where nothing parts them.
 */
#include "timegrid.h"

#include <math.h>

static const double CELLS_NEAR = 1.6;    /* two rules closer than this are one */
static const double CELLS_COVERED = 0.6; /* so much of a field's side must be drawn */

/* Fields between edges; field (x, y) is cells_at(g, x, y). */
struct cells_grid {
    double xs[TIMEGRID_EDGES_MAX], ys[TIMEGRID_EDGES_MAX];
    size_t nx, ny; /* edges */
    double *left, *above; /* owned: how much of each field's left side and top is drawn */
    uint32_t *root;       /* owned: of each field, the field that stands for its cell */
};

static size_t cells_at(const struct cells_grid *g, size_t x, size_t y)
{
    return y * g->nx + x;
}

static int cells_double_order(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

/* The labels' edges and all rules between the first and the last of them, each once. */
static size_t cells_edges(double out[], const double labels[], size_t n_labels, const struct rules *rules, double from, double to)
{
    size_t n = 0;
    for (size_t i = 0; i <= n_labels && n < TIMEGRID_EDGES_MAX; i++)
        out[n++] = labels[i];
    for (size_t i = 0; i < rules->n && n < TIMEGRID_EDGES_MAX; i++)
        if (rules->items[i].at > labels[0] && rules->items[i].at < labels[n_labels] && rules->items[i].to > from && rules->items[i].from < to) {
            bool known = false;
            for (size_t k = 0; k < n && !known; k++)
                known = fabs(out[k] - rules->items[i].at) < CELLS_NEAR;
            if (!known)
                out[n++] = rules->items[i].at;
        }
    qsort(out, n, sizeof *out, cells_double_order);
    return n;
}

static size_t cells_near(const double edges[], size_t n, double at)
{
    for (size_t i = 0; i < n; i++)
        if (fabs(edges[i] - at) < CELLS_NEAR)
            return i;
    return SIZE_MAX;
}

/* Adds what the rules draw of each field's side. */
static void cells_draw(struct cells_grid *g, const struct page *page)
{
    for (size_t i = 0; i < page->vertical.n; i++) {
        const struct rule *r = &page->vertical.items[i];
        size_t x = cells_near(g->xs, g->nx, r->at);
        for (size_t y = 0; x != SIZE_MAX && y + 1 < g->ny; y++)
            g->left[cells_at(g, x, y)] += fmax(0, fmin(r->to, g->ys[y + 1]) - fmax(r->from, g->ys[y])) / (g->ys[y + 1] - g->ys[y]);
    }
    for (size_t i = 0; i < page->horizontal.n; i++) {
        const struct rule *r = &page->horizontal.items[i];
        size_t y = cells_near(g->ys, g->ny, r->at);
        for (size_t x = 0; y != SIZE_MAX && x + 1 < g->nx; x++)
            g->above[cells_at(g, x, y)] += fmax(0, fmin(r->to, g->xs[x + 1]) - fmax(r->from, g->xs[x])) / (g->xs[x + 1] - g->xs[x]);
    }
}

static uint32_t cells_root(struct cells_grid *g, uint32_t field)
{
    while (g->root[field] != field) {
        g->root[field] = g->root[g->root[field]];
        field = g->root[field];
    }
    return field;
}

static void cells_join(struct cells_grid *g)
{
    for (uint32_t i = 0; i < g->nx * g->ny; i++)
        g->root[i] = i;
    for (size_t y = 0; y + 1 < g->ny; y++)
        for (size_t x = 0; x + 1 < g->nx; x++) {
            uint32_t here = cells_root(g, (uint32_t)cells_at(g, x, y));
            if (x > 0 && g->left[cells_at(g, x, y)] < CELLS_COVERED)
                g->root[cells_root(g, (uint32_t)cells_at(g, x - 1, y))] = here;
            if (y > 0 && g->above[cells_at(g, x, y)] < CELLS_COVERED)
                g->root[cells_root(g, (uint32_t)cells_at(g, x, y - 1))] = cells_root(g, here);
        }
}

/* What a joined cell covers: edges' numbers. */
struct cells_extent {
    size_t x0, x1, y0, y1;
    bool any;
};

static struct cells_extent *cells_extents(struct cells_grid *g)
{
    struct cells_extent *e = g_new0(struct cells_extent, g->nx * g->ny);
    for (size_t y = 0; y + 1 < g->ny; y++)
        for (size_t x = 0; x + 1 < g->nx; x++) {
            struct cells_extent *c = &e[cells_root(g, (uint32_t)cells_at(g, x, y))];
            c->x0 = c->any ? MIN_OF(c->x0, x) : x;
            c->x1 = c->any ? MAX_OF(c->x1, x + 1) : x + 1;
            c->y0 = c->any ? MIN_OF(c->y0, y) : y;
            c->y1 = c->any ? MAX_OF(c->y1, y + 1) : y + 1;
            c->any = true;
        }
    return e;
}

/* Edges that labels need and nothing draws: walls over the whole grid, but not through a box drawn over a part of it. */
static void cells_wall(struct cells_grid *g, const struct timegrid *t, const struct timegrid_place *place)
{
    cells_join(g);
    struct cells_extent *extents = cells_extents(g);
    double width = g->xs[g->nx - 1] - g->xs[0], height = g->ys[g->ny - 1] - g->ys[0];
    for (int axis = 0; axis < 2; axis++) {
        size_t n = axis == 0 ? t->top.n : t->side.n;
        for (size_t i = 1; i < n; i++) {
            if (axis == 0 ? place->x_drawn[i] : place->y_drawn[i])
                continue;
            size_t edge = axis == 0 ? cells_near(g->xs, g->nx, place->xs[i]) : cells_near(g->ys, g->ny, place->ys[i]);
            for (size_t k = 0; edge != SIZE_MAX && k + 1 < (axis == 0 ? g->ny : g->nx); k++) {
                size_t field = axis == 0 ? cells_at(g, edge, k) : cells_at(g, k, edge);
                const struct cells_extent *c = &extents[cells_root(g, (uint32_t)field)];
                bool box = axis == 0 ? c->x0 < edge && g->xs[c->x1] - g->xs[c->x0] < 0.7 * width
                                     : c->y0 < edge && g->ys[c->y1] - g->ys[c->y0] < 0.7 * height;
                if (!box)
                    *(axis == 0 ? &g->left[field] : &g->above[field]) = 1;
            }
        }
    }
    g_free(extents);
    cells_join(g);
}

static size_t cells_between(const double edges[], size_t n, double at)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (at >= edges[i] && at < edges[i + 1])
            return i;
    return SIZE_MAX;
}

/* Minutes at a place along the labels of hours: inside one it is told by how far. */
static int cells_time(const struct timegrid_labels *hours, const double edges[], double at, bool end)
{
    for (size_t i = 0; i < hours->n; i++) {
        const struct timegrid_label *l = &hours->items[i];
        double size = edges[i + 1] - edges[i], into = at - edges[i];
        bool last = i + 1 == hours->n;
        if (end ? at > edges[i + 1] + 0.12 * size && !last : at >= edges[i + 1] - 0.12 * size && !last)
            continue;
        int until = l->end >= 0 ? l->end : !last ? hours->items[i + 1].start : i > 0 ? l->start + l->start - hours->items[i - 1].start : -1;
        if (!end && into < 0.15 * size)
            return l->start;
        if (until < 0 || (end && into > 0.85 * size))
            return until;
        return l->start + (int)(round(into / size * (until - l->start) / 5) * 5);
    }
    return -1;
}

/* The days whose columns (or rows) the cell covers: half of the day, or all of the cell. */
static void cells_days(const struct timegrid_labels *days, const double edges[], double from, double to, struct timegrid_cell *cell)
{
    for (size_t i = 0; i < days->n; i++) {
        double shared = fmin(to, edges[i + 1]) - fmax(from, edges[i]);
        if (shared < 0.5 * fmin(edges[i + 1] - edges[i], to - from))
            continue;
        cell->days |= days->items[i].days;
        memcpy(cell->date, days->items[i].date, sizeof cell->date);
    }
    if (__builtin_popcount(cell->days) > 1)
        cell->date[0] = '\0';
}

static double cells_middle(const struct word *w)
{
    return (w->y0 + w->y1) / 2;
}

static int cells_by_line(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    double y = cells_middle(*p) - cells_middle(*q);
    return y < 0 ? -1 : y > 0 ? 1 : (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

static int cells_by_left(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    return (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

static char *cells_text(const struct word *words[], size_t n)
{
    GString *text = g_string_new(NULL);
    qsort(words, n, sizeof *words, cells_by_line);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && cells_middle(words[end]) - cells_middle(words[i]) < 0.35 * words[i]->size;)
            end++;
        qsort(words + i, end - i, sizeof *words, cells_by_left);
        for (size_t k = i; k < end; k++) {
            bool touches = k > i && words[k]->x0 - words[k - 1]->x1 < 0.08 * words[k]->size;
            g_string_append_printf(text, "%s%s", k > i ? (touches ? "" : " ") : i > 0 ? "\n" : "", words[k]->text);
        }
    }
    return g_string_free(text, FALSE);
}

/* A word and the cell it stands in. */
struct cells_word {
    const struct word *word;
    uint32_t cell;
};

static int cells_word_order(const void *a, const void *b)
{
    const struct cells_word *p = a, *q = b;
    return p->cell < q->cell ? -1 : p->cell > q->cell;
}

static int cells_order(const void *a, const void *b)
{
    const struct timegrid_cell *p = a, *q = b;
    if (fabs(p->y0 - q->y0) > 1)
        return p->y0 < q->y0 ? -1 : 1;
    return p->x0 < q->x0 ? -1 : p->x0 > q->x0;
}

static void cells_add(struct timegrid *t, const struct layout *layout, const struct page *page, const struct timegrid_place *place,
                      const struct cells_grid *g, const struct cells_extent *c, const struct word *words[], size_t n)
{
    struct timegrid_cell cell = {.page = page->number, .x0 = g->xs[c->x0], .x1 = g->xs[c->x1], .y0 = g->ys[c->y0], .y1 = g->ys[c->y1]};
    const struct timegrid_labels *days = layout->grid.hours_across ? &t->side : &t->top, *hours = layout->grid.hours_across ? &t->top : &t->side;
    const double *day_edges = layout->grid.hours_across ? place->ys : place->xs, *hour_edges = layout->grid.hours_across ? place->xs : place->ys;
    double day_from = layout->grid.hours_across ? cell.y0 : cell.x0, day_to = layout->grid.hours_across ? cell.y1 : cell.x1;
    double hour_from = layout->grid.hours_across ? cell.x0 : cell.y0, hour_to = layout->grid.hours_across ? cell.x1 : cell.y1;
    cells_days(days, day_edges, day_from, day_to, &cell);
    cell.start = cells_time(hours, hour_edges, hour_from, false);
    cell.end = cells_time(hours, hour_edges, hour_to, true);
    cell.text = cells_text(words, n);
    g_array_append_val(t->cells, cell);
}

/* Words left of the first column or above the first row are labels and their headings; the others are sorted into cells. */
static void cells_sort(struct timegrid *t, const struct layout *layout, const struct page *page, const struct timegrid_place *place,
                       struct cells_grid *g, const struct word *words[], size_t n)
{
    struct cells_extent *extents = cells_extents(g);
    struct cells_word *placed = g_new(struct cells_word, n + 1);
    const struct word **cell = g_new(const struct word *, n + 1);
    size_t n_placed = 0, n_outside = 0;
    guint first = t->cells->len;
    for (size_t i = 0; i < n; i++) {
        size_t x = cells_between(g->xs, g->nx, (words[i]->x0 + words[i]->x1) / 2), y = cells_between(g->ys, g->ny, cells_middle(words[i]));
        if (x != SIZE_MAX && y != SIZE_MAX)
            placed[n_placed++] = (struct cells_word){words[i], cells_root(g, (uint32_t)cells_at(g, x, y))};
        else if (cells_middle(words[i]) >= place->ys[0] && words[i]->x0 > place->xs[0])
            cell[n_outside++] = words[i];
    }
    timegrid_outside(t, page->number, cell, n_outside);
    qsort(placed, n_placed, sizeof *placed, cells_word_order);
    for (size_t i = 0, end; i < n_placed; i = end) {
        size_t n_cell = 0;
        for (end = i; end < n_placed && placed[end].cell == placed[i].cell; end++)
            cell[n_cell++] = placed[end].word;
        cells_add(t, layout, page, place, g, &extents[placed[i].cell], cell, n_cell);
    }
    int number = 0;
    for (guint i = 0; i < first; i++)
        if (g_array_index(t->cells, struct timegrid_cell, i).page == page->number)
            number = g_array_index(t->cells, struct timegrid_cell, i).number;
    if (t->cells->len > first)
        qsort(&g_array_index(t->cells, struct timegrid_cell, first), t->cells->len - first, sizeof(struct timegrid_cell), cells_order);
    for (guint i = first; i < t->cells->len; i++)
        g_array_index(t->cells, struct timegrid_cell, i).number = ++number;
    g_free(placed);
    g_free(cell);
    g_free(extents);
}

void timegrid_cells(struct timegrid *t, const struct layout *layout, const struct page *page, const struct timegrid_place *place,
                    const struct word *words[], size_t n)
{
    struct cells_grid *g = g_new0(struct cells_grid, 1);
    g->nx = cells_edges(g->xs, place->xs, t->top.n, &page->vertical, place->ys[0], place->ys[t->side.n]);
    g->ny = cells_edges(g->ys, place->ys, t->side.n, &page->horizontal, place->xs[0], place->xs[t->top.n]);
    g->left = g_new0(double, g->nx * g->ny);
    g->above = g_new0(double, g->nx * g->ny);
    g->root = g_new0(uint32_t, g->nx * g->ny);
    cells_draw(g, page);
    cells_wall(g, t, place);
    cells_sort(t, layout, page, place, g, words, n);
    g_free(g->left);
    g_free(g->above);
    g_free(g->root);
    g_free(g);
}
