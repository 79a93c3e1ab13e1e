/*
 * health - see health.h. "The process exists" is never the evidence: a loop that turned, an answer that came, a worker
 * that moved on are. It refuses to call a pool broken because one of its workers is.
 */
#include "health.h"

#include "buf.h"
#include "pg_error.h"

#include <stdarg.h>
#include <stdio.h>

enum { HEALTH_MISSED_BEATS = 3, HEALTH_SLACK_MS = 2000 };

static void health_add(struct health *h, enum health_reason_code code, const char *pool, const char *format, ...)
    PRINTF_LIKE(4, 5);
static void health_add(struct health *h, enum health_reason_code code, const char *pool, const char *format, ...)
{
    assert(h->n < HEALTH_REASONS_MAX);
    struct health_reason *r = &h->reasons[h->n++];
    r->code = code;
    (void)snprintf(r->pool, sizeof r->pool, "%s", pool);
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(r->detail, sizeof r->detail, format, ap);
    va_end(ap);
}

static void health_loop(const struct metrics_snapshot *s, const struct conf *conf, struct health *ret)
{
    ret->n = 0;
    /* Before its first turn the loop is as old as this thread, which the supervisor starts right before it. */
    uint64_t last_ms = MAX_OF(s->loop_ms, s->started_ms);
    uint64_t patience_ms = HEALTH_MISSED_BEATS * (uint64_t)conf->supervisor.heartbeat + HEALTH_SLACK_MS;
    if (s->taken_ms > last_ms + patience_ms)
        health_add(ret, HEALTH_SUPERVISOR_STALLED, "", "the supervisor's loop has not turned for %llu ms; restart it",
                   (unsigned long long)(s->taken_ms - last_ms));
}

/* Workers that know that Redis or PostgreSQL is away are counted apart: they would fetch if they could. */
static bool health_stalled(const struct metrics_pool *pool)
{
    return pool->stalled > 0 && pool->stalled + pool->away >= pool->live;
}

static void health_add_stalled(const struct metrics_pool *pool, struct health *ret)
{
    health_add(ret, HEALTH_FETCH_STALLED, pool->name,
               "none of its %u workers finished a round trip or a job in its time: look at `stint worker list`, then "
               "restart them with `stint worker restart --pool %s`",
               pool->live, pool->name);
}

void health_live(const struct metrics_snapshot *s, const struct conf *conf, struct health *ret)
{
    health_loop(s, conf, ret);
    for (size_t i = 0; i < s->n_pools; i++)
        if (health_stalled(&s->pools[i]))
            health_add_stalled(&s->pools[i], ret);
}

/* Everything is answered, and yet jobs may be lost or refused. */
static void health_redis_info(const struct redis_info *info, struct health *ret)
{
    static const struct {
        enum redis_info_fault fault;
        enum health_reason_code code;
    } rows[] = {
        {REDIS_INFO_EVICTS, HEALTH_REDIS_EVICTS},
        {REDIS_INFO_FULL, HEALTH_REDIS_FULL},
        {REDIS_INFO_NOT_SAVING, HEALTH_REDIS_NOT_SAVING},
    };
    char seen[HEALTH_TEXT_MAX / 4];
    for (size_t i = 0; info != NULL && info->known && i < ARRAY_LEN(rows); i++)
        if (redis_info_has(info, rows[i].fault))
            health_add(ret, rows[i].code, "", "Redis: %s; %s",
                       redis_info_seen(info, rows[i].fault, seen, sizeof seen), redis_info_remedy(rows[i].fault));
}

static void health_redis(const struct metrics_snapshot *s, const struct conf *conf, struct health *ret)
{
    const char *refusal = s->redis_refusal != NULL ? s->redis_refusal : "";
    if (!s->redis_ready) {
        const char *why = s->redis_away != NULL && s->redis_away[0] != '\0' ? s->redis_away : "see the log for the reason";
        health_add(ret, HEALTH_REDIS_AWAY, "", "Redis cannot be used: %s", why);
        return;
    }
    health_redis_info(s->redis_info, ret);
    uint64_t patience_ms =
        HEALTH_MISSED_BEATS * (uint64_t)conf->metrics.interval + (uint64_t)conf->redis.command_timeout;
    for (size_t i = 0; i < s->n_queues; i++) {
        uint64_t last_ms = MAX_OF(s->queues[i].read_ms, s->started_ms);
        /* One of which nothing moves is asked seldom: its silence is counted from when it was due. */
        uint64_t due_ms = MAX_OF(s->queues[i].due_ms, last_ms + (uint64_t)conf->metrics.interval);
        if (s->taken_ms + (uint64_t)conf->metrics.interval > due_ms + patience_ms) {
            health_add(ret, HEALTH_REDIS_AWAY, "", "Redis has not answered for the queue %s for %llu ms%s%s",
                       s->queues[i].queue, (unsigned long long)(s->taken_ms - last_ms), refusal[0] != '\0' ? ": " : "",
                       refusal);
            return;
        }
    }
    if (refusal[0] != '\0' && ret->n == 0)
        health_add(ret, HEALTH_REDIS_AWAY, "", "Redis refuses calls: %s", refusal);
}

static void health_storage(const struct metrics_pool *pool, struct health *ret)
{
    const char *remedy = pg_condition_remedy(pool->store);
    if (pool->store != PG_FINE)
        health_add(ret, HEALTH_STORAGE_AWAY, pool->name, "PostgreSQL %s, so its %u workers wait%s%s",
                   pg_condition_text(pool->store), pool->live, remedy[0] != '\0' ? "; " : "", remedy);
    else
        health_add(ret, HEALTH_STORAGE_AWAY, pool->name, "all its %u workers wait for Redis or PostgreSQL to come back",
                   pool->live);
}

static void health_pool(const struct metrics_pool *pool, struct health *ret)
{
    if (pool->stopped)
        health_add(ret, HEALTH_POOL_STOPPED, pool->name,
                   "its workers failed to start too often; mend the cause `stint status` shows, then `stint reload`");
    else if (pool->live == 0 && pool->desired > 0)
        health_add(ret, HEALTH_POOL_NOT_UP, pool->name, "none of its %u workers is ready", pool->desired);
    else if (pool->live > 0 && pool->away == pool->live)
        health_storage(pool, ret);
    else if (health_stalled(pool))
        health_add_stalled(pool, ret);
}

void health_ready(const struct metrics_snapshot *s, const struct conf *conf, struct health *ret)
{
    health_loop(s, conf, ret);
    if (s->draining)
        health_add(ret, HEALTH_DRAINING, "", "the supervisor is draining and will end");
    health_redis(s, conf, ret);
    for (size_t i = 0; i < s->n_pools; i++)
        health_pool(&s->pools[i], ret);
}

const char *health_reason_name(enum health_reason_code code)
{
    static const char *const names[HEALTH_REASON_COUNT] = {
#define X(id, name) name,
        HEALTH_REASONS(X)
#undef X
    };
    assert((unsigned)code < HEALTH_REASON_COUNT);
    return names[code];
}

/* A detail may quote Redis: what JSON would have to escape is replaced. */
static void health_text(const char *text, struct buf *out)
{
    for (const char *p = text; *p != '\0'; p++) {
        char c = *p == '"' || *p == '\\' ? '\'' : (unsigned char)*p < 0x20 ? ' ' : *p;
        (void)buf_add(out, &c, 1);
    }
}

int health_json(const struct health *h, struct buf *out)
{
    (void)buf_adds(out, "[");
    for (size_t i = 0; i < h->n; i++) {
        const struct health_reason *r = &h->reasons[i];
        (void)buf_addf(out, "%s{\"code\":\"%s\"", i != 0 ? "," : "", health_reason_name(r->code));
        if (r->pool[0] != '\0')
            (void)buf_addf(out, ",\"pool\":\"%s\"", r->pool);
        (void)buf_adds(out, ",\"detail\":\"");
        health_text(r->detail, out);
        (void)buf_adds(out, "\"}");
    }
    (void)buf_adds(out, "]");
    return out->failed ? -ENOSPC : 0;
}
