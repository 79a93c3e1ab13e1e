/*
 * picture - see picture.h. An edge counts where its two sides are seen to differ, so boxes under others, and neighbours of one colour,
 * make no rule. Refuses to guess at what an image or a shade looks like.
 */
#include "picture.h"

#include <glib.h>
#include <math.h>

enum { TILE = 16, TILES_MAX = 128, LARGE = 64, EDGE_CONTRAST = 4, STEPS = 2 /* of a rule's place, per point */ };

struct picture_tiles {
    size_t column0, column1, row0, row1;
};

void picture_init(struct picture *p, double width, double height)
{
    /* A file may say that its page is less than nothing, or wider than a city: of neither is more to be seen than of these. */
    *p = (struct picture){.width = fmin(fmax(width, 0), PICTURE_SIDE_MAX), .height = fmin(fmax(height, 0), PICTURE_SIDE_MAX)};
}

void picture_fini(struct picture *p)
{
    g_free(p->boxes);
    g_free(p->points);
    g_free(p->bins);
    g_free(p->starts);
    g_free(p->large);
    *p = (struct picture){0};
}

bool picture_add(struct picture *p, struct picture_box box)
{
    box.x0 = fmaxf(box.x0, 0);
    box.y0 = fmaxf(box.y0, 0);
    box.x1 = fminf(box.x1, (float)p->width);
    box.y1 = fminf(box.y1, (float)p->height);
    if (!(box.x0 < box.x1) || !(box.y0 < box.y1) || box.alpha == 0 || p->n == PICTURE_BOXES_MAX)
        return false;
    if (p->n == p->cap) {
        p->cap = p->cap == 0 ? 1024 : p->cap * 2;
        p->boxes = g_renew(struct picture_box, p->boxes, p->cap);
    }
    p->boxes[p->n++] = box;
    return true;
}

bool picture_add_polygon(struct picture *p, struct picture_box box, const struct picture_point *points, size_t n)
{
    if (p->n_points + 2 * n > PICTURE_POINTS_MAX)
        return false;
    box.points = (uint32_t)p->n_points;
    box.n = (uint32_t)n;
    if (!picture_add(p, box))
        return false;
    if (p->n_points + 2 * n > p->points_cap) {
        p->points_cap = MAX_OF(p->points_cap * 2, p->n_points + 2 * n);
        p->points = g_renew(struct picture_point, p->points, p->points_cap);
    }
    memcpy(p->points + p->n_points, points, 2 * n * sizeof *points);
    p->n_points += 2 * n;
    return true;
}

static size_t picture_tile(double at, double tile, size_t n)
{
    double index = at / tile;
    return index <= 0 ? 0 : index >= (double)n ? n - 1 : (size_t)index;
}

static struct picture_tiles picture_tiles(const struct picture *p, const struct picture_box *b)
{
    double tile_x = fmax(p->width / (double)p->columns, TILE), tile_y = fmax(p->height / (double)p->rows, TILE);
    return (struct picture_tiles){picture_tile(b->x0, tile_x, p->columns), picture_tile(b->x1, tile_x, p->columns),
                                  picture_tile(b->y0, tile_y, p->rows), picture_tile(b->y1, tile_y, p->rows)};
}

static bool picture_is_large(const struct picture_tiles *t)
{
    return (t->column1 - t->column0 + 1) * (t->row1 - t->row0 + 1) > LARGE;
}

/* Calls for each tile of box i: counts it, or puts i there. */
static void picture_bin(struct picture *p, size_t i, bool fill)
{
    struct picture_tiles t = picture_tiles(p, &p->boxes[i]);
    if (picture_is_large(&t)) {
        if (fill)
            p->large[p->n_large] = (uint32_t)i;
        p->n_large++;
        return;
    }
    for (size_t row = t.row0; row <= t.row1; row++)
        for (size_t column = t.column0; column <= t.column1; column++) {
            uint32_t *start = &p->starts[row * p->columns + column];
            if (fill)
                p->bins[start[1]++] = (uint32_t)i;
            else
                start[2]++;
        }
}

void picture_close(struct picture *p)
{
    p->columns = (size_t)fmin(fmax(p->width, 1) / TILE + 1, TILES_MAX);
    p->rows = (size_t)fmin(fmax(p->height, 1) / TILE + 1, TILES_MAX);
    size_t tiles = p->columns * p->rows;
    /* Counted one place ahead, so that filling the tiles leaves each start where the next tile looks for it. */
    p->starts = g_new0(uint32_t, tiles + 2);
    for (size_t i = 0; i < p->n; i++)
        picture_bin(p, i, false);
    for (size_t t = 2; t < tiles + 2; t++)
        p->starts[t] += p->starts[t - 1];
    p->bins = g_new(uint32_t, p->starts[tiles + 1] + 1);
    p->large = g_new(uint32_t, p->n_large + 1);
    p->n_large = 0;
    for (size_t i = 0; i < p->n; i++)
        picture_bin(p, i, true);
}

static bool picture_in_polygon(const struct picture *p, const struct picture_box *b, double x, double y)
{
    int winding = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct picture_point *from = &p->points[b->points + 2 * i], *to = from + 1;
        if ((from->y <= y) == (to->y <= y))
            continue;
        if (from->x + (y - from->y) / (to->y - from->y) * (to->x - from->x) > x)
            winding += to->y > from->y ? 1 : -1;
    }
    return b->even_odd ? winding % 2 != 0 : winding != 0;
}

static bool picture_box_has(const struct picture *p, const struct picture_box *b, double x, double y)
{
    return x >= b->x0 && x < b->x1 && y >= b->y0 && y < b->y1 && (b->n == 0 || picture_in_polygon(p, b, x, y));
}

/* Walks the boxes over a point from the topmost down. */
struct picture_walk {
    const struct picture *p;
    const uint32_t *tile, *tile_end, *large, *large_end;
    double x, y;
};

static struct picture_walk picture_walk(const struct picture *p, double x, double y)
{
    double tile_x = fmax(p->width / (double)p->columns, TILE), tile_y = fmax(p->height / (double)p->rows, TILE);
    size_t tile = picture_tile(y, tile_y, p->rows) * p->columns + picture_tile(x, tile_x, p->columns);
    return (struct picture_walk){p, p->bins + p->starts[tile], p->bins + p->starts[tile + 1], p->large, p->large + p->n_large, x, y};
}

static const struct picture_box *picture_next(struct picture_walk *w)
{
    while (w->tile < w->tile_end || w->large < w->large_end) {
        bool large = w->tile == w->tile_end || (w->large < w->large_end && w->large_end[-1] > w->tile_end[-1]);
        const struct picture_box *b = &w->p->boxes[large ? *--w->large_end : *--w->tile_end];
        if (picture_box_has(w->p, b, w->x, w->y))
            return b;
    }
    return NULL;
}

uint32_t picture_colour(const struct picture *p, double x, double y, size_t until)
{
    static const double HARDLY = 1.0 / 256;
    double red = 0, green = 0, blue = 0, clear = 1;
    struct picture_walk walk = picture_walk(p, x, y);
    for (const struct picture_box *b; clear > HARDLY && (b = picture_next(&walk)) != NULL;) {
        if (b >= p->boxes + until)
            continue;
        if (b->colour == PICTURE_UNKNOWN || (clear >= 1 && b->alpha == 255))
            return b->colour;
        double share = clear * b->alpha / 255;
        red += share * (b->colour >> 16 & 255);
        green += share * (b->colour >> 8 & 255);
        blue += share * (b->colour & 255);
        clear -= share;
    }
    if (clear >= 1)
        return PICTURE_WHITE;
    return (uint32_t)(red + clear * 255) << 16 | (uint32_t)(green + clear * 255) << 8 | (uint32_t)(blue + clear * 255);
}

bool picture_covered(const struct picture *p, double x, double y, size_t from)
{
    if (from >= p->n)
        return false;
    struct picture_walk walk = picture_walk(p, x, y);
    for (const struct picture_box *b; (b = picture_next(&walk)) != NULL && b >= p->boxes + from;)
        if (b->alpha == 255 && b->colour != PICTURE_UNKNOWN)
            return true;
    return false;
}

static int picture_grey(uint32_t rgb)
{
    return (int)((77 * (rgb >> 16 & 255) + 150 * (rgb >> 8 & 255) + 29 * (rgb & 255)) >> 8);
}

static bool picture_differ(uint32_t a, uint32_t b)
{
    return a != b && (a == PICTURE_UNKNOWN || b == PICTURE_UNKNOWN || abs(picture_grey(a) - picture_grey(b)) > EDGE_CONTRAST);
}

/* The edge of a box at `at`, from one end to the other; depth is the box's extent across it. */
struct picture_edge {
    int line; /* where it is as a rule */
    float at, from, to, depth;
};

struct picture_edges {
    struct picture_edge *items; /* owned */
    size_t n, cap;
};

static void picture_edge_add(struct picture_edges *edges, double at, double from, double to, double depth)
{
    if (edges->n == edges->cap) {
        edges->cap = edges->cap == 0 ? 1024 : edges->cap * 2;
        edges->items = g_renew(struct picture_edge, edges->items, edges->cap);
    }
    edges->items[edges->n++] = (struct picture_edge){(int)lround(at * STEPS), (float)at, (float)from, (float)to, (float)depth};
}

/* Where the middle of an edge is covered, its quarters may still be seen. */
static bool picture_edge_seen(const struct picture *p, const struct picture_edge *e, bool vertical)
{
    static const double parts[] = {0.5, 0.2, 0.8};
    double reach = fmin(0.3, e->depth / 2);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        double along = e->from + (e->to - e->from) * parts[i];
        uint32_t a = vertical ? picture_colour(p, e->at - reach, along, p->n) : picture_colour(p, along, e->at - reach, p->n);
        uint32_t b = vertical ? picture_colour(p, e->at + reach, along, p->n) : picture_colour(p, along, e->at + reach, p->n);
        if (picture_differ(a, b))
            return true;
    }
    return false;
}

static int picture_edge_order(const void *a, const void *b)
{
    const struct picture_edge *p = a, *q = b;
    if (p->line != q->line)
        return p->line < q->line ? -1 : 1;
    return p->from != q->from ? (p->from < q->from ? -1 : 1) : p->at < q->at ? -1 : p->at > q->at;
}

/* By line, then by where they begin. Most are drawn in this order on each line, so that sorting by line alone is enough. */
static void picture_sort(struct picture_edges *edges, size_t n_lines)
{
    uint32_t *starts = g_new0(uint32_t, n_lines + 2);
    struct picture_edge *sorted = g_new(struct picture_edge, edges->n + 1);
    for (size_t i = 0; i < edges->n; i++)
        starts[edges->items[i].line + 1]++;
    for (size_t line = 0; line <= n_lines; line++)
        starts[line + 1] += starts[line];
    for (size_t i = 0; i < edges->n; i++)
        sorted[starts[edges->items[i].line]++] = edges->items[i];
    for (size_t i = 0, end; i < edges->n; i = end) {
        bool ordered = true;
        for (end = i + 1; end < edges->n && sorted[end].line == sorted[i].line; end++)
            ordered = ordered && sorted[end - 1].from <= sorted[end].from;
        if (!ordered)
            qsort(sorted + i, end - i, sizeof *sorted, picture_edge_order);
    }
    g_free(starts);
    g_free(edges->items);
    edges->items = sorted;
}

/* Edges that are seen and go on in one another are one rule; what lies within one that is seen need not be looked at. */
static void picture_join(const struct picture *p, struct picture_edges *edges, bool vertical, struct rules *rules)
{
    double extent = vertical ? p->width : p->height;
    picture_sort(edges, (size_t)(extent * STEPS) + 2);
    for (size_t i = 0, next; i < edges->n; i = next) {
        bool any = false;
        int from = 0, to = 0, line = edges->items[i].line;
        for (next = i; next < edges->n && edges->items[next].line == line; next++) {
            const struct picture_edge *e = &edges->items[next];
            int begin = (int)floorf(e->from * STEPS), end = (int)ceilf(e->to * STEPS);
            bool goes_on = any && begin <= to + 1;
            if ((goes_on && end <= to) || !picture_edge_seen(p, e, vertical))
                continue;
            if (!goes_on && any && to - from >= PICTURE_RULE_MIN * STEPS)
                words_rule_add(rules, (struct rule){(double)line / STEPS, (double)from / STEPS, (double)to / STEPS});
            from = goes_on ? from : begin;
            to = goes_on ? MAX_OF(to, end) : end;
            any = true;
        }
        if (any && to - from >= PICTURE_RULE_MIN * STEPS)
            words_rule_add(rules, (struct rule){(double)line / STEPS, (double)from / STEPS, (double)to / STEPS});
    }
    g_free(edges->items);
}

enum { JOINT = 3 }; /* points: shorter edges are the ends of lines */

static void picture_polygon_edges(const struct picture *p, const struct picture_box *b, struct picture_edges *vertical,
                                  struct picture_edges *horizontal)
{
    double depth = fmin(b->x1 - b->x0, b->y1 - b->y0);
    for (size_t i = 0; i < b->n; i++) {
        const struct picture_point *a = &p->points[b->points + 2 * i], *c = a + 1;
        /* The box is what of the polygon is on the page and inside the clip. */
        double x0 = fmax(fmin(a->x, c->x), b->x0), x1 = fmin(fmax(a->x, c->x), b->x1);
        double y0 = fmax(fmin(a->y, c->y), b->y0), y1 = fmin(fmax(a->y, c->y), b->y1);
        if (x0 <= x1 && fabsf(a->x - c->x) < 0.1F && y1 - y0 >= JOINT)
            picture_edge_add(vertical, x0, y0, y1, depth);
        if (y0 <= y1 && fabsf(a->y - c->y) < 0.1F && x1 - x0 >= JOINT)
            picture_edge_add(horizontal, y0, x0, x1, depth);
    }
}

void picture_rules(const struct picture *p, struct page *page)
{
    struct picture_edges vertical = {0}, horizontal = {0};
    for (size_t i = 0; i < p->n; i++) {
        const struct picture_box *b = &p->boxes[i];
        if (b->n > 0) {
            picture_polygon_edges(p, b, &vertical, &horizontal);
            continue;
        }
        if (b->colour == PICTURE_UNKNOWN)
            continue;
        if (b->y1 - b->y0 >= JOINT) {
            picture_edge_add(&vertical, b->x0, b->y0, b->y1, b->x1 - b->x0);
            picture_edge_add(&vertical, b->x1, b->y0, b->y1, b->x1 - b->x0);
        }
        if (b->x1 - b->x0 >= JOINT) {
            picture_edge_add(&horizontal, b->y0, b->x0, b->x1, b->y1 - b->y0);
            picture_edge_add(&horizontal, b->y1, b->x0, b->x1, b->y1 - b->y0);
        }
    }
    picture_join(p, &vertical, true, &page->vertical);
    picture_join(p, &horizontal, false, &page->horizontal);
}
