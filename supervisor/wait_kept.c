/*
 * wait_kept - see wait_kept.h. The bytes are foreign: a pool's name or state that nobody of us can have written is
 * refused with a line in the log, and that model begins anew.
 */
#include "wait_kept.h"

#include "keys.h"
#include "log.h"

#include <stdio.h>

enum {
    AGAIN_MS = 120000,   /* read again after a restart, for who waits: everybody is told again every 60 s */
    KEPT_MAX = 64 << 10, /* bytes kept of one pool */
};

/* "<ms>-<n>" as two numbers; what is none is 0-0. */
static void entry_id(const char *text, unsigned long long *ret_ms, unsigned long long *ret_n)
{
    char *end;
    *ret_ms = strtoull(text, &end, 10);
    *ret_n = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
}

static bool entry_after(const char *a, const char *b)
{
    unsigned long long a_ms, a_n, b_ms, b_n;
    entry_id(a, &a_ms, &a_n);
    entry_id(b, &b_ms, &b_n);
    return a_ms != b_ms ? a_ms > b_ms : a_n > b_n;
}

static const char *kept_refusal(int rc)
{
    return rc == -EPROTONOSUPPORT ? "written by a newer build" : rc == -ENOMEM ? "too many pools" : "damaged";
}

static void take_kept(struct wait_queue *q, int64_t now_ms, const char *name, const redisReply *value)
{
    char last[ENTRY_ID_MAX] = "";
    bool named = keys_queue_valid(name); /* pools are named as queues are */
    bool fits = value->type == REDIS_REPLY_STRING && value->len <= KEPT_MAX;
    struct wait_pool *pool = named ? wait_pools_make(&q->pools, name) : NULL;
    int rc = !named || !fits ? -EBADMSG : pool == NULL ? -ENOMEM : 0;
    if (rc == 0)
        rc = wait_model_import(pool->model, now_ms, value->str, last);
    if (rc == 0)
        memcpy(q->desks[pool - q->pools.pools].counted, last, sizeof last);
    else
        log_warn("what was kept of a pool's waiting times is not taken up: its model begins anew",
                 KV_S("queue", q->queue), KV_S("pool", named ? name : "?"), KV_S("why", kept_refusal(rc)));
}

/* The feed is read again from before the earliest of them: for who waits, not to be counted twice. */
static void begin_feed(struct wait_queue *q)
{
    unsigned long long ms, n;
    const char *first = NULL;
    for (size_t i = 0; i < q->pools.n; i++) {
        const char *counted = q->desks[i].counted;
        if (counted[0] != '\0' && (first == NULL || entry_after(first, counted)))
            first = counted;
    }
    q->open = true;
    if (first == NULL)
        return;
    entry_id(first, &ms, &n);
    (void)snprintf(q->last, sizeof q->last, "%llu-0", ms > AGAIN_MS ? ms - AGAIN_MS : 0);
    log_info("what was known of waiting times before the restart is taken up", KV_S("queue", q->queue),
             KV_I("pools", (long long)q->pools.n));
}

bool wait_kept_counted(const struct wait_desk *d, const char *entry)
{
    return d->counted[0] != '\0' && !entry_after(entry, d->counted);
}

void wait_kept_take(struct wait_queue *q, int64_t now_ms, const redisReply *reply)
{
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
        if (reply->element[i]->type == REDIS_REPLY_STRING)
            take_kept(q, now_ms, reply->element[i]->str, reply->element[i + 1]);
    if (reply->type == REDIS_REPLY_ERROR)
        log_warn("what was kept of waiting times cannot be read: the models begin anew", KV_S("queue", q->queue),
                 KV_S("why", reply->str));
    begin_feed(q);
}
