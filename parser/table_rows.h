/*
 * table_rows - the lines of a page's table become rows: between edges, or from one anchor to the next.
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "table.h"

/* The rows' part of one page. */
struct table_strip {
    const struct page *page;
    const struct word **words; /* of the rows only, by line; reordered by reading */
    size_t n;
    const double *edges; /* heights between rows, in order */
    size_t n_edges;
    bool by_gaps;        /* some edges are not drawn */
    double body_size;    /* the page's most frequent font size */
};

/* Appends the strip's rows to the table, and to its last row what goes on from the page before. What can be no row is put outside. */
void table_rows_read(struct table *t, const struct table_strip *strip);
/* Appends texts that belong to no row to the table's outside, line by line; words is reordered. */
void table_rows_outside(struct table *t, const struct word *words[], size_t n, int page);
