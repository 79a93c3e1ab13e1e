/*
 * schedule - see schedule.h. Loses no row: what cannot be understood is named with its text.
 */
#include "schedule.h"

#include "schedule_caption.h"
#include "table_line.h"
#include <glib.h>

void schedule_warn(struct schedule *s, const char *code, const char *message, int page, int row, const char *text)
{
    json_int_t key = row > 0 ? (json_int_t)page * 10000000 + row : -1;
    if (json_array_size(s->warnings) >= SCHEDULE_WARNINGS_MAX && (key < 0 || key == s->warned_row))
        return;
    json_t *w = json_pack("{s:s,s:s}", "code", code, "message", message);
    if (page > 0)
        json_object_set_new(w, "page", json_integer(page));
    if (row > 0)
        json_object_set_new(w, "row", json_integer(row));
    if (text != NULL)
        json_object_set_new(w, "text", json_string(text));
    json_array_append_new(s->warnings, w);
    s->warned_row = row > 0 ? key : s->warned_row;
}

static void schedule_venue_add(json_t *venues, GString *now)
{
    const char *start = now->str + strspn(now->str, " ,;");
    size_t len = strlen(start);
    while (len > 0 && strchr(" ,;", start[len - 1]) != NULL)
        len--;
    if (len > 0)
        json_array_append_new(venues, json_stringn(start, len));
    g_string_truncate(now, 0);
}

json_t *schedule_venues(const struct table *table, size_t column, const struct table_line *lines, size_t n)
{
    bool list = table->layout->columns[column].flags & LAYOUT_LIST;
    json_t *venues = json_array();
    GString *now = g_string_new(NULL);
    for (size_t i = 0; i < n; i++) {
        if (list && i > 0 && !lines[i].goes_on)
            schedule_venue_add(venues, now);
        table_line_join(now, "");
        for (const char *at = lines[i].text; *at != '\0'; at++)
            if (list && (*at == ';' || (*at == ',' && at[1] != '\0')))
                schedule_venue_add(venues, now);
            else
                g_string_append_c(now, *at);
    }
    schedule_venue_add(venues, now);
    g_string_free(now, TRUE);
    return venues;
}

static void schedule_drop_tail(char *text, const char *tail)
{
    size_t len = strlen(text);
    if (tail[0] == '\0' || len < 2 || strchr(tail, text[len - 1]) == NULL)
        return;
    size_t kept = len - 1;
    while (kept > 0 && text[kept - 1] == ' ')
        kept--;
    if (kept > 0 && g_ascii_isupper(text[kept - 1]))
        text[kept] = '\0';
}

static void schedule_row(struct schedule *s, const struct table *table, const struct table_row *row, struct schedule_carry *carry)
{
    s->rows_seen++;
    if (table->layout->rows == LAYOUT_SESSIONS ? schedule_sessions(s, table, row, carry) : schedule_record(s, table, row, carry))
        s->rows_parsed++;
}

static size_t schedule_rows_warned(const struct schedule *s)
{
    size_t n = 0;
    json_int_t last = -1;
    for (size_t i = 0; i < json_array_size(s->warnings); i++) {
        const json_t *w = json_array_get(s->warnings, i);
        const json_t *row = json_object_get(w, "row");
        if (row == NULL)
            continue;
        json_int_t key = json_integer_value(json_object_get(w, "page")) * 10000000 + json_integer_value(row);
        n += key != last; /* rows are read in order: one row's warnings follow each other */
        last = key;
    }
    return n;
}

static void schedule_firsts(const struct table *table, struct schedule_carry *carry)
{
    for (size_t c = 0; c < table->n_columns; c++) {
        if (!(table->layout->columns[c].flags & LAYOUT_SHARED))
            continue;
        carry->firsts[c] = g_hash_table_new(g_str_hash, g_str_equal);
        for (size_t r = 0; r < table->n_rows; r++)
            if (table->rows[r].cells[c].n > 0)
                (void)g_hash_table_add(carry->firsts[c], table->rows[r].cells[c].lines[0].text);
    }
}

void schedule_begin(struct schedule *s, const struct layout *layout, const struct page pages[], size_t n_pages)
{
    *s = (struct schedule){.events = json_array(), .warnings = json_array(), .layout = layout, .values = layout->values};
    schedule_captions(s, pages, n_pages);
}

void schedule_end(const struct schedule *s)
{
    assert(s->rows_seen == s->rows_parsed + schedule_rows_warned(s));
}

void schedule_read(struct schedule *s, const struct table *table, const struct page pages[], size_t n_pages)
{
    struct schedule_carry carry = {{0}, {0}};
    schedule_begin(s, table->layout, pages, n_pages);
    for (size_t r = 0; r < table->n_rows; r++)
        for (size_t c = 0; c < table->n_columns; c++)
            for (size_t i = 0; i < table->rows[r].cells[c].n; i++)
                schedule_drop_tail(table->rows[r].cells[c].lines[i].text, table->layout->columns[c].hidden_tail);
    schedule_firsts(table, &carry);
    for (size_t r = 0; r < table->n_rows; r++)
        schedule_row(s, table, &table->rows[r], &carry);
    for (size_t c = 0; c < LAYOUT_COLUMNS_MAX; c++) {
        g_free(carry.values[c]);
        g_clear_pointer(&carry.firsts[c], g_hash_table_unref);
    }
    schedule_end(s);
    for (size_t i = 0; i < table->n_outside; i++)
        schedule_warn(s, "text_outside_table", "this text stands in no row of the table", table->outside_page[i], 0, table->outside[i]);
}

void schedule_free(struct schedule *s)
{
    json_decref(s->events);
    json_decref(s->warnings);
    for (size_t i = 0; i < LAYOUT_FIELD_COUNT; i++)
        g_free(s->facts[i]);
    *s = (struct schedule){0};
}
