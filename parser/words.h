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
    bool bold;    /* by the font's name, weight or flags, or by a stroked outline */
    uint8_t red, green, blue;
    char *text;   /* UTF-8, NFC, owned */
    uint64_t seams; /* bit k: what the file sets elsewhere begins with the k-th character; of the first 64, 0 where characters are no glyphs */
    double *starts; /* left edge of each character, in text's allocation; NULL when not known */
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
    struct word *words; /* owned, line by line, each from left to right */
    size_t n_words;
    struct rules vertical, horizontal;
};

struct sheet;

/* Makes the page's words of the sheet's characters; those that cannot be seen are left out, their number is added to *hidden. page->number
 * is the caller's. 0; ERR_DECOMPRESSION_LIMIT when the sheet was full. */
int words_read(struct page *page, const struct sheet *sheet, size_t *hidden, struct err *e);
void words_free(struct page *page);
/* Appends one rule. */
void words_rule_add(struct rules *rules, struct rule rule);
