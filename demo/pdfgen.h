/*
 * pdfgen - writes timetables that look like the portal's, and beside each the events it holds.
 *
 * Runs in: stint-pdfgen only (demo, tests, benches). Everything follows from the seed: the same arguments write the same bytes.
 */
#pragma once

#include "base.h"
#include "buf.h"
#include <jansson.h>

enum {
    PDFGEN_COLUMNS_MAX = 10,
    PDFGEN_LINES_MAX = 40,  /* lines of one cell */
    PDFGEN_TEXT_MAX = 96,   /* bytes of one line */
    PDFGEN_ROWS_MAX = 20000,
};

enum pdfgen_kind { PDFGEN_LECTURE, PDFGEN_TEST, PDFGEN_EXAM };

/* Who the file pretends to come from. PORTAL: filled rectangles as borders; BROWSER: a scaled, flipped page and glyphs placed
 * in pieces; REPORTLAB: stroked lines, a dark header with white text, ASCII85. */
enum pdfgen_producer { PDFGEN_PORTAL, PDFGEN_BROWSER, PDFGEN_REPORTLAB };

struct pdfgen_cell {
    char lines[PDFGEN_LINES_MAX][PDFGEN_TEXT_MAX];
    size_t n;
    char hidden; /* white letter after the first line; 0: none */
};

struct pdfgen_row {
    struct pdfgen_cell cells[PDFGEN_COLUMNS_MAX];
};

struct pdfgen_column {
    const char *header; /* words; wrapped where they do not fit */
    double left;        /* left edge of the text, points */
};

struct pdfgen_sheet {
    enum pdfgen_kind kind;
    enum pdfgen_producer producer;
    const char *title;
    const struct pdfgen_column *columns;
    size_t n_columns;
    double font_size;   /* of the body */
    bool middle;        /* short cells are centred vertically */
    bool rules;         /* draw borders */
    bool plain;         /* contents are stored, not compressed */
    double shift;       /* added to every x, points */
    struct pdfgen_row *rows; /* owned by main */
    size_t n_rows;
    json_t *events;     /* ground truth, array; owned by main */
};

/* Fixed columns, title and font of the sheet's kind. */
void pdfgen_data_columns(struct pdfgen_sheet *sheet);
/* Fills n_rows rows and the ground truth from the seed. sheet->rows has room for n_rows. */
void pdfgen_data_fill(struct pdfgen_sheet *sheet, uint64_t seed);
/* Width of text in Helvetica (or its bold) of the given size, points. */
double pdfgen_page_width(const char *text, double size);
/* Draws the sheet: each page's content stream is appended to pages[]; returns how many pages (at most max). */
size_t pdfgen_page_draw(const struct pdfgen_sheet *sheet, struct buf pages[], size_t max);
/* Writes the whole PDF of n content streams into out. */
void pdfgen_file_write(const struct pdfgen_sheet *sheet, const struct buf pages[], size_t n, struct buf *out);
