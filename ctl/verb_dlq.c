/*
 * verb_dlq - `stint dlq list|show|triage`: looking at dead letters. What changes them is in verb_dlq_change.c.
 */
#include "clock.h"
#include "dead_archived.h"
#include "dead_scan.h"
#include "dead_triage_view.h"
#include "job_show.h"
#include "dead_select.h"
#include "verb.h"

#include <stdio.h>

enum { LIST_DEFAULT = 50 };

const struct arg_spec verb_dlq_list_options[] = {
    DEAD_FILTER_OPTIONS,
    {"all", ARG_FLAG, NULL, "every dead letter (as without a filter)", NULL, 0, 0},
    {"limit", ARG_INT, "N", "most letters, newest first; default 50", NULL, 1, DEAD_LETTERS_MAX},
    {"before", ARG_TEXT, "CURSOR", "the page after the one that ended there", NULL, 1, 60},
    {"archived", ARG_FLAG, NULL, "those in PostgreSQL", NULL, 0, 0},
    {.name = NULL},
};

static json_t *letter_record(const struct dead_letter *letter)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:O?}", "queue", letter->queue, "id", letter->id, "kind",
                     letter->kind, "cause", letter->cause, "code", letter->code, "fingerprint", letter->fingerprint,
                     "died_ms", (json_int_t)letter->died_ms, "errors", (json_int_t)letter->errors, "last_error",
                     letter->last_error);
}

static void list_row(struct session *s, struct table *t, const struct dead_letter *letter)
{
    char age[32];
    if (s->out.json) {
        json_t *record = letter_record(letter);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    if (table_row(t) < 0)
        return;
    table_set(t, 0, "%s", letter->id);
    table_set(t, 1, "%s", letter->queue);
    table_set(t, 2, "%s", letter->kind);
    table_set(t, 3, "%s", letter->cause);
    table_set(t, 4, "%s", letter->code);
    table_set(t, 5, "%lld", (long long)letter->errors);
    table_set(t, 6, "%s", out_ms(age, MAX_OF((int64_t)clock_wall_ms() - letter->died_ms, 0)));
    table_set(t, 7, "%s", json_text(letter->last_error, "message"));
    table_tint(t, 4, TINT_RED);
}

/* Says whether the archive holds what the filter names; nothing when it cannot be asked. */
static void remark_archive(struct session *s, const struct dead_filter *f)
{
    enum { MOST = 100000 };
    struct err e = {.code = 0};
    int64_t n = 0;
    if (s->out.json || s->out.quiet || f->archived || dead_archived_count(&s->stores, f, MOST, &n, &e) < 0 || n == 0)
        return;
    out_remark(&s->out, "%s%lld more in the archive; the same with --archived shows them", n == MOST ? "at least " : "",
               (long long)n);
}

/* "1795319276300.2": letters that died then or before, without the first 2 of that moment. */
static int read_cursor(struct session *s, struct dead_filter *f, size_t *ret_skip, struct err *e)
{
    const char *text = args_text(&s->args, "before", NULL);
    char *end = NULL;
    if (text == NULL)
        return 0;
    long long ms = strtoll(text, &end, 10), skip = *end == '.' ? strtoll(end + 1, &end, 10) : -1;
    if (ms <= 0 || skip < 0 || skip > DEAD_LETTERS_MAX || *end != '\0')
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--before: \"%.60s\" is no place in the list; a page says at its end how the next "
                       "one is called",
                       text);
    if (f->until_ms == 0 || ms < f->until_ms)
        f->until_ms = ms;
    *ret_skip = (size_t)skip;
    f->limit += (size_t)skip;
    return 0;
}

/* Where the page ended: the last moment shown, and how many of its letters were. */
struct place {
    int64_t ms;
    size_t of_ms, shown, seen;
};

static int list_letters(struct session *s, const struct dead_filter *f, size_t skip, struct place *at, struct err *e)
{
    enum { CHUNK = 500 }; /* rows of a table: columns are as wide as their widest */
    static const char *const titles[] = {"ID",       "-QUEUE", "-KIND",    "-CAUSE", "CODE",
                                         ">-ERRORS", ">AGE",   "~MESSAGE", NULL};
    struct dead_scan *scan = NULL;
    const struct dead_letter *l = NULL;
    struct table t;
    int rc = dead_scan_open(&s->stores, f, &scan, e), more = rc;
    table_init(&t, titles);
    while (rc == 0 && (more = dead_scan_next(scan, &l, e)) == 1) {
        at->of_ms = l->died_ms == at->ms ? at->of_ms + 1 : 1;
        at->ms = l->died_ms;
        if (at->seen++ < skip)
            continue;
        at->shown++;
        list_row(s, &t, l);
        if (t.n_rows == CHUNK) {
            table_print(&t, &s->out);
            table_fini(&t);
            table_init(&t, titles);
        }
    }
    table_print(&t, &s->out);
    table_fini(&t);
    dead_scan_close(scan);
    return rc < 0 ? rc : more;
}

int verb_dlq_list(struct session *s)
{
    struct err e = {.code = 0};
    struct dead_filter f = {.limit = 0};
    struct place at = {.ms = 0};
    size_t skip = 0;
    int rc = dead_filter_from_args(s, &f, &e);
    f.limit = (size_t)args_int(&s->args, "limit", LIST_DEFAULT);
    f.newest_first = true;
    f.archived = args_has(&s->args, "archived");
    if (rc == 0)
        rc = read_cursor(s, &f, &skip, &e);
    if (rc == 0)
        rc = list_letters(s, &f, skip, &at, &e);
    if (rc == 0 && at.shown == 0)
        out_line(&s->out, "no dead letters%s%s", f.archived ? " in the archive" : "",
                 dead_filter_given(&s->args) ? " match" : "");
    if (rc == 0 && at.seen == f.limit)
        out_remark(&s->out,
                   "the newest %zu%s; the next page: the same with --before %lld.%zu; \"stint dlq triage\" groups them",
                   at.shown, skip > 0 || args_has(&s->args, "before") ? " before that" : "", (long long)at.ms,
                   at.of_ms);
    if (rc == 0)
        remark_archive(s, &f);
    dead_filter_fini(&f);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

const struct arg_spec verb_dlq_show_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "look in this queue only; default: every configured queue", NULL, 1, 64},
    {"archived", ARG_FLAG, NULL, "look in PostgreSQL", NULL, 0, 0},
    {.name = NULL},
};

static int find_dead(struct session *s, const char *id, json_t **ret_job, struct err *e)
{
    char queue[QUEUE_MAX];
    const char *only = args_text(&s->args, "queue", NULL);
    if (args_has(&s->args, "archived"))
        return dead_archived_job(&s->stores, only, id, ret_job, e);
    int rc = queue_list_find_job(&s->stores, only, id, queue, ret_job, e);
    json_t *archived = NULL;
    struct err none = {.code = 0};
    if (rc == ERR_NOT_FOUND && dead_archived_job(&s->stores, only, id, &archived, &none) == 0)
        rc = err_set(e, ERR_NOT_FOUND, "job \"%.128s\" is in the archive: stint dlq show %.128s --archived", id, id);
    json_decref(archived);
    if (rc < 0 || strcmp(json_text(*ret_job, "state"), "dead") == 0)
        return rc;
    rc = err_set(e, ERR_NOT_FOUND, "job \"%.128s\" is no dead letter; it is %s (\"stint job show\" shows it)", id,
                 json_text(*ret_job, "state"));
    json_decref(*ret_job);
    *ret_job = NULL;
    return rc;
}

int verb_dlq_show(struct session *s)
{
    struct err e = {.code = 0};
    json_t *job = NULL;
    int rc = find_dead(s, args_positional(&s->args, 0), &job, &e);
    if (rc == 0)
        job_show_print(s, job);
    json_decref(job);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

const struct arg_spec verb_dlq_triage_options[] = {
    DEAD_FILTER_OPTIONS,
    {"all", ARG_FLAG, NULL, "every dead letter (as without a filter)", NULL, 0, 0},
    {"limit", ARG_INT, "N", "look at the oldest N at most", NULL, 1, INT64_C(1000000000)},
    {"archived", ARG_FLAG, NULL, "those in PostgreSQL", NULL, 0, 0},
    {.name = NULL},
};

static int triage(struct session *s, const struct dead_filter *f, struct err *e)
{
    struct dead_scan *scan = NULL;
    const struct dead_letter *l = NULL;
    struct progress bar;
    struct dead_triage *t = dead_triage_new();
    size_t n = 0;
    int rc = t == NULL ? err_set(e, ERR_OUT_OF_MEMORY, "no memory to group dead letters")
                       : dead_scan_open(&s->stores, f, &scan, e);
    int more = rc;
    progress_init(&bar, &s->out, "triage");
    while (rc == 0 && (more = dead_scan_next(scan, &l, e)) == 1) {
        dead_triage_add(t, l);
        n++;
        progress_update(&bar, n, MAX_OF(dead_scan_total(scan), n));
    }
    progress_end(&bar);
    rc = rc < 0 ? rc : more;
    if (rc == 0 && n == 0)
        out_line(&s->out, "no dead letters%s%s", f->archived ? " in the archive" : "",
                 dead_filter_given(&s->args) ? " match" : "");
    else if (rc == 0)
        dead_triage_view_print(t, s, f->archived);
    dead_triage_free(t);
    dead_scan_close(scan);
    return rc;
}

int verb_dlq_triage(struct session *s)
{
    struct err e = {.code = 0};
    struct dead_filter f = {.limit = 0};
    int rc = dead_filter_from_args(s, &f, &e);
    f.limit = (size_t)args_int(&s->args, "limit", INT64_C(1000000000));
    f.archived = args_has(&s->args, "archived");
    if (rc == 0)
        rc = triage(s, &f, &e);
    if (rc == 0)
        remark_archive(s, &f);
    dead_filter_fini(&f);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
