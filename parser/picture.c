/*
 * picture - see picture.h. An edge counts where its two sides are seen to differ, so boxes under others, and neighbours of one colour,
 * make no rule. Refuses to guess at what is no box.
 */
#include "picture.h"

#include <glib.h>
#include <math.h>

enum { BIN_PIXELS = 24, EDGE_CONTRAST = 4, WHITE = 0xffffff };

struct picture_run {
    int at, from, to;
};

struct picture_runs {
    struct picture_run *items; /* owned */
    size_t n, cap;
};

void picture_init(struct picture *p, double width, double height, double scale)
{
    *p = (struct picture){.width = width, .height = height, .scale = scale};
}

void picture_fini(struct picture *p)
{
    g_free(p->boxes);
    g_free(p->murky);
    g_free(p->bins);
    g_free(p->starts);
    *p = (struct picture){0};
}

static bool picture_cut(const struct picture *p, struct picture_box *b)
{
    float x0 = fminf(b->x0, b->x1), x1 = fmaxf(b->x0, b->x1), y0 = fminf(b->y0, b->y1), y1 = fmaxf(b->y0, b->y1);
    b->x0 = fmaxf(x0, 0);
    b->y0 = fmaxf(y0, 0);
    b->x1 = fminf(x1, (float)p->width);
    b->y1 = fminf(y1, (float)p->height);
    return b->x0 < b->x1 && b->y0 < b->y1;
}

static void picture_append(struct picture *p, struct picture_box **items, size_t *n, size_t *cap, struct picture_box box)
{
    if (!picture_cut(p, &box))
        return;
    if (*n == PICTURE_BOXES_MAX) {
        p->full = true;
        return;
    }
    if (*n == *cap) {
        *cap = *cap == 0 ? 256 : *cap * 2;
        *items = g_renew(struct picture_box, *items, *cap);
    }
    (*items)[(*n)++] = box;
}

void picture_add(struct picture *p, struct picture_box box)
{
    if (box.alpha > 0)
        picture_append(p, &p->boxes, &p->n, &p->cap, box);
}

void picture_add_murky(struct picture *p, struct picture_box box)
{
    picture_append(p, &p->murky, &p->n_murky, &p->murky_cap, box);
}

static size_t picture_bin(const struct picture *p, double y)
{
    double bin = y / BIN_PIXELS;
    return bin <= 0 ? 0 : bin >= (double)p->n_bins ? p->n_bins - 1 : (size_t)bin;
}

void picture_close(struct picture *p)
{
    p->n_bins = (size_t)fmin(fmax(p->height, 1) / BIN_PIXELS + 1, 4096);
    p->starts = g_new0(uint32_t, p->n_bins + 2);
    /* Counted one place ahead, so that filling the bins leaves each start where the next bin looks for it. */
    for (size_t i = 0; i < p->n; i++)
        for (size_t b = picture_bin(p, p->boxes[i].y0); b <= picture_bin(p, p->boxes[i].y1); b++)
            p->starts[b + 2]++;
    for (size_t b = 2; b < p->n_bins + 2; b++)
        p->starts[b] += p->starts[b - 1];
    p->bins = g_new(uint32_t, p->starts[p->n_bins + 1] + 1);
    for (size_t i = 0; i < p->n; i++)
        for (size_t b = picture_bin(p, p->boxes[i].y0); b <= picture_bin(p, p->boxes[i].y1); b++)
            p->bins[p->starts[b + 1]++] = (uint32_t)i;
}

bool picture_is_murky(const struct picture *p, const struct page *page)
{
    if (p->full)
        return true;
    for (size_t i = 0; i < p->n_murky; i++)
        for (size_t k = 0; k < page->n_words; k++) {
            const struct word *w = &page->words[k];
            const struct picture_box *m = &p->murky[i];
            if (w->x0 * p->scale < m->x1 && w->x1 * p->scale > m->x0 && w->y0 * p->scale < m->y1 && w->y1 * p->scale > m->y0)
                return true;
        }
    return false;
}

uint32_t picture_colour(const struct picture *p, double x, double y)
{
    double red = 0, green = 0, blue = 0, clear = 1;
    size_t bin = picture_bin(p, y);
    for (size_t i = p->starts[bin + 1]; i-- > p->starts[bin];) {
        const struct picture_box *b = &p->boxes[p->bins[i]];
        if (x < b->x0 || x >= b->x1 || y < b->y0 || y >= b->y1)
            continue;
        if (clear >= 1 && b->alpha == 255)
            return b->colour;
        double share = clear * b->alpha / 255;
        red += share * (b->colour >> 16 & 255);
        green += share * (b->colour >> 8 & 255);
        blue += share * (b->colour & 255);
        clear -= share;
        if (b->alpha == 255)
            break;
    }
    if (clear >= 1)
        return WHITE;
    return (uint32_t)(red + clear * 255) << 16 | (uint32_t)(green + clear * 255) << 8 | (uint32_t)(blue + clear * 255);
}

static int picture_grey(uint32_t rgb)
{
    return (int)((77 * (rgb >> 16 & 255) + 150 * (rgb >> 8 & 255) + 29 * (rgb & 255)) >> 8);
}

/* One edge of a box, depth being the box's other extent: where the middle of it is covered, its quarters may still be seen. */
static void picture_edge(const struct picture *p, struct picture_runs *runs, bool vertical, double at, double from, double to, double depth)
{
    double reach = fmin(0.6, depth / 2);
    bool seen = false;
    for (int i = 0; i < 3 && !seen; i++) {
        double along = from + (to - from) * (i == 0 ? 0.5 : i == 1 ? 0.2 : 0.8);
        uint32_t a = vertical ? picture_colour(p, at - reach, along) : picture_colour(p, along, at - reach);
        uint32_t b = vertical ? picture_colour(p, at + reach, along) : picture_colour(p, along, at + reach);
        seen = a != b && abs(picture_grey(a) - picture_grey(b)) > EDGE_CONTRAST;
    }
    if (!seen)
        return;
    if (runs->n == runs->cap) {
        runs->cap = runs->cap == 0 ? 256 : runs->cap * 2;
        runs->items = g_renew(struct picture_run, runs->items, runs->cap);
    }
    runs->items[runs->n++] = (struct picture_run){(int)lround(at), (int)floor(from), (int)ceil(to)};
}

static int picture_run_order(const void *a, const void *b)
{
    const struct picture_run *p = a, *q = b;
    return p->at != q->at ? (p->at < q->at ? -1 : 1) : p->from < q->from ? -1 : p->from > q->from;
}

/* Edges that go on in one another are one rule. */
static void picture_join(const struct picture *p, struct picture_runs *runs, double min, struct rules *rules)
{
    if (runs->n > 0)
        qsort(runs->items, runs->n, sizeof *runs->items, picture_run_order);
    for (size_t i = 0, next; i < runs->n; i = next) {
        struct picture_run run = runs->items[i];
        for (next = i + 1; next < runs->n && runs->items[next].at == run.at && runs->items[next].from <= run.to + 1; next++)
            run.to = MAX_OF(run.to, runs->items[next].to);
        if (run.to - run.from >= min * p->scale)
            words_rule_add(rules, (struct rule){run.at / p->scale, run.from / p->scale, run.to / p->scale});
    }
    g_free(runs->items);
}

void picture_rules(const struct picture *p, double min, struct page *page)
{
    enum { JOINT = 6 }; /* pixels: shorter edges are the ends of lines */
    struct picture_runs vertical = {0}, horizontal = {0};
    for (size_t i = 0; i < p->n; i++) {
        const struct picture_box *b = &p->boxes[i];
        if (b->y1 - b->y0 >= JOINT) {
            picture_edge(p, &vertical, true, b->x0, b->y0, b->y1, b->x1 - b->x0);
            picture_edge(p, &vertical, true, b->x1, b->y0, b->y1, b->x1 - b->x0);
        }
        if (b->x1 - b->x0 >= JOINT) {
            picture_edge(p, &horizontal, false, b->y0, b->x0, b->x1, b->y1 - b->y0);
            picture_edge(p, &horizontal, false, b->y1, b->x0, b->x1, b->y1 - b->y0);
        }
    }
    picture_join(p, &vertical, min, &page->vertical);
    picture_join(p, &horizontal, min, &page->horizontal);
}
