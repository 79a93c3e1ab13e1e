/*
 * table_cut - texts of two cells that touch, taken for one word.
 *
 * Runs in: parser cell. Pure. table_cut_learn looks at the whole document once; then pages are cut.
 */
#pragma once

#include "table.h"

struct _GArray;

/* Notes where each column's texts begin and how wide characters are: text and narrow of the table. header_text: left edges of the headers. */
void table_cut_learn(struct table *t, const double header_text[], const struct page pages[], size_t n_pages);
/* The page's words below top (struct word; their texts owned) with those of two columns cut in two. Freed with table_cut_free. */
struct _GArray *table_cut_words(const struct table *t, const struct page *page, double top);
void table_cut_free(struct _GArray *words);
