/*
 * layout_check - see layout_check.h. Compares only what an example names: an event's other members are its own affair.
 */
#include "layout_check.h"

#include "document.h"
#include "layout_draw.h"
#include <stdarg.h>
#include <stdio.h>

/* One example under way. */
struct check {
    const struct layout *layout;
    const struct layout_example *x;
    bool ruled;
    json_t *findings;
};

PRINTF_LIKE(3, 4)
static void check_differs(const struct check *c, size_t line, const char *format, ...)
{
    char text[600], message[700];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)snprintf(message, sizeof message, "drawn %s: %s", c->ruled ? "with rules" : "without rules", text);
    json_t *shown = json_string(message);
    (void)json_array_append_new(c->findings, json_pack("{s:s,s:i,s:s,s:o}", "file", c->layout->file, "line", (int)line, "example", c->x->section,
                                                       "message", shown != NULL ? shown : json_string("differs")));
}

/* A member as an example writes it, to be freed. */
static char *check_text(const json_t *value)
{
    if (json_is_string(value))
        return g_strdup(json_string_value(value));
    if (json_is_boolean(value))
        return g_strdup(json_is_true(value) ? "true" : "false");
    if (json_is_integer(value))
        return g_strdup_printf("%lld", (long long)json_integer_value(value));
    GString *list = g_string_new(NULL);
    for (size_t i = 0; i < json_array_size(value); i++) {
        char *one = check_text(json_array_get(value, i));
        g_string_append_printf(list, "%s%s", i > 0 ? "," : "", one);
        g_free(one);
    }
    return g_string_free(list, FALSE);
}

static void check_member(const struct check *c, const struct example_line *wanted, size_t number, const json_t *event, const char *name,
                         const char *value)
{
    char *is = check_text(json_object_get(event, name));
    if (strcmp(is, value) != 0)
        check_differs(c, wanted->line, "event %zu: %s is \"%.120s\", not \"%.120s\"", number, name, is, value);
    g_free(is);
}

/* The venues one after the other are one list. */
static void check_event(const struct check *c, const struct example_line *wanted, size_t number, const json_t *event)
{
    char **members = g_strsplit(wanted->text, "|", 0);
    GString *venues = g_string_new(NULL);
    bool any = false;
    for (size_t i = 0; members[i] != NULL; i++) {
        char *equals = strchr(members[i], '=');
        if (equals == NULL) {
            check_differs(c, wanted->line, "\"%.80s\" is not member=value", g_strstrip(members[i]));
            continue;
        }
        *equals = '\0';
        char *name = g_strstrip(members[i]), *value = g_strstrip(equals + 1);
        if (strcmp(name, "venue") == 0) {
            g_string_append_printf(venues, "%s%s", any ? "," : "", value);
            any = true;
        } else {
            check_member(c, wanted, number, event, name, value);
        }
    }
    if (any)
        check_member(c, wanted, number, event, "venues", venues->str);
    g_string_free(venues, TRUE);
    g_strfreev(members);
}

/* Warnings that name a row, in order. */
static void check_warnings(const struct check *c, const json_t *warnings)
{
    size_t at = 0;
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        const json_t *w = json_array_get(warnings, i);
        const char *code = json_string_value(json_object_get(w, "code")), *text = json_string_value(json_object_get(w, "text"));
        if (json_object_get(w, "row") == NULL)
            continue;
        if (at >= c->x->n_warnings)
            check_differs(c, c->x->line, "row %lld is not understood: %s: %.160s: \"%.80s\"", (long long)json_integer_value(json_object_get(w, "row")), code,
                          json_string_value(json_object_get(w, "message")), text != NULL ? text : "");
        else if (strcmp(c->x->warnings[at].text, code) != 0)
            check_differs(c, c->x->warnings[at].line, "warning %zu is %s, not %.60s", at + 1, code, c->x->warnings[at].text);
        at++;
    }
    for (; at < c->x->n_warnings; at++)
        check_differs(c, c->x->warnings[at].line, "warning %zu, %.60s, did not come", at + 1, c->x->warnings[at].text);
}

static void check_reply(const struct check *c, const json_t *reply)
{
    const json_t *events = json_object_get(reply, "events");
    const char *type = json_string_value(json_object_get(reply, "type"));
    size_t n = json_array_size(events);
    if (type == NULL || strcmp(type, c->layout->name) != 0) {
        check_differs(c, c->x->line, "it is recognised as %s", type != NULL ? type : "nothing");
        return;
    }
    for (size_t i = 0; i < MIN_OF(n, c->x->n_events); i++)
        check_event(c, &c->x->events[i], i + 1, json_array_get(events, i));
    for (size_t i = n; i < c->x->n_events; i++)
        check_differs(c, c->x->events[i].line, "event %zu did not come (%zu did)", i + 1, n);
    for (size_t i = c->x->n_events; i < n; i++) {
        char *text = json_dumps(json_array_get(events, i), JSON_COMPACT);
        check_differs(c, c->x->line, "event %zu is one too many: %.300s", i + 1, text != NULL ? text : "");
        free(text);
    }
    json_int_t rows = json_integer_value(json_object_get(reply, "rows_seen"));
    if (c->x->rows.text != NULL && rows != atoi(c->x->rows.text))
        check_differs(c, c->x->rows.line, "%lld rows were seen, not %.20s", (long long)rows, c->x->rows.text);
    check_warnings(c, json_object_get(reply, "warnings"));
}

static void check_example(const struct check *c, const struct layout_set *set)
{
    struct err e = {0};
    json_t *reply = NULL;
    GString *pdf = layout_draw(c->x, c->ruled);
    struct document_options o = {.expect = "auto", .layouts = set, .password = "", .max_pages = 100};
    int rc = document_parse(pdf->str, pdf->len, &o, &reply, &e);
    const char *fails = c->x->fails.text;
    if (rc < 0 && (fails == NULL || strcmp(fails, err_name(rc)) != 0))
        check_differs(c, fails != NULL ? c->x->fails.line : c->x->line, "it is refused: %s: %.300s", err_name(rc), e.message);
    else if (rc == 0 && fails != NULL)
        check_differs(c, c->x->fails.line, "it is not refused as %.60s", fails);
    else if (rc == 0)
        check_reply(c, reply);
    json_decref(reply);
    g_string_free(pdf, TRUE);
}

size_t layout_check_run(const struct layout_set *set, const struct layout *layout, json_t *findings)
{
    size_t events = 0;
    for (size_t i = 0; i < layout->n_examples; i++)
        for (int ruled = 1; ruled >= 0; ruled--) {
            struct check c = {layout, &layout->examples[i], ruled == 1, findings};
            if (!(ruled == 1 ? c.x->ruled : c.x->plain))
                continue;
            check_example(&c, set);
            events += c.x->n_events;
        }
    return events;
}
