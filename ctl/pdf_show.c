/*
 * pdf_show - see pdf_show.h. Shows every warning: a row that was not understood is never hidden behind those that were.
 */
#include "pdf_show.h"

#include "buf.h"
#include "queue_call.h"
#include "queue_rows.h"

#include <stdio.h>

/* The first of the named members that is a text and not empty. */
static const char *first_text(const json_t *object, const char *a, const char *b)
{
    const char *text = json_text(object, a);
    return *text != '\0' ? text : json_text(object, b);
}

static void event_row(struct table *t, const json_t *event)
{
    const char *activity = first_text(event, "activity", "test"), *paper = json_text(event, "paper");
    const json_t *src = json_object_get(event, "src");
    AUTO_FREE char *venues = queue_rows_words(json_object_get(event, "venues"));
    if (table_row(t) < 0)
        return;
    table_set(t, 0, "%s", json_text(event, "module"));
    table_set(t, 1, "%s%s%s", activity, *paper != '\0' ? " P" : "", paper);
    table_set(t, 2, "%s", json_text(event, "group"));
    table_set(t, 3, "%s", json_text(event, "semester"));
    table_set(t, 4, "%s", first_text(event, "date", "day"));
    table_set(t, 5, "%s", json_text(event, "start"));
    table_set(t, 6, "%s%s", json_text(event, "end"), json_is_true(json_object_get(event, "end_estimated")) ? "?" : "");
    table_set(t, 7, "%s", venues != NULL ? venues : "");
    table_set(t, 8, "%s", json_text(event, "campus"));
    table_set(t, 9, "%lld:%lld", (long long)json_number(src, "page", 0), (long long)json_number(src, "row", 0));
}

static void print_events(struct session *s, const json_t *events)
{
    static const char *const titles[] = {"MODULE", "ACTIVITY", "GROUP",   "SEM",       "DATE/DAY", "START",
                                         "END",    "~VENUES",  "~CAMPUS", ">PAGE:ROW", NULL};
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < json_array_size(events); i++)
        event_row(&t, json_array_get(events, i));
    table_print(&t, &s->out);
    table_fini(&t);
}

/* A row of a general table: an array of cells, or an object that holds one. */
static void print_row(struct session *s, const json_t *row)
{
    const json_t *cells = json_is_array(row) ? row : json_object_get(row, "cells");
    struct buf line;
    buf_init(&line, 65536);
    (void)buf_adds(&line, "");
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const json_t *cell = json_array_get(cells, i);
        const char *text = json_is_string(cell) ? json_string_value(cell) : json_text(cell, "text");
        (void)buf_addf(&line, "%s%s", i > 0 ? " | " : "", text);
    }
    AUTO_FREE char *shown = line.failed ? NULL : out_harmless(line.data, line.len);
    out_line(&s->out, "%s", shown != NULL ? shown : "(too long to show)");
    buf_fini(&line);
}

static void print_words(struct session *s, const json_t *words)
{
    struct buf text;
    buf_init(&text, 4 * 1024 * 1024);
    (void)buf_adds(&text, "");
    for (size_t i = 0; i < json_array_size(words); i++)
        (void)buf_addf(&text, "%s%s", i > 0 ? " " : "", json_text(json_array_get(words, i), "text"));
    AUTO_FREE char *shown = text.failed ? NULL : out_harmless(text.data, text.len);
    out_line(&s->out, "%s", shown != NULL ? shown : "(too long to show; use --json)");
    buf_fini(&text);
}

static void print_warning(struct session *s, const json_t *warning)
{
    const char *text = json_is_string(warning) ? json_string_value(warning) : json_text(warning, "message");
    const char *seen = json_text(warning, "text");
    int64_t page = json_number(warning, "page", 0), row = json_number(warning, "row", 0);
    char place[64] = "";
    if (page > 0 && row > 0)
        (void)snprintf(place, sizeof place, ", page %lld, row %lld", (long long)page, (long long)row);
    else if (page > 0)
        (void)snprintf(place, sizeof place, ", page %lld", (long long)page);
    AUTO_FREE char *shown = out_harmless(text, strlen(text)), *quoted = out_harmless(seen, strlen(seen));
    if (shown != NULL && quoted != NULL)
        out_tinted(&s->out, TINT_YELLOW, "warning%s: %s%s%s%s", place, shown, *quoted != '\0' ? ": \"" : "", quoted,
                   *quoted != '\0' ? "\"" : "");
}

static bool same_message(const json_t *a, const json_t *b)
{
    return json_number(a, "page", 0) == 0 && json_number(b, "page", 0) == 0 &&
           strcmp(json_text(a, "message"), json_text(b, "message")) == 0;
}

/* Warnings that belong to no place and say the same are told once, with everything they are about. */
static void print_warnings(struct session *s, const json_t *warnings)
{
    size_t n = json_array_size(warnings);
    for (size_t i = 0; i < n; i++) {
        const json_t *warning = json_array_get(warnings, i);
        struct buf about;
        size_t alike = 1;
        if (i > 0 && same_message(warning, json_array_get(warnings, i - 1)))
            continue;
        buf_init(&about, 1024 * 1024);
        (void)buf_adds(&about, json_text(warning, "text"));
        for (; i + alike < n && same_message(warning, json_array_get(warnings, i + alike)); alike++)
            (void)buf_addf(&about, ", %s", json_text(json_array_get(warnings, i + alike), "text"));
        AUTO_FREE char *message = out_harmless(json_text(warning, "message"), strlen(json_text(warning, "message")));
        AUTO_FREE char *texts = about.failed ? NULL : out_harmless(about.data, about.len);
        if (alike == 1)
            print_warning(s, warning);
        else if (message != NULL && texts != NULL)
            out_tinted(&s->out, TINT_YELLOW, "%zu warnings: %s: %s", alike, message, texts);
        buf_fini(&about);
    }
}

void pdf_show_result(struct session *s, const char *name, const json_t *result)
{
    const json_t *events = json_object_get(result, "events"), *rows = json_object_get(result, "rows");
    const json_t *words = json_object_get(result, "words"), *warnings = json_object_get(result, "warnings");
    const char *type = json_text(result, "type");
    char took[32];
    out_tinted(&s->out, TINT_BOLD, "%s: %s, %lld pages, %zu events, %lld of %lld rows, %zu warnings, %s%s", name,
               *type != '\0' ? type : "document", (long long)json_number(result, "pages", 0), json_array_size(events),
               (long long)json_number(result, "rows_parsed", 0), (long long)json_number(result, "rows_seen", 0),
               json_array_size(warnings), out_ms(took, json_number(result, "duration_ms", -1)),
               json_is_true(json_object_get(result, "cached")) ? " (cached)" : "");
    print_events(s, events);
    for (size_t i = 0; i < json_array_size(rows); i++)
        print_row(s, json_array_get(rows, i));
    if (json_array_size(words) > 0)
        print_words(s, words);
    print_warnings(s, warnings);
}
