/*
 * canvas - see canvas.h. Refuses to let a line wrap: one line too many and a live view scrolls its own head away.
 */
#include "canvas.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 1 << 20, COLUMNS_LEAST = 20 };

void canvas_init(struct canvas *c, size_t columns, size_t rows, bool colour)
{
    *c = (struct canvas){.colour = colour};
    c->columns = MAX_OF(MIN_OF(columns, (size_t)CANVAS_COLUMNS_MOST), (size_t)COLUMNS_LEAST);
    c->rows = MAX_OF(MIN_OF(rows, (size_t)CANVAS_ROWS_MOST), (size_t)1);
    buf_init(&c->text, TEXT_MAX);
}

void canvas_fini(struct canvas *c)
{
    buf_fini(&c->text);
}

size_t canvas_columns_left(const struct canvas *c)
{
    return c->columns - c->column;
}

size_t canvas_rows_left(const struct canvas *c)
{
    return c->rows - c->row;
}

static void add(struct canvas *c, enum tint tint, const char *text, size_t bytes)
{
    const char *code = out_tint_code(tint);
    bool on = c->colour && *code != '\0' && bytes > 0;
    if (on)
        (void)buf_adds(&c->text, code);
    (void)buf_add(&c->text, text, bytes);
    if (on)
        (void)buf_adds(&c->text, "\033[0m");
}

void canvas_put(struct canvas *c, enum tint tint, const char *format, ...)
{
    AUTO_FREE char *text = NULL;
    va_list ap;
    va_start(ap, format);
    int n = vasprintf(&text, format, ap);
    va_end(ap);
    if (n < 0) {
        text = NULL;
        return;
    }
    if (c->row >= c->rows)
        return;
    size_t width, bytes = out_fit(text, canvas_columns_left(c), &width);
    if (text[bytes] != '\0' && canvas_columns_left(c) > 0) {
        bytes = out_fit(text, canvas_columns_left(c) - 1, &width);
        add(c, tint, text, bytes);
        add(c, tint, "…", strlen("…"));
        width++;
    } else {
        add(c, tint, text, bytes);
    }
    c->column += width;
}

void canvas_tab(struct canvas *c, size_t column)
{
    size_t to = MIN_OF(column, c->columns);
    if (to > c->column)
        canvas_put(c, TINT_NONE, "%*s", (int)(to - c->column), "");
}

void canvas_end(struct canvas *c)
{
    if (c->row >= c->rows)
        return;
    (void)buf_adds(&c->text, "\n");
    c->row++;
    c->column = 0;
}
