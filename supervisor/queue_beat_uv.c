/*
 * queue_beat_uv - see queue_link_uv.h. When a heartbeat is due, what its answer asks for, and the timer of due jobs. A
 * queue of which nothing is at stake here is left to rest (queue_rest). Refuses to: rest while a worker may claim.
 */
#include "queue_link_impl.h"

#include "clock.h"
#include "killpoint.h"
#include "log.h"
#include "queue_rest.h"
#include <stdio.h>

enum {
    SLICE_QUEUES = 32, /* beats in one turn of the timer */
    SLICES_MAX = 32,
    MOVES_MAX = 100, /* a Function moves no more in one call */
    EXPIRE_EVERY_BEATS = 4,
};

static void promote(struct queue_link *q);

/* -- due jobs --------------------------------------------------------------------------------------------------------
 */

static void on_due(uv_timer_t *timer)
{
    promote(timer->data);
}

/* The timer for next_due; a time already past is now. */
static void retime(struct queue_link *q, int64_t next_due_ms)
{
    q->next_due_ms = next_due_ms;
    if (next_due_ms < 0) {
        (void)uv_timer_stop(&q->due);
        return;
    }
    int64_t left = next_due_ms - ((int64_t)clock_mono_ms() + q->offset_ms);
    /* The heartbeat looks again: far times (parked jobs) need no timer of their own. */
    left = MIN_OF(MAX_OF(left, INT64_C(0)), INT64_C(3600000));
    (void)uv_timer_start(&q->due, on_due, (uint64_t)left, 0);
}

static void on_promoted(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct queue_link *q = arg;
    q->promoting = false;
    if (!queue_reply_is(q, "stint_promote", r, 2))
        return;
    if (queue_reply_number(r->element[0]) >= MOVES_MAX)
        promote(q);
    else
        retime(q, queue_reply_number(r->element[1]));
}

static void promote(struct queue_link *q)
{
    const char *args[] = {"100"};
    KILL_POINT("supervisor_promote");
    if (!q->promoting)
        q->promoting = queue_call(q, "stint_promote", on_promoted, 1, args);
}

void queue_links_due(struct queue_links *l, uint32_t queue, int64_t due_ms)
{
    struct queue_link *q = &l->links[queue];
    if (q->beat_ms != 0 && (q->next_due_ms < 0 || due_ms < q->next_due_ms))
        retime(q, due_ms);
}

static void on_expired(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct queue_link *q = arg;
    q->expiring = false;
    if (r != NULL && r->type == REDIS_REPLY_ERROR && complaint_news(&q->complaint, r->str, clock_mono_ms()))
        log_error("expiring jobs failed", KV_S("queue", q->name), KV_S("answer", r->str));
}

/* -- heartbeat -------------------------------------------------------------------------------------------------------
 */

/* The queue knew us and does not any more: another host took us for dead, or this is not the data we knew. What was told
 * to it is told again; what our workers hold is refused to them, job by job. */
static void on_forgotten(struct queue_link *q)
{
    log_warn("the queue did not know this host any more: its lease had ended and another host took its jobs, or Redis "
             "lost its data (FLUSHALL, a restart without appendonly, another server); workers go on with what is there",
             KV_S("queue", q->name));
    queue_tell_kinds(q);
    queue_shards_ask(q);
}

static void tell_cancels(const struct queue_link *q, const redisReply *asked)
{
    for (size_t i = 0; asked->type == REDIS_REPLY_ARRAY && i < asked->elements; i++)
        if (asked->element[i]->str != NULL)
            q->owner->hooks.on_cancel(q->owner->hooks.arg, q->index, asked->element[i]->str);
}

/* What is known of the queue's work says whether it can be left to rest. */
static bool may_rest(struct queue_link *q, uint64_t now_ms)
{
    const struct queue_links *l = q->owner;
    bool idle = l->hooks.idle(l->hooks.arg, q->index);
    if (!idle || q->ready > 0)
        q->stirred_ms = now_ms;
    const struct queue_rest_view v = {
        .listening = idle,
        .known = q->greeted,
        .paused = q->paused,
        .owing = q->sweeping || q->promoting || q->ending || q->deaths.n > 0 || q->ghosts.n > 0,
        .ready = q->ready,
        .stirred_ms = q->stirred_ms,
        .heartbeat_ms = (uint64_t)l->conf->supervisor.heartbeat,
    };
    return queue_rest_may(&v, now_ms);
}

uint64_t queue_beat_pause_ms(const struct queue_link *q)
{
    return q->resting ? queue_rest_beat_ms((uint64_t)q->owner->conf->supervisor.heartbeat, q->owner->n) : 0;
}

static void on_beat(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct queue_link *q = arg;
    q->beating = false;
    if (r != NULL)
        q->heard_ms = clock_mono_ms();
    if (!queue_reply_is(q, "stint_beat", r, 6))
        return;
    if (q->known && r->elements >= 7 && queue_reply_number(r->element[6]) == 1)
        on_forgotten(q);
    q->known = q->greeted = true;
    uint64_t now_ms = clock_mono_ms();
    q->beat_ms = now_ms;
    q->offset_ms = queue_reply_number(r->element[0]) - (int64_t)now_ms;
    q->ready = queue_reply_number(r->element[2]);
    q->paused = queue_reply_number(r->element[4]) != 0;
    retime(q, queue_reply_number(r->element[1]));
    queue_lapse_at(q, queue_reply_number(r->element[5]));
    if (queue_reply_number(r->element[3]) > 0)
        queue_sweep(q);
    queue_ghosts_tell(q);
    if (r->elements >= 8)
        tell_cancels(q, r->element[7]);
    if (q->beat_again) { /* the lease that this one asked for is too long by now */
        q->beat_again = false;
        queue_beat(q);
    }
    q->owner->hooks.on_beat(q->owner->hooks.arg, q->index, q->ready, q->paused);
}

/* Sends a heartbeat, with a long lease when nothing is at stake. */
static void beat_as(struct queue_link *q, bool resting)
{
    const struct conf_supervisor *c = &q->owner->conf->supervisor;
    uint64_t lease_ms = resting ? queue_rest_lease_ms((uint64_t)c->lease, (uint64_t)c->heartbeat, q->owner->n) : (uint64_t)c->lease;
    char lease[24];
    (void)snprintf(lease, sizeof lease, "%llu", (unsigned long long)lease_ms);
    const char *args[] = {q->owner->instance, lease, q->owner->hooks.info(q->owner->hooks.arg, q->index)};
    KILL_POINT("supervisor_beat");
    q->beating = queue_call(q, "stint_beat", on_beat, 3, args);
    if (!q->beating)
        return;
    q->resting = resting;
    q->sent_ms = clock_mono_ms();
    if (q->beats++ % EXPIRE_EVERY_BEATS == 0 && !q->expiring) {
        const char *expire[] = {"100"};
        q->expiring = queue_call(q, "stint_expire", on_expired, 1, expire);
    }
}

static bool may_beat(struct queue_link *q)
{
    return !q->beating && !q->leaving && !q->left;
}

void queue_beat(struct queue_link *q)
{
    q->stirred_ms = clock_mono_ms();
    if (may_beat(q))
        beat_as(q, false);
    else
        q->beat_again = q->beat_again || (q->beating && q->resting);
}

void queue_links_beat(struct queue_links *l, uint32_t queue)
{
    queue_beat(&l->links[queue]);
}

void queue_links_stir(struct queue_links *l, uint32_t queue)
{
    struct queue_link *q = &l->links[queue];
    if (q->resting)
        queue_beat(q);
    else
        q->stirred_ms = clock_mono_ms();
}

/* The queue's turn: every heartbeat, and at rest as often as that asks for. */
static void turn(struct queue_link *q)
{
    uint64_t now_ms = clock_mono_ms();
    bool rest = may_rest(q, now_ms);
    if (!may_beat(q) || (rest && q->resting && now_ms < q->sent_ms + queue_beat_pause_ms(q)))
        return;
    beat_as(q, rest);
}

/* Many queues take their turns in slices of a heartbeat, so that their calls do not stand in Redis' way all at once. */
static void on_heartbeat(uv_timer_t *timer)
{
    struct queue_links *l = timer->data;
    uint32_t slices = MIN_OF(1 + l->n / SLICE_QUEUES, (uint32_t)SLICES_MAX);
    l->slice = (l->slice + 1) % slices;
    for (uint32_t i = l->slice; i < l->n; i += slices)
        turn(&l->links[i]);
    (void)uv_timer_start(timer, on_heartbeat, MAX_OF((uint64_t)l->conf->supervisor.heartbeat / slices, UINT64_C(1)), 0);
}

void queue_beats_open(struct queue_links *l)
{
    (void)uv_timer_init(l->loop, &l->heartbeat);
    l->heartbeat.data = l;
    (void)uv_timer_start(&l->heartbeat, on_heartbeat, (uint64_t)l->conf->supervisor.heartbeat, 0);
}
