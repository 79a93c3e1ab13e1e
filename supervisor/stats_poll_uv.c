/*
 * stats_poll_uv - see stats_poll_uv.h. Asks again only after the answer or its loss, so a slow Redis is never asked
 * twice at once; what could not be published is not kept: it will be newer soon.
 */
#include "stats_poll_uv.h"

#include "clock.h"
#include "keys.h"
#include "log.h"
#include "queue_sum.h"
#include "redis_reply.h"
#include "shard.h"

#include <stdio.h>

enum {
    STATS_IDLE_INTERVALS =
        20, /* a queue where nothing moves is asked as often as this many intervals, a queue the host has … */
    STATS_IDLE_MAX_MS = 600000, /* … and at least this often, */
    STATS_IDLE_QUEUE_MS =
        3000, /* or so much a queue where that is more: many of them are few commands a second all the same */
    STATS_LOOK_MAX = 64,         /* queues asked at once because somebody looks */
    STATS_EXPIRE_INTERVALS = 30, /* the hash outlives so many missed intervals … */
    STATS_EXPIRE_MIN_MS = 60000, /* … and at least this */
};

/* One question under way; of a queue with shards the parts are asked one after the other, and answered as one. */
struct stats_ask {
    struct stats_poll *poll;
    char queue[QUEUE_MAX];
    uint32_t part, parts; /* asked now; how many there are, as the first said */
    json_t *sum;          /* owned: the parts so far; NULL: none */
};

static void on_stats(void *arg, const redisReply *reply, const struct err *e);

static void stats_ask_free(struct stats_ask *ask)
{
    if (ask != NULL)
        json_decref(ask->sum);
    free(ask);
}

static int stats_ask_send(struct stats_ask *ask)
{
    char key[KEY_MAX], name[QUEUE_MAX];
    if (!shard_name(name, ask->queue, ask->part))
        return -EINVAL;
    const char *argv[] = {"FCALL", "stint_stats", "1", keys_prefix(key, name)};
    return redis_uv_argv(ask->poll->redis, on_stats, ask, ARRAY_LEN(argv), argv, NULL);
}

/* Takes a part's answer in. True: the next part was asked, and its answer is to be waited for. */
static bool stats_ask_more(struct stats_ask *ask, const redisReply *reply)
{
    bool text = reply->type == REDIS_REPLY_STRING;
    if (!text || (ask->sum == NULL && strstr(reply->str, "\"shards_served\"") == NULL))
        return false;
    json_t *part = json_loadb(reply->str, (size_t)reply->len, 0, NULL);
    if (ask->sum == NULL) {
        ask->sum = part;
        ask->parts = shard_parts(queue_sum_shards(part));
    } else {
        queue_sum_add(ask->sum, part);
        json_decref(part);
    }
    return ++ask->part < ask->parts && stats_ask_send(ask) == 0;
}

static size_t stats_poll_index(const struct stats_poll *p, const char *queue)
{
    size_t i = 0;
    while (i < p->n_queues && strcmp(p->queues[i].queue, queue) != 0)
        i++;
    return i;
}

/* How long a queue is left alone where nothing moves. */
static uint64_t idle_ms(const struct stats_poll *p)
{
    uint64_t interval = (uint64_t)p->conf->metrics.interval;
    uint64_t ms = STATS_IDLE_INTERVALS * interval * MAX_OF(p->n_queues, (size_t)1);
    return MAX_OF(MIN_OF(ms, MAX_OF((uint64_t)STATS_IDLE_MAX_MS, (uint64_t)STATS_IDLE_QUEUE_MS * p->n_queues)),
                  interval);
}

static void stats_poll_complain(struct stats_poll *p, const char *what, const char *queue, const char *why)
{
    if (complaint_news(&p->complaint, why, clock_mono_ms()))
        log_warn(what, KV_S("queue", queue), KV_S("why", why));
}

static void on_published(void *arg, const redisReply *reply, const struct err *e)
{
    struct stats_poll *p = arg;
    (void)e; /* a lost connection is told by others */
    if (reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        struct err why;
        (void)redis_reply_error(reply->str, &why);
        stats_poll_complain(p, "queue numbers cannot be published", "", why.message);
    } else if (complaint_over(&p->complaint)) {
        log_info0("queue numbers are read and published again");
    }
}

void stats_poll_publish(struct stats_poll *p, const char *queue, const char *field, const char *json, size_t len)
{
    char key[KEY_MAX], now[24], expire[24];
    (void)keys_of(key, queue, "stats");
    (void)snprintf(now, sizeof now, "%lld", (long long)(clock_wall_ms() + p->clock_offset_ms));
    (void)snprintf(expire, sizeof expire, "%lld",
                   (long long)MAX_OF(MAX_OF(p->conf->metrics.interval * STATS_EXPIRE_INTERVALS, (int64_t)STATS_EXPIRE_MIN_MS),
                                     3 * (int64_t)idle_ms(p)));
    const char *set[] = {"HSET", key, field, json, "updated_ms", now};
    const size_t set_lens[] = {4, strlen(key), strlen(field), len, 10, strlen(now)};
    const char *end[] = {"PEXPIRE", key, expire};
    const char *tell[] = {"PUBLISH", key, json};
    const size_t tell_lens[] = {7, strlen(key), len};
    if (redis_uv_argv(p->redis, on_published, p, ARRAY_LEN(set), set, set_lens) < 0)
        return;
    (void)redis_uv_argv(p->redis, NULL, NULL, ARRAY_LEN(end), end, NULL);
    (void)redis_uv_argv(p->redis, NULL, NULL, ARRAY_LEN(tell), tell, tell_lens);
}

/* Fewer jobs were ever enqueued than before: this is not the data we knew. What was in it can still be said. */
static void stats_poll_reborn(struct queue_stats *q, const struct queue_stats *before)
{
    int64_t ready = 0, active = 0;
    for (size_t i = 0; i < BAND_COUNT; i++) {
        ready += before->bands[i].ready;
        active += before->bands[i].active;
    }
    q->resets++;
    log_error("Redis lost the data of a queue (FLUSHALL, a restart without appendonly, or another server): jobs that had "
              "not ended are gone unless their producers enqueue them again; what was applied is in stint.job_outcome",
              KV_S("queue", q->queue), KV_I("enqueued_before", before->enqueued), KV_I("enqueued_now", q->enqueued),
              KV_I("ready", ready), KV_I("active", active), KV_I("scheduled", before->scheduled),
              KV_I("parked", before->parked), KV_I("dead", before->dead), KV_I("seen_ms_ago", q->read_ms - before->read_ms));
}

static int stats_poll_read(struct queue_stats *q, const redisReply *reply, struct err *e)
{
    if (reply->type == REDIS_REPLY_STRING)
        return queue_stats_read(q, reply->str, (size_t)reply->len, clock_mono_ms(), e);
    if (reply->type == REDIS_REPLY_ERROR)
        return redis_reply_error(reply->str, e);
    return err_set(e, ERR_PROTOCOL, "the answer is no text");
}

/* Something is in it that can move without a new job, or something moved since the last look. */
static bool is_busy(const struct queue_stats *q, const struct queue_stats *before)
{
    int64_t held = 0;
    for (size_t i = 0; i < BAND_COUNT; i++)
        held += q->bands[i].ready + q->bands[i].active;
    return held > 0 || q->paused || q->n_paused_kinds > 0 || before->read_ms == 0 || q->enqueued != before->enqueued ||
           q->scheduled != before->scheduled || q->parked != before->parked || q->dead != before->dead ||
           q->n_counters != before->n_counters || memcmp(q->counters, before->counters, q->n_counters * sizeof q->counters[0]) != 0;
}

/* Queues that are looked at for the first time together do not stay together. */
static uint64_t due_ms(const struct stats_poll *p, const struct queue_stats *q, const struct queue_stats *before)
{
    if (is_busy(q, before))
        return q->read_ms; /* with the next turn */
    uint64_t pause = idle_ms(p);
    bool fresh = before->due_ms <= before->read_ms;
    return q->read_ms + (fresh ? pause - pause * (size_t)(q - p->queues) / (2 * MAX_OF(p->n_queues, (size_t)1)) : pause);
}

static void stats_poll_take(struct stats_poll *p, struct queue_stats *q, const redisReply *reply)
{
    struct err why = {0};
    struct queue_stats before = *q; /* its text is freed by the reading: only numbers are looked at */
    if (stats_poll_read(q, reply, &why) < 0) {
        stats_poll_complain(p, "Redis does not tell the queue's numbers", q->queue, why.message);
        return;
    }
    if (before.read_ms != 0 && q->enqueued < before.enqueued)
        stats_poll_reborn(q, &before);
    q->due_ms = due_ms(p, q, &before);
    p->clock_offset_ms = q->now_ms - clock_wall_ms();
    stats_poll_publish(p, q->queue, "queue", q->json, strlen(q->json));
}

/* What all parts said together; nothing while one of them did not answer: half a queue's numbers would look like a loss. */
static void stats_poll_take_sum(struct stats_poll *p, struct queue_stats *q, const struct stats_ask *ask)
{
    AUTO_FREE char *text = ask->part == ask->parts ? json_dumps(ask->sum, JSON_COMPACT) : NULL;
    const redisReply whole = {.type = REDIS_REPLY_STRING, .str = text, .len = text != NULL ? strlen(text) : 0};
    if (text != NULL)
        stats_poll_take(p, q, &whole);
}

static void on_stats(void *arg, const redisReply *reply, const struct err *e)
{
    struct stats_ask *ask = arg;
    struct stats_poll *p = ask->poll;
    (void)e;
    size_t i = stats_poll_index(p, ask->queue);
    if (i < p->n_queues && reply != NULL && stats_ask_more(ask, reply))
        return;
    if (i < p->n_queues) { /* else a reload dropped the queue meanwhile */
        p->asked[i] = false;
        if (ask->sum != NULL)
            stats_poll_take_sum(p, &p->queues[i], ask);
        else if (reply != NULL)
            stats_poll_take(p, &p->queues[i], reply);
    }
    stats_ask_free(ask);
}

static void stats_poll_ask(struct stats_poll *p, size_t i)
{
    if (p->asked[i])
        return;
    struct stats_ask *ask = calloc(1, sizeof *ask);
    if (ask == NULL)
        return;
    ask->poll = p;
    memcpy(ask->queue, p->queues[i].queue, sizeof ask->queue);
    p->asked[i] = stats_ask_send(ask) == 0;
    if (!p->asked[i])
        stats_ask_free(ask);
}

static void on_info(void *arg, const redisReply *reply, const struct err *e)
{
    struct stats_poll *p = arg;
    (void)e;
    p->asked_info = false;
    if (reply != NULL && reply->str != NULL && reply->type != REDIS_REPLY_ERROR) /* an ACL may forbid it */
        redis_info_read(&p->info, reply->str);
}

static void ask_info(struct stats_poll *p)
{
    static const char *const info[] = {"INFO"};
    if (!p->asked_info)
        p->asked_info = redis_uv_argv(p->redis, on_info, p, ARRAY_LEN(info), info, NULL) == 0;
    p->info_due_ms = clock_mono_ms() + idle_ms(p);
}

/* The queue that the cell's worker serves; a cell stays with its pool. -1: none, or one that a reload has yet to tell us of. */
static int32_t queue_of_cell(struct stats_poll *p, size_t cell)
{
    if (p->cell_queue[cell] < 0) {
        const struct conf_pool *pool = conf_pool_of(p->conf, p->board->cells[cell].pool);
        size_t i = pool != NULL && !conf_pool_lists(pool) ? stats_poll_index(p, pool->queue) : p->n_queues;
        p->cell_queue[cell] = i < p->n_queues ? (int32_t)i : -1;
    }
    return p->cell_queue[cell];
}

/* Whose workers go from queue to queue: the supervisor says where something happened. The listed queues are the last of
 * all (conf_queues). */
static void look_at_listed(struct stats_poll *p)
{
    size_t n = p->conf->n_listed, first = p->n_queues - n;
    for (size_t i = 0; i < n; i++) {
        uint32_t now = atomic_load_explicit(&p->board->supervisor.stirred[i], memory_order_relaxed);
        if (now != p->stirred[i])
            p->queues[first + i].due_ms = 0;
        p->stirred[i] = now;
    }
}

/* Queues whose workers here ran something since the last turn are asked now. */
static void look_at_workers(struct stats_poll *p)
{
    AUTO_FREE uint64_t *worked_us = calloc(QUEUES_MAX, sizeof *worked_us);
    if (p->board == NULL || worked_us == NULL)
        return;
    for (size_t i = 0; i < p->board->n_slots && i < SCORE_SLOT_MAX; i++) {
        const struct score_cell *cell = &p->board->cells[i];
        if (atomic_load_explicit(&cell->generation, memory_order_acquire) == 0)
            continue;
        int32_t queue = queue_of_cell(p, i);
        if (queue >= 0)
            worked_us[queue] += atomic_load_explicit(&cell->busy_us, memory_order_relaxed);
    }
    for (size_t i = 0; i < p->n_queues; i++)
        if (worked_us[i] != p->worked_us[i])
            p->queues[i].due_ms = 0;
    look_at_listed(p);
    memcpy(p->worked_us, worked_us, sizeof p->worked_us);
}

static void on_interval(uv_timer_t *timer)
{
    struct stats_poll *p = timer->data;
    uint64_t now_ms = clock_mono_ms();
    bool any = false;
    look_at_workers(p);
    for (size_t i = 0; i < p->n_queues; i++) {
        if (now_ms < p->queues[i].due_ms)
            continue;
        any = any || p->queues[i].due_ms <= p->queues[i].read_ms; /* and not only because its pause is over */
        stats_poll_ask(p, i);
    }
    if (any || now_ms >= p->info_due_ms)
        ask_info(p);
}

void stats_poll_look(struct stats_poll *p)
{
    uint64_t now_ms = clock_mono_ms(), interval = (uint64_t)p->conf->metrics.interval;
    bool any = false;
    for (size_t k = 0, asked = 0; k < p->n_queues && asked < STATS_LOOK_MAX; k++) {
        size_t i = (p->looked + k) % p->n_queues;
        if (now_ms < p->queues[i].read_ms + interval)
            continue;
        any = true;
        asked++;
        stats_poll_ask(p, i);
        if (asked == STATS_LOOK_MAX)
            p->looked = (i + 1) % p->n_queues;
    }
    if (any)
        ask_info(p);
}

static void on_state(void *arg, bool ready, const struct err *e)
{
    struct stats_poll *p = arg;
    (void)snprintf(p->away, sizeof p->away, "%s", ready ? "" : e != NULL ? e->message : "the connection was lost");
    for (size_t i = 0; i < p->n_queues; i++)
        p->queues[i].due_ms = 0;
    if (ready)
        on_interval(&p->timer);
    else
        p->info.known = false;
}

static void on_rtt(void *arg, uint64_t us)
{
    struct stats_poll *p = arg;
    size_t i = 0;
    while (i < SCORE_BUCKETS - 1 && us > (uint64_t)score_bucket_ms[i] * 1000u)
        i++;
    p->rtt.sum_us += us;
    p->rtt.counts[i]++;
}

int stats_poll_configure(struct stats_poll *p, const struct conf *conf)
{
    const char *names[QUEUES_MAX];
    AUTO_FREE struct queue_stats *fresh = calloc(QUEUES_MAX, sizeof *fresh);
    if (fresh == NULL)
        return -ENOMEM;
    bool asked[QUEUES_MAX] = {false};
    size_t n = conf_queues(conf, names, QUEUES_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t old = stats_poll_index(p, names[i]);
        if (old < p->n_queues) { /* moved: the old place keeps nothing to free */
            fresh[i] = p->queues[old];
            asked[i] = p->asked[old];
            p->queues[old].json = NULL;
        } else {
            (void)snprintf(fresh[i].queue, sizeof fresh[i].queue, "%.*s", QUEUE_MAX - 1, names[i]);
        }
    }
    for (size_t i = 0; i < p->n_queues; i++)
        queue_stats_fini(&p->queues[i]);
    memcpy(p->queues, fresh, MAX_OF(n, p->n_queues) * sizeof *fresh);
    memcpy(p->asked, asked, sizeof asked);
    memset(p->worked_us, 0, sizeof p->worked_us);
    memset(p->cell_queue, -1, sizeof p->cell_queue);
    p->n_queues = n;
    p->conf = conf;
    uint64_t interval = (uint64_t)conf->metrics.interval;
    (void)uv_timer_start(&p->timer, on_interval, interval, interval);
    return 0;
}

int stats_poll_open(struct stats_poll *p, uv_loop_t *loop, const struct conf *conf, const struct scoreboard *board)
{
    p->board = board;
    p->loop = loop;
    p->redis = redis_uv_new(loop, &conf->redis, "stint-metrics", 0, on_state, p);
    if (p->redis == NULL)
        return -ENOMEM;
    redis_uv_on_rtt(p->redis, on_rtt, p);
    (void)uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    p->open_handles = 2;
    p->conf = conf;
    return stats_poll_configure(p, conf);
}

static void stats_poll_closed(struct stats_poll *p)
{
    if (--p->open_handles != 0)
        return;
    for (size_t i = 0; i < p->n_queues; i++)
        queue_stats_fini(&p->queues[i]);
    if (p->on_closed != NULL)
        p->on_closed(p->on_closed_arg);
}

static void on_redis_closed(void *arg)
{
    stats_poll_closed(arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
    stats_poll_closed(handle->data);
}

void stats_poll_close(struct stats_poll *p, void (*on_closed)(void *arg), void *arg)
{
    p->on_closed = on_closed;
    p->on_closed_arg = arg;
    (void)uv_timer_stop(&p->timer);
    redis_uv_close(p->redis, on_redis_closed, p);
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}
