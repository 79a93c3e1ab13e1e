/*
 * layout_tool - see layout_tool.h. Believes no file that layout_read refuses, and goes on with the next.
 */
#include "layout_tool.h"

#include "document.h"
#include "layout_check.h"
#include "layout_draw.h"
#include <stdio.h>

static void tool_print(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    (void)printf("%s\n", text != NULL ? text : "{}");
    free(text);
    json_decref(object);
}

static int tool_failed(const struct err *e)
{
    json_t *message = json_string(e->message);
    tool_print(json_pack("{s:b,s:o}", "ok", 0, "message", message != NULL ? message : json_string("refused")));
    return 1;
}

/* True for what path brought into the set: a folder's files, or the one file. */
static bool tool_is_of(const struct layout *layout, const char *path)
{
    size_t len = strlen(path);
    return strncmp(layout->file, path, len) == 0 && (layout->file[len] == '\0' || layout->file[len] == '/' || (len > 0 && path[len - 1] == '/'));
}

/* Checks the layouts of one path, or of the compiled-in set for "". */
static int tool_check(const char *path, bool examples)
{
    struct layout_set set;
    struct err e = {0};
    int rc = layout_set_load(&set, path, &e), code = 0;
    if (rc < 0) {
        layout_set_free(&set);
        return tool_failed(&e);
    }
    for (size_t i = 0; i < set.n; i++) {
        const struct layout *layout = set.items[i];
        if (!tool_is_of(layout, path[0] != '\0' ? path : "(compiled in)"))
            continue;
        json_t *findings = json_array();
        size_t events = examples ? layout_check_run(&set, layout, findings) : 0, n = json_array_size(findings);
        for (size_t k = 0; k < n; k++)
            tool_print(json_incref(json_array_get(findings, k)));
        tool_print(json_pack("{s:s,s:s,s:b,s:i,s:i,s:i}", "layout", layout->name, "file", layout->file, "ok", n == 0, "examples",
                             (int)layout->n_examples, "events", (int)events, "findings", (int)n));
        code = n > 0 ? 1 : code;
        json_decref(findings);
    }
    layout_set_free(&set);
    return code;
}

static int tool_list(const struct layout_set *set)
{
    static const char *const rows[] = {"records", "sessions", "grid"};
    for (size_t i = 0; i < set->n; i++) {
        const struct layout *l = set->items[i];
        tool_print(json_pack("{s:s,s:i,s:s,s:s,s:s,s:i,s:s}", "layout", l->name, "order", l->order, "rows", rows[l->rows], "title", l->titles, "about",
                             l->about, "examples", (int)l->n_examples, "file", l->file));
    }
    return 0;
}

static int tool_show(const struct layout_set *set, const char *name)
{
    const struct layout *layout = layout_set_find(set, name);
    char names[LAYOUT_LIST_MAX];
    layout_set_names(set, names);
    if (layout == NULL) {
        (void)fprintf(stderr, "stint-parser: there is no layout %.60s; known are: %s\n", name, names);
        return 1;
    }
    (void)fputs(layout->text, stdout);
    return 0;
}

/* NAME or NAME:N, the N-th example, from 1. */
static int tool_draw(const struct layout_set *set, const char *which)
{
    char *name = g_strndup(which, strcspn(which, ":"));
    const struct layout *layout = layout_set_find(set, name);
    size_t number = strchr(which, ':') != NULL ? strtoul(strchr(which, ':') + 1, NULL, 10) : 1;
    g_free(name);
    if (layout == NULL || number < 1 || number > layout->n_examples) {
        (void)fprintf(stderr, "stint-parser: %.60s names no example: NAME or NAME:N, the N-th of a known layout\n", which);
        return 1;
    }
    const struct layout_example *x = &layout->examples[number - 1];
    GString *pdf = layout_draw(x, x->ruled);
    bool written = fwrite(pdf->str, 1, pdf->len, stdout) == pdf->len;
    g_string_free(pdf, TRUE);
    return written ? 0 : 1;
}

static int tool_with_set(int argc, char *argv[])
{
    struct layout_set set;
    struct err e = {0};
    bool list = strcmp(argv[1], "--layout-list") == 0;
    const char *path = list ? (argc > 2 ? argv[2] : "") : argc > 3 ? argv[3] : "";
    int rc = layout_set_load(&set, path, &e);
    int code = rc < 0 ? tool_failed(&e) : list ? tool_list(&set) : strcmp(argv[1], "--layout-show") == 0 ? tool_show(&set, argv[2]) : tool_draw(&set, argv[2]);
    layout_set_free(&set);
    return code;
}

int layout_tool_run(int argc, char *argv[])
{
    struct err e = {0};
    bool read = strcmp(argv[1], "--layout-read") == 0, check = strcmp(argv[1], "--layout-check") == 0;
    bool list = strcmp(argv[1], "--layout-list") == 0;
    bool named = (strcmp(argv[1], "--layout-show") == 0 || strcmp(argv[1], "--layout-draw") == 0) && argc > 2;
    if (!read && !check && !list && !named) {
        (void)fprintf(stderr, "stint-parser: --layout-read|--layout-check [PATH…], --layout-list [PATH], --layout-show NAME [PATH], --layout-draw "
                              "NAME[:N] [PATH]; PATH is a folder or one NAME.layout\n");
        return 2;
    }
    if (!read && !check)
        return tool_with_set(argc, argv);
    if (check && document_warm_up(&e) < 0)
        return tool_failed(&e);
    int code = argc == 2 ? tool_check("", check) : 0;
    for (int i = 2; i < argc; i++)
        code = tool_check(argv[i], check) != 0 ? 1 : code;
    return code;
}
