/*
 * verb_dlq_change - `stint dlq archive|drain|purge|import`: what takes dead letters out of Redis and brings them back.
 * Refuses to touch every letter by accident (IDs, a filter or --all must be given), and to remove anything for good
 * without
 * --yes or a person's yes.
 */
#include "clock.h"
#include "dead_import.h"
#include "dead_out.h"
#include "dead_select.h"
#include "verb.h"

#include <stdio.h>
#include <time.h>

enum { WORDS_MAX = 512 };

#define CHANGE_OPTIONS                                                                                                 \
    DEAD_FILTER_OPTIONS, {"all", ARG_FLAG, NULL, "every dead letter", NULL, 0, 0},                                     \
        {"limit", ARG_INT, "N", "at most N letters, oldest first", NULL, 1, INT64_C(1000000000)},                      \
    {                                                                                                                  \
        "reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256                                              \
    }

/* The filter and the ids of the command line. dead_filter_fini in any case. */
static int select_from_args(struct session *s, bool archived, struct dead_filter *ret_filter, struct err *e)
{
    struct dead_letters letters = {.n = 0};
    const struct args *a = &s->args;
    int rc = dead_filter_must_name(a, e);
    if (rc == 0)
        rc = dead_filter_from_args(s, ret_filter, e);
    if (rc < 0)
        return rc;
    ret_filter->archived = archived;
    ret_filter->limit = (size_t)args_int(a, "limit", INT64_C(1000000000));
    if (a->n_positionals == 0)
        return 0;
    if (ret_filter->n_ids > 0)
        return err_set(e, ERR_BAD_ARGUMENT, "name jobs by ID or by --id, not by both");
    if (!archived)
        rc = dead_letters_by_id(s, a, &letters, e); /* each must be a dead letter */
    dead_letters_fini(&letters);
    ret_filter->ids = calloc(a->n_positionals, sizeof *ret_filter->ids);
    if (rc == 0 && ret_filter->ids == NULL)
        rc = err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu ids", a->n_positionals);
    if (rc == 0) {
        memcpy(ret_filter->ids, a->positionals, a->n_positionals * sizeof *ret_filter->ids);
        ret_filter->n_ids = a->n_positionals;
    }
    return rc;
}

static void on_progress(void *arg, size_t done, size_t total)
{
    progress_update(arg, done, total);
}

/* Moves the letters behind a bar. */
static int run(struct session *s, struct dead_out *o, const char *label, struct err *e)
{
    struct progress bar;
    progress_init(&bar, &s->out, label);
    o->on_progress = on_progress;
    o->arg = &bar;
    int rc = dead_out_run(&s->stores, o, e);
    progress_end(&bar);
    return rc;
}

static void report(struct session *s, const struct dead_out *o, const char *word, const char *path)
{
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:I, s:I, s:I, s:s?}", "done", word, "removed", (json_int_t)o->removed,
                                   "written", (json_int_t)o->written, "changed", (json_int_t)o->changed, "file", path);
        out_json(&s->out, record);
        json_decref(record);
    } else if (path != NULL && o->keep) {
        out_line(&s->out, "%zu written to %s; nothing was removed", o->written, path);
    } else if (path != NULL) {
        out_line(&s->out, "%zu written to %s, then removed", o->removed, path);
    } else {
        out_line(&s->out, "%zu %s", o->removed, word);
    }
    if (o->changed > 0)
        out_remark(&s->out, "%zu were replayed, edited or removed by somebody meanwhile and left alone", o->changed);
}

/* Says what was done before a break; the same command goes on. */
static int broken(struct session *s, const struct dead_out *o, const struct err *e)
{
    if (o->removed > 0 || o->written > 0)
        out_remark(&s->out, "%zu were removed before the break; say the same again%s to go on", o->removed,
                   o->way == DEAD_OUT_DRAIN ? " with --resume" : "");
    if (o->note && e->code == ERR_STORE_UNAVAILABLE)
        out_remark(&s->out, "nothing is removed before it is archived; --no-archive --yes removes it for good without");
    return session_fail(s, e);
}

const struct arg_spec verb_dlq_archive_options[] = {CHANGE_OPTIONS, {.name = NULL}};

int verb_dlq_archive(struct session *s)
{
    struct err e = {.code = 0};
    char words[WORDS_MAX];
    struct dead_out o = {.way = DEAD_OUT_ARCHIVE,
                         .reason = args_text(&s->args, "reason", "archived by an operator"),
                         .words = dead_filter_words(&s->args, words, sizeof words)};
    int rc = select_from_args(s, false, &o.filter, &e);
    if (rc == 0)
        rc = run(s, &o, "archive", &e);
    dead_filter_fini(&o.filter);
    if (rc < 0)
        return broken(s, &o, &e);
    report(s, &o, "archived", NULL);
    return EXIT_DONE;
}

/* A person's yes, or --yes. ERR_REFUSED without. */
static int confirm(struct session *s, size_t n, const char *how, struct err *e)
{
    char question[160];
    (void)snprintf(question, sizeof question, "Remove %zu dead letter%s %s?", n, n == 1 ? "" : "s", how);
    if (session_confirm(s, question))
        return 0;
    return err_set(e, ERR_REFUSED, "%zu dead letter%s left alone: removing them needs --yes, or a yes on the terminal",
                   n, n == 1 ? "" : "s");
}

const struct arg_spec verb_dlq_purge_options[] = {
    CHANGE_OPTIONS,
    {"archived", ARG_FLAG, NULL, "those in PostgreSQL, for good", NULL, 0, 0},
    {"no-archive", ARG_FLAG, NULL, "for good: do not archive them first; needs --yes", NULL, 0, 0},
    {"yes", ARG_FLAG, NULL, "do not ask", NULL, 0, 0},
    {.name = NULL},
};

static int may_purge(struct session *s, const struct dead_out *o, struct err *e)
{
    const struct args *a = &s->args;
    size_t n = 0;
    if (args_has(a, "no-archive") && args_has(a, "archived"))
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--archived and --no-archive: say which; the archive's letters are archived");
    if (args_has(a, "yes"))
        return 0;
    if (args_has(a, "no-archive"))
        return err_set(e, ERR_REFUSED, "--no-archive removes dead letters for good and needs --yes");
    struct progress bar;
    progress_init(&bar, &s->out, "count");
    int rc = dead_out_count(&s->stores, &o->filter, on_progress, &bar, &n, e);
    progress_end(&bar);
    if (rc < 0 || n == 0)
        return rc;
    return confirm(s, n, args_has(a, "archived") ? "from the archive, for good" : "(they are archived first)", e);
}

int verb_dlq_purge(struct session *s)
{
    struct err e = {.code = 0};
    char words[WORDS_MAX];
    const struct args *a = &s->args;
    bool for_good = args_has(a, "no-archive") || args_has(a, "archived");
    struct dead_out o = {
        .way = for_good ? DEAD_OUT_PURGE : DEAD_OUT_ARCHIVE,
        .note = !for_good,
        .reason = args_text(a, "reason", for_good ? "purged for good by an operator" : "purged by an operator"),
        .words = dead_filter_words(a, words, sizeof words)};
    int rc = select_from_args(s, args_has(a, "archived"), &o.filter, &e);
    if (rc == 0)
        rc = may_purge(s, &o, &e);
    if (rc == 0)
        rc = run(s, &o, "purge", &e);
    dead_filter_fini(&o.filter);
    if (rc < 0)
        return broken(s, &o, &e);
    report(s, &o, for_good ? "removed for good" : "removed (they are in the archive: --archived)", NULL);
    return EXIT_DONE;
}

const struct arg_spec verb_dlq_drain_options[] = {
    CHANGE_OPTIONS,
    {"out", ARG_TEXT, "FILE", "where to write them; default: dead-letters-TIME.ndjson here", NULL, 1, 4095},
    {"resume", ARG_FLAG, NULL, "go on with a file that is there", NULL, 0, 0},
    {"keep", ARG_FLAG, NULL, "write them only, remove nothing", NULL, 0, 0},
    {"archived", ARG_FLAG, NULL, "those in PostgreSQL", NULL, 0, 0},
    {.name = NULL},
};

static const char *default_path(char *out, size_t size)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;
    (void)gmtime_r(&now, &tm);
    (void)strftime(out, size, "dead-letters-%Y%m%dT%H%M%SZ.ndjson", &tm);
    return out;
}

int verb_dlq_drain(struct session *s)
{
    struct err e = {.code = 0};
    char words[WORDS_MAX], name[64], reason[256];
    const struct args *a = &s->args;
    const char *path = args_text(a, "out", NULL);
    struct dead_file file = {.to = NULL};
    if (path == NULL)
        path = default_path(name, sizeof name);
    (void)snprintf(reason, sizeof reason, "drained to %.200s", path);
    struct dead_out o = {.way = DEAD_OUT_DRAIN,
                         .file = &file,
                         .keep = args_has(a, "keep"),
                         .reason = args_text(a, "reason", reason),
                         .words = dead_filter_words(a, words, sizeof words)};
    int rc = select_from_args(s, args_has(a, "archived"), &o.filter, &e);
    if (rc == 0 && strcmp(path, "-") == 0)
        rc = err_set(&e, ERR_BAD_ARGUMENT, "--out -: a letter is removed when its line is on disk; name a file");
    if (rc == 0)
        rc = dead_file_create(&file, path, args_has(a, "resume"), &e);
    if (rc == 0)
        rc = run(s, &o, "drain", &e);
    dead_file_close(&file, o.written == 0);
    dead_filter_fini(&o.filter);
    if (rc < 0)
        return broken(s, &o, &e);
    if (o.written == 0 && !s->out.json) {
        out_line(&s->out, "no dead letters match; no file was made");
        return EXIT_DONE;
    }
    report(s, &o, "drained", path);
    return EXIT_DONE;
}

const struct arg_spec verb_dlq_import_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "into this queue; default: each line's own", NULL, 1, 64},
    {"replace", ARG_FLAG, NULL, "a dead letter that has the id gives way", NULL, 0, 0},
    {"reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256},
    {.name = NULL},
};

static void report_import(struct session *s, const struct dead_import *in)
{
    if (s->out.json) {
        json_t *record = json_pack("{s:I, s:I, s:I, s:I, s:b}", "imported", (json_int_t)in->imported, "replaced",
                                   (json_int_t)in->replaced, "same", (json_int_t)in->same, "exists",
                                   (json_int_t)in->exists, "torn", in->torn);
        out_json(&s->out, record);
        json_decref(record);
    } else {
        out_line(&s->out, "%zu imported, %zu replaced, %zu there already", in->imported, in->replaced, in->same);
    }
    if (in->torn)
        out_remark(&s->out, "the last line is torn and was left out: its letter was not removed from where it was");
    if (in->exists == 0)
        return;
    out_remark(&s->out, "%zu left out: a job with the id exists%s", in->exists,
               in->replace ? " that is not dead" : " (--replace puts the letter in the place of a dead one)");
    for (size_t i = 0; i < MIN_OF(in->exists, (size_t)DEAD_IMPORT_NAMED); i++)
        out_remark(&s->out, "  %s", in->existing[i]);
}

int verb_dlq_import(struct session *s)
{
    struct err e = {.code = 0};
    const struct args *a = &s->args;
    struct dead_import in = {.path = args_positional(a, 0),
                             .queue = args_text(a, "queue", NULL),
                             .replace = args_has(a, "replace"),
                             .reason = args_text(a, "reason", "imported by an operator")};
    int rc = dead_import_run(s, &in, &e);
    if (rc == 0 || in.imported + in.replaced + in.same + in.exists > 0)
        report_import(s, &in);
    if (rc < 0)
        return session_fail(s, &e);
    return in.exists > 0 ? EXIT_REFUSED : EXIT_DONE;
}
