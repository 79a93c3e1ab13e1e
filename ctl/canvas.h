/*
 * canvas - lines of text that keep to a terminal's width: cut where they would wrap, coloured where there is colour.
 *
 * Runs in: ctl. Pure. Owner: the caller's struct canvas. Text must be harmless already (out_harmless).
 */
#pragma once

#include "buf.h"
#include "out.h"

struct canvas {
    struct buf text; /* owned; lines that end with a line feed */
    size_t columns;
    size_t rows; /* most lines; more are left out */
    size_t row, column;
    bool colour;
};

enum { CANVAS_ROWS_MOST = 1000, CANVAS_COLUMNS_MOST = 500 };

/* Empty. columns and rows are taken as at least 20 and 1. */
void canvas_init(struct canvas *c, size_t columns, size_t rows, bool colour);
void canvas_fini(struct canvas *c);
/* Appends to the current line, as far as it fits. */
void canvas_put(struct canvas *c, enum tint tint, const char *format, ...) PRINTF_LIKE(3, 4);
/* Blanks up to a column, if it is not passed yet. */
void canvas_tab(struct canvas *c, size_t column);
/* Ends the line. */
void canvas_end(struct canvas *c);
/* Columns left in this line, lines left after it. */
size_t canvas_columns_left(const struct canvas *c);
size_t canvas_rows_left(const struct canvas *c);
