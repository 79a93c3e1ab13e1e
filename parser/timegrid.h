/*
 * timegrid - the cells of a page whose days run along one side and whose hours along the other: what each says, and when it is.
 *
 * Runs in: parser cell. Pure: words and rules only. Allocates with GLib. Owner: whoever called; timegrid_free frees.
 *
 * A cell ends at a drawn rule, or, where none parts two labels, where the fewest words between them are cut; a drawn box over several hours
 * is one cell.
 */
#pragma once

#include "layout.h"
#include "words.h"
#include <glib.h>

enum { TIMEGRID_LABELS_MAX = 64, TIMEGRID_EDGES_MAX = 240, TIMEGRID_GRIDS_MAX = 16 };

/* A day's or an hour's label along a side. */
struct timegrid_label {
    double x0, y0, x1, y1;
    unsigned days;   /* of a day's: bit 0 is Monday */
    char date[11];   /* of a day's, when it names one; "" */
    int start, end;  /* of an hour's: minutes of the day; end -1: not said */
};

struct timegrid_labels {
    struct timegrid_label items[TIMEGRID_LABELS_MAX];
    size_t n;
};

/* One occupied cell. */
struct timegrid_cell {
    int page, number; /* 1 is the page's first */
    double x0, y0, x1, y1;
    char *text;       /* owned; its lines, separated by line breaks */
    unsigned days;
    char date[11];
    int start, end;   /* minutes of the day; end -1: not known */
};

struct timegrid {
    struct timegrid_labels top, side; /* of the grid read last: the next page may go on with it */
    GArray *cells;      /* owned, of struct timegrid_cell, in reading order */
    GPtrArray *outside; /* owned texts that are in no cell */
    GArray *outside_page; /* int, one for each */
};

/* Empty; and frees. */
void timegrid_init(struct timegrid *t);
void timegrid_free(struct timegrid *t);
/* Reads the grids of a page. False when it has none, and goes on with none. */
bool timegrid_page(struct timegrid *t, const struct layout *layout, const struct layout_values *v, const struct page *page);
/* How many labels its first grid has; 0: there is none. */
size_t timegrid_count(const struct layout *layout, const struct page *page);

/* -- between timegrid.c and timegrid_cells.c -- */
/* Where one grid stands on a page: edges between its labels. */
struct timegrid_place {
    double top, bottom;             /* of the words that are its own */
    double xs[TIMEGRID_LABELS_MAX + 1], ys[TIMEGRID_LABELS_MAX + 1]; /* column i is from xs[i] to xs[i + 1] */
    bool x_drawn[TIMEGRID_LABELS_MAX + 1], y_drawn[TIMEGRID_LABELS_MAX + 1];
};
/* Reads the cells of one grid. words: those between its top and bottom. */
void timegrid_cells(struct timegrid *t, const struct layout *layout, const struct page *page, const struct timegrid_place *place,
                    const struct word *words[], size_t n);
/* Notes a text that is in no cell; words from left to right of one line or several. */
void timegrid_outside(struct timegrid *t, int page, const struct word *words[], size_t n);
