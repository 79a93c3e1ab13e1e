/*
 * verb_dlq_change - `stint dlq drain|purge`: what changes dead letters. Refuses to touch every letter by
 * accident (IDs, a filter or --all must be given), and to remove anything without --yes or a person's yes.
 */
#include "dead_letters.h"
#include "dlq_export.h"
#include "verb.h"

#include <stdio.h>

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
    int rc = dead_letters_select(s, (size_t)args_int(&s->args, "max", DEAD_LETTERS_MAX), false, &letters, &e);
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
        rc = dead_letters_select(s, (size_t)args_int(&s->args, "max", DEAD_LETTERS_MAX), false, &letters, &e);
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
