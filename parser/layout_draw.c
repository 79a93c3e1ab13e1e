/*
 * layout_draw - see layout_draw.h. Characters are numbered in order of use and told by a ToUnicode map, so that any script can be drawn
 * with a font that needs no file.
 */
#include "layout_draw.h"

#include <math.h>

enum { DRAW_CELLS_MAX = 24, DRAW_CODES = 222, DRAW_FIRST_CODE = 33, DRAW_PAGES_MAX = 40 };
static const double DRAW_LEFT = 40, DRAW_TOP = 555, DRAW_BOTTOM = 30, DRAW_PITCH = 11.56, DRAW_PAD = 4;

struct draw_row {
    char **cells[DRAW_CELLS_MAX]; /* owned lines of each */
    size_t n, lines;
    bool header;
};

struct draw {
    const struct layout_example *x;
    bool ruled;
    struct draw_row rows[EXAMPLE_LINES_MAX];
    double widths[DRAW_CELLS_MAX], lefts[DRAW_CELLS_MAX + 1];
    size_t n_columns;
    gunichar codes[DRAW_CODES];
    size_t n_codes;
    GString *pages[DRAW_PAGES_MAX]; /* owned */
    size_t n_pages;
    double y;
};

static double draw_char_width(gunichar c)
{
    if (c >= 0x2e80)
        return 1000;
    if (c < 128 && strchr("iljtf.,:;'|!()[] /", (int)c) != NULL)
        return 278;
    if (c < 128 && strchr("mwMW@%", (int)c) != NULL)
        return 889;
    return g_unichar_isupper(c) ? 700 : 556;
}

static double draw_width(const char *text, double size)
{
    double width = 0;
    for (const char *at = text; *at != '\0'; at += g_utf8_skip[(unsigned char)*at])
        width += draw_char_width(g_utf8_get_char(at));
    return width * size / 1000;
}

static unsigned draw_code(struct draw *d, gunichar c)
{
    for (size_t i = 0; i < d->n_codes; i++)
        if (d->codes[i] == c)
            return (unsigned)i + DRAW_FIRST_CODE;
    if (d->n_codes == DRAW_CODES)
        return DRAW_FIRST_CODE;
    d->codes[d->n_codes] = c;
    return (unsigned)d->n_codes++ + DRAW_FIRST_CODE;
}

static void draw_number(GString *out, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append_printf(out, "%s ", g_ascii_formatd(text, sizeof text, "%.2f", value));
}

static void draw_text(struct draw *d, double x, double y, double size, bool bold, const char *text)
{
    GString *page = d->pages[d->n_pages - 1];
    if (text[0] == '\0')
        return;
    g_string_append_printf(page, "BT /F%d ", bold ? 2 : 1);
    draw_number(page, size);
    g_string_append(page, "Tf ");
    draw_number(page, x);
    draw_number(page, y);
    g_string_append(page, "Td <");
    for (const char *at = text; *at != '\0'; at += g_utf8_skip[(unsigned char)*at])
        g_string_append_printf(page, "%02x", draw_code(d, g_utf8_get_char(at)));
    g_string_append(page, "> Tj ET\n");
}

static void draw_rect(struct draw *d, double x, double y, double width, double height)
{
    GString *page = d->pages[d->n_pages - 1];
    draw_number(page, x);
    draw_number(page, y);
    draw_number(page, width);
    draw_number(page, height);
    g_string_append(page, "re f\n");
}

static void draw_page(struct draw *d)
{
    if (d->n_pages < DRAW_PAGES_MAX)
        d->pages[d->n_pages++] = g_string_new("0 g\n");
    d->y = DRAW_TOP;
}

static void draw_measure(struct draw *d, struct draw_row *row, const struct example_line *line)
{
    char **cells = g_strsplit(line->text, "|", DRAW_CELLS_MAX);
    row->header = line->type == EXAMPLE_HEADER;
    for (size_t c = 0; cells[c] != NULL; c++) {
        row->cells[c] = g_strsplit(g_strstrip(cells[c]), "\\n", 0);
        row->n = c + 1;
        double widest = 0, word = 0;
        for (size_t i = 0; row->cells[c][i] != NULL; i++) {
            char *text = g_strstrip(row->cells[c][i]), *first = g_strndup(text, strcspn(text, " "));
            widest = fmax(widest, draw_width(text, 10));
            word = fmax(word, draw_width(first, 10));
            row->lines = MAX_OF(row->lines, i + 1);
            g_free(first);
        }
        /* Room for one more word: each line is a text of its own, and none goes on. */
        d->widths[c] = fmax(d->widths[c], widest + word + 3 * DRAW_PAD);
        d->n_columns = MAX_OF(d->n_columns, c + 1);
    }
    row->lines = MAX_OF(row->lines, (size_t)1);
    g_strfreev(cells);
}

static bool draw_is(const struct draw_row *row, size_t c, const char *mark)
{
    return row != NULL && c < row->n && row->cells[c][0] != NULL && strcmp(row->cells[c][0], mark) == 0 && row->cells[c][1] == NULL;
}

/* next: the row below on the same page; a cell that goes on there has no rule under it. */
static void draw_row(struct draw *d, const struct draw_row *row, const struct draw_row *above, const struct draw_row *next)
{
    double height = (double)row->lines * DRAW_PITCH + DRAW_PAD, top = d->y;
    for (size_t c = 0; c < d->n_columns; c++) {
        bool goes_on = draw_is(row, c, "^"), leftwards = draw_is(row, c, "<");
        if (d->ruled && !goes_on && !(leftwards && draw_is(row, c - 1, "^") && above != NULL))
            draw_rect(d, d->lefts[c], top - 0.25, d->widths[c] + 0.5, 0.5);
        if (d->ruled && !leftwards)
            draw_rect(d, d->lefts[c], top - height, 0.5, height);
        if (d->ruled && c + 1 == d->n_columns)
            draw_rect(d, d->lefts[c + 1], top - height, 0.5, height);
        if (d->ruled && next == NULL)
            draw_rect(d, d->lefts[c], top - height - 0.25, d->widths[c] + 0.5, 0.5);
        for (size_t i = 0; !goes_on && !leftwards && c < row->n && row->cells[c][i] != NULL; i++)
            draw_text(d, d->lefts[c] + DRAW_PAD, top - DRAW_PITCH * (double)(i + 1) + 1, 10, row->header, row->cells[c][i]);
    }
    d->y -= height + (d->ruled ? 0 : 2);
}

static void draw_line(struct draw *d, size_t i)
{
    const struct example_line *line = &d->x->lines[i];
    if (line->type == EXAMPLE_BREAK) {
        draw_page(d);
    } else if (line->type == EXAMPLE_ABOVE || line->type == EXAMPLE_BELOW) {
        bool below = line->type == EXAMPLE_BELOW;
        d->y -= below && i > 0 && d->x->lines[i - 1].type == EXAMPLE_ROW ? 30 : 0;
        draw_text(d, DRAW_LEFT + DRAW_PAD, d->y - DRAW_PITCH, below ? 8 : 10, false, line->text);
        d->y -= DRAW_PITCH + (below ? 0 : 6);
    } else {
        bool first = i == 0 || (d->x->lines[i - 1].type != EXAMPLE_ROW && d->x->lines[i - 1].type != EXAMPLE_HEADER);
        bool last = i + 1 == d->x->n_lines || (d->x->lines[i + 1].type != EXAMPLE_ROW && d->x->lines[i + 1].type != EXAMPLE_HEADER);
        double room = (double)d->rows[i].lines * DRAW_PITCH + DRAW_PAD;
        if (d->y - room < DRAW_BOTTOM)
            draw_page(d);
        draw_row(d, &d->rows[i], first ? NULL : &d->rows[i - 1], last ? NULL : &d->rows[i + 1]);
    }
}

static void draw_to_unicode(const struct draw *d, GString *out)
{
    g_string_append(out, "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n1 begincodespacerange <00> <ff> "
                         "endcodespacerange\n");
    for (size_t i = 0; i < d->n_codes; i += 100) {
        size_t n = MIN_OF(d->n_codes - i, (size_t)100);
        g_string_append_printf(out, "%zu beginbfchar\n", n);
        for (size_t k = i; k < i + n; k++) {
            gunichar c = d->codes[k];
            g_string_append_printf(out, "<%02zx> <", k + DRAW_FIRST_CODE);
            if (c >= 0x10000)
                g_string_append_printf(out, "%04x%04x>\n", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
            else
                g_string_append_printf(out, "%04x>\n", c);
        }
        g_string_append(out, "endbfchar\n");
    }
    g_string_append(out, "endcmap end end\n");
}

static void draw_object(GString *out, GArray *offsets, const char *body)
{
    gsize at = out->len;
    g_array_append_val(offsets, at);
    g_string_append_printf(out, "%u 0 obj\n%s\nendobj\n", offsets->len, body);
}

static void draw_stream(GString *out, GArray *offsets, const GString *content)
{
    char *body = g_strdup_printf("<</Length %zu>>stream\n%s\nendstream", (size_t)content->len, content->str);
    draw_object(out, offsets, body);
    g_free(body);
}

static void draw_fonts(const struct draw *d, GString *out, GArray *offsets)
{
    GString *widths = g_string_new(NULL), *map = g_string_new(NULL);
    for (size_t i = 0; i < d->n_codes; i++)
        g_string_append_printf(widths, "%d ", (int)draw_char_width(d->codes[i]));
    for (int bold = 0; bold < 2; bold++) {
        char *font = g_strdup_printf("<</Type/Font/Subtype/Type1/BaseFont/Helvetica%s/FirstChar %d/LastChar %zu/Widths[%s]/ToUnicode 5 0 R>>",
                                     bold ? "-Bold" : "", DRAW_FIRST_CODE, DRAW_FIRST_CODE + MAX_OF(d->n_codes, (size_t)1) - 1, widths->str);
        draw_object(out, offsets, font);
        g_free(font);
    }
    draw_to_unicode(d, map);
    draw_stream(out, offsets, map);
    g_string_free(map, TRUE);
    g_string_free(widths, TRUE);
}

static GString *draw_pdf(const struct draw *d)
{
    GString *out = g_string_new("%PDF-1.4\n"), *kids = g_string_new(NULL);
    GArray *offsets = g_array_new(FALSE, FALSE, sizeof(gsize));
    double width = fmax(842, d->lefts[d->n_columns] + DRAW_LEFT);
    for (size_t i = 0; i < d->n_pages; i++)
        g_string_append_printf(kids, "%zu 0 R ", 6 + 2 * i);
    char *pages = g_strdup_printf("<</Type/Pages/Count %zu/Kids[%s]>>", d->n_pages, kids->str);
    draw_object(out, offsets, "<</Type/Catalog/Pages 2 0 R>>");
    draw_object(out, offsets, pages);
    draw_fonts(d, out, offsets);
    for (size_t i = 0; i < d->n_pages; i++) {
        char *page = g_strdup_printf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d 595]/Contents %zu 0 R/Resources<</Font<</F1 3 0 R/F2 4 0 R>>>>>>",
                                     (int)width, 7 + 2 * i);
        draw_object(out, offsets, page);
        draw_stream(out, offsets, d->pages[i]);
        g_free(page);
    }
    gsize xref = out->len;
    g_string_append_printf(out, "xref\n0 %u\n0000000000 65535 f \n", offsets->len + 1);
    for (guint i = 0; i < offsets->len; i++)
        g_string_append_printf(out, "%010zu 00000 n \n", (size_t)g_array_index(offsets, gsize, i));
    g_string_append_printf(out, "trailer<</Size %u/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", offsets->len + 1, (size_t)xref);
    g_array_free(offsets, TRUE);
    g_string_free(kids, TRUE);
    g_free(pages);
    return out;
}

GString *layout_draw(const struct layout_example *x, bool ruled)
{
    struct draw *d = g_new0(struct draw, 1);
    d->x = x;
    d->ruled = ruled;
    for (size_t i = 0; i < x->n_lines; i++)
        if (x->lines[i].type == EXAMPLE_ROW || x->lines[i].type == EXAMPLE_HEADER)
            draw_measure(d, &d->rows[i], &x->lines[i]);
    d->lefts[0] = DRAW_LEFT;
    for (size_t c = 0; c < d->n_columns; c++)
        d->lefts[c + 1] = d->lefts[c] + d->widths[c] + (ruled ? 0 : 6);
    draw_page(d);
    if (x->title != NULL)
        draw_text(d, DRAW_LEFT, DRAW_TOP - 20, 20, true, x->title);
    d->y -= x->title != NULL ? 40 : 10;
    for (size_t i = 0; i < x->n_lines; i++)
        draw_line(d, i);
    GString *pdf = draw_pdf(d);
    for (size_t i = 0; i < d->n_pages; i++)
        g_string_free(d->pages[i], TRUE);
    for (size_t i = 0; i < x->n_lines; i++)
        for (size_t c = 0; c < d->rows[i].n; c++)
            g_strfreev(d->rows[i].cells[c]);
    g_free(d);
    return pdf;
}
