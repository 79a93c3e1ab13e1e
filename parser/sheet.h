/*
 * sheet - one page's content as it is interpreted: characters in place, and what is drawn, in the order of the file.
 *
 * Runs in: parser cell. Pure: knows no PDF library; whoever interprets a page calls it. Coordinates are points from the visible page's
 * top left corner, y downwards. Owner: whoever called sheet_init; sheet_fini frees.
 */
#pragma once

#include "picture.h"

enum sheet_flag {
    SHEET_BOLD = 1,
    SHEET_HIDDEN = 2, /* set but not to be seen: invisible render mode, no opacity, outside the clip or the page */
    SHEET_SPACE = 4,  /* no character: separates words */
};

/* One character. */
struct sheet_glyph {
    float x0, y0, x1, y1;
    float begin, end; /* along the direction of writing */
    float base;       /* of its line, across it */
    float size;
    uint32_t unicode, colour;
    uint32_t seq;     /* how many boxes were drawn before it */
    uint8_t turn;     /* quarter turns of the direction of writing: 0 right, 1 down, 2 left, 3 up */
    uint8_t flags;    /* enum sheet_flag */
};

/* How the next characters are set. */
struct sheet_type {
    double size, ascent, descent; /* points; the latter two in ems, descent negative */
    double x, y;                  /* direction of writing, any length but 0 */
    bool vertical;                /* characters follow one another downwards, upright */
    uint8_t flags;
    uint32_t colour;
    struct picture_box clip;
};

/* With what the next path is drawn. colour and alpha as in picture.h. */
struct sheet_ink {
    uint32_t colour;
    uint8_t alpha;
    struct picture_box clip;
    double width;   /* of the pen, points */
    double dash;    /* longest dash, points; INFINITY: a whole line */
};

struct sheet_step {
    float x, y;
    bool begins;
};

struct sheet {
    struct sheet_glyph *glyphs; /* owned */
    size_t n, cap, max;
    size_t turned[4]; /* characters set from left to right, by the turn of their writing */
    bool full; /* more than max characters */
    struct picture picture;
    struct sheet_step *steps; /* owned: the path being built, curves as short lines */
    size_t n_steps, steps_cap;
    bool curved;
};

/* max: characters the page may have; further ones only set `full`. */
void sheet_init(struct sheet *s, double width, double height, size_t max);
void sheet_fini(struct sheet *s);
/* Quarter turns (clockwise) by which most of the page's writing is turned, 0 to 3. */
int sheet_turned(const struct sheet *s);
/* n Unicode characters that share one glyph with its origin at x, y; dx, dy leads to the next glyph. */
void sheet_set(struct sheet *s, const struct sheet_type *type, double x, double y, double dx, double dy, const uint32_t *unicode, size_t n);
/* The path: begun, continued, closed. Ends in sheet_fill, sheet_stroke or sheet_path_clear. */
void sheet_path_move(struct sheet *s, double x, double y);
void sheet_path_line(struct sheet *s, double x, double y);
void sheet_path_curve(struct sheet *s, double x1, double y1, double x2, double y2, double x3, double y3);
void sheet_path_close(struct sheet *s);
void sheet_path_clear(struct sheet *s);
/* The path's extent; false when it has no point. */
bool sheet_path_extent(const struct sheet *s, struct picture_box *ret_box);
/* Draws the path, and leaves it. */
void sheet_fill(struct sheet *s, const struct sheet_ink *ink, bool even_odd);
void sheet_stroke(struct sheet *s, const struct sheet_ink *ink);
/* An image, a shade, a pattern within a box: a thin one is a line, a larger one hides its colours. */
void sheet_shade(struct sheet *s, const struct sheet_ink *ink, struct picture_box box);
