/*
 * dead_filter - the filter options of the dlq verbs (dead_letters.h), read from the command line. Times are Redis' own:
 * letters are dated by its clock, and a host's may differ.
 */
#include "dead_letters.h"

#include "enqueue_options.h"

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

bool dead_filter_given(const struct args *a)
{
    static const char *const names[] = {"queue", "kind", "cause", "code", "fingerprint", "since", "until", "match"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (args_has(a, names[i]))
            return true;
    return false;
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
    if (rc == 0)
        *ret_filter = f;
    return rc;
}

int dead_letters_select(struct session *s, size_t limit, bool bare, struct dead_letters *ret_letters, struct err *e)
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
    f.bare = bare;
    return rc < 0 ? rc : dead_letters_find(s, &f, ret_letters, e);
}
