/*
 * metrics_snapshot - see metrics_snapshot.h. Reads what others write and changes nothing; a cell caught in the middle
 * of a publication is shown with its last words.
 */
#include "metrics_snapshot.h"

#include "pg_error.h"
#include "slot_fsm.h"
#include "slot_watch.h"

#include <stdio.h>

enum {
    METRICS_STALL_SLACK_MS = 5000
}; /* on top of a phase's own limit: scheduling, and the supervisor's turn to act */

static uint64_t metrics_load(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void metrics_add_histogram(struct metrics_histogram *h, const _Atomic uint64_t *sum,
                                  const _Atomic uint64_t *counts)
{
    h->sum_us += metrics_load(sum);
    for (size_t i = 0; i < SCORE_BUCKETS; i++)
        h->counts[i] += metrics_load(&counts[i]);
}

/* The pool's row, made from the configuration or, for one that a reload removed, from the scoreboard's name. */
static struct metrics_pool *metrics_pool_row(struct metrics_snapshot *s, const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < s->n_pools; i++)
        if (strcmp(s->pools[i].name, name) == 0)
            return &s->pools[i];
    if (s->n_pools == CONF_POOL_MAX)
        return NULL;
    struct metrics_pool *pool = &s->pools[s->n_pools++];
    const struct conf_pool *row = conf_pool_of(conf, name);
    (void)snprintf(pool->name, sizeof pool->name, "%s", name);
    if (row != NULL &&
        conf_pool_lists(row)) /* its workers count what they do for all of them together; no queue has such a name */
        (void)snprintf(pool->queue, sizeof pool->queue, "%.*s/*", QUEUE_MAX - 3, row->name);
    else
        (void)snprintf(pool->queue, sizeof pool->queue, "%.*s", QUEUE_MAX - 1, row != NULL ? row->queue : "");
    pool->wait_us = -1;
    if (row != NULL) {
        pool->desired = pool->demand = (uint32_t)row->workers;
        pool->max = (uint32_t)conf_pool_workers_max(row);
        pool->target_wait_ms = row->target_wait;
    }
    return pool;
}

static struct metrics_kind *metrics_kind_row(struct metrics_snapshot *s, const char *queue, const char *kind)
{
    for (size_t i = 0; i < s->n_kinds; i++)
        if (strcmp(s->kinds[i].kind, kind) == 0 && strcmp(s->kinds[i].queue, queue) == 0)
            return &s->kinds[i];
    if (s->n_kinds == METRICS_KINDS_MAX)
        return NULL;
    struct metrics_kind *row = &s->kinds[s->n_kinds++];
    (void)snprintf(row->queue, sizeof row->queue, "%s", queue);
    (void)snprintf(row->kind, sizeof row->kind, "%s", kind);
    return row;
}

static struct metrics_queue_wait *metrics_wait_row(struct metrics_snapshot *s, const char *queue)
{
    for (size_t i = 0; i < s->n_waits; i++)
        if (strcmp(s->waits[i].queue, queue) == 0)
            return &s->waits[i];
    if (s->n_waits == ARRAY_LEN(s->waits))
        return NULL;
    struct metrics_queue_wait *row = &s->waits[s->n_waits++];
    (void)snprintf(row->queue, sizeof row->queue, "%s", queue);
    return row;
}

static void metrics_take_kinds(struct metrics_snapshot *s, const char *queue, const struct score_cell *cell)
{
    for (size_t i = 0; i < SCORE_KIND_MAX; i++) {
        const struct score_kind *k = &cell->kinds[i];
        if (atomic_load_explicit(&k->used, memory_order_acquire) == 0)
            break;
        char name[KIND_MAX]; /* another process wrote it: it may lack its end */
        (void)snprintf(name, sizeof name, "%.*s", KIND_MAX - 1, k->name);
        struct metrics_kind *row = metrics_kind_row(s, queue, name);
        if (row == NULL)
            return;
#define X(member, label) row->outcomes[METRICS_##member] += metrics_load(&k->member);
        METRICS_OUTCOMES(X)
#undef X
        row->bad_replies += metrics_load(&k->bad_replies);
        metrics_add_histogram(&row->run, &k->run_us_sum, k->run_count);
        metrics_add_histogram(&row->wait, &k->wait_us_sum, k->wait_count);
    }
    struct metrics_queue_wait *wait = metrics_wait_row(s, queue);
    for (size_t i = 0; i < BAND_COUNT && wait != NULL; i++)
        metrics_add_histogram(&wait->bands[i], &cell->band_wait_us_sum[i], cell->band_wait_count[i]);
}

/* Has the worker been in its phase for longer than the phase can last? An idle worker is asked now and then
 * (slots_uv_pulse): an answer, and in turn a completed fetch, is the evidence of life also when there is nothing to do. */
static bool metrics_stalled(const struct conf *conf, const struct score_now *now, uint64_t alive_ms, uint64_t now_ms)
{
    uint64_t limit_ms = 0;
    switch ((enum worker_phase)now->phase) {
    case PHASE_FETCH:
    case PHASE_FINISH:
        limit_ms = now->since_ms + (uint64_t)conf->redis.command_timeout;
        break;
    case PHASE_RUN:
        limit_ms =
            now->hard_deadline_ms != 0 ? now->hard_deadline_ms + (uint64_t)conf->supervisor.kill_grace : UINT64_MAX / 2;
        break;
    case PHASE_IDLE:
        limit_ms = MAX_OF(now->since_ms, alive_ms) + slot_pulse_ms((uint64_t)conf->supervisor.heartbeat) +
                   WATCH_CALM_MS + (uint64_t)conf->redis.command_timeout;
        break;
    case PHASE_BOOT:
    case PHASE_AWAY:
    case PHASE_QUIET:
    case PHASE_STOP:
    case PHASE_COUNT:
        return false;
    }
    return limit_ms != 0 && now_ms > limit_ms + METRICS_STALL_SLACK_MS; /* 0: a phase this build does not know */
}

static void metrics_take_worker(struct metrics_pool *pool, const struct conf *conf, const struct score_cell *cell,
                                uint64_t now_ms)
{
    struct score_now now;
    (void)score_read(cell, &now);
    pool->rss_bytes += metrics_load(&cell->rss_bytes);
    switch ((enum slot_state)atomic_load_explicit(&cell->slot_state, memory_order_relaxed)) {
    case SLOT_READY:
        pool->live++;
        pool->away += now.phase == PHASE_AWAY;
        if (now.phase == PHASE_AWAY && now.store != PG_FINE)
            pool->store = now.store;
        pool->stalled += metrics_stalled(conf, &now, score_alive_ms(cell), now_ms);
        pool->states[now.phase < PHASE_COUNT ? now.phase : PHASE_BOOT]++;
        break;
    case SLOT_STARTING:
        pool->states[PHASE_BOOT]++;
        break;
    case SLOT_STOPPING:
    case SLOT_TERMINATING:
    case SLOT_KILLED:
        pool->states[PHASE_STOP]++;
        break;
    case SLOT_BACKOFF:
        pool->states[METRICS_STATE_BACKOFF]++;
        break;
    case SLOT_EMPTY:
    case SLOT_STATE_COUNT:
        break;
    }
}

static void metrics_take_scaling(struct metrics_pool *pool, const struct score_pool *p)
{
    pool->demand = pool->desired;
    pool->scaled = atomic_load_explicit(&p->scaled, memory_order_acquire) != 0;
    if (!pool->scaled)
        return;
    pool->demand = atomic_load_explicit(&p->demand, memory_order_relaxed);
    pool->min = atomic_load_explicit(&p->min, memory_order_relaxed);
    pool->max = atomic_load_explicit(&p->max, memory_order_relaxed);
    pool->wait_us = atomic_load_explicit(&p->wait_us, memory_order_relaxed);
}

static void metrics_take_supervisor(struct metrics_snapshot *s, const struct conf *conf,
                                    const struct score_supervisor *sup)
{
    s->loop_ms = metrics_load(&sup->loop_ms);
    s->draining = atomic_load_explicit(&sup->draining, memory_order_relaxed) != 0;
    for (size_t i = 0; i < SCORE_POOL_MAX; i++) {
        const struct score_pool *p = &sup->pools[i];
        if (atomic_load_explicit(&p->used, memory_order_acquire) == 0)
            break;
        struct metrics_pool *pool = metrics_pool_row(s, conf, p->name);
        if (pool == NULL)
            break;
        pool->desired = atomic_load_explicit(&p->desired, memory_order_relaxed);
        metrics_take_scaling(pool, p);
        pool->stopped = atomic_load_explicit(&p->stopped, memory_order_relaxed) != 0;
        for (size_t k = 0; k < SCORE_CAUSE_MAX; k++) {
            if (atomic_load_explicit(&p->restarts[k].used, memory_order_acquire) == 0)
                break;
            struct metrics_restart *r = &pool->restarts[pool->n_restarts++];
            (void)snprintf(r->cause, sizeof r->cause, "%s", p->restarts[k].cause);
            r->count = metrics_load(&p->restarts[k].count);
        }
    }
}

void metrics_snapshot_take(struct metrics_snapshot *s, const struct conf *conf, const struct scoreboard *board,
                           const char *instance, uint64_t now_ms)
{
    *s = (struct metrics_snapshot){.taken_ms = now_ms};
    (void)snprintf(s->instance, sizeof s->instance, "%s", instance);
    for (size_t i = 0; i < conf->n_pools; i++)
        (void)metrics_pool_row(s, conf, conf->pools[i].name);
    metrics_take_supervisor(s, conf, &board->supervisor);
    for (size_t i = 0; i < board->n_slots && i < SCORE_SLOT_MAX; i++) {
        const struct score_cell *cell = &board->cells[i];
        if (atomic_load_explicit(&cell->generation, memory_order_acquire) == 0)
            continue; /* never used: its pool is not written yet */
        struct metrics_pool *pool = metrics_pool_row(s, conf, cell->pool);
        if (pool == NULL)
            continue;
        metrics_take_worker(pool, conf, cell, now_ms);
        metrics_take_kinds(s, pool->queue, cell);
        s->redis_commands += metrics_load(&cell->redis_commands);
        metrics_add_histogram(&s->redis_rtt, &cell->redis_rtt_us_sum, cell->redis_rtt_count);
    }
}

const char *metrics_state_name(size_t state)
{
    assert(state < METRICS_STATE_COUNT);
    return state == METRICS_STATE_BACKOFF ? "backoff" : phase_name((enum worker_phase)state);
}
