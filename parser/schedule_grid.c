/*
 * schedule_grid - see schedule_grid.h. timegrid says where and when a cell is; the layout's patterns say what it holds.
 */
#include "schedule_grid.h"

#include "schedule_caption.h"
#include "schedule_event.h"
#include "schedule_value.h"
#include "timegrid.h"
#include <stdio.h>

enum { GRID_LINES_MAX = 64, GRID_CLASS_LINES_MAX = 12, GRID_BREAK_MINUTES = 20 };

size_t schedule_grid_labels(const struct layout *layout, const struct page *page)
{
    return timegrid_count(layout, page);
}

/* The cell says one of the texts that are no class: a break, a dash. */
static bool grid_ignored(const struct layout *layout, const char *text)
{
    if (layout->grid.ignored == NULL)
        return false;
    char *plain = g_strdelimit(g_strstrip(g_strdup(text)), "\n", ' ');
    bool ignored = layout_alternative(layout->grid.ignored, plain);
    for (const char *at = layout->grid.ignored; *at != '\0' && !ignored;) {
        size_t n = strcspn(at, "|");
        ignored = n > 0 && at[n - 1] == '*' && g_ascii_strncasecmp(at, plain, n - 1) == 0;
        at += n + (at[n] == '|');
    }
    g_free(plain);
    return ignored;
}

/* One class of a cell. */
static bool grid_class(struct schedule *s, const struct timegrid_cell *cell, const char *text)
{
    struct layout_parts parts;
    struct schedule_event event = schedule_event_begin(s, cell->page, cell->number);
    bool fits = layout_pattern_any(&s->layout->grid.patterns, &s->values, text, &parts);
    if (!fits) {
        schedule_warn(s, "row_not_understood", "the cell fits no pattern of the layout; it is not an event", cell->page, cell->number, text);
        schedule_event_drop(&event);
        return false;
    }
    event.days = cell->days;
    schedule_event_parts(s, &event, &parts, "cell");
    if (cell->date[0] != '\0' && json_object_get(event.members, "date") == NULL)
        (void)json_object_set_new(event.members, "date", json_string(cell->date));
    if (json_object_get(event.members, "start") == NULL && cell->start >= 0) {
        char time[8];
        (void)snprintf(time, sizeof time, "%02u:%02u", (unsigned)cell->start / 60 % 24, (unsigned)cell->start % 60);
        (void)json_object_set_new(event.members, "start", json_string(time));
        (void)snprintf(event.end, sizeof event.end, "%02u:%02u", (unsigned)cell->end / 60 % 24, (unsigned)cell->end % 60);
        if (cell->end <= cell->start || event.minutes > 0)
            event.end[0] = '\0';
    }
    bool placed = (event.days != 0 || json_object_get(event.members, "date") != NULL) && json_object_get(event.members, "start") != NULL;
    if (!placed && !event.failed && json_object_get(event.members, "unfinalised") == NULL) {
        schedule_warn(s, "row_not_understood", "the cell stands at no day or no hour; it is not an event", cell->page, cell->number, text);
        event.failed = true;
    }
    return schedule_event_finish(s, &event);
}

static char *grid_lines_text(char *const lines[], size_t from, size_t end)
{
    GString *text = g_string_new(lines[from]);
    for (size_t i = from + 1; i < end; i++)
        g_string_append_printf(text, "\n%s", lines[i]);
    return g_string_free(text, FALSE);
}

/* Parts the lines into as many classes as fit patterns one after the other; one, with all of them, where none do. */
static bool grid_classes(struct schedule *s, const struct timegrid_cell *cell, char *const lines[], size_t n)
{
    size_t most[GRID_LINES_MAX + 1] = {0}, from[GRID_LINES_MAX + 1] = {0};
    for (size_t end = 1; end <= n; end++)
        for (size_t i = end; i-- > (end > GRID_CLASS_LINES_MAX ? end - GRID_CLASS_LINES_MAX : 0);) {
            if ((i > 0 && most[i] == 0) || most[i] + 1 <= most[end])
                continue;
            char *text = grid_lines_text(lines, i, end);
            if (layout_pattern_any(&s->layout->grid.patterns, &s->values, text, NULL)) {
                most[end] = most[i] + 1;
                from[end] = i;
            }
            g_free(text);
        }
    bool understood = true;
    size_t starts[GRID_LINES_MAX + 1], classes = 0;
    for (size_t end = n; most[n] > 0 && end > 0; end = from[end])
        starts[classes++] = end;
    if (classes == 0)
        starts[classes++] = n;
    for (size_t begin = 0; classes-- > 0; begin = starts[classes]) {
        char *text = grid_lines_text(lines, begin, starts[classes]);
        understood = grid_class(s, cell, text) && understood;
        g_free(text);
    }
    return understood;
}

/* A line that is one of the separators, or a text with one in it: the classes on its sides. */
static bool grid_cell(struct schedule *s, const struct timegrid_cell *cell)
{
    GString *text = g_string_new(cell->text);
    for (const char *at = s->layout->grid.separators; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, "|");
        char *mark = g_strndup(at, len);
        (void)g_string_replace(text, mark, "\x1e", 0);
        g_free(mark);
        at += len + (at[len] == '|');
    }
    bool understood = true;
    char **chunks = g_strsplit(text->str, "\x1e", GRID_LINES_MAX);
    for (size_t i = 0; chunks[i] != NULL; i++) {
        char *chunk = g_strstrip(chunks[i]);
        if (chunk[0] == '\0')
            continue;
        char **lines = g_strsplit(chunk, "\n", GRID_LINES_MAX);
        understood = grid_classes(s, cell, lines, g_strv_length(lines)) && understood;
        g_strfreev(lines);
    }
    g_strfreev(chunks);
    g_string_free(text, TRUE);
    return understood;
}

/* The cell goes on with what the one before says of the same days: a class of two hours, told twice. */
static bool grid_goes_on(const struct timegrid_cell *before, const struct timegrid_cell *next)
{
    int gap = next->start - before->end;
    return before->days == next->days && strcmp(before->date, next->date) == 0 && before->end >= 0 && gap >= 0 && gap <= GRID_BREAK_MINUTES &&
           strcmp(before->text, next->text) == 0;
}

/* By text, days and time, so that what goes on follows what it goes on with. */
static int grid_join_order(const void *a, const void *b)
{
    const struct timegrid_cell *p = *(const struct timegrid_cell *const *)a, *q = *(const struct timegrid_cell *const *)b;
    int by = strcmp(p->text, q->text);
    if (by == 0)
        by = strcmp(p->date, q->date);
    if (by != 0)
        return by;
    if (p->days != q->days)
        return p->days < q->days ? -1 : 1;
    return p->start != q->start ? (p->start < q->start ? -1 : 1) : (p->end > q->end) - (p->end < q->end);
}

/* joined[i]: cell i is part of one before, whose end was moved. */
static void grid_join(GArray *cells, bool joined[])
{
    struct timegrid_cell **order = g_new(struct timegrid_cell *, cells->len + 1);
    for (guint i = 0; i < cells->len; i++)
        order[i] = &g_array_index(cells, struct timegrid_cell, i);
    qsort(order, cells->len, sizeof(struct timegrid_cell *), grid_join_order);
    struct timegrid_cell *before = NULL;
    for (guint i = 0; i < cells->len; i++) {
        if (before != NULL && grid_goes_on(before, order[i])) {
            before->end = order[i]->end;
            joined[order[i] - &g_array_index(cells, struct timegrid_cell, 0)] = true;
        } else {
            before = order[i];
        }
    }
    g_free(order);
}

static void grid_events(struct schedule *s, const struct timegrid *t, const struct page pages[], size_t n_pages)
{
    bool *joined = g_new0(bool, t->cells->len + 1);
    if (!s->layout->grid.apart)
        grid_join(t->cells, joined);
    size_t page = 0;
    for (guint i = 0; i < t->cells->len; i++) {
        const struct timegrid_cell *cell = &g_array_index(t->cells, struct timegrid_cell, i);
        if (grid_ignored(s->layout, cell->text))
            continue;
        for (; page < n_pages && pages[page].number <= cell->page; page++) /* a page may name its own group or semester */
            schedule_captions(s, &pages[page], 1);
        s->rows_seen++;
        s->rows_parsed += joined[i] || grid_cell(s, cell);
    }
    g_free(joined);
}

int schedule_grid_read(struct schedule *s, const struct layout *layout, const struct page pages[], size_t n_pages, struct err *e)
{
    struct timegrid t;
    bool any = false;
    schedule_begin(s, layout, pages, n_pages);
    timegrid_init(&t);
    for (size_t p = 0; p < n_pages; p++)
        any = timegrid_page(&t, layout, &s->values, &pages[p]) || any;
    if (any) {
        grid_events(s, &t, pages, n_pages);
        schedule_end(s);
        for (guint i = 0; i < t.outside->len; i++)
            schedule_warn(s, "text_outside_table", "this text stands in no row of the table", g_array_index(t.outside_page, int, i), 0,
                          t.outside->pdata[i]);
    }
    timegrid_free(&t);
    return any ? 0
               : err_set(e, ERR_MISSING_COLUMNS, "the %s table lacks: %s", layout->name,
                         layout->grid.hours_across ? "hours along the top and days down the side" : "days along the top and hours down the side");
}
