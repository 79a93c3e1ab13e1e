/*
 * schedule - see schedule.h. Loses no row: what cannot be understood is named with its text.
 */
#include "schedule.h"

#include "schedule_value.h"
#include <glib.h>

static const double ROOM_KEPT = 4; /* points that a cell keeps free on its right, at most */

void schedule_warn(struct schedule *s, const char *code, const char *message, int page, int row, const char *text)
{
    if (json_array_size(s->warnings) >= SCHEDULE_WARNINGS_MAX)
        return;
    json_t *w = json_pack("{s:s,s:s}", "code", code, "message", message);
    if (page > 0)
        json_object_set_new(w, "page", json_integer(page));
    if (row > 0)
        json_object_set_new(w, "row", json_integer(row));
    if (text != NULL)
        json_object_set_new(w, "text", json_string(text));
    json_array_append_new(s->warnings, w);
}

static bool schedule_put_time(json_t *event, const char *text)
{
    char start[6], end[6];
    if (!schedule_value_time(text, start, end))
        return false;
    json_object_set_new(event, "start", json_string(start));
    if (end[0] != '\0')
        json_object_set_new(event, "end", json_string(end));
    return true;
}

bool schedule_put(struct schedule *s, const struct table *table, const struct table_row *row, size_t column, const char *text,
                  json_t *event)
{
    enum layout_field field = table->layout->columns[column].field;
    const char *name = layout_field_name(field), *day = NULL;
    char iso[11];
    bool formed = field == LAYOUT_DAY || field == LAYOUT_DATE || field == LAYOUT_TIME_RANGE;
    if (formed && schedule_value_open(text)) {
        json_object_set_new(event, "unfinalised", json_true());
        return true;
    }
    if (text[strspn(text, " ")] == '\0')
        return true;
    if (field == LAYOUT_DAY && (day = schedule_value_day(text)) != NULL) {
        json_object_set_new(event, name, json_string(day));
    } else if (field == LAYOUT_DATE && schedule_value_date(text, iso)) {
        json_object_set_new(event, name, json_string(iso));
    } else if (field == LAYOUT_TIME_RANGE && schedule_put_time(event, text)) {
        return true;
    } else if (formed) {
        AUTO_FREE char *message = NULL;
        if (asprintf(&message, "%.*s is not understood; the row is not an event", (int)strcspn(table->layout->columns[column].headers, "|"),
                     table->layout->columns[column].headers) < 0)
            message = NULL;
        schedule_warn(s, "row_not_understood", message != NULL ? message : "not understood", row->page, row->number, text);
        return false;
    } else {
        if (schedule_value_open(text) && (field == LAYOUT_STATUS || field == LAYOUT_VENUES))
            json_object_set_new(event, "unfinalised", json_true());
        if (field != LAYOUT_VENUES)
            json_object_set_new(event, name, json_string(text));
    }
    return true;
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

bool schedule_is_wrap(const struct table *table, size_t column, const struct table_line *before, const struct table_line *line)
{
    if (g_str_has_suffix(before->text, ",") || g_str_has_suffix(before->text, ";"))
        return false;
    /* Cells keep on the right what they keep on the left; where no edge is drawn the left tells nothing. */
    double kept = table->ruled ? CLAMP(before->x0 - table->left[column], 1, ROOM_KEPT) : ROOM_KEPT;
    double right = MIN_OF(table->right[column], MAX_OF(table->page_right, before->x1));
    return before->x1 + 0.28 * line->size + line->first_word > right - kept;
}

json_t *schedule_venues(const struct table *table, size_t column, const struct table_line *lines, size_t n)
{
    bool list = table->layout->columns[column].flags & LAYOUT_LIST;
    json_t *venues = json_array();
    GString *now = g_string_new(NULL);
    for (size_t i = 0; i < n; i++) {
        if (list && i > 0 && !schedule_is_wrap(table, column, &lines[i - 1], &lines[i]))
            schedule_venue_add(venues, now);
        if (now->len > 0)
            g_string_append_c(now, ' ');
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
    if (tail[0] != '\0' && len >= 2 && strchr(tail, text[len - 1]) != NULL && g_ascii_isupper(text[len - 2]))
        text[len - 1] = '\0';
}

static void schedule_row(struct schedule *s, const struct table *table, const struct table_row *row, struct schedule_carry *carry)
{
    s->rows_seen++;
    if (table->layout->rows == LAYOUT_SESSIONS ? schedule_sessions(s, table, row, carry) : schedule_record(s, table, row))
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
        json_int_t key = json_integer_value(json_object_get(w, "page")) * 1000000 + json_integer_value(row);
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

void schedule_read(struct schedule *s, const struct table *table)
{
    *s = (struct schedule){.events = json_array(), .warnings = json_array()};
    struct schedule_carry carry = {{0}, {0}};
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
    assert(s->rows_seen == s->rows_parsed + schedule_rows_warned(s));
    for (size_t i = 0; i < table->n_outside; i++)
        schedule_warn(s, "text_outside_table", "this text stands in no row of the table", table->outside_page[i], 0, table->outside[i]);
}

void schedule_free(struct schedule *s)
{
    json_decref(s->events);
    json_decref(s->warnings);
    *s = (struct schedule){0};
}
