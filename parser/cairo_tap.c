/*
 * cairo_tap - see cairo_tap.h. Takes down upright boxes and straight lines; for anything else it notes only where it is, and the page
 * is painted if a word stands there. Also answers for the font libraries that there is no font, at no cost.
 */
#include "cairo_tap.h"

#include <dlfcn.h>
#include <fontconfig/fontconfig.h>
#include <math.h>

/* cairo's own function of this name. */
#define TAP_REAL(name)                                                                                                                     \
    __typeof__(&name) real;                                                                                                                \
    void *next = dlsym(RTLD_NEXT, #name);                                                                                                  \
    memcpy(&real, &next, sizeof real)

enum { SUBPATH_POINTS = 6, THIN = 8, SPECK = 16 }; /* pixels */

struct tap_point {
    double x, y;
};

/* A subpath as far as it may be an upright box. */
struct tap_subpath {
    struct tap_point points[SUBPATH_POINTS];
    size_t n;
    struct picture_box extent;
    bool curved;
};

struct tap_ink {
    struct picture *picture;
    cairo_t *cr;
    struct picture_box clip;
    uint32_t colour;
    uint8_t alpha;
    bool solid;
    double half_width; /* of the pen, pixels */
};

static const cairo_user_data_key_t TAP_KEY;

static struct picture *tap_picture(cairo_t *cr)
{
    return cairo_get_user_data(cr, &TAP_KEY);
}

cairo_t *cairo_tap_create(struct picture *picture, double width, double height)
{
    cairo_rectangle_t extents = {0, 0, width, height};
    cairo_surface_t *surface = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &extents);
    cairo_t *cr = cairo_create(surface);
    cairo_surface_destroy(surface);
    (void)cairo_set_user_data(cr, &TAP_KEY, picture, NULL);
    return cr;
}

static void tap_widen(struct picture_box *box, double x, double y)
{
    box->x0 = fminf(box->x0, (float)x);
    box->y0 = fminf(box->y0, (float)y);
    box->x1 = fmaxf(box->x1, (float)x);
    box->y1 = fmaxf(box->y1, (float)y);
}

static struct picture_box tap_nothing(void)
{
    return (struct picture_box){.x0 = INFINITY, .y0 = INFINITY, .x1 = -INFINITY, .y1 = -INFINITY};
}

/* The device's box around a box of user space. */
static struct picture_box tap_box(cairo_t *cr, double x0, double y0, double x1, double y1)
{
    struct picture_box box = tap_nothing();
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? x1 : x0, y = i & 2 ? y1 : y0;
        cairo_user_to_device(cr, &x, &y);
        tap_widen(&box, x, y);
    }
    return box;
}

static struct tap_ink tap_ink(struct picture *picture, cairo_t *cr)
{
    double red = 0, green = 0, blue = 0, alpha = 1, x0, y0, x1, y1;
    struct tap_ink ink = {.picture = picture, .cr = cr};
    cairo_clip_extents(cr, &x0, &y0, &x1, &y1);
    ink.clip = tap_box(cr, x0, y0, x1, y1);
    cairo_operator_t operator = cairo_get_operator(cr);
    ink.solid = cairo_pattern_get_rgba(cairo_get_source(cr), &red, &green, &blue, &alpha) == CAIRO_STATUS_SUCCESS &&
                (operator == CAIRO_OPERATOR_OVER || operator == CAIRO_OPERATOR_SOURCE);
    ink.colour = (uint32_t)lround(red * 255) << 16 | (uint32_t)lround(green * 255) << 8 | (uint32_t)lround(blue * 255);
    ink.alpha = (uint8_t)lround(alpha * 255);
    return ink;
}

static struct picture_box tap_clipped(const struct tap_ink *ink, struct picture_box box)
{
    return (struct picture_box){.x0 = fmaxf(box.x0, ink->clip.x0), .y0 = fmaxf(box.y0, ink->clip.y0), .x1 = fminf(box.x1, ink->clip.x1),
                                .y1 = fminf(box.y1, ink->clip.y1), .colour = ink->colour, .alpha = ink->alpha};
}

static void tap_put(const struct tap_ink *ink, struct picture_box box, bool upright)
{
    struct picture_box b = tap_clipped(ink, box);
    bool thin = b.x1 - b.x0 < THIN || b.y1 - b.y0 < THIN, speck = b.x1 - b.x0 < SPECK && b.y1 - b.y0 < SPECK;
    if (!(b.x0 < b.x1) || !(b.y0 < b.y1))
        return;
    if (upright && (ink->solid || thin))
        picture_add(ink->picture, b);
    else if (!speck) /* a glyph drawn as a path, a bullet: no background */
        picture_add_murky(ink->picture, b);
}

static bool tap_is_upright(const struct tap_subpath *s)
{
    size_t n = s->n;
    if (n == 5 && fabs(s->points[0].x - s->points[4].x) < 0.01 && fabs(s->points[0].y - s->points[4].y) < 0.01)
        n = 4;
    if (s->curved || n != 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        const struct tap_point *a = &s->points[i], *b = &s->points[(i + 1) % 4], *c = &s->points[(i + 2) % 4];
        bool flat = fabs(a->y - b->y) < 0.05 && fabs(b->x - c->x) < 0.05, steep = fabs(a->x - b->x) < 0.05 && fabs(b->y - c->y) < 0.05;
        if (!flat && !steep)
            return false;
    }
    return true;
}

static bool tap_clockwise(const struct tap_subpath *s)
{
    double area = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct tap_point *a = &s->points[i], *b = &s->points[(i + 1) % s->n];
        area += a->x * b->y - b->x * a->y;
    }
    return area > 0;
}

/* A frame: the box without the hole in it, as four boxes. */
static bool tap_frame(const struct tap_ink *ink, const struct tap_subpath *outer, const struct tap_subpath *inner)
{
    struct picture_box o = outer->extent, i = inner->extent;
    if (i.x0 < o.x0 || i.y0 < o.y0 || i.x1 > o.x1 || i.y1 > o.y1 || !tap_is_upright(outer) || !tap_is_upright(inner) ||
        (cairo_get_fill_rule(ink->cr) == CAIRO_FILL_RULE_WINDING && tap_clockwise(outer) == tap_clockwise(inner)))
        return false;
    tap_put(ink, (struct picture_box){.x0 = o.x0, .y0 = o.y0, .x1 = o.x1, .y1 = i.y0}, true);
    tap_put(ink, (struct picture_box){.x0 = o.x0, .y0 = i.y1, .x1 = o.x1, .y1 = o.y1}, true);
    tap_put(ink, (struct picture_box){.x0 = o.x0, .y0 = i.y0, .x1 = i.x0, .y1 = i.y1}, true);
    tap_put(ink, (struct picture_box){.x0 = i.x1, .y0 = i.y0, .x1 = o.x1, .y1 = i.y1}, true);
    return true;
}

/* The next subpath with an extent, *at being where to go on; false at the end. */
static bool tap_next(cairo_t *cr, const cairo_path_t *path, int *at, struct tap_subpath *s)
{
    *s = (struct tap_subpath){.extent = tap_nothing()};
    for (; *at < path->num_data; *at += path->data[*at].header.length) {
        const cairo_path_data_t *data = &path->data[*at];
        if (data->header.type == CAIRO_PATH_MOVE_TO && s->n > 1)
            return true;
        if (data->header.type == CAIRO_PATH_MOVE_TO)
            *s = (struct tap_subpath){.extent = tap_nothing()};
        s->curved = s->curved || data->header.type == CAIRO_PATH_CURVE_TO;
        for (int i = 1; i < data->header.length; i++) {
            double x = data[i].point.x, y = data[i].point.y;
            cairo_user_to_device(cr, &x, &y);
            tap_widen(&s->extent, x, y);
            if (s->n < SUBPATH_POINTS)
                s->points[s->n++] = (struct tap_point){x, y};
        }
    }
    return s->n > 1;
}

static void tap_fill(struct picture *picture, cairo_t *cr)
{
    struct tap_ink ink = tap_ink(picture, cr);
    cairo_path_t *path = cairo_copy_path(cr);
    struct tap_subpath now, next;
    int at = 0;
    bool more = tap_next(cr, path, &at, &now);
    while (more) {
        more = tap_next(cr, path, &at, &next);
        if (more && tap_frame(&ink, &now, &next))
            more = tap_next(cr, path, &at, &next);
        else
            tap_put(&ink, now.extent, tap_is_upright(&now));
        now = next;
    }
    cairo_path_destroy(path);
}

static void tap_line(const struct tap_ink *ink, struct tap_point a, struct tap_point b)
{
    double pen = ink->half_width;
    bool flat = fabs(a.y - b.y) < 0.5, steep = fabs(a.x - b.x) < 0.5;
    if (flat != steep)
        tap_put(ink, (struct picture_box){.x0 = (float)(fmin(a.x, b.x) - (steep ? pen : 0)), .y0 = (float)(fmin(a.y, b.y) - (flat ? pen : 0)),
                                          .x1 = (float)(fmax(a.x, b.x) + (steep ? pen : 0)), .y1 = (float)(fmax(a.y, b.y) + (flat ? pen : 0))},
                true);
}

/* Dashes too short to be rules are none. */
static bool tap_is_dotted(cairo_t *cr)
{
    double dashes[16], offset, longest = 0;
    int n = cairo_get_dash_count(cr);
    if (n == 0 || n > (int)ARRAY_LEN(dashes))
        return n != 0;
    cairo_get_dash(cr, dashes, &offset);
    for (int i = 0; i < n; i += 2)
        longest = fmax(longest, dashes[i]);
    double across = 0;
    cairo_user_to_device_distance(cr, &longest, &across);
    return hypot(longest, across) < SPECK;
}

static void tap_stroke(struct picture *picture, cairo_t *cr)
{
    if (tap_is_dotted(cr))
        return;
    struct tap_ink ink = tap_ink(picture, cr);
    double width = cairo_get_line_width(cr), across = 0;
    cairo_user_to_device_distance(cr, &width, &across);
    ink.half_width = fmax(hypot(width, across), 1) / 2;
    cairo_path_t *path = cairo_copy_path(cr);
    struct tap_point first = {0, 0}, last = {0, 0};
    for (int at = 0; at < path->num_data; at += path->data[at].header.length) {
        const cairo_path_data_t *data = &path->data[at];
        struct tap_point to = first;
        if (data->header.length > 1) {
            to = (struct tap_point){data[data->header.length - 1].point.x, data[data->header.length - 1].point.y};
            cairo_user_to_device(cr, &to.x, &to.y);
        }
        if (data->header.type == CAIRO_PATH_MOVE_TO)
            first = to;
        else if (data->header.type != CAIRO_PATH_CURVE_TO)
            tap_line(&ink, last, to);
        last = to;
    }
    cairo_path_destroy(path);
}

/* The whole clip in the source's colour; an image or a mask only where it lies. A group was noted while it was drawn. */
static void tap_paint(struct picture *picture, cairo_t *cr, cairo_pattern_t *shape)
{
    struct tap_ink ink = tap_ink(picture, cr);
    cairo_surface_t *surface = NULL;
    cairo_matrix_t matrix;
    if (cairo_pattern_get_surface(shape, &surface) != CAIRO_STATUS_SUCCESS) {
        tap_put(&ink, ink.clip, true);
        return;
    }
    cairo_pattern_get_matrix(shape, &matrix);
    if (cairo_surface_get_type(surface) != CAIRO_SURFACE_TYPE_IMAGE || cairo_matrix_invert(&matrix) != CAIRO_STATUS_SUCCESS)
        return;
    double x0 = 0, y0 = 0, x1 = cairo_image_surface_get_width(surface), y1 = cairo_image_surface_get_height(surface);
    cairo_matrix_transform_point(&matrix, &x0, &y0);
    cairo_matrix_transform_point(&matrix, &x1, &y1);
    ink.solid = false;
    tap_put(&ink, tap_box(cr, x0, y0, x1, y1), true);
}

void cairo_fill(cairo_t *cr)
{
    struct picture *picture = tap_picture(cr);
    if (picture != NULL) {
        tap_fill(picture, cr);
        cairo_new_path(cr);
        return;
    }
    TAP_REAL(cairo_fill);
    real(cr);
}

void cairo_fill_preserve(cairo_t *cr)
{
    struct picture *picture = tap_picture(cr);
    if (picture != NULL) {
        tap_fill(picture, cr);
        return;
    }
    TAP_REAL(cairo_fill_preserve);
    real(cr);
}

void cairo_stroke(cairo_t *cr)
{
    struct picture *picture = tap_picture(cr);
    if (picture != NULL) {
        tap_stroke(picture, cr);
        cairo_new_path(cr);
        return;
    }
    TAP_REAL(cairo_stroke);
    real(cr);
}

void cairo_stroke_preserve(cairo_t *cr)
{
    struct picture *picture = tap_picture(cr);
    if (picture != NULL) {
        tap_stroke(picture, cr);
        return;
    }
    TAP_REAL(cairo_stroke_preserve);
    real(cr);
}

void cairo_paint(cairo_t *cr)
{
    struct picture *picture = tap_picture(cr);
    if (picture != NULL) {
        tap_paint(picture, cr, cairo_get_source(cr));
        return;
    }
    TAP_REAL(cairo_paint);
    real(cr);
}

void cairo_paint_with_alpha(cairo_t *cr, double alpha)
{
    struct picture *picture = tap_picture(cr);
    if (picture != NULL) {
        tap_paint(picture, cr, cairo_get_source(cr));
        return;
    }
    TAP_REAL(cairo_paint_with_alpha);
    real(cr, alpha);
}

/* What a mask lets through of an image is noted as the image, of a colour as the mask. */
void cairo_mask(cairo_t *cr, cairo_pattern_t *pattern)
{
    struct picture *picture = tap_picture(cr);
    if (picture != NULL) {
        bool solid = cairo_pattern_get_type(cairo_get_source(cr)) == CAIRO_PATTERN_TYPE_SOLID;
        tap_paint(picture, cr, solid ? pattern : cairo_get_source(cr));
        return;
    }
    TAP_REAL(cairo_mask);
    real(cr, pattern);
}

void cairo_show_glyphs(cairo_t *cr UNUSED, const cairo_glyph_t *glyphs UNUSED, int n UNUSED)
{
}

void cairo_show_text_glyphs(cairo_t *cr UNUSED, const char *utf8 UNUSED, int length UNUSED, const cairo_glyph_t *glyphs UNUSED,
                            int n UNUSED, const cairo_text_cluster_t *clusters UNUSED, int n_clusters UNUSED,
                            cairo_text_cluster_flags_t flags UNUSED)
{
}

/* The font configuration is empty: preparing a pattern to search it would cost a quarter of a document's time. */
FcBool FcConfigSubstitute(FcConfig *config UNUSED, FcPattern *pattern UNUSED, FcMatchKind kind UNUSED)
{
    return FcTrue;
}

void FcDefaultSubstitute(FcPattern *pattern UNUSED)
{
}
