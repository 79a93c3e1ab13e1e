/*
 * table_header - finds a layout's header row on a page and the columns under it.
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "table.h"

struct table_header {
    double top, bottom; /* of the header texts */
    double left[LAYOUT_COLUMNS_MAX], right[LAYOUT_COLUMNS_MAX];
    double text[LAYOUT_COLUMNS_MAX]; /* left edge of each header's text */
    size_t n_found;      /* columns found */
    bool ruled;          /* edges are drawn; else they are derived from the header texts */
};

/* Looks for the headers of layout on page. False when fewer than half of the required ones are there. body: all pages, for edges
 * that are not drawn. known: of a page before, NULL for none; where nothing is drawn and the texts stand alike, its columns are taken. */
bool table_header_find(struct table_header *h, const struct layout *layout, const struct page *page, const struct page body[],
                       size_t n_body, const struct table_header *known);
