/*
 * wait_watch_uv - see wait_watch_uv.h. Entries are foreign: what is no event is counted and passed over. It refuses to
 * hold the loop: entries come in bounded batches, and another batch is asked for only after this one is in.
 */
#include "wait_watch_uv.h"

#include "clock.h"
#include "keys.h"
#include "log.h"
#include "redis_reply.h"
#include "wait_feed.h"
#include "wait_json.h"

#include <stdio.h>
#include <sys/random.h>

enum {
    WAIT_TICK_MS = 1000,       /* models are renewed */
    WAIT_BATCH = 1000,         /* entries of one answer */
    WAIT_BLOCK_MS = 5000,      /* of one read */
    WAIT_FIELDS_MAX = 64,      /* names and values of one entry */
    WAIT_JSON_MAX = 256 << 10, /* bytes published for one pool */
};

int64_t wait_watch_now_ms(const struct wait_watch *w)
{
    return clock_wall_ms() + w->publisher->clock_offset_ms;
}

/* -- reading ---------------------------------------------------------------------------------------------------------
 */

static void wait_watch_entry(struct wait_watch *w, struct wait_queue *q, const redisReply *entry)
{
    const char *fields[WAIT_FIELDS_MAX];
    size_t lens[WAIT_FIELDS_MAX], n = 0;
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->type != REDIS_REPLY_STRING)
        return;
    (void)snprintf(q->last, sizeof q->last, "%s", entry->element[0]->str);
    const redisReply *pairs = entry->element[1];
    if (pairs->type != REDIS_REPLY_ARRAY || pairs->elements % 2 != 0)
        return;
    for (; n < pairs->elements && n < WAIT_FIELDS_MAX; n++) {
        if (pairs->element[n]->type != REDIS_REPLY_STRING)
            return;
        fields[n] = pairs->element[n]->str;
        lens[n] = (size_t)pairs->element[n]->len;
    }
    struct wait_event event;
    if (wait_feed_parse(n, fields, lens, &event) == 0)
        wait_pools_event(&q->pools, &event);
    else
        w->waits.refused++;
}

static void wait_watch_stream(struct wait_watch *w, const redisReply *stream)
{
    char key[KEY_MAX];
    if (stream->type != REDIS_REPLY_ARRAY || stream->elements != 2 || stream->element[0]->type != REDIS_REPLY_STRING)
        return;
    for (size_t i = 0; i < w->waits.n; i++) {
        struct wait_queue *q = &w->waits.queues[i];
        if (strcmp(keys_of(key, q->queue, "feed"), stream->element[0]->str) != 0)
            continue;
        for (size_t k = 0; k < stream->element[1]->elements; k++)
            wait_watch_entry(w, q, stream->element[1]->element[k]);
    }
}

static void wait_watch_read(struct wait_watch *w);

static void on_entries(void *arg, const redisReply *reply, const struct err *e)
{
    struct wait_watch *w = arg;
    (void)e;
    w->reading = false;
    if (reply == NULL) /* away: on_state reads again */
        return;
    if (reply->type == REDIS_REPLY_ERROR) { /* the tick tries again */
        struct err why;
        (void)redis_reply_error(reply->str, &why);
        if (complaint_news(&w->complaint, why.message, clock_mono_ms()))
            log_warn("the matcher's feed cannot be read", KV_S("why", why.message));
        return;
    }
    (void)complaint_over(&w->complaint);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        wait_watch_stream(w, reply->element[i]);
    wait_watch_read(w);
}

static void wait_watch_read(struct wait_watch *w)
{
    char keys[WAIT_QUEUES_MAX][KEY_MAX], count[16], block[16];
    const char *argv[6 + 2 * WAIT_QUEUES_MAX] = {"XREAD", "COUNT", count, "BLOCK", block, "STREAMS"};
    size_t n = w->waits.n;
    if (w->reading || n == 0)
        return;
    (void)snprintf(count, sizeof count, "%d", WAIT_BATCH);
    (void)snprintf(block, sizeof block, "%d", WAIT_BLOCK_MS);
    for (size_t i = 0; i < n; i++) {
        argv[6 + i] = keys_of(keys[i], w->waits.queues[i].queue, "feed");
        argv[6 + n + i] = w->waits.queues[i].last;
    }
    w->reading = redis_uv_argv(w->redis, on_entries, w, (int)(6 + 2 * n), argv, NULL) == 0;
}

static void on_state(void *arg, bool ready, const struct err *e)
{
    (void)e;
    if (ready)
        wait_watch_read(arg);
}

/* -- telling ---------------------------------------------------------------------------------------------------------
 */

static void wait_watch_publish(struct wait_watch *w, const struct wait_queue *q, int64_t now_ms)
{
    struct buf json;
    buf_init(&json, WAIT_JSON_MAX);
    for (size_t i = 0; i < q->pools.n; i++) {
        char field[WAIT_POOL_NAME_MAX + 8];
        buf_clear(&json);
        (void)snprintf(field, sizeof field, "pool:%s", q->pools.pools[i].name);
        if (wait_json_queue_stats(q->pools.pools[i].name, q->pools.pools[i].model, now_ms, &json) == 0)
            stats_poll_publish(w->publisher, q->queue, field, json.data, json.len);
    }
    buf_fini(&json);
}

static void on_tick(uv_timer_t *timer)
{
    struct wait_watch *w = timer->data;
    int64_t now_ms = wait_watch_now_ms(w);
    uint64_t mono_ms = clock_mono_ms();
    bool publish = mono_ms - w->published_ms >= (uint64_t)w->conf->metrics.interval;
    for (size_t i = 0; i < w->waits.n; i++) {
        wait_pools_refresh(&w->waits.queues[i].pools, now_ms);
        if (publish)
            wait_watch_publish(w, &w->waits.queues[i], now_ms);
    }
    if (publish)
        w->published_ms = mono_ms;
    wait_watch_read(w);
}

/* -- opening and closing ---------------------------------------------------------------------------------------------
 */

static void wait_watch_add(struct wait_watch *w, const char *queue)
{
    for (size_t i = 0; i < w->waits.n; i++)
        if (strcmp(w->waits.queues[i].queue, queue) == 0)
            return;
    if (w->waits.n == WAIT_QUEUES_MAX) {
        log_warn("no wait estimates for this queue: too many queues match people", KV_S("queue", queue),
                 KV_I("most", WAIT_QUEUES_MAX));
        return;
    }
    struct wait_queue *q = &w->waits.queues[w->waits.n++];
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
        seed = clock_mono_ns();
    (void)snprintf(q->queue, sizeof q->queue, "%s", queue);
    (void)snprintf(q->last, sizeof q->last, "0-0");
    wait_pools_init(&q->pools, seed);
}

void wait_watch_configure(struct wait_watch *w, const struct conf *conf)
{
    char kind[KIND_MAX];
    w->conf = conf;
    for (size_t i = 0; i < conf->n_pools; i++)
        for (const char *cursor = conf->pools[i].kinds; conf_list_next(&cursor, kind, sizeof kind);)
            if (strcmp(kind, "match") == 0)
                wait_watch_add(w, conf->pools[i].queue);
    if (redis_uv_ready(w->redis))
        wait_watch_read(w);
}

int wait_watch_open(struct wait_watch *w, uv_loop_t *loop, const struct conf *conf, struct stats_poll *publisher)
{
    memset(w, 0, sizeof *w);
    w->publisher = publisher;
    w->redis = redis_uv_new(loop, &conf->redis, "stint-wait", WAIT_BLOCK_MS, on_state, w);
    if (w->redis == NULL)
        return -ENOMEM;
    (void)uv_timer_init(loop, &w->tick);
    w->tick.data = w;
    w->open_handles = 2;
    (void)uv_timer_start(&w->tick, on_tick, WAIT_TICK_MS, WAIT_TICK_MS);
    wait_watch_configure(w, conf);
    return 0;
}

static void wait_watch_closed(struct wait_watch *w)
{
    if (--w->open_handles != 0)
        return;
    for (size_t i = 0; i < w->waits.n; i++)
        wait_pools_fini(&w->waits.queues[i].pools);
    w->waits.n = 0;
}

static void on_redis_closed(void *arg)
{
    wait_watch_closed(arg);
}

static void on_tick_closed(uv_handle_t *handle)
{
    wait_watch_closed(handle->data);
}

void wait_watch_close(struct wait_watch *w)
{
    (void)uv_timer_stop(&w->tick);
    redis_uv_close(w->redis, on_redis_closed, w);
    uv_close((uv_handle_t *)&w->tick, on_tick_closed);
}
