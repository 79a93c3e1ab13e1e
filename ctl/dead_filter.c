/*
 * dead_filter - the filter options of the dlq verbs (dead_letters.h), read from the command line. Times are Redis' own:
 * letters are dated by its clock, and a host's may differ.
 */
#include "dead_letters.h"

#include "enqueue_options.h"

#include <stdio.h>

static int redis_now(struct session *s, int64_t *ret_ms, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &reply, e, "TIME");
    if (rc < 0)
        return rc;
    if (reply->elements == 2)
        *ret_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 + strtoll(reply->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(reply);
    return 0;
}

int dead_filter_time(struct session *s, const char *name, int64_t *ret_ms, struct err *e)
{
    const char *text = args_text(&s->args, name, NULL);
    struct err why = {.code = 0};
    int64_t ago_ms, now_ms = 0;
    if (text == NULL)
        return 0;
    if (conf_parse_duration(text, &ago_ms, NULL) == 0) {
        int rc = redis_now(s, &now_ms, e);
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

static bool same(const char *wanted, const char *is)
{
    return wanted == NULL || strcmp(wanted, is) == 0;
}

/* "web-1" is the host of the instance "web-1-1a2b3c4d". */
static bool on_host(const char *host, const char *instance)
{
    size_t n = strlen(host);
    return strncmp(instance, host, n) == 0 && (instance[n] == '\0' || instance[n] == '-');
}

bool dead_filter_passes(const struct dead_filter *f, const struct dead_letter *l, bool whole)
{
    if (!same(f->kind, l->kind) || !same(f->fingerprint, l->fingerprint) || (!same(f->cause, l->cause) && (whole || l->cause[0])))
        return false;
    if (!whole)
        return true;
    if (!same(f->code, l->code) || !same(f->build, json_text(l->last_error, "build")) ||
        (f->host != NULL && !on_host(f->host, json_text(l->last_error, "instance"))))
        return false;
    return f->match == NULL || strcasestr(l->id, f->match) != NULL ||
           strcasestr(json_text(l->last_error, "message"), f->match) != NULL;
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

void dead_filter_fini(struct dead_filter *f)
{
    if (f == NULL)
        return;
    free(f->ids);
    free(f->id_texts);
    f->ids = NULL;
    f->id_texts = NULL;
    f->n_ids = 0;
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
