/*
 * drawing - see drawing.h. On a painted page an edge is a long straight run of pixels that differ from their neighbours across it.
 * Refuses to keep more than RULES_MAX of them.
 */
#include "drawing.h"

#include "cairo_tap.h"
#include <math.h>
#include <poppler.h>

enum { EDGE_CONTRAST = 4, RULES_MAX = 100000 };

void drawing_init(struct drawing *d, PopplerPage *page, double width, double height)
{
    *d = (struct drawing){.scale = 2};
    if (width * height * 4 > DRAWING_PIXELS_MAX)
        d->scale = sqrt(DRAWING_PIXELS_MAX / (width * height));
    d->width = MAX_OF((int)ceil(width * d->scale), 1);
    d->height = MAX_OF((int)ceil(height * d->scale), 1);
    picture_init(&d->picture, d->width, d->height, d->scale);
    cairo_t *cr = cairo_tap_create(&d->picture, d->width, d->height);
    cairo_scale(cr, d->scale, d->scale);
    poppler_page_render(page, cr);
    cairo_destroy(cr);
    picture_close(&d->picture);
}

static void drawing_grey(struct drawing *d)
{
    size_t row = (size_t)d->width;
    d->grey = g_malloc(row * (size_t)d->height);
    for (size_t y = 0; y < (size_t)d->height; y++) {
        const uint32_t *rgb = d->rgb + y * row;
        uint8_t *grey = d->grey + y * row;
        /* Most of a page repeats the line above. */
        if (y > 0 && memcmp(rgb, rgb - row, row * sizeof *rgb) == 0) {
            memcpy(grey, grey - row, row);
            continue;
        }
        for (size_t x = 0; x < row; x++)
            grey[x] = (uint8_t)((77 * (rgb[x] >> 16 & 255) + 150 * (rgb[x] >> 8 & 255) + 29 * (rgb[x] & 255)) >> 8);
    }
}

void drawing_settle(struct drawing *d, PopplerPage *from, const struct page *page)
{
    if (!picture_is_murky(&d->picture, page))
        return;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, d->width, d->height);
    cairo_t *cr = cairo_create(surface);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_scale(cr, d->scale, d->scale);
    poppler_page_render(from, cr);
    cairo_destroy(cr);
    cairo_surface_flush(surface);
    d->surface = surface;
    d->rgb = (uint32_t *)(void *)cairo_image_surface_get_data(surface);
    if (d->rgb == NULL || cairo_image_surface_get_stride(surface) != d->width * 4)
        d->rgb = NULL;
    else
        drawing_grey(d);
}

void drawing_fini(struct drawing *d)
{
    if (d->surface != NULL)
        cairo_surface_destroy(d->surface);
    g_free(d->grey);
    picture_fini(&d->picture);
    *d = (struct drawing){0};
}

static int drawing_pixel(double at, double scale, int end)
{
    int pixel = (int)(at * scale);
    return pixel < 0 ? 0 : pixel >= end ? end - 1 : pixel;
}

uint32_t drawing_pixel_at(const struct drawing *d, double x, double y)
{
    if (d->rgb == NULL)
        return picture_colour(&d->picture, x * d->scale, y * d->scale);
    size_t row = (size_t)drawing_pixel(y, d->scale, d->height), column = (size_t)drawing_pixel(x, d->scale, d->width);
    return d->rgb[row * (size_t)d->width + column] & 0xffffff;
}

uint32_t drawing_colour(const struct drawing *d, double x0, double y0, double x1, double y1)
{
    enum { SEEN = 16 };
    uint32_t colours[SEEN] = {0};
    unsigned counts[SEEN] = {0};
    if (d->rgb == NULL)
        return drawing_pixel_at(d, (x0 + x1) / 2, (y0 + y1) / 2);
    int left = drawing_pixel(x0, d->scale, d->width), right = drawing_pixel(x1, d->scale, d->width);
    int top = drawing_pixel(y0, d->scale, d->height), bottom = drawing_pixel(y1, d->scale, d->height);
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            uint32_t colour = d->rgb[(size_t)y * (size_t)d->width + (size_t)x] & 0xffffff;
            for (size_t i = 0; i < SEEN; i++)
                if (counts[i] == 0 || colours[i] == colour) {
                    colours[i] = colour;
                    counts[i]++;
                    break;
                }
        }
    size_t best = 0;
    for (size_t i = 1; i < SEEN; i++)
        if (counts[i] > counts[best])
            best = i;
    return colours[best];
}

static void drawing_run(struct rules *rules, double scale, int line, int from, int to)
{
    if ((to - from) >= DRAWING_RULE_MIN * scale && rules->n < RULES_MAX)
        words_rule_add(rules, (struct rule){(line + 1) / scale, from / scale, to / scale});
}

static void drawing_painted_rules(const struct drawing *d, struct page *page)
{
    for (int y = 0; y + 1 < d->height; y++) {
        const uint8_t *row = d->grey + (size_t)y * (size_t)d->width, *below = row + d->width;
        if (memcmp(row, below, (size_t)d->width) == 0)
            continue;
        int start = -1;
        for (int x = 0; x <= d->width; x++) {
            bool edge = x < d->width && abs(row[x] - below[x]) > EDGE_CONTRAST;
            if (edge && start < 0)
                start = x;
            if (!edge && start >= 0) {
                drawing_run(&page->horizontal, d->scale, y, start, x);
                start = -1;
            }
        }
    }
    int *starts = g_new(int, (size_t)d->width + 1);
    memset(starts, 0xff, ((size_t)d->width + 1) * sizeof *starts);
    for (int y = 0; y <= d->height; y++) {
        const uint8_t *row = d->grey + (size_t)MIN_OF(y, d->height - 1) * (size_t)d->width;
        if (y > 0 && y < d->height && memcmp(row, row - d->width, (size_t)d->width) == 0)
            continue;
        for (int x = 0; x + 1 < d->width; x++) {
            bool edge = y < d->height && abs(row[x] - row[x + 1]) > EDGE_CONTRAST;
            if (edge && starts[x] < 0)
                starts[x] = y;
            if (!edge && starts[x] >= 0) {
                drawing_run(&page->vertical, d->scale, x, starts[x], y);
                starts[x] = -1;
            }
        }
    }
    g_free(starts);
}

void drawing_rules(const struct drawing *d, struct page *page)
{
    if (d->rgb != NULL)
        drawing_painted_rules(d, page);
    else
        picture_rules(&d->picture, DRAWING_RULE_MIN, page);
}
