/*
 * table_line - see table_line.h. Words on one baseline are one line; nothing is left out, nothing but breaks is mended.
 */
#include "table_line.h"

#include <glib.h>
#include <math.h>

int table_line_order(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    double middle_p = ((*p)->y0 + (*p)->y1) / 2, middle_q = ((*q)->y0 + (*q)->y1) / 2;
    return middle_p < middle_q ? -1 : middle_p > middle_q ? 1 : (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

static int line_left_order(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    return (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

/* Written from the right: Hebrew, Arabic and their presentation forms, by the first letter. */
static bool line_is_leftward(const struct word *w)
{
    for (const char *at = w->text; *at != '\0'; at += g_utf8_skip[(unsigned char)*at]) {
        gunichar c = g_utf8_get_char(at);
        if ((c >= 0x590 && c < 0x900) || (c >= 0xfb1d && c < 0xfe00) || (c >= 0xfe70 && c < 0xff00))
            return true;
        if (g_unichar_isalpha(c))
            return false;
    }
    return false;
}

static void line_reverse(const struct word *words[], size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        const struct word *swap = words[i];
        words[i] = words[n - 1 - i];
        words[n - 1 - i] = swap;
    }
}

void table_line_sort(const struct word *words[], size_t n)
{
    size_t leftward = 0;
    qsort(words, n, sizeof *words, line_left_order);
    for (size_t i = 0; i < n; i++)
        leftward += line_is_leftward(words[i]);
    if (leftward == 0)
        return;
    bool whole = leftward * 2 > n;
    if (whole)
        line_reverse(words, n);
    for (size_t i = 0, end; i < n; i = end) { /* what runs against the line is turned: names in it, or numbers */
        bool run = line_is_leftward(words[i]);
        for (end = i + 1; end < n && line_is_leftward(words[end]) == run; end++)
            continue;
        if (run != whole)
            line_reverse(words + i, end - i);
    }
}

static void line_add(struct table_cell *cell, const struct word *words[], size_t n, double offset)
{
    table_line_sort(words, n);
    struct table_line line = {.y = offset + (words[0]->y0 + words[0]->y1) / 2, .x0 = words[0]->x0, .x1 = words[0]->x1,
                              .first_word = words[0]->x1 - words[0]->x0, .size = words[0]->size};
    GString *text = g_string_new(words[0]->text);
    for (size_t i = 1; i < n; i++) {
        /* Pieces of one word touch: a colour or font changed inside it. */
        double gap = fmax(words[i]->x0 - words[i - 1]->x1, words[i - 1]->x0 - words[i]->x1);
        g_string_append_printf(text, "%s%s", gap < 0.08 * words[i]->size ? "" : " ", words[i]->text);
        line.x0 = fmin(line.x0, words[i]->x0);
        line.x1 = fmax(line.x1, words[i]->x1);
    }
    line.text = g_string_free(text, FALSE);
    if ((cell->n & (cell->n - 1)) == 0) /* grows at powers of two */
        cell->lines = g_renew(struct table_line, cell->lines, MAX_OF(cell->n * 2, (size_t)1));
    cell->lines[cell->n++] = line;
}

void table_line_fill(struct table_cell *cell, const struct word *words[], size_t n, double offset)
{
    qsort(words, n, sizeof *words, table_line_order);
    for (size_t i = 0; i < n;) {
        double middle = (words[i]->y0 + words[i]->y1) / 2;
        size_t end = i + 1;
        while (end < n && (words[end]->y0 + words[end]->y1) / 2 - middle < 0.35 * words[i]->size)
            end++;
        line_add(cell, words + i, end - i, offset);
        i = end;
    }
}

void table_line_move(struct table_cell *to, struct table_cell *from, double until)
{
    size_t n = 0, room = 1;
    while (n < from->n && from->lines[n].y < until)
        n++;
    if (n == 0)
        return;
    while (room < to->n + n)
        room *= 2;
    to->lines = g_renew(struct table_line, to->lines, room);
    memcpy(to->lines + to->n, from->lines, n * sizeof *to->lines);
    to->n += n;
    memmove(from->lines, from->lines + n, (from->n - n) * sizeof *from->lines);
    from->n -= n;
}

const struct table_line *table_line_at(const struct table_cell *cell, double y, double size)
{
    size_t low = 0, high = cell->n;
    while (low < high) { /* the first line that is not above; lines stand from top to bottom */
        size_t middle = (low + high) / 2;
        if (cell->lines[middle].y > y - 0.45 * size)
            high = middle;
        else
            low = middle + 1;
    }
    return low < cell->n && cell->lines[low].y < y + 0.45 * size ? &cell->lines[low] : NULL;
}

void table_line_join(GString *text, const char *line)
{
    static const char soft_hyphen[] = "\xc2\xad";
    bool soft = text->len > 2 && memcmp(text->str + text->len - 2, soft_hyphen, 2) == 0;
    if (soft)
        g_string_truncate(text, text->len - 2);
    char last = text->len > 0 ? text->str[text->len - 1] : ' ', before = text->len > 1 ? text->str[text->len - 2] : ' ';
    bool broken = (last == '-' || last == '/') && before != ' ' && before != last;
    g_string_append_printf(text, "%s%s", text->len == 0 || soft || broken ? "" : " ", line);
}

void table_line_clear(struct table_cell *cell)
{
    for (size_t i = 0; i < cell->n; i++)
        g_free(cell->lines[i].text);
    g_free(cell->lines);
    *cell = (struct table_cell){0};
}
