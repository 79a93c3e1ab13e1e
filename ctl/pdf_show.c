/*
 * pdf_show - see pdf_show.h. Shows every warning: a row that was not understood is never hidden behind those that were.
 */
#include "pdf_show.h"

#include "buf.h"
#include "pdf_lines.h"
#include "queue_call.h"
#include "queue_rows.h"

#include <ctype.h>
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
    table_set(t, 1, "%s%s%s", activity, *paper == '\0' ? "" : isdigit((unsigned char)*paper) ? " P" : " ", paper);
    table_set(t, 2, "%s", json_text(event, "group"));
    table_set(t, 3, "%s", json_text(event, "semester"));
    table_set(t, 4, "%s", first_text(event, "date", "day"));
    table_set(t, 5, "%s", json_text(event, "start"));
    table_set(t, 6, "%s%s", json_text(event, "end"), json_is_true(json_object_get(event, "end_estimated")) ? "?" : "");
    table_set(t, 7, "%s", venues != NULL ? venues : "");
    table_set(t, 8, "%s", json_text(event, "campus"));
    bool open = json_is_true(json_object_get(event, "unfinalised"));
    const char *comments = json_text(event, "comments");
    table_set(t, 9, "%s%s%s", open ? "unfinalised" : "", open && *comments != '\0' ? ", " : "", comments);
    table_set(t, 10, "%lld:%lld", (long long)json_number(src, "page", 0), (long long)json_number(src, "row", 0));
}

static void print_events(struct out *o, const json_t *events)
{
    static const char *const titles[] = {"MODULE", "|ACTIVITY", "?GROUP",   "?SEM",      "DATE/DAY", "START",
                                         "END",    "|VENUES",   "-?CAMPUS", "-?|NOTE", "->PAGE:ROW", NULL};
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < json_array_size(events); i++)
        event_row(&t, json_array_get(events, i));
    table_print(&t, o);
    table_fini(&t);
    for (size_t i = 0; i < json_array_size(events); i++)
        if (json_is_true(json_object_get(json_array_get(events, i), "end_estimated"))) {
            out_tinted(o, TINT_DIM, "? the document names no end: --exam-minutes says how long they are taken to be");
            break;
        }
}

static const char *cell_words(const json_t *cell)
{
    return json_is_string(cell) ? json_string_value(cell) : json_text(cell, "text");
}

/* A row of a general table: an array of cells, or an object that holds one. */
static const json_t *cells_of(const json_t *row)
{
    return json_is_array(row) ? row : json_object_get(row, "cells");
}

/* One below the other, cells divided by bars: where columns have no room. */
static void print_flowing(struct out *o, const json_t *cells)
{
    struct buf line;
    buf_init(&line, 65536);
    (void)buf_adds(&line, "");
    for (size_t i = 0; i < json_array_size(cells); i++)
        (void)buf_addf(&line, "%s%s", i > 0 ? " | " : "", cell_words(json_array_get(cells, i)));
    AUTO_FREE char *shown = line.failed ? NULL : out_harmless(line.data, line.len);
    out_line(o, "%s", shown != NULL ? shown : "(too long to show; use --json)");
    buf_fini(&line);
}

/* Rows with equally many cells stand below one another. Returns the first row that is not of them. */
static size_t print_rows(struct out *o, const json_t *rows, size_t at)
{
    enum { CELL_LEAST = 14 };
    const char *titles[TABLE_COLUMN_MAX + 1] = {NULL};
    size_t n = json_array_size(cells_of(json_array_get(rows, at))), end = at;
    struct table t;
    if (n > TABLE_COLUMN_MAX || (o->columns > 0 && n * CELL_LEAST > (size_t)o->columns)) {
        print_flowing(o, cells_of(json_array_get(rows, at)));
        return at + 1;
    }
    for (size_t c = 0; c < n; c++)
        titles[c] = "?|";
    table_init(&t, titles);
    for (; end < json_array_size(rows); end++) {
        const json_t *cells = cells_of(json_array_get(rows, end));
        if (json_array_size(cells) != n || table_row(&t) < 0)
            break;
        for (size_t c = 0; c < n; c++)
            table_set(&t, c, "%s", cell_words(json_array_get(cells, c)));
    }
    table_print_body(&t, o);
    table_fini(&t);
    return MAX_OF(end, at + 1);
}

void pdf_show_text(struct out *o, const json_t *words)
{
    int64_t page = json_number(json_array_get(words, 0), "page", 1);
    for (size_t at = 0; at < json_array_size(words);) {
        int64_t here = json_number(json_array_get(words, at), "page", page);
        AUTO_FREE char *line = pdf_lines_next(words, at, &at);
        AUTO_FREE char *shown = line != NULL ? out_harmless(line, strlen(line)) : NULL;
        if (here != page)
            (void)fputc('\f', o->to);
        page = here;
        out_line(o, "%s", shown != NULL ? shown : "(too long to show; use --json)");
    }
}

/* A sentence, on as many lines as the terminal needs. */
static void print_wrapped(struct out *o, enum tint tint, const char *text)
{
    static const char *const titles[] = {"|", NULL};
    struct table t;
    table_init(&t, titles);
    if (table_row(&t) == 0) {
        table_set(&t, 0, "%s", text);
        table_tint(&t, 0, tint);
    }
    table_print_body(&t, o);
    table_fini(&t);
}

static void print_warning(struct out *o, const json_t *warning)
{
    const char *text = json_is_string(warning) ? json_string_value(warning) : json_text(warning, "message");
    const char *seen = json_text(warning, "text");
    int64_t page = json_number(warning, "page", 0), row = json_number(warning, "row", 0);
    char place[64] = "";
    if (page > 0 && row > 0)
        (void)snprintf(place, sizeof place, ", page %lld, row %lld", (long long)page, (long long)row);
    else if (page > 0)
        (void)snprintf(place, sizeof place, ", page %lld", (long long)page);
    AUTO_FREE char *line = NULL;
    bool quoted = *seen != '\0';
    if (asprintf(&line, "warning%s: %s%s%s%s", place, text, quoted ? ": \"" : "", seen, quoted ? "\"" : "") >= 0)
        print_wrapped(o, TINT_YELLOW, line);
}

static bool same_message(const json_t *a, const json_t *b)
{
    return json_number(a, "page", 0) == 0 && json_number(b, "page", 0) == 0 &&
           strcmp(json_text(a, "message"), json_text(b, "message")) == 0;
}

/* Warnings that belong to no place and say the same are told once, with everything they are about. */
static void print_warnings(struct out *o, const json_t *warnings)
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
        AUTO_FREE char *line = NULL;
        if (alike == 1)
            print_warning(o, warning);
        else if (!about.failed && asprintf(&line, "%zu warnings: %s: %s", alike, json_text(warning, "message"), about.data) >= 0)
            print_wrapped(o, TINT_YELLOW, line);
        buf_fini(&about);
    }
}

void pdf_show_warnings(struct out *o, const json_t *warnings)
{
    print_warnings(o, warnings);
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

void pdf_show_result(struct out *o, const char *name, const json_t *result)
{
    const json_t *events = json_object_get(result, "events"), *rows = json_object_get(result, "rows");
    const json_t *words = json_object_get(result, "words"), *warnings = json_object_get(result, "warnings");
    const char *type = json_text(result, "type");
    size_t pages = (size_t)json_number(result, "pages", 0), n = json_array_size(events), told = json_array_size(warnings);
    char took[32], found[96];
    AUTO_FREE char *shown = out_harmless(name, strlen(name));
    if (words != NULL)
        (void)snprintf(found, sizeof found, "%zu word%s", json_array_size(words), plural(json_array_size(words)));
    else if (rows != NULL)
        (void)snprintf(found, sizeof found, "%zu row%s", json_array_size(rows), plural(json_array_size(rows)));
    else
        (void)snprintf(found, sizeof found, "%zu event%s, %lld of %lld rows", n, plural(n), (long long)json_number(result, "rows_parsed", 0),
                       (long long)json_number(result, "rows_seen", 0));
    out_tinted(o, TINT_BOLD, "%s: %s, %zu page%s, %s, %zu warning%s, %s%s", shown != NULL ? shown : "", *type != '\0' ? type : "document", pages,
               plural(pages), found, told, plural(told), out_ms(took, json_number(result, "duration_ms", -1)),
               json_is_true(json_object_get(result, "cached")) ? " (cached)" : "");
    print_events(o, events);
    for (size_t i = 0; i < json_array_size(rows);)
        i = print_rows(o, rows, i);
    pdf_show_text(o, words);
    print_warnings(o, warnings);
}
