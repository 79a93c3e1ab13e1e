/*
 * match_pools - see match_pools.h. Refuses to guess why there is nothing: nobody publishing, nobody waiting and a name
 * mistyped are three different answers.
 */
#include "match_pools.h"

#include "keys.h"
#include "match_groups.h"
#include "out.h"
#include "queue_call.h"

#include <stdio.h>

enum { STALE_MS = 30000, NAMES_MAX = 400, CANDIDATES_MAX = 256 };

double match_pools_number(const json_t *object, const char *key, double fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

int match_pools_check_name(const char *name, struct err *e)
{
    if (name == NULL || keys_queue_valid(name))
        return 0;
    return err_set(e, ERR_BAD_ARGUMENT, "POOL: \"%.100s\" is no pool's name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -",
                   name);
}

static int by_name(const void *a, const void *b)
{
    const json_t *one, *other;
    memcpy(&one, a, sizeof one);
    memcpy(&other, b, sizeof other);
    return strcmp(json_text(one, "pool"), json_text(other, "pool"));
}

/* A field of the hash, if it is a pool's record. */
static void take_field(struct match_pools *p, const redisReply *value, const char *updated_ms)
{
    json_t *stats = json_loadb(value->str, (size_t)value->len, 0, NULL);
    if (json_object_get(stats, "estimates") == NULL || *json_text(stats, "pool") == '\0') {
        json_decref(stats);
        return;
    }
    int64_t at_ms = json_number(stats, "updatedMs", 0);
    if (at_ms <= 0)
        at_ms = atoll(updated_ms);
    (void)json_object_set_new(stats, "age_ms",
                              at_ms > 0 ? json_integer(MAX_OF(p->now_ms - at_ms, (int64_t)0)) : json_null());
    match_groups_hide(stats);
    (void)json_array_append_new(p->pools, stats);
}

static int sort_pools(struct match_pools *p)
{
    size_t n = json_array_size(p->pools);
    AUTO_FREE json_t **all = calloc(n + 1, sizeof(json_t *));
    if (all == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        all[i] = json_incref(json_array_get(p->pools, i));
    qsort(all, n, sizeof all[0], by_name);
    (void)json_array_clear(p->pools);
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(p->pools, all[i]);
    return 0;
}

static void take_hash(struct match_pools *p, const redisReply *hash)
{
    const char *updated_ms = "0";
    for (size_t i = 0; i + 1 < hash->elements; i += 2)
        if (strcmp(hash->element[i]->str, "updated_ms") == 0)
            updated_ms = hash->element[i + 1]->str;
    p->published = hash->elements > 0;
    for (size_t i = 0; i + 1 < hash->elements; i += 2)
        take_field(p, hash->element[i + 1], updated_ms);
}

static int read_clock(struct redis_sync *redis, int64_t *ret_now_ms, struct err *e)
{
    redisReply *reply = NULL;
    int rc = redis_sync_cmd(redis, &reply, e, "TIME");
    if (rc < 0)
        return rc;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
        *ret_now_ms = atoll(reply->element[0]->str) * 1000 + atoll(reply->element[1]->str) / 1000;
    freeReplyObject(reply);
    return 0;
}

static int read_hash(struct redis_sync *redis, struct match_pools *p, struct err *e)
{
    redisReply *reply = NULL;
    char key[KEY_MAX];
    const char *const argv[] = {"HGETALL", keys_of(key, p->queue, "stats")};
    int rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc < 0)
        return rc;
    take_hash(p, reply);
    freeReplyObject(reply);
    return sort_pools(p);
}

int match_pools_read(struct session *s, const char *queue, struct match_pools *ret, struct err *e)
{
    const struct conf *conf;
    struct redis_sync *redis;
    struct match_pools p = {.now_ms = 0};
    if (queue != NULL && !keys_queue_valid(queue))
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--queue: \"%.100s\" is no queue's name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -", queue);
    int rc = session_conf(s, &conf, e);
    if (rc == 0)
        rc = session_redis(s, &redis, e);
    if (rc < 0)
        return rc;
    (void)snprintf(p.queue, sizeof p.queue, "%s", queue != NULL ? queue : conf_queue_of_kind(conf, "match"));
    p.pools = json_array();
    rc = read_clock(redis, &p.now_ms, e);
    if (rc == 0)
        rc = read_hash(redis, &p, e);
    if (rc < 0)
        match_pools_fini(&p);
    else
        *ret = p;
    return rc;
}

void match_pools_fini(struct match_pools *p)
{
    if (p == NULL)
        return;
    json_decref(p->pools);
    p->pools = NULL;
}

static int unknown_name(const struct match_pools *p, const char *name, struct err *e)
{
    const char *candidates[CANDIDATES_MAX + 1] = {NULL};
    char names[NAMES_MAX] = "";
    for (size_t i = 0; i < json_array_size(p->pools) && i < CANDIDATES_MAX; i++) {
        size_t used = strlen(names);
        candidates[i] = json_text(json_array_get(p->pools, i), "pool");
        (void)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", candidates[i]);
    }
    const char *nearest = args_nearest(name, candidates);
    return err_set(e, ERR_NOT_FOUND,
                   "no waits are published for pool \"%.64s\"%s%s%s; pools with waits in queue %s: %s", name,
                   nearest != NULL ? ", did you mean \"" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "\"?" : "", p->queue, names);
}

json_t *match_pools_find(const struct match_pools *p, const char *name, struct err *e)
{
    for (size_t i = 0; i < json_array_size(p->pools); i++)
        if (name == NULL || strcmp(json_text(json_array_get(p->pools, i), "pool"), name) == 0)
            return json_array_get(p->pools, i);
    if (json_array_size(p->pools) > 0)
        (void)unknown_name(p, name, e);
    else if (p->published)
        (void)err_set(
            e, ERR_NOT_FOUND,
            "no waits are published%s%s: a supervisor publishes for queue %s, but nobody has joined a pool of it "
            "yet (\"stint match submit\")",
            name != NULL ? " for pool " : "", name != NULL ? name : "", p->queue);
    else
        (void)err_set(
            e, ERR_NOT_FOUND,
            "no waits are published%s%s: nobody publishes for queue %s. A supervisor's metrics thread does, with "
            "[metrics] enabled = yes and a pool that runs match; \"stint status\" says whether one runs",
            name != NULL ? " for pool " : "", name != NULL ? name : "", p->queue);
    return NULL;
}

int match_pools_each(struct session *s, const char *name, match_pools_fn show, struct err *e)
{
    struct match_pools pools = {.pools = NULL};
    int rc = match_pools_check_name(name, e);
    if (rc == 0)
        rc = match_pools_read(s, args_text(&s->args, "queue", NULL), &pools, e);
    if (rc == 0 && match_pools_find(&pools, name, e) == NULL)
        rc = ERR_NOT_FOUND;
    for (size_t i = 0; rc == 0 && i < json_array_size(pools.pools); i++) {
        json_t *stats = json_array_get(pools.pools, i);
        if (name == NULL || strcmp(json_text(stats, "pool"), name) == 0)
            rc = show(s, &pools, stats, e);
    }
    match_pools_fini(&pools);
    return rc;
}

bool match_pools_stale(const json_t *stats)
{
    return json_number(stats, "age_ms", 0) > STALE_MS;
}

char *match_pools_source(const json_t *stats, char out[static 160])
{
    char age[32];
    const char *publisher = json_text(stats, "publisher");
    bool known = json_is_integer(json_object_get(stats, "age_ms"));
    (void)snprintf(out, 160, "published%s%.96s%s%s%s", *publisher != '\0' ? " by " : "", publisher, known ? ", " : "",
                   known ? out_ms(age, json_number(stats, "age_ms", 0)) : "", known ? " ago" : "");
    return out;
}

char *match_pools_waiting(const json_t *cell, char out[static 32])
{
    double waiting = match_pools_number(cell, "waiting", -1), from = match_pools_number(cell, "waitingFrom", -1);
    if (waiting >= 0)
        (void)snprintf(out, 32, "%.0f", waiting);
    else if (from >= MATCH_GROUP_MIN)
        (void)snprintf(out, 32, "%.0f+", from);
    else
        (void)snprintf(out, 32, from >= 0 ? "<%d" : "-", MATCH_GROUP_MIN);
    return out;
}
