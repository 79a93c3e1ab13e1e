/*
 * grid_frame - the drawn tables of a page: where their columns and rows run, and which of their cells are one.
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "words.h"

enum { GRID_FRAME_COLUMNS_MAX = 512, GRID_FRAME_ROWS_MAX = 8192 };

struct grid_frame {
    double top, bottom;      /* what vertical rules cross without a break */
    double *columns, *rows;  /* owned: their edges, in order */
    size_t n_columns, n_rows; /* edges: at least 3 and 2, for a frame around texts draws no columns */
    uint8_t *parted;         /* owned: of each cell, GRID_LEFT: a rule parts it from the one to its left; GRID_ABOVE */
};

/* The page's drawn tables from top to bottom, owned by the caller (grid_frame_free). */
size_t grid_frame_find(const struct page *page, struct grid_frame **ret_frames);
void grid_frame_free(struct grid_frame *frames, size_t n);
/* Row and column of a point; of cells that are one, the first. */
void grid_frame_cell(const struct grid_frame *frame, double x, double y, size_t *ret_row, size_t *ret_column);
/* y of the horizontal rules that run along most of n words (by line), in order, at most max: rows of a table without columns drawn. */
size_t grid_frame_rules(const struct page *page, const struct word *const words[], size_t n, double rules[], size_t max);
