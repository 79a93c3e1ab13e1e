/*
 * drawing - what is drawn on a page beside its text: where lines run, and what colour is under a word. Works alike for filled rectangles,
 * strokes, images and shaded backgrounds, whoever wrote the file.
 *
 * Runs in: parser cell. The font configuration is empty there, and no glyph is drawn.
 *
 * The page's drawing is taken down as boxes (picture.h) in the pass that reads its text. Only where words stand on what is no box is it
 * painted, at two pixels a point, fewer on very large pages (DRAWING_PIXELS_MAX).
 */
#pragma once

#include "picture.h"

enum { DRAWING_PIXELS_MAX = 4 * 1024 * 1024 };

struct drawing {
    struct picture picture;
    double scale;      /* pixels per point */
    int width, height; /* pixels */
    uint8_t *grey;     /* owned: luminance, width * height; NULL unless painted */
    uint32_t *rgb;     /* borrowed from the surface */
    void *surface;     /* owned */
};

/* Takes the page's drawing down; the library keeps the text it met on the way. Must come before the page's text is asked for. */
void drawing_init(struct drawing *d, struct _PopplerPage *page, double width, double height);
void drawing_fini(struct drawing *d);
/* Paints the page if words stand where the boxes do not tell what is under them. */
void drawing_settle(struct drawing *d, struct _PopplerPage *from, const struct page *page);
/* The prevailing colour of a box, 0xRRGGBB; of one point of it on a picture. */
uint32_t drawing_colour(const struct drawing *d, double x0, double y0, double x1, double y1);
/* The colour of one point. */
uint32_t drawing_pixel_at(const struct drawing *d, double x, double y);
/* Finds the rules at least DRAWING_RULE_MIN points long and adds them to page. */
enum { DRAWING_RULE_MIN = 8 };
void drawing_rules(const struct drawing *d, struct page *page);
