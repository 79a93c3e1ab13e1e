/*
 * picture - what is drawn on a page, as boxes in the order they were drawn: backgrounds, thin rectangles, strokes. Answers what
 * colour is seen at a point and where straight edges run, without a pixel.
 *
 * Runs in: parser cell. Pure: knows neither poppler nor cairo. Coordinates are pixels: points times the scale it was made with.
 * Owner: whoever called picture_init; picture_fini frees. What is no upright box is murky: only painting tells its colours.
 */
#pragma once

#include "words.h"

enum { PICTURE_BOXES_MAX = 20000 }; /* a page; more is a map, and is painted */

struct picture_box {
    float x0, y0, x1, y1;
    uint32_t colour; /* 0xRRGGBB */
    uint8_t alpha;   /* 255: nothing below is seen */
};

struct picture {
    struct picture_box *boxes; /* owned */
    size_t n, cap;
    struct picture_box *murky; /* owned: extents of curves, images and shades */
    size_t n_murky, murky_cap;
    bool full; /* more than PICTURE_BOXES_MAX */
    double width, height, scale;
    uint32_t *bins, *starts; /* owned: boxes by stripe of the page; NULL before picture_close */
    size_t n_bins;
};

/* Borrows nothing; width and height in pixels. */
void picture_init(struct picture *p, double width, double height, double scale);
void picture_fini(struct picture *p);
/* Puts a box over all before it; corners in any order; what lies beyond the page is cut off. */
void picture_add(struct picture *p, struct picture_box box);
/* Marks an area whose colours are not known. */
void picture_add_murky(struct picture *p, struct picture_box box);
/* Ends the drawing; from here on the questions below may be asked. */
void picture_close(struct picture *p);
/* True when the boxes alone do not say what is under a word. */
bool picture_is_murky(const struct picture *p, const struct page *page);
/* The colour seen at a point (pixels), 0xRRGGBB. */
uint32_t picture_colour(const struct picture *p, double x, double y);
/* Adds the edges that can be seen and are at least min points long to page's rules. */
void picture_rules(const struct picture *p, double min, struct page *page);
