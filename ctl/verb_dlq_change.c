/*
 * verb_dlq_change - `stint dlq replay|drain|purge`: what changes dead letters. Refuses to touch every letter by
 * accident (IDs, a filter or --all must be given), and to remove anything without --yes or a person's yes.
 */
#include "dead_letters.h"
#include "dlq_export.h"
#include "dlq_replay.h"
#include "verb.h"

#include <stdio.h>

/* The letters that IDs, filters or --all name; at most `limit`. */
static int select_letters(struct session *s, size_t limit, struct dead_letters *ret_letters, struct err *e)
{
    struct dead_filter f;
    const struct args *a = &s->args;
    if (a->n_positionals > 0)
        return dead_letters_by_id(s, a, ret_letters, e);
    if (!dead_filter_given(a) && !args_has(a, "all"))
        return err_set(e, ERR_BAD_ARGUMENT,
                       "name dead letters by ID, or by a filter (--queue --kind --cause --code "
                       "--fingerprint --since --until --match), or say --all");
    int rc = dead_filter_from_args(s, &f, e);
    f.limit = limit;
    return rc < 0 ? rc : dead_letters_find(s, &f, ret_letters, e);
}

static void show_selection(struct session *s, const struct dead_letters *letters)
{
    static const char *const titles[] = {"ID", "-QUEUE", "KIND", "-CAUSE", "CODE", "~MESSAGE", NULL};
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < letters->n; i++) {
        const struct dead_letter *letter = &letters->items[i];
        if (s->out.json) {
            json_t *record =
                json_pack("{s:s, s:s, s:s}", "queue", letter->queue, "id", letter->id, "state", "would replay");
            out_json(&s->out, record);
            json_decref(record);
            continue;
        }
        if (table_row(&t) < 0)
            break;
        table_set(&t, 0, "%s", letter->id);
        table_set(&t, 1, "%s", letter->queue);
        table_set(&t, 2, "%s", letter->kind);
        table_set(&t, 3, "%s", letter->cause);
        table_set(&t, 4, "%s", letter->code);
        table_set(&t, 5, "%s", json_text(letter->last_error, "message"));
    }
    table_print(&t, &s->out);
    table_fini(&t);
    out_line(&s->out, "%zu would be replayed; nothing was changed", letters->n);
}

const struct arg_spec verb_dlq_replay_options[] = {
    DEAD_FILTER_OPTIONS,
    {"all", ARG_FLAG, NULL, "every dead letter", NULL, 0, 0},
    {"dry-run", ARG_FLAG, NULL, "show which, change nothing", NULL, 0, 0},
    {"max", ARG_INT, "N", "at most N letters, oldest first", NULL, 1, DEAD_LETTERS_MAX},
    {"band", ARG_ENUM, "BAND", "priority of the new run", "express|high|normal|low", 0, 0},
    {"delay", ARG_DURATION, "5s", "start no earlier than this from now", NULL, 0, INT64_C(31536000000)},
    {"payload", ARG_TEXT, "JSON|@FILE|-", "another payload, for one ID", NULL, 0, 0},
    {"edit", ARG_TEXT, "JSON|@FILE|-", "JSON merge patch (RFC 7396) of the payload, for one ID", NULL, 0, 0},
    {"guard", ARG_INT, "N", "leave letters alone that were replayed N times already; default 5", NULL, 1, 1000},
    {.name = NULL},
};

int verb_dlq_replay(struct session *s)
{
    struct err e = {.code = 0};
    struct dead_letters letters = {.n = 0};
    int code = EXIT_DONE;
    int rc = select_letters(s, (size_t)args_int(&s->args, "max", DEAD_LETTERS_MAX), &letters, &e);
    if (rc == 0 && args_has(&s->args, "dry-run"))
        show_selection(s, &letters);
    else if (rc == 0)
        rc = dlq_replay_run(s, &letters, &code, &e);
    dead_letters_fini(&letters);
    return rc < 0 ? session_fail(s, &e) : code;
}

/* A person's yes, or --yes. ERR_REFUSED without. */
static int confirm(struct session *s, size_t n, const char *what, struct err *e)
{
    char question[128];
    (void)snprintf(question, sizeof question, "%s %zu dead letter%s for good?", what, n, n == 1 ? "" : "s");
    if (args_has(&s->args, "yes") || session_confirm(s, question))
        return 0;
    return err_set(e, ERR_REFUSED, "%zu dead letter%s left alone: removing them needs --yes, or a yes on the terminal",
                   n, n == 1 ? "" : "s");
}

const struct arg_spec verb_dlq_purge_options[] = {
    DEAD_FILTER_OPTIONS,
    {"all", ARG_FLAG, NULL, "every dead letter", NULL, 0, 0},
    {"max", ARG_INT, "N", "at most N letters, oldest first", NULL, 1, DEAD_LETTERS_MAX},
    {"reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256},
    {"yes", ARG_FLAG, NULL, "do not ask", NULL, 0, 0},
    {.name = NULL},
};

int verb_dlq_purge(struct session *s)
{
    struct err e = {.code = 0};
    struct dead_letters letters = {.n = 0};
    size_t purged = 0;
    int rc = select_letters(s, (size_t)args_int(&s->args, "max", DEAD_LETTERS_MAX), &letters, &e);
    if (rc == 0 && letters.n > 0)
        rc = confirm(s, letters.n, "Remove", &e);
    if (rc == 0)
        rc = dlq_export_purge(s, &letters, args_text(&s->args, "reason", "purged by an operator"), &purged, &e);
    if (rc == 0)
        dlq_export_report(s, purged, NULL);
    dead_letters_fini(&letters);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

const struct arg_spec verb_dlq_drain_options[] = {
    DEAD_FILTER_OPTIONS,
    {"all", ARG_FLAG, NULL, "every dead letter", NULL, 0, 0},
    {"max", ARG_INT, "N", "at most N letters, oldest first", NULL, 1, DEAD_LETTERS_MAX},
    {"out", ARG_TEXT, "FILE", "new file for the letters, one JSON object a line (required)", NULL, 1, 4095},
    {.name = NULL},
};

int verb_dlq_drain(struct session *s)
{
    struct err e = {.code = 0};
    struct dead_letters letters = {.n = 0};
    const char *path = args_text(&s->args, "out", NULL);
    char reason[256];
    size_t purged = 0;
    int rc = path == NULL ? err_set(&e, ERR_BAD_ARGUMENT,
                                    "--out FILE is missing: where the letters are written before they "
                                    "are removed")
                          : 0;
    if (rc == 0)
        rc = select_letters(s, (size_t)args_int(&s->args, "max", DEAD_LETTERS_MAX), &letters, &e);
    if (rc == 0 && letters.n > 0)
        rc = dlq_export_write(s, &letters, path, &e);
    (void)snprintf(reason, sizeof reason, "drained to %.200s", path != NULL ? path : "");
    if (rc == 0)
        rc = dlq_export_purge(s, &letters, reason, &purged, &e);
    if (rc == 0)
        dlq_export_report(s, purged, path);
    dead_letters_fini(&letters);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
