/*
 * words - a page as words with boxes, and the straight lines drawn on it.
 *
 * Runs in: parser cell. Coordinates are points from the visible page's top left corner, y downwards, after rotation and crop.
 * Owner: whoever called; words_free frees. In a cell an allocation that fails ends the process as MEM_LIMIT, so none is checked.
 */
#pragma once

#include "base.h"
#include "err.h"

enum { WORDS_CHARS_MAX = 2000000 }; /* characters of one document; more is a bomb, not a timetable */

struct word {
    double x0, y0, x1, y1;
    double size;  /* font size, points */
    bool bold;    /* by the font's name */
    uint8_t red, green, blue;
    char *text;   /* UTF-8, owned */
    double *starts; /* owned: left edge of each character; NULL when not known */
};

/* A straight edge: a thin rectangle, a stroke, or the border between two backgrounds. */
struct rule {
    double at;       /* x of a vertical, y of a horizontal rule */
    double from, to; /* its extent along the other axis */
};

struct rules {
    struct rule *items; /* owned */
    size_t n, cap;
};

struct page {
    int number; /* 1 is the first */
    double width, height;
    struct word *words; /* owned, in the order of the file's text flow */
    size_t n_words;
    struct rules vertical, horizontal;
};

struct _PopplerPage;

/* Reads the page's words; those that cannot be seen (coloured as what is painted under them) are left out, their number is
 * added to *hidden. chars counts characters over the document's pages. 0; ERR_DECOMPRESSION_LIMIT past WORDS_CHARS_MAX;
 * ERR_CORRUPT_PDF when text and boxes do not agree. */
int words_read(struct page *page, struct _PopplerPage *from, size_t *chars, size_t *hidden, struct err *e);
void words_free(struct page *page);
/* Appends one rule. */
void words_rule_add(struct rules *rules, struct rule rule);
