/*
 * wait_watch_uv - see wait_watch_uv.h. Entries are foreign: what is no event is counted and passed over. It refuses to
 * hold the loop: entries come in bounded batches, and models are renewed one a turn of the loop.
 */
#include "wait_watch_uv.h"

#include "clock.h"
#include "keys.h"
#include "log.h"
#include "redis_reply.h"
#include "wait_desk_uv.h"
#include "wait_feed.h"
#include "wait_kept.h"

#include <stdio.h>
#include <time.h>

enum {
    WAIT_TICK_MS = 1000,  /* models are renewed */
    WAIT_BUDGET_MS = 250, /* of processor time for that, a tick */
    WAIT_LOOKS = 256,     /* at people who asked to be told, a tick */
    WAIT_BATCH = 1000,    /* entries of one answer */
    WAIT_BLOCK_MS = 5000, /* of one read */
    WAIT_FIELDS_MAX = 64, /* names and values of one entry */
    WAIT_BYE_MS = 500,    /* longest farewell */
};

int64_t wait_watch_now_ms(const struct wait_watch *w)
{
    return clock_wall_ms() + w->publisher->clock_offset_ms;
}

static struct wait_queue *queue_of(struct wait_watch *w, const char *queue)
{
    for (size_t i = 0; i < w->waits.n; i++)
        if (strcmp(w->waits.queues[i].queue, queue) == 0)
            return &w->waits.queues[i];
    return NULL;
}

/* -- what was kept ---------------------------------------------------------------------------------------------------
 */

struct kept_ask {
    struct wait_watch *w;
    char queue[QUEUE_MAX];
};

static void wait_watch_read(struct wait_watch *w);

static void on_kept(void *arg, const redisReply *reply, const struct err *e)
{
    AUTO_FREE struct kept_ask *ask = arg;
    struct wait_queue *q = queue_of(ask->w, ask->queue);
    (void)e;
    if (q == NULL || q->open)
        return;
    q->asked_kept = false;
    if (reply == NULL) /* away: asked again when it is back */
        return;
    wait_kept_take(q, wait_watch_now_ms(ask->w), reply);
    wait_watch_read(ask->w);
}

static void ask_kept(struct wait_watch *w, struct wait_queue *q)
{
    char key[KEY_MAX];
    if (q->open || q->asked_kept)
        return;
    AUTO_FREE struct kept_ask *ask = malloc(sizeof *ask);
    if (ask == NULL)
        return;
    ask->w = w;
    memcpy(ask->queue, q->queue, sizeof ask->queue);
    const char *argv[] = {"HGETALL", keys_of(key, q->queue, "keep")};
    q->asked_kept = redis_uv_argv(w->redis, on_kept, ask, ARRAY_LEN(argv), argv, NULL) == 0;
    if (q->asked_kept)
        (void)TAKE(ask);
}

/* -- reading ---------------------------------------------------------------------------------------------------------
 */

/* An entry from before the restart says who waits, and nothing that was not counted. */
static void uncount(struct wait_event *ev)
{
    ev->conflicts = ev->stale = 0;
    if (ev->type == WAIT_JOIN)
        ev->type = WAIT_HERE;
    else if (ev->type == WAIT_LEAVE || ev->type == WAIT_MATCH)
        ev->type = WAIT_GONE;
}

static void take_event(struct wait_queue *q, struct wait_event *ev)
{
    struct wait_pool *pool = wait_pools_make(&q->pools, ev->pool);
    if (pool == NULL) {
        q->pools.refused++;
        return;
    }
    struct wait_desk *d = &q->desks[pool - q->pools.pools];
    if (wait_kept_counted(d, q->last))
        uncount(ev);
    wait_model_event(pool->model, ev);
    d->conflicts += ev->conflicts;
    d->stale += ev->stale;
    if (d->notice == NULL && ev->id[0] != '\0')
        d->notice = wait_notice_new();
    if (d->notice != NULL)
        wait_notice_event(d->notice, ev);
}

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
        take_event(q, &event);
    else
        w->waits.refused++;
}

static void wait_watch_stream(struct wait_watch *w, const redisReply *stream, bool ret_more[static WAIT_QUEUES_MAX])
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
        ret_more[i] = stream->element[1]->elements >= WAIT_BATCH;
    }
}

static void take_entries(struct wait_watch *w, const redisReply *reply)
{
    bool more[WAIT_QUEUES_MAX] = {false};
    uint64_t mono_ms = clock_mono_ms();
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        wait_watch_stream(w, reply->element[i], more);
    for (size_t i = 0; i < w->waits.n; i++)
        if (w->waits.queues[i].open && !more[i]) {
            w->waits.queues[i].read_ms = mono_ms;
            w->waits.queues[i].caught_up = true;
        }
}

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
    take_entries(w, reply);
    wait_watch_read(w);
}

static void wait_watch_read(struct wait_watch *w)
{
    char keys[WAIT_QUEUES_MAX][KEY_MAX], count[16], block[16];
    const char *argv[6 + 2 * WAIT_QUEUES_MAX] = {"XREAD", "COUNT", count, "BLOCK", block, "STREAMS"};
    size_t n = 0, at = 0;
    if (w->reading || w->closing)
        return;
    for (size_t i = 0; i < w->waits.n; i++) {
        ask_kept(w, &w->waits.queues[i]);
        n += w->waits.queues[i].open;
    }
    for (size_t i = 0; i < w->waits.n; i++) {
        if (!w->waits.queues[i].open)
            continue;
        argv[6 + at] = keys_of(keys[at], w->waits.queues[i].queue, "feed");
        argv[6 + n + at++] = w->waits.queues[i].last;
    }
    (void)snprintf(count, sizeof count, "%d", WAIT_BATCH);
    (void)snprintf(block, sizeof block, "%d", WAIT_BLOCK_MS);
    w->reading = n > 0 && redis_uv_argv(w->redis, on_entries, w, (int)(6 + 2 * n), argv, NULL) == 0;
}

static void on_state(void *arg, bool ready, const struct err *e)
{
    (void)e;
    if (ready)
        wait_watch_read(arg);
}

/* -- renewing --------------------------------------------------------------------------------------------------------
 */

static size_t count_pools(const struct wait_watch *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->waits.n; i++)
        n += w->waits.queues[i].pools.n;
    return n;
}

static struct wait_queue *pool_at(struct wait_watch *w, size_t number, size_t *ret_pool)
{
    for (size_t i = 0; i < w->waits.n; i++) {
        struct wait_queue *q = &w->waits.queues[i];
        if (number < q->pools.n) {
            *ret_pool = number;
            return q;
        }
        number -= q->pools.n;
    }
    return NULL;
}

/* What this thread has used; on a busy host that is less than what has passed. */
static int64_t spent_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* One pool: renewed while there is time, published in any case, so that no lease is lost to a busy second. */
static void turn_pool(struct wait_watch *w, struct wait_queue *q, size_t pool)
{
    int64_t began_us = spent_us();
    int64_t now_ms = wait_watch_now_ms(w);
    if (w->budget_us > 0) {
        wait_model_refresh(q->pools.pools[pool].model, now_ms);
        w->looks_left -= wait_desk_notices(w, q, pool, now_ms, w->looks_left);
    } else if (!w->spent) {
        w->spent = true;
        w->unrenewed = w->next;
    }
    wait_desk_turn(w, q, pool, clock_mono_ms());
    w->budget_us -= spent_us() - began_us;
}

static void end_turns(struct wait_watch *w)
{
    (void)uv_idle_stop(&w->turn);
    if (w->spent) /* the next second begins with whom this one left alone */
        w->next = w->unrenewed;
}

static void on_turn(uv_idle_t *turn)
{
    struct wait_watch *w = turn->data;
    size_t n = count_pools(w), pool = 0;
    if (w->turns_left == 0 || n == 0) {
        end_turns(w);
        return;
    }
    w->next %= n;
    struct wait_queue *q = pool_at(w, w->next, &pool);
    turn_pool(w, q, pool);
    w->next++;
    if (--w->turns_left == 0)
        end_turns(w);
}

static void tell_crowd(struct wait_watch *w)
{
    for (size_t i = 0; i < w->waits.n; i++) {
        struct wait_queue *q = &w->waits.queues[i];
        if (q->pools.refused > 0 && complaint_news(&w->crowd_complaint, q->queue, clock_mono_ms()))
            log_warn("no wait estimates for some pools of this queue: there are too many", KV_S("queue", q->queue),
                     KV_I("most", WAIT_POOLS_MAX), KV_I("events_passed_over", (long long)q->pools.refused));
        q->pools.refused = 0;
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct wait_watch *w = timer->data;
    wait_watch_read(w);
    tell_crowd(w);
    if (w->turns_left > 0) /* the last second's are not through */
        return;
    w->turns_left = count_pools(w);
    w->budget_us = WAIT_BUDGET_MS * 1000;
    w->looks_left = WAIT_LOOKS;
    w->spent = false;
    (void)uv_idle_start(&w->turn, on_turn);
}

/* -- opening and closing ---------------------------------------------------------------------------------------------
 */

static void wait_watch_add(struct wait_watch *w, const char *queue)
{
    if (queue_of(w, queue) != NULL)
        return;
    if (w->waits.n == WAIT_QUEUES_MAX) {
        log_warn("no wait estimates for this queue: too many queues match people", KV_S("queue", queue),
                 KV_I("most", WAIT_QUEUES_MAX));
        return;
    }
    struct wait_queue *q = &w->waits.queues[w->waits.n++];
    memset(q, 0, sizeof *q);
    (void)snprintf(q->queue, sizeof q->queue, "%s", queue);
    (void)snprintf(q->last, sizeof q->last, "0-0");
    q->read_ms = clock_mono_ms();
    wait_pools_init(&q->pools, 0); /* every replica draws the same */
}

static bool matches(const struct conf_pool *pool)
{
    char kind[KIND_MAX];
    for (const char *cursor = pool->kinds; conf_list_next(&cursor, kind, sizeof kind);)
        if (strcmp(kind, "match") == 0)
            return true;
    return false;
}

static bool is_configured(const struct conf *conf, const char *queue)
{
    for (size_t i = 0; i < conf->n_pools; i++)
        if (strcmp(conf->pools[i].queue, queue) == 0 && matches(&conf->pools[i]))
            return true;
    return false;
}

static void wait_watch_drop(struct wait_watch *w, size_t at)
{
    struct wait_queue *q = &w->waits.queues[at];
    log_info("waiting times of this queue are no longer estimated: no pool of it matches people any more",
             KV_S("queue", q->queue));
    wait_desk_bye(w, q);
    wait_desk_fini(q);
    wait_pools_fini(&q->pools);
    memmove(q, q + 1, (--w->waits.n - at) * sizeof *q);
    w->turns_left = w->next = 0;
    w->spent = false;
}

void wait_watch_configure(struct wait_watch *w, const struct conf *conf)
{
    w->conf = conf;
    w->waits.lease_ms = wait_desk_lease_ms(conf);
    for (size_t i = w->waits.n; i > 0; i--)
        if (!is_configured(conf, w->waits.queues[i - 1].queue))
            wait_watch_drop(w, i - 1);
    for (size_t i = 0; i < conf->n_pools; i++)
        if (matches(&conf->pools[i]))
            wait_watch_add(w, conf->pools[i].queue);
    if (redis_uv_ready(w->redis))
        wait_watch_read(w);
}

int wait_watch_open(struct wait_watch *w, uv_loop_t *loop, const struct conf *conf, const char *instance,
                    struct stats_poll *publisher)
{
    memset(w, 0, sizeof *w);
    w->publisher = publisher;
    (void)snprintf(w->instance, sizeof w->instance, "%s", instance);
    w->redis = redis_uv_new(loop, &conf->redis, "stint-wait", WAIT_BLOCK_MS, on_state, w);
    if (w->redis == NULL)
        return -ENOMEM;
    (void)uv_timer_init(loop, &w->tick);
    (void)uv_idle_init(loop, &w->turn);
    w->tick.data = w->turn.data = w;
    w->open_handles = 3;
    (void)uv_timer_start(&w->tick, on_tick, WAIT_TICK_MS, WAIT_TICK_MS);
    wait_watch_configure(w, conf);
    return 0;
}

static void wait_watch_closed(struct wait_watch *w)
{
    if (--w->open_handles != 0)
        return;
    for (size_t i = 0; i < w->waits.n; i++) {
        wait_desk_fini(&w->waits.queues[i]);
        wait_pools_fini(&w->waits.queues[i].pools);
    }
    w->waits.n = 0;
    if (w->on_closed != NULL)
        w->on_closed(w->on_closed_arg);
}

static void on_redis_closed(void *arg)
{
    wait_watch_closed(arg);
}

static void on_handle_closed(uv_handle_t *handle)
{
    wait_watch_closed(handle->data);
}

static void wait_watch_shut(struct wait_watch *w)
{
    if (uv_is_closing((uv_handle_t *)&w->tick))
        return;
    redis_uv_close(w->redis, on_redis_closed, w);
    uv_close((uv_handle_t *)&w->tick, on_handle_closed);
    uv_close((uv_handle_t *)&w->turn, on_handle_closed);
}

void wait_watch_bye_done(struct wait_watch *w)
{
    if (w->closing && w->byes == 0)
        wait_watch_shut(w);
}

static void on_bye_late(uv_timer_t *timer)
{
    wait_watch_shut(timer->data);
}

void wait_watch_close(struct wait_watch *w, void (*on_closed)(void *arg), void *arg)
{
    w->on_closed = on_closed;
    w->on_closed_arg = arg;
    w->closing = true;
    (void)uv_idle_stop(&w->turn);
    for (size_t i = 0; i < w->waits.n; i++)
        wait_desk_bye(w, &w->waits.queues[i]);
    (void)uv_timer_start(&w->tick, on_bye_late, w->byes > 0 ? WAIT_BYE_MS : 0, 0);
}
