/*
 * table_line - the words of a cell as lines from top to bottom, and lines as one text.
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "table.h"

struct _GString;

/* Appends the lines that n words of one cell make, whatever their order; words is reordered. offset is added to each line's y. */
void table_line_fill(struct table_cell *cell, const struct word *words[], size_t n, double offset);
/* Puts n words of one line into reading order: from the left, texts written from the right as they are read. */
void table_line_sort(const struct word *words[], size_t n);
/* Moves the lines above `until` from one cell to the end of another. */
void table_line_move(struct table_cell *to, struct table_cell *from, double until);
/* The line that stands at y, NULL for none. size: of the print there, points. */
const struct table_line *table_line_at(const struct table_cell *cell, double y, double size);
/* Appends a line to a text that goes on in it: after a space, but not where it was broken behind a hyphen or a slash. */
void table_line_join(struct _GString *text, const char *line);
/* Frees the lines. */
void table_line_clear(struct table_cell *cell);
/* For qsort of const struct word *: by the words' middles, then from the left. */
int table_line_order(const void *a, const void *b);
