/*
 * autoscale_uv - see autoscale_uv.h. Refuses to decide on old numbers: what Redis did not tell in time is not known.
 */
#include "autoscale_uv.h"

#include "clock.h"
#include "log.h"

#include <math.h>
#include <stdio.h>

enum {
    ASK_MAX_MS = 5000, /* a longer [metrics] interval is not waited for */
    STALE_MS = 15000,  /* numbers older than this and three intervals are not known */
};

static size_t index_of(const struct autoscaler *a, const struct pool *pool)
{
    return (size_t)(pool - a->slots->pools);
}

static uint64_t interval_of(const struct autoscaler *a)
{
    return (uint64_t)MIN_OF(a->conf->metrics.interval, (int64_t)ASK_MAX_MS);
}

static bool queue_scaled(const struct autoscaler *a, uint32_t queue)
{
    for (size_t i = 0; i < a->slots->n_pools; i++)
        if (a->slots->pools[i].queue == queue && conf_pool_scaled(a->slots->pools[i].conf))
            return true;
    return false;
}

/* -- the view --------------------------------------------------------------------------------------------------------
 */

static struct autoscale_peer peer_of(const struct autoscaler *a, const struct pool *pool)
{
    struct autoscale_peer p = autoscale_sense_peer(&a->pools[index_of(a, pool)], a->slots, pool, &a->room,
                                                   container_limits_cpus(&a->host->container));
    (void)snprintf(p.member.id, sizeof p.member.id, "%.*s/%.*s", INSTANCE_MAX - 1, a->instance, QUEUE_MAX - 1,
                   pool->name);
    return p;
}

/* Everybody who serves the pool's queue as it does (its bands, or its lane): others as they told, our own as they are.
 */
static size_t gather(const struct autoscaler *a, const struct pool *pool, struct autoscale_member *members,
                     struct load_sum *sum)
{
    const struct autoscaler_queue *q = &a->queues[pool->queue];
    size_t n = 0;
    for (size_t i = 0; i < a->slots->n_pools; i++) {
        const struct pool *other = &a->slots->pools[i];
        if (other->queue != pool->queue || pool_serves_lane(other) != pool_serves_lane(pool))
            continue;
        struct autoscale_peer p = peer_of(a, other);
        members[n++] = p.member;
        load_sum_add(sum, &p.sum);
    }
    for (size_t i = 0; i < q->n_peers && n < AUTOSCALE_MEMBERS_MAX; i++) {
        if (q->peers[i].lane != pool_serves_lane(pool))
            continue;
        members[n++] = q->peers[i].member;
        load_sum_add(sum, &q->peers[i].sum);
    }
    autoscale_sort(members, n);
    return n;
}

static bool fresh(const struct autoscaler *a, const struct queue_stats *s, uint64_t now_ms)
{
    return a->links->ready && s->read_ms != 0 && now_ms - s->read_ms <= MAX_OF((uint64_t)STALE_MS, 3 * interval_of(a));
}

/* -- deciding --------------------------------------------------------------------------------------------------------
 */

static void tell(struct autoscaler *a, const struct pool *pool, const struct autoscale_decision *d, const char *text,
                 uint32_t was)
{
    enum autoscale_reason *told = &a->told[index_of(a, pool)];
    enum autoscale_reason now = d->short_of_workers ? d->reason : AUTOSCALE_STEADY;
    if (d->desired != was)
        log_info("pool scaled", KV_S("pool", pool->name), KV_I("from", was), KV_I("to", d->desired),
                 KV_S("reason", autoscale_reason_name(d->reason)), KV_S("why", text));
    if (now != *told && now != AUTOSCALE_STEADY)
        log_warn("a pool has fewer workers than its target_wait needs", KV_S("pool", pool->name),
                 KV_I("workers", d->desired), KV_I("needed", d->demand),
                 KV_S("reason", autoscale_reason_name(d->reason)), KV_S("why", text));
    else if (now != *told)
        log_info("a pool has the workers again that its target_wait needs", KV_S("pool", pool->name),
                 KV_I("workers", d->desired));
    *told = now;
}

static void decide(struct autoscaler *a, struct pool *pool, uint64_t now_ms)
{
    static struct autoscale_member members[AUTOSCALE_MEMBERS_MAX]; /* 90 KB; the loop's thread alone comes here */
    size_t i = index_of(a, pool);
    struct autoscale_pool *p = &a->pools[i];
    struct autoscaler_queue *q = &a->queues[pool->queue];
    struct autoscale_peer own = peer_of(a, pool);
    struct autoscale_view v = {.now_ms = now_ms, .members = members, .quiet = a->hooks.quiet(a->hooks.arg)};
    struct load_sum sum = {0};
    v.known = fresh(a, &q->stats, now_ms);
    v.n_members = gather(a, pool, members, &sum);
    while (v.self < v.n_members && strcmp(members[v.self].id, own.member.id) != 0)
        v.self++;
    if (v.self == v.n_members)
        return; /* more members than can be looked at: nothing is decided */
    autoscale_sense_pool(&v, a->slots, pool, &own, &a->room, container_limits_cpus(&a->host->container));
    if (v.known)
        autoscale_sense_queue(&v, &q->stats, pool_serves_lane(pool), load_rate_per_s(&q->arrivals));
    v.load.service_s = load_sum_service_s(&sum);
    struct autoscale_decision d = autoscale_decide(&p->state, &v);
    struct autoscaler_report *r = &a->reports[i];
    *r = (struct autoscaler_report){
        .scaled = true, .known = true, .demand = d.demand, .wait_s = d.wait_s, .reason = d.reason};
    r->min = (uint32_t)pool->conf->workers_min;
    r->max = v.max;
    (void)autoscale_text(&d, &v, r->text);
    tell(a, pool, &d, r->text, pool->desired);
    if (d.desired == pool->desired)
        return;
    if (d.desired > pool->desired && a->room.free_bytes >= 0)
        a->room.free_bytes -=
            MIN_OF(a->room.free_bytes, (int64_t)(d.desired - pool->desired) * autoscale_sense_worker_bytes(p));
    pool->desired = d.desired;
    a->hooks.on_scaled(a->hooks.arg, pool);
}

static void decide_queue(struct autoscaler *a, uint32_t queue)
{
    uint64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < a->slots->n_pools; i++)
        if (a->slots->pools[i].queue == queue && conf_pool_scaled(a->slots->pools[i].conf))
            decide(a, &a->slots->pools[i], now_ms);
    a->hooks.on_looked(a->hooks.arg);
}

/* -- asking ----------------------------------------------------------------------------------------------------------
 */

static void on_stats(void *arg, const redisReply *reply, const struct err *e)
{
    struct autoscaler_queue *q = arg;
    struct err why = {0};
    (void)e; /* what is wrong with Redis is told by the links and the metrics thread */
    if (reply == NULL || reply->type != REDIS_REPLY_STRING ||
        queue_stats_read(&q->stats, reply->str, (size_t)reply->len, clock_mono_ms(), &why) < 0)
        return;
    load_rate_note(&q->arrivals, autoscale_sense_added(&q->stats), q->stats.read_ms);
}

static void take_peers(struct autoscaler_queue *q, const redisReply *reply)
{
    struct autoscale_peer *peers = calloc(AUTOSCALE_MEMBERS_MAX, sizeof *peers);
    size_t n = 0;
    if (peers == NULL)
        return;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i], *info = reply->element[i + 1];
        if (name->type == REDIS_REPLY_STRING && info->type == REDIS_REPLY_STRING &&
            strcmp(name->str, q->owner->instance) != 0)
            n += autoscale_peers_read(name->str, info->str, (size_t)info->len, peers + n, AUTOSCALE_MEMBERS_MAX - n);
    }
    free(q->peers);
    q->peers = peers;
    q->n_peers = n;
}

/* The last of a round's answers. */
static void on_registry(void *arg, const redisReply *reply, const struct err *e)
{
    struct autoscaler_queue *q = arg;
    (void)e;
    q->asked = false;
    if (reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_ARRAY)
        take_peers(q, reply);
    if (uv_is_active((uv_handle_t *)&q->owner->timer))
        decide_queue(q->owner, q->index);
}

static void ask(struct autoscaler *a, uint32_t queue)
{
    struct autoscaler_queue *q = &a->queues[queue];
    char key[KEY_MAX];
    if (q->asked)
        return;
    q->owner = a; /* here, not for all of them at the start: that would touch a page each */
    q->index = queue;
    const char *argv[] = {"HGETALL", keys_of(key, a->slots->queues[queue], "ii")};
    if (!queue_links_call(a->links, queue, "stint_stats", on_stats, q, 0, NULL) ||
        redis_uv_argv(a->links->redis, on_registry, q, ARRAY_LEN(argv), argv, NULL) < 0)
        decide_queue(a, queue); /* nothing new is known, which is a reason too */
    else
        q->asked = true;
}

static void on_round(uv_timer_t *timer)
{
    struct autoscaler *a = timer->data;
    uint64_t now_ms = clock_mono_ms();
    container_limits_read(&a->host->container, "");
    autoscale_sense_room(&a->room, &a->host->container, now_ms);
    for (uint32_t queue = 0; queue < a->slots->n_queues; queue++) {
        if (!queue_scaled(a, queue))
            continue;
        for (size_t i = 0; i < a->slots->n_pools; i++)
            if (a->slots->pools[i].queue == queue)
                autoscale_sense_work(&a->pools[i], a->slots, &a->slots->pools[i], now_ms);
        ask(a, queue);
    }
}

/* -- life ------------------------------------------------------------------------------------------------------------
 */

void autoscaler_init(struct autoscaler *a, uv_loop_t *loop, const struct conf *conf, struct slots *slots,
                     struct queue_links *links, const char *instance, struct host_limits *host,
                     const struct autoscaler_hooks *hooks)
{
    a->conf = conf;
    a->slots = slots;
    a->links = links;
    a->instance = instance;
    a->host = host;
    a->hooks = *hooks;
    a->room.free_bytes = -1;
    (void)uv_timer_init(loop, &a->timer);
    a->timer.data = a;
}

void autoscaler_configure(struct autoscaler *a)
{
    bool any = false;
    for (size_t i = 0; i < a->slots->n_pools; i++) {
        any = any || conf_pool_scaled(a->slots->pools[i].conf);
        if (!conf_pool_scaled(a->slots->pools[i].conf))
            a->reports[i] = (struct autoscaler_report){.scaled = false};
    }
    if (any)
        (void)uv_timer_start(&a->timer, on_round, interval_of(a), interval_of(a));
    else
        (void)uv_timer_stop(&a->timer);
}

void autoscaler_stop(struct autoscaler *a)
{
    (void)uv_timer_stop(&a->timer);
}

void autoscaler_close(struct autoscaler *a)
{
    if (a->timer.data != NULL)
        uv_close((uv_handle_t *)&a->timer, NULL);
}

void autoscaler_fini(struct autoscaler *a)
{
    for (size_t i = 0; i < QUEUES_MAX; i++) {
        queue_stats_fini(&a->queues[i].stats);
        free(a->queues[i].peers);
        a->queues[i].peers = NULL;
    }
}

void autoscaler_info(const struct autoscaler *a, uint32_t queue, struct buf *out)
{
    bool first = true;
    (void)buf_adds(out, ",\"pools\":{");
    for (size_t i = 0; i < a->slots->n_pools; i++) {
        const struct pool *pool = &a->slots->pools[i];
        if (pool->queue != a->slots->whole[queue])
            continue;
        struct autoscale_peer p = peer_of(a, pool);
        (void)buf_adds(out, first ? "" : ",");
        autoscale_peers_print(out, pool->name, &p);
        first = false;
    }
    (void)buf_adds(out, "}");
}

const struct autoscaler_report *autoscaler_report(const struct autoscaler *a, const struct pool *pool)
{
    return &a->reports[index_of(a, pool)];
}
