/*
 * relay_archive - see relay_archive.h. Decides how many of the oldest letters have to go, and has common/dead_archive move
 * them. Refuses to remove one PostgreSQL does not have: while it is away, bounds are passed and nothing is lost.
 */
#include "relay_archive.h"

#include "dead_archive.h"
#include "keys.h"
#include "log.h"

#include <stdio.h>

enum { RELEASE_TENTHS = 9 }; /* a bound that was passed is left by a tenth, not by a letter */

/* Why letters go, which (those that died before before_ms), and how much memory they have to give back. */
struct excess {
    const char *reason; /* NULL: none */
    int64_t bytes, before_ms;
};

static int ask_number(struct relay *r, int argc, const char *const argv[], int64_t *ret, struct err *e)
{
    redisReply *reply = NULL;
    int rc = redis_sync_argv(&r->redis, &reply, e, argc, argv, NULL);
    if (rc < 0)
        return rc;
    *ret = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
    freeReplyObject(reply);
    return 0;
}

static int redis_now(struct relay *r, int64_t *ret_ms, struct err *e)
{
    redisReply *reply = NULL;
    int rc = redis_sync_cmd(&r->redis, &reply, e, "TIME");
    if (rc < 0)
        return rc;
    if (reply->elements == 2)
        *ret_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 + strtoll(reply->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(reply);
    return 0;
}

static int64_t info_number(const char *info, const char *name)
{
    const char *at = strstr(info, name);
    return at != NULL ? strtoll(at + strlen(name), NULL, 10) : 0;
}

/* Bytes Redis uses above the share of its maxmemory that is dead letters' to give back; 0: none, or no maxmemory. */
static int pressure(struct relay *r, int64_t *ret_bytes, struct err *e)
{
    redisReply *reply = NULL;
    int64_t percent = r->conf->dead.max_redis_percent;
    *ret_bytes = 0;
    if (percent == 0)
        return 0;
    int rc = redis_sync_cmd(&r->redis, &reply, e, "INFO memory");
    if (rc < 0)
        return rc;
    int64_t most = info_number(reply->str, "\nmaxmemory:"), used = info_number(reply->str, "\nused_memory:");
    freeReplyObject(reply);
    if (most > 0)
        *ret_bytes = MAX_OF(used - most / 100 * percent, INT64_C(0));
    return 0;
}

static int measure(struct relay *r, const char *queue, struct excess *ret, struct err *e)
{
    char key[KEY_MAX];
    const struct conf_dead *d = &r->conf->dead;
    const char *const ask[] = {"HGET", keys_of(key, queue, "ledger"), "dead_bytes"};
    int64_t bytes = 0, now_ms = 0, over = 0;
    int rc = ask_number(r, (int)ARRAY_LEN(ask), ask, &bytes, e);
    if (rc == 0)
        rc = pressure(r, &over, e);
    if (rc == 0 && d->max_age > 0)
        rc = redis_now(r, &now_ms, e);
    *ret = (struct excess){.reason = NULL};
    if (over > 0)
        *ret = (struct excess){"Redis is near its maxmemory ([dead] max_redis_percent)", over, INT64_MAX};
    else if (d->max_bytes > 0 && bytes > d->max_bytes)
        *ret = (struct excess){"more than [dead] max_bytes", bytes - d->max_bytes / 10 * RELEASE_TENTHS, INT64_MAX};
    else if (d->max_age > 0)
        *ret = (struct excess){"older than [dead] max_age", DEAD_BATCH_MAX_BYTES, now_ms - d->max_age};
    return rc;
}

/* The oldest letters, at most a batch. */
static int oldest(struct relay *r, const char *queue, int64_t before_ms, redisReply **ret_ids, struct err *e)
{
    char key[KEY_MAX], until[32] = "+inf", count[16];
    (void)snprintf(count, sizeof count, "%d", (int)DEAD_BATCH_MAX);
    if (before_ms != INT64_MAX)
        (void)snprintf(until, sizeof until, "%lld", (long long)before_ms);
    const char *const ask[] = {"ZRANGEBYSCORE", keys_of(key, queue, "dead"), "-inf", until, "LIMIT", "0", count};
    return redis_sync_argv(&r->redis, ret_ids, e, (int)ARRAY_LEN(ask), ask, NULL);
}

static int archive(struct relay *r, const char *queue, const struct excess *x, const redisReply *ids, struct err *e)
{
    char run[RELAY_INSTANCE_MAX + 32];
    const char *names[DEAD_BATCH_MAX];
    struct dead_archived done = {.taken = 0};
    size_t n = MIN_OF(ids->elements, (size_t)DEAD_BATCH_MAX);
    for (size_t i = 0; i < n; i++)
        names[i] = ids->element[i]->str;
    (void)snprintf(run, sizeof run, "%s/archive", r->instance);
    const struct dead_removal removal = {
        .action = "archive", .actor = r->actor, .reason = x->reason, .filter = "", .run = run};
    int rc = dead_archive_move(&r->redis, r->pg, queue, names, n, x->bytes, &removal, &done, e);
    if (rc < 0)
        return rc;
    log_info("dead letters archived", KV_S("queue", queue), KV_I("count", done.removed), KV_I("bytes", done.bytes),
             KV_S("reason", x->reason));
    return done.removed > 0; /* none: they change faster than they are read; at the next look */
}

int relay_archive_step(struct relay *r, const char *queue, struct err *e)
{
    struct excess x;
    redisReply *ids = NULL;
    int rc = measure(r, queue, &x, e);
    if (rc < 0 || x.reason == NULL)
        return rc;
    rc = oldest(r, queue, x.before_ms, &ids, e);
    if (rc < 0)
        return rc;
    rc = ids->elements > 0 ? archive(r, queue, &x, ids, e) : 0;
    freeReplyObject(ids);
    return rc;
}
