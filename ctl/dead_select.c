/*
 * dead_select - see dead_select.h. Refuses to mean every letter by accident. Times are Redis' own:
 * letters are dated by its clock, and a host's may differ.
 */
#include "dead_select.h"

#include "enqueue_options.h"

#include <stdio.h>

int dead_filter_time(struct session *s, const char *name, int64_t *ret_ms, struct err *e)
{
    const char *text = args_text(&s->args, name, NULL);
    struct err why = {.code = 0};
    int64_t ago_ms, now_ms = 0;
    if (text == NULL)
        return 0;
    if (conf_parse_duration(text, &ago_ms, NULL) == 0) {
        int rc = stores_redis_now(&s->stores, &now_ms, e);
        *ret_ms = MAX_OF(now_ms - ago_ms, 1);
        return rc;
    }
    if (enqueue_options_time(text, ret_ms, &why) == 0)
        return 0;
    return err_set(e, ERR_BAD_ARGUMENT,
                   "--%s: \"%.60s\" is not allowed; allowed: how long ago (30s, 5m, 2h, 7d) or a time "
                   "(2026-11-22T08:00:00Z)",
                   name, text);
}

/* What --queue alone is may be named with --all too. */
static const char *const option_names[] = {"queue", "kind",  "cause", "code",  "fingerprint", "since",
                                           "until", "match", "id",    "build", "host"};

bool dead_filter_given(const struct args *a)
{
    for (size_t i = 0; i < ARRAY_LEN(option_names); i++)
        if (args_has(a, option_names[i]))
            return true;
    return false;
}

char *dead_filter_words(const struct args *a, char *out, size_t size)
{
    size_t n = 0;
    *out = '\0';
    for (size_t i = 0; i < a->n_positionals && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? " " : "", a->positionals[i]);
    for (size_t i = 0; i < ARRAY_LEN(option_names) && n < size; i++)
        if (args_has(a, option_names[i]))
            n += (size_t)snprintf(out + n, size - n, "%s--%s %s", n > 0 ? " " : "", option_names[i],
                                  args_text(a, option_names[i], ""));
    if (n == 0)
        (void)snprintf(out, size, "--all");
    return out;
}

int dead_filter_must_name(const struct args *a, struct err *e)
{
    if (a->n_positionals > 0 || dead_filter_given(a) || args_has(a, "all"))
        return 0;
    return err_set(e, ERR_BAD_ARGUMENT,
                   "name dead letters by ID, or by a filter (--queue --kind --cause --code --fingerprint --since "
                   "--until --match --id --build --host), or say --all");
}

static int read_ids(const char *text, struct dead_filter *f, struct err *e)
{
    size_t most = 1;
    if (text == NULL)
        return 0;
    for (const char *p = text; *p != '\0'; p++)
        most += *p == ',';
    f->id_texts = strdup(text);
    f->ids = calloc(most, sizeof *f->ids);
    if (f->id_texts == NULL || f->ids == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu ids", most);
    char *cursor = f->id_texts;
    for (char *id; (id = strsep(&cursor, ",")) != NULL;)
        if (*id != '\0')
            f->ids[f->n_ids++] = id;
    return f->n_ids > 0 ? 0 : err_set(e, ERR_BAD_ARGUMENT, "--id: names no job; write --id ID or --id ID,ID");
}

int dead_filter_from_args(struct session *s, struct dead_filter *ret_filter, struct err *e)
{
    const struct args *a = &s->args;
    struct dead_filter f = {
        .queue = args_text(a, "queue", NULL),
        .kind = args_text(a, "kind", NULL),
        .cause = args_text(a, "cause", NULL),
        .code = args_text(a, "code", NULL),
        .fingerprint = args_text(a, "fingerprint", NULL),
        .match = args_text(a, "match", NULL),
        .build = args_text(a, "build", NULL),
        .host = args_text(a, "host", NULL),
        .limit = DEAD_LETTERS_MAX,
    };
    if (f.code != NULL && err_code_by_name(f.code) == 0)
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--code: \"%.60s\" is no error code; codes are like NOT_PDF, BAD_PAYLOAD, TIMEOUT "
                       "(\"stint dlq triage\" shows those there are)",
                       f.code);
    int rc = dead_filter_time(s, "since", &f.since_ms, e);
    if (rc == 0)
        rc = dead_filter_time(s, "until", &f.until_ms, e);
    if (rc == 0 && f.since_ms > 0 && f.until_ms > 0 && f.until_ms < f.since_ms)
        rc = err_set(e, ERR_BAD_ARGUMENT, "--until is before --since: nothing can match");
    if (rc == 0)
        rc = read_ids(args_text(a, "id", NULL), &f, e);
    if (rc == 0)
        *ret_filter = f;
    else
        dead_filter_fini(&f);
    return rc;
}

/* Where the job is, if it is no dead letter of the queues asked. */
static int not_dead(struct session *s, const char *queue, const char *id, struct err *e)
{
    char found[QUEUE_MAX];
    json_t *job = NULL;
    int rc = queue_list_find_job(&s->stores, queue, id, found, &job, e);
    if (rc == 0)
        rc = err_set(e, ERR_NOT_FOUND, "job \"%.128s\" is no dead letter; it is %s", id, json_text(job, "state"));
    json_decref(job);
    return rc;
}

static bool holds(const struct dead_letters *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].id, id) == 0)
            return true;
    return false;
}

int dead_letters_by_id(struct session *s, const struct args *a, struct dead_letters *ret_letters, struct err *e)
{
    struct dead_letters letters = {.n = 0};
    const struct dead_filter f = {.queue = args_text(a, "queue", NULL),
                                  .ids = a->positionals,
                                  .n_ids = a->n_positionals,
                                  .limit = DEAD_LETTERS_MAX};
    int rc = dead_letters_find(&s->stores, &f, &letters, e);
    for (size_t i = 0; rc == 0 && letters.n < a->n_positionals && i < a->n_positionals; i++)
        if (!holds(&letters, a->positionals[i]))
            rc = not_dead(s, f.queue, a->positionals[i], e);
    if (rc == 0)
        *ret_letters = letters;
    else
        dead_letters_fini(&letters);
    return rc;
}

int dead_letters_select(struct session *s, size_t limit, bool bare, struct dead_letters *ret_letters, struct err *e)
{
    struct dead_filter f = {.limit = 0};
    const struct args *a = &s->args;
    if (a->n_positionals > 0)
        return dead_letters_by_id(s, a, ret_letters, e);
    int rc = dead_filter_must_name(a, e);
    if (rc == 0)
        rc = dead_filter_from_args(s, &f, e);
    f.limit = limit;
    f.bare = bare;
    if (rc == 0)
        rc = dead_letters_find(&s->stores, &f, ret_letters, e);
    dead_filter_fini(&f);
    return rc;
}
