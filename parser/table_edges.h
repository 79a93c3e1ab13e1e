/*
 * table_edges - where one row ends and the next begins, as heights on a page: drawn, or told by wider gaps.
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "table.h"

enum { TABLE_EDGES_MAX = 20000 };

/* What gaps between lines say over all pages. Begin with TABLE_GAPS_NONE. */
struct table_gaps {
    double between; /* the least of the widest gaps between one anchor and the next */
    double within;  /* the widest of all others */
};
#define TABLE_GAPS_NONE ((struct table_gaps){INFINITY, -INFINITY})

/* y of the horizontal rules that run along most of the table, below top, each once, in order; none when they part nothing. The most is
 * TABLE_EDGES_MAX. words: the page's below top, n, by line. */
size_t table_edges_drawn(const struct table *t, const struct page *page, const struct word *const words[], size_t n, double edges[]);
/* Adds the evidence of a page's rows. */
void table_edges_learn(struct table_gaps *gaps, const struct table *t, const struct word *const words[], size_t n, const double edges[],
                       size_t n_edges);
/* True when rows lie clearly farther apart than lines of one row. size: of the print, points. */
bool table_edges_tell(const struct table_gaps *gaps, double size);
/* Adds the heights of the wide gaps, and what is above and below all words, to edges; returns how many there are then. */
size_t table_edges_add(const struct table_gaps *gaps, const struct word *const words[], size_t n, double edges[], size_t n_edges);
