/*
 * autoscale_sense - see autoscale_sense.h. Adds up what is written elsewhere; refuses to judge it.
 */
#include "autoscale_sense.h"

#include "memory_share.h"

enum { ROOM_CPU_PERCENT = 90 }; /* of the quota, over a round: more workers would only wait for each other */

void autoscale_sense_room(struct autoscale_room *room, const struct container_limits *l, uint64_t now_ms)
{
    room->free_bytes = l->memory_free_bytes < 0 ? -1 : MAX_OF(l->memory_free_bytes - MEMORY_SHARE_OWN, INT64_C(0));
    bool both = room->at_ms != 0 && now_ms > room->at_ms && l->cpu_percent > 0 && l->cpu_used_us >= room->cpu_used_us;
    int64_t may_us = both ? (int64_t)(now_ms - room->at_ms) * 10 * l->cpu_percent : 0;
    room->no_cpu = both && l->cpu_used_us - room->cpu_used_us >= may_us * ROOM_CPU_PERCENT / 100;
    room->cpu_used_us = l->cpu_used_us;
    room->at_ms = l->cpu_used_us < 0 ? 0 : now_ms;
}

static uint64_t runs_of(const struct score_cell *cell)
{
    uint64_t runs = 0;
    for (size_t i = 0; i < SCORE_KIND_MAX; i++) {
        const struct score_kind *k = &cell->kinds[i];
        if (atomic_load_explicit(&k->used, memory_order_acquire) == 0)
            break;
        for (size_t b = 0; b < SCORE_BUCKETS; b++)
            runs += atomic_load_explicit(&k->run_count[b], memory_order_relaxed);
    }
    return runs;
}

void autoscale_sense_work(struct autoscale_pool *p, const struct slots *slots, const struct pool *pool, uint64_t now_ms)
{
    uint64_t busy_us = 0, runs = 0;
    uint32_t running = 0;
    double running_s = 0;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        const struct slot *slot = &slots->table[i];
        struct score_now now;
        if (slot->pool != pool)
            continue;
        const struct score_cell *cell = slots_cell(slots, slot);
        busy_us += atomic_load_explicit(&cell->busy_us, memory_order_relaxed);
        runs += runs_of(cell);
        if (!slot_state_live(slot->state))
            continue;
        p->worker_bytes = MAX_OF(
            p->worker_bytes, MAX_OF((int64_t)slot->rss_bytes, slot->cgroup_fd > 0 ? slot->usage.memory_peak_bytes : 0));
        if (!slot->idle && score_read(cell, &now) && now.phase == PHASE_RUN && now.since_ms <= now_ms) {
            running++;
            running_s += (double)(now_ms - now.since_ms) / 1e3;
        }
    }
    load_service_note(&p->service, busy_us, runs, running, running_s, now_ms);
}

bool autoscale_sense_failing(const struct slots *slots, const struct pool *pool)
{
    return pool->stopped || pool->boot_failures > 0 || slots_in_state(slots, pool, SLOT_BACKOFF) > 0;
}

int64_t autoscale_sense_worker_bytes(const struct autoscale_pool *p)
{
    return p->worker_bytes > 0 ? p->worker_bytes : MEMORY_SHARE_LEAST;
}

/* Workers more that there is memory for. */
static uint32_t room_for(const struct autoscale_pool *p, const struct autoscale_room *room)
{
    int64_t each = autoscale_sense_worker_bytes(p);
    return room->free_bytes < 0 ? SCORE_SLOT_MAX : (uint32_t)MIN_OF(room->free_bytes / each, (int64_t)SCORE_SLOT_MAX);
}

struct autoscale_peer autoscale_sense_peer(const struct autoscale_pool *p, const struct slots *slots,
                                           const struct pool *pool, const struct autoscale_room *room, int64_t cpus)
{
    struct autoscale_peer peer = {.lane = pool_serves_lane(pool), .sum = load_service_sum(&p->service)};
    struct autoscale_member *m = &peer.member;
    m->workers = m->min = m->max = pool->desired;
    if (autoscale_sense_failing(slots, pool)) {
        m->workers = m->min = m->max = slots_in_state(slots, pool, SLOT_READY);
    } else if (conf_pool_scaled(pool->conf) && !pool->manual) {
        uint32_t most = pool->desired + (room->no_cpu ? 0 : room_for(p, room));
        m->max = MIN_OF((uint32_t)conf_pool_scaled_max(pool->conf, cpus), most);
        m->min = MIN_OF((uint32_t)pool->conf->workers_min, (uint32_t)conf_pool_scaled_max(pool->conf, cpus));
        m->max = MAX_OF(m->max, m->min);
    }
    return peer;
}

void autoscale_sense_pool(struct autoscale_view *v, const struct slots *slots, const struct pool *pool,
                          const struct autoscale_peer *own, const struct autoscale_room *room, int64_t cpus)
{
    v->target_s = (double)pool->conf->target_wait / 1e3;
    v->down_after_s = (double)pool->conf->scale_down_after / 1e3;
    v->desired = pool->desired;
    v->max = (uint32_t)conf_pool_scaled_max(pool->conf, cpus);
    v->ready = slots_in_state(slots, pool, SLOT_READY);
    v->idle = 0;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++)
        v->idle += slots->table[i].pool == pool && slots->table[i].state == SLOT_READY && slots->table[i].idle;
    bool less = own->member.max < v->max;
    v->no_cpu = less && room->no_cpu;
    v->no_memory = less && !room->no_cpu;
    v->manual = pool->manual;
    v->quiet = v->quiet || pool->quiet;
    v->failing = autoscale_sense_failing(slots, pool);
}

void autoscale_sense_queue(struct autoscale_view *v, const struct queue_stats *q, bool lane, double arrivals_per_s)
{
    int64_t ready = 0, active = 0, oldest_ms = 0;
    for (int band = 0; band < BAND_COUNT; band++) {
        if ((band == BAND_LARGE) != lane)
            continue;
        ready += q->bands[band].ready;
        active += q->bands[band].active;
        if (q->bands[band].ready > 0)
            oldest_ms = MAX_OF(oldest_ms, q->bands[band].oldest_ms);
    }
    v->paused = q->paused;
    v->load.ready = (double)ready;
    v->load.active = (double)active;
    v->load.arrivals_per_s = lane ? 0 : arrivals_per_s; /* not counted apart: the lane goes by what waits and runs */
    v->oldest_s = (double)oldest_ms / 1e3;
}

int64_t autoscale_sense_added(const struct queue_stats *q)
{
    return q->enqueued + queue_stats_counter(q, "readded") - queue_stats_counter(q, "sched") -
           queue_stats_counter(q, "repaired");
}
