/*
 * verb_layout - `stint pdf layout list|show|check|draw`: the timetables a parser knows. Refuses to read a layout itself: the parser does, so
 * that what is checked here is what runs there.
 */
#include "layout_files.h"
#include "queue_call.h"
#include "verb.h"

#include <stdio.h>

enum { CHECK_FILES_MAX = 60 };

/* The operator's folder, unless an option names another. */
static const char *layouts_of(struct session *s, struct err *e, int *ret_rc)
{
    const struct conf *conf = NULL;
    *ret_rc = 0;
    if (args_has(&s->args, "layouts"))
        return args_text(&s->args, "layouts", "");
    *ret_rc = session_conf(s, &conf, e);
    return *ret_rc == 0 ? conf->pdf.layouts : "";
}

/* One question whose answer is a text: printed as it is. */
static int print_answer(struct session *s, const char *question, const char *name)
{
    struct err e = {.code = 0};
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    int code = 0, rc = 0;
    const char *path = layouts_of(s, &e, &rc);
    const char *const arguments[] = {question, name, path[0] != '\0' ? path : NULL, NULL};
    if (rc == 0)
        rc = layout_files_ask(arguments, &text, &len, &code, &e);
    if (rc < 0)
        return session_fail(s, &e);
    if (text != NULL && fwrite(text, 1, len, s->out.to) != len)
        return EXIT_FAILED;
    return code == 0 ? EXIT_DONE : EXIT_FAILED;
}

#define LAYOUTS_OPTION {"layouts", ARG_TEXT, "FOLDER|FILE", "layout files beside the compiled-in; default: pdf.layouts", NULL, 1, 511}

const struct arg_spec verb_layout_list_options[] = {LAYOUTS_OPTION, {.name = NULL}};

int verb_layout_list(struct session *s)
{
    static const char *const titles[] = {"LAYOUT", ">ORDER", "ROWS", ">EXAMPLES", "~TITLE", "~ABOUT", "~FILE", NULL};
    struct err e = {.code = 0};
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    int code = 0, rc = 0;
    const char *path = layouts_of(s, &e, &rc);
    const char *const arguments[] = {"--layout-list", path[0] != '\0' ? path : NULL, NULL};
    if (rc == 0)
        rc = layout_files_ask(arguments, &text, &len, &code, &e);
    if (rc < 0)
        return session_fail(s, &e);
    json_t *lines = layout_files_lines(text);
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        json_t *l = json_array_get(lines, i);
        if (s->out.json)
            out_json(&s->out, l);
        else if (json_object_get(l, "layout") == NULL)
            out_line(&s->out, "%s", json_text(l, "message"));
        else if (table_row(&t) == 0) {
            table_set(&t, 0, "%s", json_text(l, "layout"));
            table_set(&t, 1, "%lld", (long long)json_number(l, "order", 0));
            table_set(&t, 2, "%s", json_text(l, "rows"));
            table_set(&t, 3, "%lld", (long long)json_number(l, "examples", 0));
            table_set(&t, 4, "%s", json_text(l, "title"));
            table_set(&t, 5, "%s", json_text(l, "about"));
            table_set(&t, 6, "%s", json_text(l, "file"));
        }
    }
    if (!s->out.json && code == 0)
        table_print(&t, &s->out);
    table_fini(&t);
    json_decref(lines);
    return code == 0 ? EXIT_DONE : EXIT_FAILED;
}

const struct arg_spec verb_layout_show_options[] = {LAYOUTS_OPTION, {.name = NULL}};

int verb_layout_show(struct session *s)
{
    return print_answer(s, "--layout-show", s->args.positionals[0]);
}

const struct arg_spec verb_layout_draw_options[] = {LAYOUTS_OPTION, {.name = NULL}};

int verb_layout_draw(struct session *s)
{
    return print_answer(s, "--layout-draw", s->args.positionals[0]);
}

/* One line of the parser's answer. */
static void show_finding(struct session *s, json_t *line)
{
    if (s->out.json) {
        out_json(&s->out, line);
    } else if (json_object_get(line, "layout") != NULL) {
        bool ok = json_is_true(json_object_get(line, "ok"));
        out_tinted(&s->out, ok ? TINT_GREEN : TINT_RED, "%s %s: %lld examples, %lld events, %lld differences", ok ? "ok" : "not ok",
                   json_text(line, "layout"), (long long)json_number(line, "examples", 0), (long long)json_number(line, "events", 0),
                   (long long)json_number(line, "findings", 0));
    } else if (json_text(line, "file")[0] != '\0') {
        out_line(&s->out, "%s:%lld: %s %s", json_text(line, "file"), (long long)json_number(line, "line", 0), json_text(line, "example"),
                 json_text(line, "message"));
    } else {
        out_tinted(&s->out, TINT_RED, "%s", json_text(line, "message"));
    }
}

const struct arg_spec verb_layout_check_options[] = {{.name = NULL}};

int verb_layout_check(struct session *s)
{
    const char *arguments[CHECK_FILES_MAX + 2] = {"--layout-check"};
    struct err e = {.code = 0};
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    int code = 0;
    if (s->args.n_positionals > CHECK_FILES_MAX) {
        (void)err_set(&e, ERR_BAD_ARGUMENT, "at most %d files or folders at once", CHECK_FILES_MAX);
        return session_fail(s, &e);
    }
    for (size_t i = 0; i < (size_t)s->args.n_positionals; i++)
        arguments[i + 1] = s->args.positionals[i];
    if (layout_files_ask(arguments, &text, &len, &code, &e) < 0)
        return session_fail(s, &e);
    json_t *lines = layout_files_lines(text);
    for (size_t i = 0; i < json_array_size(lines); i++)
        show_finding(s, json_array_get(lines, i));
    if (json_array_size(lines) == 0)
        out_line(&s->out, "no layout was found there");
    int exit_code = code == 0 && json_array_size(lines) > 0 ? EXIT_DONE : EXIT_FAILED;
    json_decref(lines);
    return exit_code;
}
