/*
 * pdfgen_page - draws rows into content streams: column by column within a row, title and headers on page 1 only, a row that does
 * not fit is split over the break and its leading cells stay blank there.
 */
#include "pdfgen.h"

#include <math.h>

enum { PAGE_TOP = 555, PAGE_BOTTOM = 40, PAGE_RIGHT = 801 };
#define PAGE_PITCH 11.56

struct page_pen {
    const struct pdfgen_sheet *sheet;
    struct buf *out; /* of the page being drawn */
    double y;        /* top of the next row */
};

/* Advance widths of Helvetica, 1/1000 em, from U+0020 (Adobe Core 14 AFM). */
static const uint16_t HELVETICA[95] = {
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
    556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
};

double pdfgen_page_width(const char *text, double size)
{
    double sum = 0;
    for (; *text != '\0'; text++)
        if (*text >= ' ' && *text <= '~')
            sum += HELVETICA[*text - ' '];
    return sum * size / 1000;
}

static void page_string(struct buf *out, const char *text)
{
    (void)buf_adds(out, "(");
    for (; *text != '\0'; text++)
        (void)buf_addf(out, *text == '(' || *text == ')' || *text == '\\' ? "\\%c" : "%c", *text);
    (void)buf_adds(out, ")");
}

/* One string with its baseline at x, y. */
static void page_text(const struct page_pen *pen, bool bold, double size, double x, double y, const char *text)
{
    const char *font = bold ? "F2" : "F1";
    x += pen->sheet->shift;
    if (pen->sheet->producer != PDFGEN_BROWSER) {
        (void)buf_addf(pen->out, "BT /%s %g Tf %.3f %.3f Td ", font, size, x, y);
        page_string(pen->out, text);
        (void)buf_adds(pen->out, " Tj ET\n");
        return;
    }
    /* In the browser's coordinates: quarter-size units, y downwards, so the text matrix flips back; spaces are moves. */
    (void)buf_addf(pen->out, "BT /%s %g Tf 1 0 0 -1 %.3f %.3f Tm ", font, size / 0.24, x / 0.24, (595.3 - y) / 0.24);
    double moved = 0;
    while (*text != '\0') {
        char word[PDFGEN_TEXT_MAX];
        size_t len = bold ? strlen(text) : MAX_OF(strcspn(text, " "), (size_t)1); /* widths are the regular face's */
        memcpy(word, text, len);
        word[len] = '\0';
        page_string(pen->out, word);
        text += len;
        size_t spaces = strspn(text, " ");
        double advance = pdfgen_page_width(word, size) + (double)spaces * 0.278 * size;
        text += spaces;
        (void)buf_adds(pen->out, " Tj ");
        if (*text != '\0')
            (void)buf_addf(pen->out, "%.4f 0 Td ", advance / 0.24);
        moved += advance;
    }
    (void)buf_addf(pen->out, "ET %% %.2f\n", moved);
}

static void page_rect(const struct page_pen *pen, double x, double y, double w, double h)
{
    x += pen->sheet->shift;
    if (pen->sheet->producer == PDFGEN_BROWSER)
        (void)buf_addf(pen->out, "%.3f %.3f %.3f %.3f re f\n", x / 0.24, (595.3 - y - h) / 0.24, w / 0.24, h / 0.24);
    else if (pen->sheet->producer == PDFGEN_PORTAL)
        (void)buf_addf(pen->out, "%.3f %.3f %.3f %.3f re f\n", x, y, w, h);
    else if (w > h)
        (void)buf_addf(pen->out, "%.3f %.3f m %.3f %.3f l S\n", x, y, x + w, y);
    else
        (void)buf_addf(pen->out, "%.3f %.3f m %.3f %.3f l S\n", x, y, x, y + h);
}

static double page_right(const struct pdfgen_sheet *sheet, size_t column)
{
    return column + 1 < sheet->n_columns ? sheet->columns[column + 1].left - 4 : PAGE_RIGHT;
}

static void page_borders(const struct page_pen *pen, double bottom)
{
    if (!pen->sheet->rules)
        return;
    for (size_t c = 0; c < pen->sheet->n_columns; c++) {
        double left = pen->sheet->columns[c].left - 4, right = page_right(pen->sheet, c);
        page_rect(pen, left, pen->y, right - left, 0.5);
        page_rect(pen, left, bottom, right - left, 0.5);
        page_rect(pen, left, bottom, 0.5, pen->y - bottom);
        page_rect(pen, right, bottom, 0.5, pen->y - bottom);
    }
}

static void page_header(struct page_pen *pen)
{
    const struct pdfgen_sheet *sheet = pen->sheet;
    page_text(pen, true, 20, 41, PAGE_TOP, sheet->title);
    page_text(pen, false, 9, 640, PAGE_TOP, "University timetable, draft");
    pen->y = PAGE_TOP - 25;
    double bottom = pen->y - 28;
    if (sheet->producer == PDFGEN_REPORTLAB)
        (void)buf_addf(pen->out, "0.3 0.3 0.4 rg %.2f %.2f %.2f 28 re f 0 g\n", 37 + sheet->shift, bottom,
                       (double)PAGE_RIGHT - 37);
    page_borders(pen, bottom);
    if (sheet->producer == PDFGEN_REPORTLAB)
        (void)buf_adds(pen->out, "1 g\n");
    for (size_t c = 0; c < sheet->n_columns; c++) {
        char first[32];
        double left = sheet->columns[c].left, room = page_right(sheet, c) - left - 2;
        const char *space = strchr(sheet->columns[c].header, ' ');
        size_t len = space != NULL && (sheet->kind == PDFGEN_EXAM || pdfgen_page_width(sheet->columns[c].header, 10) > room)
                         ? (size_t)(space - sheet->columns[c].header)
                         : strlen(sheet->columns[c].header);
        memcpy(first, sheet->columns[c].header, len);
        first[len] = '\0';
        page_text(pen, true, sheet->kind == PDFGEN_EXAM ? 8 : 10, left, pen->y - 11, first);
        if (sheet->columns[c].header[len] != '\0')
            page_text(pen, true, sheet->kind == PDFGEN_EXAM ? 8 : 10, left, pen->y - 11 - PAGE_PITCH,
                      sheet->columns[c].header + len + 1);
    }
    (void)buf_adds(pen->out, "0 g\n");
    pen->y = bottom;
}

/* Lines first … first + n of the row; cells that have none there hold a space. */
static void page_row(struct page_pen *pen, const struct pdfgen_row *row, size_t first, size_t n)
{
    double bottom = pen->y - (double)n * PAGE_PITCH - 4;
    page_borders(pen, bottom);
    for (size_t c = 0; c < pen->sheet->n_columns; c++) {
        const struct pdfgen_cell *cell = &row->cells[c];
        double left = pen->sheet->columns[c].left, y = pen->y - 10;
        size_t end = MIN_OF(cell->n, first + n);
        if (pen->sheet->middle && first == 0 && cell->n < n && !(pen->sheet->kind == PDFGEN_LECTURE && c >= 4))
            y -= (double)(n - cell->n) * PAGE_PITCH / 2;
        if (end <= first)
            page_text(pen, false, pen->sheet->font_size, left, y, " ");
        for (size_t i = first; i < end; i++, y -= PAGE_PITCH) {
            page_text(pen, false, pen->sheet->font_size, left, y, cell->lines[i]);
            if (i == 0 && cell->hidden != '\0') {
                char letter[2] = {cell->hidden, '\0'};
                (void)buf_adds(pen->out, "1 g\n");
                page_text(pen, false, pen->sheet->font_size,
                          left + pdfgen_page_width(cell->lines[i], pen->sheet->font_size) + (pen->sheet->n_rows % 2 ? 0 : 3), y, letter);
                (void)buf_adds(pen->out, "0 g\n");
            }
        }
    }
    pen->y = bottom;
}

static void page_open(struct page_pen *pen, struct buf pages[], size_t number)
{
    pen->out = &pages[number];
    pen->y = PAGE_TOP;
    if (pen->sheet->producer == PDFGEN_BROWSER)
        (void)buf_adds(pen->out, ".24 0 0 -.24 0 595.3 cm\n");
    if (pen->sheet->producer == PDFGEN_REPORTLAB)
        (void)buf_adds(pen->out, "0.5 w\n");
    if (number == 0)
        page_header(pen);
}

size_t pdfgen_page_draw(const struct pdfgen_sheet *sheet, struct buf pages[], size_t max)
{
    struct page_pen pen = {.sheet = sheet};
    size_t n_pages = 1;
    page_open(&pen, pages, 0);
    for (size_t r = 0; r < sheet->n_rows; r++) {
        size_t lines = 1;
        for (size_t c = 0; c < sheet->n_columns; c++)
            lines = MAX_OF(lines, sheet->rows[r].cells[c].n);
        for (size_t first = 0; first < lines;) {
            double room = floor((pen.y - PAGE_BOTTOM - 4) / PAGE_PITCH);
            size_t fits = room < 1 ? 0 : (size_t)room;
            size_t n = MIN_OF(fits, lines - first);
            if (n > 0)
                page_row(&pen, &sheet->rows[r], first, n);
            first += n;
            if (first < lines || (r + 1 < sheet->n_rows && fits == n)) {
                if (n_pages == max)
                    return n_pages;
                page_open(&pen, pages, n_pages++);
            }
        }
    }
    return n_pages;
}
