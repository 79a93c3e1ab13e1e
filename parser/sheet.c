/*
 * sheet - see sheet.h. A path is taken apart into upright boxes where it is made of them, else kept as a polygon. Refuses to guess at
 * diagonal and curved strokes: they are no rules, and nothing stands on a line.
 */
#include "sheet.h"

#include <glib.h>
#include <math.h>

enum { STEPS_MAX = 200000, POLYGON_MAX = 4096, CURVE_STEPS = 8, THIN = 4, SPECK = 8 };
static const double HAIR = 0.5; /* points: no line is thinner */

/* A subpath: steps from first to end; upright when it is a box. */
struct sheet_part {
    size_t first, end;
    struct picture_box extent;
    bool upright;
};

void sheet_init(struct sheet *s, double width, double height, size_t max)
{
    *s = (struct sheet){.max = max};
    picture_init(&s->picture, width, height);
}

void sheet_fini(struct sheet *s)
{
    picture_fini(&s->picture);
    g_free(s->glyphs);
    g_free(s->steps);
    *s = (struct sheet){0};
}

static uint8_t sheet_turn(double x, double y)
{
    return fabs(x) >= fabs(y) ? (x >= 0 ? 0 : 2) : (y > 0 ? 1 : 3);
}

static bool sheet_is_space(uint32_t c)
{
    return c <= 0x20 || c == 0xa0 || (c >= 0x7f && c < 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Neither seen nor a space: a place where a line may be broken or not. */
static bool sheet_is_nothing(uint32_t c)
{
    return c == 0x200b || c == 0x2060 || c == 0xfeff;
}

int sheet_turned(const struct sheet *s)
{
    int most = 0;
    for (int i = 1; i < 4; i++)
        if (s->turned[i] > s->turned[most])
            most = i;
    return most;
}

/* The box of a glyph from its baseline: x grows along the writing, y across it. */
static void sheet_place(struct sheet_glyph *g, const struct sheet_type *type, double x, double y, double length)
{
    double above = type->ascent * type->size, below = fmin(type->descent * type->size, above);
    if (g->turn == 0) { /* nearly all of them */
        g->x0 = (float)(length < 0 ? x + length : x);
        g->x1 = (float)(length < 0 ? x : x + length);
        g->y0 = (float)(y - above);
        g->y1 = (float)(y - below);
        g->begin = (float)x;
        g->end = (float)(x + length);
        g->base = (float)y;
        return;
    }
    static const int8_t along[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    int ax = along[g->turn][0], ay = along[g->turn][1];
    /* Up from the baseline, seen along the writing, is a quarter turn to the left. */
    double ux = ay, uy = -ax;
    double corners[2][2] = {{x + ux * below, y + uy * below}, {x + ax * length + ux * above, y + ay * length + uy * above}};
    g->x0 = (float)fmin(corners[0][0], corners[1][0]);
    g->x1 = (float)fmax(corners[0][0], corners[1][0]);
    g->y0 = (float)fmin(corners[0][1], corners[1][1]);
    g->y1 = (float)fmax(corners[0][1], corners[1][1]);
    g->begin = (float)(ax != 0 ? ax * x : ay * y);
    g->end = (float)(g->begin + length);
    g->base = (float)(ax != 0 ? ax * y : -ay * x);
}

static bool sheet_seen(const struct sheet *s, const struct picture_box *clip, const struct sheet_glyph *g)
{
    double x = (g->x0 + g->x1) / 2, y = (g->y0 + g->y1) / 2;
    return x >= 0 && y >= 0 && x <= s->picture.width && y <= s->picture.height && x >= clip->x0 && x <= clip->x1 && y >= clip->y0 &&
           y <= clip->y1;
}

void sheet_set(struct sheet *s, const struct sheet_type *type, double x, double y, double dx, double dy, const uint32_t *unicode, size_t n)
{
    if (s->n + n > s->max) {
        s->full = true;
        return;
    }
    if (s->n + n > s->cap) {
        s->cap = MAX_OF(s->cap * 2, s->n + n + 2048);
        s->glyphs = g_renew(struct sheet_glyph, s->glyphs, s->cap);
    }
    if (!isfinite(x) || !isfinite(y) || !isfinite(dx) || !isfinite(dy) || !isfinite(type->size))
        return;
    uint8_t turn = type->vertical ? sheet_turn(dx, dy) : sheet_turn(type->x, type->y);
    double length = turn == 0 ? dx : turn == 1 ? dy : turn == 2 ? -dx : -dy;
    s->turned[turn] += type->vertical ? 0 : n;
    for (size_t i = 0; i < n; i++) {
        if (sheet_is_nothing(unicode[i]))
            continue;
        double share = (double)i / (double)n;
        struct sheet_glyph *g = &s->glyphs[s->n];
        *g = (struct sheet_glyph){.size = (float)type->size, .unicode = unicode[i], .colour = type->colour, .seq = (uint32_t)s->picture.n,
                                  .turn = turn, .flags = type->flags};
        sheet_place(g, type, x + dx * share, y + dy * share, length / (double)n);
        if (sheet_is_space(unicode[i]))
            g->flags |= SHEET_SPACE;
        else if (!sheet_seen(s, &type->clip, g))
            g->flags |= SHEET_HIDDEN;
        s->n++;
    }
}

static void sheet_step(struct sheet *s, double x, double y, bool begins)
{
    if (s->n_steps == STEPS_MAX || !isfinite(x) || !isfinite(y))
        return;
    if (s->n_steps == s->steps_cap) {
        s->steps_cap = MAX_OF(s->steps_cap * 2, (size_t)64);
        s->steps = g_renew(struct sheet_step, s->steps, s->steps_cap);
    }
    s->steps[s->n_steps++] = (struct sheet_step){(float)x, (float)y, begins || s->n_steps == 0};
}

void sheet_path_move(struct sheet *s, double x, double y)
{
    sheet_step(s, x, y, true);
}

void sheet_path_line(struct sheet *s, double x, double y)
{
    sheet_step(s, x, y, false);
}

void sheet_path_curve(struct sheet *s, double x1, double y1, double x2, double y2, double x3, double y3)
{
    if (s->n_steps == 0)
        return;
    double x0 = s->steps[s->n_steps - 1].x, y0 = s->steps[s->n_steps - 1].y;
    s->curved = true;
    for (int i = 1; i <= CURVE_STEPS; i++) {
        double t = (double)i / CURVE_STEPS, r = 1 - t, a = r * r * r, b = 3 * r * r * t, c = 3 * r * t * t, d = t * t * t;
        sheet_step(s, a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3, false);
    }
}

void sheet_path_close(struct sheet *s)
{
    size_t first = s->n_steps;
    if (first == 0)
        return;
    while (first > 0 && !s->steps[first - 1].begins)
        first--;
    const struct sheet_step *last = &s->steps[s->n_steps - 1];
    if (first > 0 && (s->steps[first - 1].x != last->x || s->steps[first - 1].y != last->y))
        sheet_step(s, s->steps[first - 1].x, s->steps[first - 1].y, false);
}

void sheet_path_clear(struct sheet *s)
{
    s->n_steps = 0;
    s->curved = false;
}

static struct picture_box sheet_extent(const struct sheet *s, size_t first, size_t end)
{
    struct picture_box box = {.x0 = INFINITY, .y0 = INFINITY, .x1 = -INFINITY, .y1 = -INFINITY};
    for (size_t i = first; i < end; i++) {
        const struct sheet_step *step = &s->steps[i];
        box.x0 = step->x < box.x0 ? step->x : box.x0;
        box.y0 = step->y < box.y0 ? step->y : box.y0;
        box.x1 = step->x > box.x1 ? step->x : box.x1;
        box.y1 = step->y > box.y1 ? step->y : box.y1;
    }
    return box;
}

bool sheet_path_extent(const struct sheet *s, struct picture_box *ret_box)
{
    *ret_box = sheet_extent(s, 0, s->n_steps);
    return s->n_steps > 0;
}

static bool sheet_is_upright(const struct sheet_step *p, size_t n)
{
    static const float SAME = 0.025F;
    if (n == 5 && fabsf(p[0].x - p[4].x) < SAME && fabsf(p[0].y - p[4].y) < SAME)
        n = 4;
    if (n != 4)
        return false;
    bool flat = fabsf(p[0].y - p[1].y) < SAME && fabsf(p[1].x - p[2].x) < SAME && fabsf(p[2].y - p[3].y) < SAME &&
                fabsf(p[3].x - p[0].x) < SAME;
    bool steep = fabsf(p[0].x - p[1].x) < SAME && fabsf(p[1].y - p[2].y) < SAME && fabsf(p[2].x - p[3].x) < SAME &&
                 fabsf(p[3].y - p[0].y) < SAME;
    return flat || steep;
}

/* The subpath after *at; false at the end. Single points are none. */
static bool sheet_part(const struct sheet *s, size_t *at, struct sheet_part *part)
{
    while (*at < s->n_steps) {
        size_t first = *at, end = first + 1;
        while (end < s->n_steps && !s->steps[end].begins)
            end++;
        *at = end;
        if (end - first < 2)
            continue;
        *part = (struct sheet_part){first, end, sheet_extent(s, first, end), !s->curved && sheet_is_upright(s->steps + first, end - first)};
        return true;
    }
    return false;
}

static struct picture_box sheet_inked(const struct sheet_ink *ink, struct picture_box box)
{
    return (struct picture_box){.x0 = fmaxf(box.x0, ink->clip.x0), .y0 = fmaxf(box.y0, ink->clip.y0), .x1 = fminf(box.x1, ink->clip.x1),
                                .y1 = fminf(box.y1, ink->clip.y1), .colour = ink->colour, .alpha = ink->alpha};
}

static void sheet_put(struct sheet *s, const struct sheet_ink *ink, struct picture_box box)
{
    (void)picture_add(&s->picture, sheet_inked(ink, box));
}

void sheet_shade(struct sheet *s, const struct sheet_ink *ink, struct picture_box box)
{
    struct picture_box b = sheet_inked(ink, box);
    bool thin = b.x1 - b.x0 < THIN || b.y1 - b.y0 < THIN, speck = b.x1 - b.x0 < SPECK && b.y1 - b.y0 < SPECK;
    if (thin && b.colour == PICTURE_UNKNOWN)
        b.colour = 0;
    else if (!thin)
        b.colour = PICTURE_UNKNOWN;
    if (thin || !speck)
        (void)picture_add(&s->picture, b);
}

static double sheet_area(const struct sheet *s, const struct sheet_part *part)
{
    double area = 0;
    for (size_t i = part->first; i < part->end; i++) {
        const struct sheet_step *a = &s->steps[i], *b = &s->steps[i + 1 == part->end ? part->first : i + 1];
        area += (double)a->x * b->y - (double)b->x * a->y;
    }
    return area;
}

/* A frame: the box without the hole in it, as four boxes. */
static bool sheet_frame(struct sheet *s, const struct sheet_ink *ink, const struct sheet_part *outer, const struct sheet_part *inner, bool even_odd)
{
    struct picture_box o = outer->extent, i = inner->extent;
    if (i.x0 < o.x0 || i.y0 < o.y0 || i.x1 > o.x1 || i.y1 > o.y1 || (!even_odd && (sheet_area(s, outer) > 0) == (sheet_area(s, inner) > 0)))
        return false;
    sheet_put(s, ink, (struct picture_box){.x0 = o.x0, .y0 = o.y0, .x1 = o.x1, .y1 = i.y0});
    sheet_put(s, ink, (struct picture_box){.x0 = o.x0, .y0 = i.y1, .x1 = o.x1, .y1 = o.y1});
    sheet_put(s, ink, (struct picture_box){.x0 = o.x0, .y0 = i.y0, .x1 = i.x0, .y1 = i.y1});
    sheet_put(s, ink, (struct picture_box){.x0 = i.x1, .y0 = i.y0, .x1 = o.x1, .y1 = i.y1});
    return true;
}

static void sheet_polygon(struct sheet *s, const struct sheet_ink *ink, struct picture_box extent, bool even_odd)
{
    struct picture_box b = sheet_inked(ink, extent);
    if (b.x1 - b.x0 < SPECK && b.y1 - b.y0 < SPECK) /* a glyph drawn as a path, a bullet: no background */
        return;
    if (s->n_steps > POLYGON_MAX) {
        b.colour = PICTURE_UNKNOWN;
        (void)picture_add(&s->picture, b);
        return;
    }
    struct picture_point *points = g_new(struct picture_point, 2 * s->n_steps + 2);
    size_t n = 0, at = 0;
    for (struct sheet_part part; sheet_part(s, &at, &part);)
        for (size_t i = part.first; i < part.end; i++) {
            const struct sheet_step *from = &s->steps[i], *to = &s->steps[i + 1 == part.end ? part.first : i + 1];
            points[2 * n] = (struct picture_point){from->x, from->y};
            points[2 * n++ + 1] = (struct picture_point){to->x, to->y};
        }
    b.even_odd = even_odd;
    if (n > 0)
        (void)picture_add_polygon(&s->picture, b, points, n);
    g_free(points);
}

void sheet_fill(struct sheet *s, const struct sheet_ink *ink, bool even_odd)
{
    struct sheet_part now, next;
    struct picture_box all = sheet_extent(s, 0, s->n_steps);
    bool thin = all.x1 - all.x0 < THIN || all.y1 - all.y0 < THIN;
    size_t at = 0;
    bool upright = true;
    while (upright && sheet_part(s, &at, &now))
        upright = now.upright;
    if (!upright && !thin) {
        sheet_polygon(s, ink, all, even_odd);
        return;
    }
    at = 0;
    bool more = sheet_part(s, &at, &now);
    while (more) {
        more = sheet_part(s, &at, &next);
        if (more && upright && sheet_frame(s, ink, &now, &next, even_odd))
            more = sheet_part(s, &at, &next);
        else
            sheet_put(s, ink, now.extent);
        now = next;
    }
}

static void sheet_line(struct sheet *s, const struct sheet_ink *ink, const struct sheet_step *a, const struct sheet_step *b)
{
    float pen = (float)(fmax(ink->width, HAIR) / 2);
    bool flat = fabsf(a->y - b->y) < 0.25F, steep = fabsf(a->x - b->x) < 0.25F;
    if (flat != steep)
        sheet_put(s, ink, (struct picture_box){.x0 = fminf(a->x, b->x) - (steep ? pen : 0), .y0 = fminf(a->y, b->y) - (flat ? pen : 0),
                                               .x1 = fmaxf(a->x, b->x) + (steep ? pen : 0), .y1 = fmaxf(a->y, b->y) + (flat ? pen : 0)});
}

void sheet_stroke(struct sheet *s, const struct sheet_ink *ink)
{
    if (ink->dash < SPECK) /* too short to be rules */
        return;
    for (size_t i = 1; i < s->n_steps; i++)
        if (!s->steps[i].begins)
            sheet_line(s, ink, &s->steps[i - 1], &s->steps[i]);
}
