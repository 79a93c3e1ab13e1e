/*
 * fuzz_schedule - any bytes as pages of words and rules, through every layout and as a table: refused with a message, or a reply that loses
 * no row and that the worker accepts.
 *
 * The bytes are a drawing: which layout, then operations on a page (draw_operations). Its lines are those of the layouts' own examples, so that
 * a few bytes make a timetable and one more bends it. Characters and strokes go the way of a page's content: through sheet, picture and words.
 */
#include "grid.h"
#include "pdf_result.h"
#include "recognise.h"
#include "schedule_grid.h"
#include "sheet.h"

#include <glib.h>
#include <math.h>
#include <stdio.h>

enum { PAGES_MAX = 4, LINES_MAX = 128, PARTS_MAX = 24, CHARS_MAX = 20000, STROKES_MAX = 2000, INPUT_MAX = 4096 };

static const double SIDES[] = {-1024, -1, 0, 0.3, 72, 14400, 2e5, 5e7, 1e30, INFINITY, NAN}; /* of a page, as a file may say */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct layout_set layouts; /* read once */

struct draw {
    const uint8_t *at, *end;
    struct sheet sheets[PAGES_MAX];
    size_t page;
    size_t strokes;
    double size, left, pitch; /* of the letters; of the columns */
};

static char **example_lines[LAYOUT_SET_MAX]; /* of each layout, NULL at the end: "Time | Monday" */
static const struct picture_box EVERYWHERE = {.x0 = -INFINITY, .y0 = -INFINITY, .x1 = INFINITY, .y1 = INFINITY};

/* The values of a layout's examples that are drawn. */
static char **draw_examples(const char *text)
{
    static const char *const keys[] = {"title =", "above =", "header =", "row =", "below ="};
    GPtrArray *found = g_ptr_array_new();
    char **all = g_strsplit(text, "\n", -1);
    for (size_t i = 0; all[i] != NULL; i++)
        for (size_t k = 0; k < ARRAY_LEN(keys) && found->len < LINES_MAX; k++)
            if (g_str_has_prefix(all[i], keys[k]))
                g_ptr_array_add(found, g_strdup(all[i] + strlen(keys[k])));
    g_strfreev(all);
    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_free(found, FALSE);
}

static void draw_prepare(void)
{
    struct err e = {0};
    if (layouts.n > 0)
        return;
    if (layout_set_load(&layouts, NULL, &e) < 0)
        abort();
    for (size_t i = 0; i < layouts.n; i++)
        example_lines[i] = draw_examples(layouts.items[i]->text);
    (void)g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING | G_LOG_FATAL_MASK); /* a cell dies of one */
}

static uint8_t draw_byte(struct draw *d)
{
    return d->at < d->end ? *d->at++ : 0;
}

/* A place on the page in 4 points' steps, a hair aside at times, and seldom far outside. */
static double draw_place(struct draw *d)
{
    static const double far[] = {-1e5, 1e5, 1e9, -1e30};
    uint8_t coarse = draw_byte(d);
    if (coarse == 255)
        return far[draw_byte(d) % ARRAY_LEN(far)];
    return coarse < 224 ? coarse * 4 : (coarse - 224) * 28 + draw_byte(d) * 0.11;
}

static void draw_letter(struct draw *d, double *x, double y, uint32_t letter, uint8_t style)
{
    static const struct { double x, y; } ways[4] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    struct sheet *s = &d->sheets[d->page];
    unsigned turn = (style & 0x70) == 0x70 ? style >> 2 & 3 : 0;
    struct sheet_type type = {.size = d->size, .ascent = 0.8, .descent = -0.2, .x = ways[turn].x, .y = ways[turn].y,
                              .flags = style & 1 ? SHEET_BOLD : 0, .clip = EVERYWHERE};
    double advance = d->size * (letter < 0x80 ? 0.5 : 1);
    sheet_set(s, &type, *x, y, advance * type.x, advance * type.y, &letter, 1);
    *x += advance;
}

/* Lines of a text below each other; where nothing or a mark stands that an example's cell is part of another, nothing is drawn. */
static void draw_text(struct draw *d, double x0, double y, const char *text, size_t len, uint8_t style)
{
    double x = x0;
    const char *end = text + len;
    if (len == 1 && strchr("^<", text[0]) != NULL)
        return;
    for (const char *at = text; at < end; at += g_utf8_skip[(unsigned char)*at])
        if (at[0] == '\\' && at + 1 < end && at[1] == 'n') {
            y += 1.2 * d->size;
            x = x0;
            at++;
        } else {
            draw_letter(d, &x, y, g_utf8_get_char(at), style);
        }
}

/* The parts of a line of an example, column by column; `only` one of them, or all. */
static void draw_line(struct draw *d, const char *line, double y, size_t only, double x, uint8_t style)
{
    for (size_t i = 0; line != NULL && i < PARTS_MAX; i++) {
        const char *bar = strchr(line, '|');
        size_t len = bar != NULL ? (size_t)(bar - line) : strlen(line), blank = strspn(line, " ");
        while (len > blank && line[len - 1] == ' ')
            len--;
        if (len > blank && (only == PARTS_MAX || i == only))
            draw_text(d, only == PARTS_MAX ? d->left + (double)i * d->pitch : x, y, line + blank, len - blank, style);
        line = bar != NULL ? bar + 1 : NULL;
    }
}

static void draw_stroke(struct draw *d, double x0, double y0, double x1, double y1)
{
    struct sheet *s = &d->sheets[d->page];
    const struct sheet_ink ink = {.alpha = 255, .clip = EVERYWHERE, .width = 0.5, .dash = INFINITY};
    if (d->strokes++ >= STROKES_MAX)
        return;
    sheet_path_move(s, x0, y0);
    sheet_path_line(s, x1, y1);
    sheet_stroke(s, &ink);
    sheet_path_clear(s);
}

static void draw_box(struct draw *d, double x0, double y0, double x1, double y1, uint8_t grey)
{
    struct sheet *s = &d->sheets[d->page];
    const struct sheet_ink ink = {.colour = grey * 0x010101u, .alpha = grey == 7 ? 128 : 255, .clip = EVERYWHERE};
    const double corners[][2] = {{x1, y0}, {x1, y1}, {x0, y1}, {x0, y0}};
    if (d->strokes++ >= STROKES_MAX)
        return;
    sheet_path_move(s, x0, y0);
    for (size_t i = 0; i < ARRAY_LEN(corners); i++)
        sheet_path_line(s, corners[i][0], corners[i][1]);
    sheet_fill(s, &ink, grey & 1);
    sheet_path_clear(s);
}

/* Rules around n columns and m rows. */
static void draw_frame(struct draw *d, double top, double height, size_t columns, size_t rows)
{
    double left = d->left - 4, right = left + (double)columns * d->pitch, bottom = top + (double)rows * height;
    for (size_t c = 0; c <= columns; c++)
        draw_stroke(d, left + (double)c * d->pitch, top, left + (double)c * d->pitch, bottom);
    for (size_t r = 0; r <= rows; r++)
        draw_stroke(d, left, top + (double)r * height, right, top + (double)r * height);
}

/* A text of the input itself: each character of one byte or, from 0x80 on, of two. */
static void draw_own(struct draw *d)
{
    double x = draw_place(d), y = draw_place(d);
    for (size_t n = draw_byte(d) % 48; n > 0; n--) {
        uint32_t letter = draw_byte(d);
        draw_letter(d, &x, y, letter < 0x80 ? letter : (letter & 0x7f) << 8 | draw_byte(d), 0);
    }
}

static void draw_setting(struct draw *d)
{
    static const double sizes[] = {10, 8, 6, 12, 16, 0, 0.01, -9, 100, 1e6};
    uint8_t what = draw_byte(d);
    d->size = sizes[what % ARRAY_LEN(sizes)];
    d->left = draw_place(d);
    d->pitch = draw_byte(d);
}

/* Another layout's lines may be drawn on the page too. */
static void draw_operations(struct draw *d, size_t layout)
{
    while (d->at < d->end) {
        uint8_t op = draw_byte(d), style = op & 0xf8;
        char **lines = example_lines[layout];
        size_t n_lines = g_strv_length(lines);
        double x, y;
        switch (op & 7) {
        case 0: y = draw_place(d); draw_line(d, lines[draw_byte(d) % n_lines], y, PARTS_MAX, 0, style >> 3); break;
        case 1: x = draw_place(d); y = draw_place(d); draw_line(d, lines[draw_byte(d) % n_lines], y, style >> 3 & 15, x, 0); break;
        case 2: draw_own(d); break;
        case 3: x = draw_place(d); y = draw_place(d); draw_stroke(d, x, y, style & 8 ? x : draw_place(d), style & 8 ? draw_place(d) : y); break;
        case 4: y = draw_place(d); x = draw_byte(d); draw_frame(d, y, x, draw_byte(d) % 20, style >> 3); break;
        case 5: x = draw_place(d); y = draw_place(d); draw_box(d, x, y, x + draw_byte(d) * 4, y + draw_byte(d), style); break;
        case 6: draw_setting(d); break;
        default:
            if (style & 8)
                layout = draw_byte(d) % layouts.n;
            else
                d->page = MIN_OF(d->page + 1, (size_t)PAGES_MAX - 1);
        }
    }
}

static size_t draw_pages(struct draw *d, struct page pages[PAGES_MAX])
{
    size_t hidden = 0;
    struct err e = {0};
    for (size_t i = 0; i <= d->page; i++) {
        pages[i].number = (int)i + 1;
        picture_close(&d->sheets[i].picture);
        if (words_read(&pages[i], &d->sheets[i], &hidden, &e) == 0)
            picture_rules(&d->sheets[i].picture, &pages[i]);
        else if (e.message[0] == '\0')
            abort();
    }
    for (size_t i = 0; i < PAGES_MAX; i++)
        sheet_fini(&d->sheets[i]);
    return d->page + 1;
}

/* 0 with a schedule whose books balance (it asserts so itself), or what is refused. */
static int read_schedule(const struct layout *layout, const struct page pages[], size_t n, json_t *reply, struct err *e)
{
    struct table table = {.n_rows = 0};
    struct schedule schedule = {.rows_seen = 0};
    bool grid = layout->rows == LAYOUT_GRID;
    int rc = grid ? schedule_grid_read(&schedule, layout, pages, n, e) : table_build(&table, layout, pages, n, e);
    if (rc == 0 && !grid)
        schedule_read(&schedule, &table, pages, n);
    if (rc == 0) {
        (void)json_object_set_new(reply, "type", json_string(layout->name));
        (void)json_object_set_new(reply, "rows_seen", json_integer((json_int_t)schedule.rows_seen));
        (void)json_object_set_new(reply, "rows_parsed", json_integer((json_int_t)schedule.rows_parsed));
        (void)json_object_set(reply, "events", schedule.events);
        (void)json_object_set(reply, "warnings", schedule.warnings);
    }
    schedule_free(&schedule);
    table_free(&table);
    return rc;
}

/* As the worker does: as text, checked, completed. */
static void accept(json_t *reply, size_t n_pages)
{
    static const char payload[] = "{\"v\":1,\"source\":{\"path\":\"x\"}}";
    static const struct conf_pdf conf = {.timezone = "UTC", .max_bytes = 1 << 20, .max_pages = 100, .timeout = 60000, .cpu = 30000, .memory = 1 << 28};
    struct pdf_request r;
    struct err e = {0};
    json_t *built = NULL;
    if (json_object_set_new(reply, "pages", json_integer((json_int_t)n_pages)) < 0 || json_object_set_new(reply, "encrypted", json_false()) < 0 ||
        pdf_request_read(&r, payload, sizeof payload - 1, &conf, &e) < 0)
        abort();
    char *text = json_dumps(reply, JSON_COMPACT | JSON_REAL_PRECISION(8));
    json_t *read = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    int rc = read != NULL ? pdf_result_build(read, &r, &built, &e) : -EILSEQ;
    if (rc < 0 && rc != ERR_NO_EVENTS) { /* that is the last of what is looked at */
        (void)fprintf(stderr, "refused: %s\n%.2000s\n", e.message, text != NULL ? text : "(no text)");
        abort();
    }
    json_decref(built);
    json_decref(read);
    free(text);
    pdf_request_free(&r);
}

static void parse(size_t how, const struct page pages[], size_t n)
{
    struct err e = {0};
    json_t *reply = json_object();
    const struct layout *layout = how < layouts.n ? layouts.items[how] : NULL;
    size_t first = 0;
    int rc = 0;
    if (how == layouts.n)
        rc = grid_tables(pages, n, reply, &e);
    else if (how == layouts.n + 1)
        rc = grid_text(pages, n, reply);
    else if (layout == NULL)
        rc = recognise_layout(&layouts, pages, n, "auto", &layout, &first, &e);
    if (rc == 0 && layout != NULL)
        rc = read_schedule(layout, pages + first, n - first, reply, &e);
    if (rc == 0)
        accept(reply, n);
    else if (e.message[0] == '\0')
        abort();
    json_decref(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct draw d = {.at = data, .end = data + size, .size = 10, .left = 40, .pitch = 80};
    struct page pages[PAGES_MAX] = {{.number = 0}};
    if (size == 0 || size > INPUT_MAX)
        return 0;
    draw_prepare();
    size_t how = draw_byte(&d) % (layouts.n + 3);
    size_t side = draw_byte(&d);
    for (size_t i = 0; i < PAGES_MAX; i++)
        sheet_init(&d.sheets[i], side < ARRAY_LEN(SIDES) ? SIDES[side] : 842, side / 32 == i + 1 ? SIDES[side % ARRAY_LEN(SIDES)] : 595, CHARS_MAX);
    draw_operations(&d, how % layouts.n);
    size_t n = draw_pages(&d, pages);
    parse(how, pages, n);
    for (size_t i = 0; i < PAGES_MAX; i++)
        words_free(&pages[i]);
    return 0;
}
