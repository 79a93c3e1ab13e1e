/*
 * table_margin - what stands above and below the table's rows on a page: student, date of printing, page numbers, addresses.
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "table.h"

/* A page whose rows are to be read. */
struct table_margin {
    const struct table *table;
    const struct page *pages; /* all of them: what stands at one place on each is a margin's */
    size_t n_pages, at;       /* this page's index */
    double top;               /* of the first row: below the header, -INFINITY without one */
    double body_size;         /* the page's most frequent font size */
};

/* Narrows [*first, *end) of the page's words, sorted by line, to the table's. rows: y of the drawn rules between rows, n_rows of
 * them. */
void table_margin_find(const struct table_margin *m, const struct word *words[], const double rows[], size_t n_rows, size_t *first,
                       size_t *end);
/* True when a vertical rule of the page crosses y. */
bool table_margin_crossed(const struct page *page, double y);
/* True when words (one or more lines) hold a line that can only begin a row: what its columns for days, dates and times say is one. */
bool table_margin_begins_row(const struct table *t, const struct word *const words[], size_t n);
