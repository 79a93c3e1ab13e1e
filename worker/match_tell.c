/*
 * match_tell - XADD, XADD, and one FCALL for the next cycle.
 *
 * It refuses to fail a round that is committed: what cannot be sent now is left in PostgreSQL or, for the feed, to the
 * model's repair.
 */
#include "match_tell.h"

#include "clock.h"
#include "keys.h"
#include "match_feed.h"
#include "match_turn.h"
#include <stdio.h>

enum { ARGV_MAX = FEED_FIELDS_MAX + 8 };

void match_tell_fini(struct match_tell *tell)
{
    free(tell->numbers);
    *tell = (struct match_tell){0};
}

void match_tell_numbers(struct match_tell *tell, const PGresult *res)
{
    int rows = PQntuples(res);
    tell->numbers = calloc((size_t)rows + 1, sizeof *tell->numbers);
    for (int row = 0; tell->numbers && row < rows; row++)
        tell->numbers[tell->n_numbers++] = strtoll(PQgetvalue(res, row, 0), NULL, 10);
}

struct sender {
    const struct worker_ctx *ctx;
    struct match_sent *sent;
    const char *pool;
    const struct match_tell *tell;
    char feed[KEY_MAX];
    size_t event;
};

/* One event on its way to the stream. */
struct telling {
    struct match_sent *sent; /* held */
    int64_t seq;
};

/* In the stream, and only now: the row may go. A Redis that died or was full has answered otherwise; the row stays and
 * the event is told again. */
static void on_told(void *arg, const redisReply *reply, const struct err *e)
{
    struct telling *t = arg;
    (void)e;
    if (reply && reply->type == REDIS_REPLY_STRING)
        match_sent_add(t->sent, t->seq);
    match_sent_drop(t->sent);
    free(t);
}

void match_tell_event(const struct worker_ctx *ctx, struct match_sent *sent, const char *pool, int64_t seq,
                      const char *body)
{
    char number[24], limit[24], suffix[MATCH_POOL_MAX + 8], stream[KEY_MAX];
    (void)snprintf(suffix, sizeof suffix, "match:%s", pool);
    keys_of(stream, ctx->queue, suffix);
    (void)snprintf(number, sizeof number, "%lld", (long long)seq);
    (void)snprintf(limit, sizeof limit, "%d", MATCH_STREAM_MAX);
    const char *argv[] = {"XADD", stream, "MAXLEN", "~", limit, "*", "seq", number, "data", body};
    struct telling *t = malloc(sizeof *t);
    if (!t)
        return; /* the row stays: told by a later look */
    *t = (struct telling){match_sent_hold(sent), seq};
    if (redis_uv_argv(ctx->redis, on_told, t, (int)ARRAY_LEN(argv), argv, NULL) < 0)
        on_told(t, NULL, NULL);
}

static int send_own(void *arg, const char *event)
{
    struct sender *s = arg;
    if (s->event < s->tell->n_numbers)
        match_tell_event(s->ctx, s->sent, s->pool, s->tell->numbers[s->event], event);
    s->event++;
    return 0;
}

static void send_feed(void *arg, size_t n, const char *const fields[])
{
    const struct sender *s = arg;
    char limit[24];
    const char *argv[ARGV_MAX] = {"XADD", s->feed, "MAXLEN", "~", limit, "*"};
    (void)snprintf(limit, sizeof limit, "%d", MATCH_FEED_MAX);
    memcpy(argv + 6, fields, n * sizeof *fields);
    (void)redis_uv_argv(s->ctx->redis, NULL, NULL, (int)(6 + n), argv, NULL);
}

static void on_published(void *arg, const redisReply *reply, const struct err *e)
{
    struct match_published *p = arg;
    (void)e;
    if (reply && reply->type == REDIS_REPLY_STRING)
        match_published_take(p, reply->str, reply->len);
    match_published_drop(p);
}

void match_tell_ask_published(const struct worker_ctx *ctx, struct match_cache *cache)
{
    char stats[KEY_MAX], field[MATCH_POOL_MAX + 8];
    uint64_t mono = clock_mono_ms();
    if (!cache->published)
        cache->published = match_published_new();
    struct match_published *p = cache->published;
    if (!p || (p->asked_ms && mono - p->asked_ms < MATCH_PUBLISHED_EVERY_MS))
        return;
    p->asked_ms = mono;
    keys_of(stats, ctx->queue, "stats");
    (void)snprintf(field, sizeof field, "pool:%s", cache->pool);
    const char *argv[] = {"HGET", stats, field};
    if (redis_uv_argv(ctx->redis, on_published, match_published_hold(p), (int)ARRAY_LEN(argv), argv, NULL) < 0)
        match_published_drop(p);
}

static int enqueue_cycle(const struct worker_ctx *ctx, const char *pool, const char *options)
{
    char key[KEY_MAX], payload[128];
    keys_prefix(key, ctx->queue);
    (void)snprintf(payload, sizeof payload, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"%s\"}", pool);
    const char *argv[] = {"FCALL", "stint_enqueue", "1", key, options, payload};
    return redis_uv_argv(ctx->redis, NULL, NULL, (int)ARRAY_LEN(argv), argv, NULL);
}

int match_tell_want_cycle(const struct worker_ctx *ctx, const char *pool)
{
    char options[256];
    (void)snprintf(options, sizeof options,
                   "{\"kind\":\"match\",\"delay_ms\":%d,\"unique\":{\"key\":\"match-cycle:%s\",\"window_ms\":%d}}",
                   MATCH_CYCLE_MS, pool, MATCH_CYCLE_MS);
    return enqueue_cycle(ctx, pool, options);
}

/* Without the regular cycle's dedup key, which is held until that one comes. Lost: the regular one goes on. */
static void ask_at_once(const struct worker_ctx *ctx, const char *pool)
{
    (void)enqueue_cycle(ctx, pool, "{\"kind\":\"match\"}");
}

/* When somebody waits, or a pair may fall due, time has to be looked at again: the pool asks for its next cycle itself.
 * The dedup key makes it one however many workers ask. What is lost on the way (the worker died, Redis was full or lost
 * its data) match_watch_uv asks for again. */
static void ask_for_cycle(const struct worker_ctx *ctx, struct match_cache *c, const struct match_round *r)
{
    uint64_t mono = clock_mono_ms();
    bool needed = match_index_count(r->ix) > 0 || r->now_ms < c->pending_until_ms;
    if (needed && mono >= c->next_cycle_ms && match_tell_want_cycle(ctx, c->pool) == 0)
        c->next_cycle_ms = mono + MATCH_CYCLE_MS / 2;
}

static void note_pending(struct match_cache *c, const struct match_round *r)
{
    for (uint32_t i = 0; i < r->n_pairings; i++) {
        const struct match_pairing *p = &r->pairings[i];
        if (!p->dropped && p->end == MATCH_PENDING && p->confirm_by_ms < MATCH_NEVER_AGAIN)
            c->pending_until_ms = MAX_OF(c->pending_until_ms, p->confirm_by_ms + 2 * MATCH_CYCLE_MS);
    }
}

void match_tell_round(const struct match_tell *tell, const struct worker_ctx *ctx, struct match_sent *sent,
                      struct match_cache *cache, struct match_round *r, enum match_tell_cycle cycle)
{
    struct sender s = {.ctx = ctx, .sent = sent, .pool = cache->pool, .tell = tell};
    keys_of(s.feed, ctx->queue, "feed");
    (void)match_store_events(r, send_own, &s);
    match_feed_round(r, send_feed, &s);
    if (cycle != MATCH_TELL_NO_CYCLE)
        match_feed_here(r->ix, cache->pool, r->now_ms, &cache->here, send_feed, &s);
    if (cycle != MATCH_TELL_NO_CYCLE || cache->trouble.conflicts > 0)
        match_feed_mark(r->ix, cache->pool, r->now_ms, &cache->trouble, send_feed, &s);
    cache->trouble = (struct match_trouble){0};
    note_pending(cache, r);
    ask_for_cycle(ctx, cache, r);
    if (cycle == MATCH_TELL_CYCLE_LEFT)
        ask_at_once(ctx, cache->pool);
}
