/*
 * wait_desk_uv - see wait_desk_uv.h. It refuses to believe that it publishes: every publication asks for the lease
 * again, and an answer that does not come is a lease that ends. Nothing about people is logged.
 */
#include "wait_desk_uv.h"

#include "clock.h"
#include "keys.h"
#include "log.h"
#include "redis_reply.h"
#include "wait_json.h"

#include <stdio.h>

enum {
    JSON_MAX = 256 << 10, /* bytes published for one pool */
    KEEP_MAX = 60 << 10,  /* bytes kept of one pool */
    KEEP_EVERY_MS = 60000,
    NOTICES_MAX = 50, /* told by one call */
    TICK_MS = 1000,   /* of wait_watch_uv: turns do not come more often */
    NUMBER_MAX = 24,
};

enum { LEASE_OURS = 1 };

/* One publication under way. */
struct desk_ask {
    struct wait_watch *w;
    char queue[QUEUE_MAX], pool[WAIT_POOL_NAME_MAX];
    uint64_t sent_ms;
    char *json; /* owned: what is published by it; NULL when it only asks */
};

uint64_t wait_desk_lease_ms(const struct conf *conf)
{
    return (uint64_t)MAX_OF(conf->metrics.interval, (int64_t)TICK_MS) * 5 / 2;
}

/* -- what was answered -----------------------------------------------------------------------------------------------
 */

static struct wait_desk *desk_of(struct wait_watch *w, const struct desk_ask *ask, struct wait_queue **ret_queue,
                                 size_t *ret_pool)
{
    for (size_t i = 0; i < w->waits.n; i++) {
        struct wait_queue *q = &w->waits.queues[i];
        for (size_t k = 0; strcmp(q->queue, ask->queue) == 0 && k < q->pools.n; k++)
            if (strcmp(q->pools.pools[k].name, ask->pool) == 0) {
                *ret_queue = q;
                *ret_pool = k;
                return &q->desks[k];
            }
    }
    return NULL; /* a reload dropped the queue meanwhile */
}

static void take_json(struct wait_desk *d, char *json)
{
    free(d->json);
    d->json = json;
}

static void say_holder(const struct wait_desk *d, const struct desk_ask *ask, bool was_ours, const char *holder)
{
    if (was_ours)
        log_warn("waiting times of this pool are no longer published here: the lease had ended",
                 KV_S("queue", ask->queue), KV_S("pool", ask->pool), KV_S("publisher", holder));
    else if (strcmp(d->holder, holder) != 0 && holder[0] != '\0')
        log_info("waiting times of this pool are published by another supervisor", KV_S("queue", ask->queue),
                 KV_S("pool", ask->pool), KV_S("publisher", holder));
}

static void take_ours(struct wait_watch *w, struct wait_queue *q, size_t pool, struct desk_ask *ask, uint64_t epoch)
{
    struct wait_desk *d = &q->desks[pool];
    bool fresh = d->epoch != epoch;
    d->epoch = epoch;
    (void)snprintf(d->holder, sizeof d->holder, "%s", w->instance);
    d->age_ms = (int64_t)(d->heard_ms - ask->sent_ms);
    if (ask->json != NULL)
        take_json(d, TAKE(ask->json));
    if (!fresh)
        return;
    log_info("waiting times of this pool are published here", KV_S("queue", q->queue),
             KV_S("pool", q->pools.pools[pool].name), KV_I("epoch", (long long)epoch));
    if (d->notice != NULL)
        wait_notice_restart(d->notice);
    d->asked_ms = 0; /* the lease was only asked for: say something at once */
    wait_desk_turn(w, q, pool, d->heard_ms);
}

static void take_refusal(struct wait_desk *d, const struct desk_ask *ask, const redisReply *reply)
{
    const redisReply *holder = reply->element[2], *json = reply->element[4];
    say_holder(d, ask, d->epoch != 0, holder->str);
    d->epoch = 0;
    (void)snprintf(d->holder, sizeof d->holder, "%s", holder->str);
    d->age_ms = reply->element[3]->integer;
    bool fits = json->type == REDIS_REPLY_STRING && json->len <= JSON_MAX && d->age_ms >= 0;
    take_json(d, fits ? strdup(json->str) : NULL);
}

static bool is_answer(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 5 && reply->element[0]->type == REDIS_REPLY_INTEGER &&
           reply->element[1]->type == REDIS_REPLY_INTEGER && reply->element[2]->type == REDIS_REPLY_STRING &&
           reply->element[3]->type == REDIS_REPLY_INTEGER;
}

static void desk_refused(struct wait_watch *w, const char *queue, const char *error)
{
    struct err why;
    (void)redis_reply_error(error, &why);
    if (complaint_news(&w->desk_complaint, why.message, clock_mono_ms()))
        log_warn("waiting times cannot be published", KV_S("queue", queue), KV_S("why", why.message));
}

static void on_published(void *arg, const redisReply *reply, const struct err *e)
{
    struct desk_ask *ask = arg;
    struct wait_watch *w = ask->w;
    struct wait_queue *q;
    size_t pool;
    struct wait_desk *d = desk_of(w, ask, &q, &pool);
    (void)e; /* a lost connection is told by others */
    if (d != NULL) {
        d->asking = false;
        if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
            desk_refused(w, ask->queue, reply->str);
        } else if (reply != NULL && is_answer(reply)) {
            (void)complaint_over(&w->desk_complaint);
            d->heard_ms = clock_mono_ms();
            if (reply->element[0]->integer == LEASE_OURS)
                take_ours(w, q, pool, ask, (uint64_t)reply->element[1]->integer);
            else
                take_refusal(d, ask, reply);
        }
    }
    free(ask->json);
    free(ask);
}

/* -- asking ----------------------------------------------------------------------------------------------------------
 */

/* The body of /v1/queue-stats with who publishes it. NULL: no memory. */
static char *desk_json(struct wait_watch *w, const struct wait_pool *p, uint64_t epoch, int64_t now_ms)
{
    struct buf json;
    buf_init(&json, JSON_MAX);
    int rc = wait_json_queue_stats(p->name, p->model, now_ms, &json);
    if (rc == 0 && json.len > 0) {
        json.data[--json.len] = '\0'; /* its closing brace */
        rc = buf_addf(&json, ",\"publisher\":\"%s\",\"epoch\":%llu}", w->instance, (unsigned long long)epoch);
    }
    char *text = rc == 0 ? buf_take(&json) : NULL;
    buf_fini(&json);
    return text;
}

/* What is kept with this publication: "" when it is not yet time. */
static void desk_keep(const struct wait_queue *q, const struct wait_pool *p, int64_t now_ms, struct buf *out)
{
    if (wait_model_export(p->model, q->last, now_ms, out) < 0)
        buf_clear(out);
}

/* -ENOTCONN and others of redis_uv_argv. ask is the caller's on failure. */
static int desk_send(struct wait_watch *w, struct desk_ask *ask, const struct wait_desk *d, uint64_t lease_ms,
                     int64_t now_ms, const struct buf *keep, redis_uv_reply_fn on_reply)
{
    char key[KEY_MAX], epoch[NUMBER_MAX], lease[NUMBER_MAX], made[NUMBER_MAX];
    (void)snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)d->epoch);
    (void)snprintf(lease, sizeof lease, "%llu", (unsigned long long)lease_ms);
    (void)snprintf(made, sizeof made, "%lld", (long long)MAX_OF(now_ms, (int64_t)0));
    const char *argv[] = {"FCALL",
                          "stint_publish",
                          "1",
                          keys_prefix(key, ask->queue),
                          ask->pool,
                          w->instance,
                          epoch,
                          lease,
                          made,
                          ask->json != NULL ? ask->json : "",
                          keep->len > 0 ? keep->data : ""};
    return redis_uv_argv(w->publisher->redis, on_reply, ask, ARRAY_LEN(argv), argv, NULL);
}

static struct desk_ask *desk_ask_new(struct wait_watch *w, const struct wait_queue *q, size_t pool)
{
    struct desk_ask *ask = calloc(1, sizeof *ask);
    if (ask == NULL)
        return NULL;
    ask->w = w;
    ask->sent_ms = clock_mono_ms();
    memcpy(ask->queue, q->queue, sizeof ask->queue);
    memcpy(ask->pool, q->pools.pools[pool].name, sizeof ask->pool);
    return ask;
}

void wait_desk_turn(struct wait_watch *w, struct wait_queue *q, size_t pool, uint64_t mono_ms)
{
    struct wait_desk *d = &q->desks[pool];
    const struct wait_pool *p = &q->pools.pools[pool];
    if (d->asking || w->closing || !q->caught_up || mono_ms - d->asked_ms < (uint64_t)w->conf->metrics.interval)
        return;
    struct desk_ask *ask = desk_ask_new(w, q, pool);
    if (ask == NULL)
        return;
    struct buf keep;
    int64_t now_ms = wait_watch_now_ms(w);
    buf_init(&keep, KEEP_MAX);
    if (d->epoch != 0) {
        ask->json = desk_json(w, p, d->epoch, now_ms);
        if (mono_ms - d->kept_ms >= KEEP_EVERY_MS) {
            desk_keep(q, p, now_ms, &keep);
            d->kept_ms = mono_ms;
        }
    }
    d->asked_ms = mono_ms;
    d->asking = desk_send(w, ask, d, w->waits.lease_ms, now_ms, &keep, on_published) == 0;
    if (!d->asking) {
        free(ask->json);
        free(ask);
    }
    buf_fini(&keep);
}

/* -- the end ---------------------------------------------------------------------------------------------------------
 */

static void on_bye(void *arg, const redisReply *reply, const struct err *e)
{
    struct desk_ask *ask = arg;
    struct wait_watch *w = ask->w;
    (void)reply;
    (void)e;
    free(ask);
    w->byes--;
    wait_watch_bye_done(w);
}

void wait_desk_bye(struct wait_watch *w, struct wait_queue *q)
{
    int64_t now_ms = wait_watch_now_ms(w);
    for (size_t i = 0; i < q->pools.n; i++) {
        struct desk_ask *ask = q->desks[i].epoch != 0 ? desk_ask_new(w, q, i) : NULL;
        struct buf keep;
        if (ask == NULL)
            continue;
        buf_init(&keep, KEEP_MAX);
        desk_keep(q, &q->pools.pools[i], now_ms, &keep);
        if (desk_send(w, ask, &q->desks[i], 0, now_ms, &keep, on_bye) == 0)
            w->byes++;
        else
            free(ask);
        buf_fini(&keep);
    }
}

void wait_desk_fini(struct wait_queue *q)
{
    for (size_t i = 0; i < WAIT_POOLS_MAX; i++) {
        take_json(&q->desks[i], NULL);
        wait_notice_free(q->desks[i].notice);
        q->desks[i].notice = NULL;
    }
}

/* -- people who asked to be told -------------------------------------------------------------------------------------
 */

/* The notices of one call. */
struct batch {
    struct wait_model *model;
    const char *pool;
    size_t n;
    char ids[NOTICES_MAX][WAIT_TICKET_MAX];
    char *texts[NOTICES_MAX]; /* owned */
};

static bool ask_model(void *arg, uint64_t hash, int64_t now_ms, struct wait_estimate *ret)
{
    const struct batch *b = arg;
    const struct wait_person *who = wait_model_person(b->model, hash);
    if (who != NULL)
        wait_model_ticket(b->model, who, now_ms, MAX_OF(now_ms - who->joined_ms, (int64_t)0), ret);
    return who != NULL;
}

static void add_notice(void *arg, const struct wait_news *news)
{
    struct batch *b = arg;
    struct buf json;
    if (b->n == NOTICES_MAX)
        return; /* more than WAIT_NOTICE_PER_S: cannot be */
    buf_init(&json, 4096);
    if (wait_json_news(b->pool, news, &json) == 0 && (b->texts[b->n] = buf_take(&json)) != NULL)
        (void)snprintf(b->ids[b->n++], WAIT_TICKET_MAX, "%s", news->id);
    buf_fini(&json);
}
_Static_assert((int)NOTICES_MAX >= (int)WAIT_NOTICE_PER_S, "a second's notices fit into one call");

static void send_notices(struct wait_watch *w, const struct wait_queue *q, struct wait_desk *d, const struct batch *b)
{
    char key[KEY_MAX], epoch[NUMBER_MAX];
    const char *argv[7 + 2 * NOTICES_MAX] = {"FCALL", "stint_notice", "1",  keys_prefix(key, q->queue),
                                             b->pool, w->instance,    epoch};
    (void)snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)d->epoch);
    for (size_t i = 0; i < b->n; i++) {
        argv[7 + 2 * i] = b->ids[i];
        argv[8 + 2 * i] = b->texts[i];
    }
    /* What is lost is followed by the next change; a refusal is met again by the next publication. */
    if (redis_uv_argv(w->publisher->redis, NULL, NULL, (int)(7 + 2 * b->n), argv, NULL) == 0)
        d->notices += b->n;
}

size_t wait_desk_notices(struct wait_watch *w, struct wait_queue *q, size_t pool, int64_t now_ms, size_t looks)
{
    struct wait_desk *d = &q->desks[pool];
    if (d->notice == NULL || !wait_desk_publishes(&w->waits, d, clock_mono_ms()))
        return 0;
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return 0;
    b->model = q->pools.pools[pool].model;
    b->pool = q->pools.pools[pool].name;
    size_t looked = wait_notice_step(d->notice, now_ms, looks, ask_model, add_notice, b);
    if (b->n > 0)
        send_notices(w, q, d, b);
    for (size_t i = 0; i < b->n; i++)
        free(b->texts[i]);
    free(b);
    return looked;
}
