/*
 * table - rows of cells from words and rules: where the headers are, where the columns run, where a row begins and ends.
 *
 * Runs in: parser cell. Pure: no poppler, so it is tested from word boxes alone. Allocates with GLib.
 *
 * Columns: between vertical rules where the header row has them, else between the header texts, at the place that cuts the fewest
 * words. Rows: between horizontal rules where the page has them, else from one anchor to the next. A row without an anchor
 * continues the row before it, over page breaks too. Later pages have no header; one that repeats it is skipped there.
 */
#pragma once

#include "err.h"
#include "layout.h"
#include "words.h"

/* One line of text in one cell. */
struct table_line {
    double y;          /* baseline order over the whole table: pages follow one another */
    double x0, x1;     /* extent of the text */
    double first_word; /* width of its first word */
    double size;       /* font size */
    char *text;        /* owned; words joined by one space */
    bool goes_on;      /* in a list column: the rest of the line above, not a text of its own */
};

struct table_cell {
    struct table_line *lines; /* owned, from top to bottom */
    size_t n;
};

struct table_row {
    int page;   /* where it begins */
    int number; /* 1 is the page's first row */
    struct table_cell cells[LAYOUT_COLUMNS_MAX];
};

struct table {
    const struct layout *layout;
    size_t n_columns;
    bool ruled; /* the columns' edges are drawn */
    double left[LAYOUT_COLUMNS_MAX], right[LAYOUT_COLUMNS_MAX]; /* of each layout column; left > right: the column is absent */
    double text[LAYOUT_COLUMNS_MAX][2]; /* where each column's text begins: below its header's, and where most of it does */
    double narrow[2][128]; /* narrowest seen advance of each ASCII character, per point of size; [1]: bold; INFINITY: not seen */
    double page_right;                   /* where the last column must end when nothing is drawn: margins are alike */
    struct table_row *rows;                                     /* owned */
    size_t n_rows;
    char **outside; /* owned: texts between and below the rows that belong to no cell; reported, never dropped */
    int *outside_page;
    size_t n_outside;
};

/* Builds the table of all pages. pages[0] has the headers. 0, or ERR_MISSING_COLUMNS with the names of those missing. */
int table_build(struct table *t, const struct layout *layout, const struct page pages[], size_t n_pages, struct err *e);
void table_free(struct table *t);
/* The layout column a word stands in, -1 for none. */
int table_column_at(const struct table *t, const struct word *w);
/* True when a line is the rest of the code above it: "COS" and below it "214". */
bool table_is_rest(const struct table_line *above, const struct table_line *line);
/* All lines of a cell joined by a space; caller frees with g_free. */
char *table_cell_text(const struct table_cell *cell);
