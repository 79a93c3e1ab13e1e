/*
 * picture - what is drawn on a page, as boxes and polygons in the order they were drawn: backgrounds, thin rectangles, strokes. Answers
 * what colour is seen at a point and where straight edges run, without a pixel.
 *
 * Runs in: parser cell. Pure. Coordinates are points from the visible page's top left corner, y downwards.
 * Owner: whoever called picture_init; picture_fini frees. Images and shades are boxes whose colour is not known.
 */
#pragma once

#include "words.h"

enum { PICTURE_BOXES_MAX = 100000, PICTURE_POINTS_MAX = 1000000 }; /* a page; what is drawn beyond is not taken down */
enum { PICTURE_SIDE_MAX = 1000000 }; /* points, of a page; what lies farther out is not on it. The format's own limit is 14400 units */
enum { PICTURE_WHITE = 0xffffff, PICTURE_UNKNOWN = 0x1000000 };    /* colours are 0xRRGGBB; PICTURE_UNKNOWN is none of them */

struct picture_point {
    float x, y;
};

struct picture_box {
    float x0, y0, x1, y1;
    uint32_t colour;    /* 0xRRGGBB or PICTURE_UNKNOWN */
    uint8_t alpha;      /* 255: nothing below is seen */
    bool even_odd;      /* the polygon's fill rule */
    uint32_t points, n; /* the polygon's segments in picture.points, two points each; n 0: the box itself */
};

struct picture {
    struct picture_box *boxes; /* owned */
    size_t n, cap;
    struct picture_point *points; /* owned */
    size_t n_points, points_cap;
    double width, height;
    uint32_t *bins, *starts; /* owned: boxes by tile of the page; NULL before picture_close */
    uint32_t *large;         /* owned: boxes of very many tiles */
    size_t n_large, columns, rows;
};

/* Borrows nothing; width and height in points, any number: below 0 is 0, and there are at most PICTURE_SIDE_MAX. */
void picture_init(struct picture *p, double width, double height);
void picture_fini(struct picture *p);
/* Puts a box over all before it; what lies beyond the page is cut off. True when anything of it is on the page. */
bool picture_add(struct picture *p, struct picture_box box);
/* As picture_add, for a polygon of n segments (two points each, copied) with the box's extent. */
bool picture_add_polygon(struct picture *p, struct picture_box box, const struct picture_point *points, size_t n);
/* Ends the drawing; from here on the questions below may be asked. */
void picture_close(struct picture *p);
/* The colour seen at a point, 0xRRGGBB, of what was drawn before box `until`; PICTURE_UNKNOWN on an image or a shade. */
uint32_t picture_colour(const struct picture *p, double x, double y, size_t until);
/* True when a box of known colour that lets nothing through, box `from` or a later one, lies over the point. */
bool picture_covered(const struct picture *p, double x, double y, size_t from);
/* Adds the edges that can be seen and are at least PICTURE_RULE_MIN points long to page's rules. */
enum { PICTURE_RULE_MIN = 8 };
void picture_rules(const struct picture *p, struct page *page);
