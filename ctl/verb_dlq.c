/*
 * verb_dlq - `stint dlq list|show|triage`: looking at dead letters. What changes them is in verb_dlq_change.c.
 */
#include "clock.h"
#include "dead_letters.h"
#include "dlq_groups.h"
#include "job_show.h"
#include "job_wait.h"
#include "verb.h"

enum { LIST_DEFAULT = 50 };

const struct arg_spec verb_dlq_list_options[] = {
    DEAD_FILTER_OPTIONS,
    {"limit", ARG_INT, "N", "most letters, newest first; default 50", NULL, 1, DEAD_LETTERS_MAX},
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

int verb_dlq_list(struct session *s)
{
    static const char *const titles[] = {"ID", "-QUEUE", "-KIND", "-CAUSE", "CODE", ">-ERRORS", ">AGE", "~MESSAGE", NULL};
    struct err e = {.code = 0};
    struct dead_filter f;
    struct dead_letters letters = {.n = 0};
    struct table t;
    int rc = dead_filter_from_args(s, &f, &e);
    if (rc == 0) {
        f.limit = (size_t)args_int(&s->args, "limit", LIST_DEFAULT);
        f.newest_first = true;
        rc = dead_letters_find(s, &f, &letters, &e);
    }
    if (rc < 0)
        return session_fail(s, &e);
    table_init(&t, titles);
    for (size_t i = 0; i < letters.n; i++)
        list_row(s, &t, &letters.items[i]);
    table_print(&t, &s->out);
    if (letters.n == 0)
        out_line(&s->out, "no dead letters%s", dead_filter_given(&s->args) ? " match" : "");
    if (letters.n == f.limit)
        out_remark(&s->out, "the newest %zu; --limit shows more, \"stint dlq triage\" groups them", letters.n);
    table_fini(&t);
    dead_letters_fini(&letters);
    return EXIT_DONE;
}

const struct arg_spec verb_dlq_show_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "look in this queue only; default: every configured queue", NULL, 1, 64},
    {.name = NULL},
};

int verb_dlq_show(struct session *s)
{
    struct err e = {.code = 0};
    char queue[QUEUE_MAX];
    json_t *job = NULL;
    const char *id = args_positional(&s->args, 0);
    int rc = queue_list_find_job(s, args_text(&s->args, "queue", NULL), id, queue, &job, &e);
    if (rc == 0 && strcmp(json_text(job, "state"), "dead") != 0)
        rc = err_set(&e, ERR_NOT_FOUND, "job \"%.128s\" is no dead letter; it is %s (\"stint job show\" shows it)", id,
                     json_text(job, "state"));
    if (rc == 0)
        job_show_print(s, job);
    json_decref(job);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

const struct arg_spec verb_dlq_triage_options[] = {DEAD_FILTER_OPTIONS, {.name = NULL}};

int verb_dlq_triage(struct session *s)
{
    struct err e = {.code = 0};
    struct dead_filter f;
    struct dead_letters letters = {.n = 0};
    int rc = dead_filter_from_args(s, &f, &e);
    if (rc == 0)
        rc = dead_letters_find(s, &f, &letters, &e);
    if (rc == 0)
        rc = dlq_groups_print(s, &letters, &e);
    dead_letters_fini(&letters);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
