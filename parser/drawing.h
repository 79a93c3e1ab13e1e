/*
 * drawing - the page painted without its text, to see what only a painted page tells: where lines run, and what colour is under
 * a word. Works alike for filled rectangles, strokes, images and shaded backgrounds, whoever wrote the file.
 *
 * Runs in: parser cell. The font configuration is empty there, so fonts that are not embedded draw nothing and open nothing.
 */
#pragma once

#include "words.h"

struct drawing {
    uint8_t *grey;   /* owned: luminance, width * height */
    uint32_t *rgb;   /* borrowed from the surface */
    int width, height; /* pixels */
    double scale;    /* pixels per point */
    void *surface;   /* owned */
};

/* Paints the page: at two pixels a point, fewer on very large pages (DRAWING_PIXELS_MAX). */
enum { DRAWING_PIXELS_MAX = 4 * 1024 * 1024 };
void drawing_init(struct drawing *d, struct _PopplerPage *page, double width, double height);
void drawing_fini(struct drawing *d);
/* The prevailing colour of a box, 0xRRGGBB. */
uint32_t drawing_colour(const struct drawing *d, double x0, double y0, double x1, double y1);
/* The colour of one point. */
uint32_t drawing_pixel_at(const struct drawing *d, double x, double y);
/* Finds the rules at least DRAWING_RULE_MIN points long and adds them to page. */
enum { DRAWING_RULE_MIN = 8 };
void drawing_rules(const struct drawing *d, struct page *page);
