/*
 * slots_watch_uv - see slots_uv.h. The one timer of all slots: looks at what time asks for (slot_watch) and does it.
 * Refuses to look often while every worker waits for the doorbell.
 */
#include "slots_uv.h"

#include "clock.h"
#include "log.h"
#include "proc_rss.h"
#include "slot_cgroup.h"

enum { RSS_EVERY_MS = 3000 }; /* between readings of resident memory */

/* Whoever goes because fewer are needed has all the time its job may take: its own deadline bounds it. */
static uint64_t stop_by_ms(const struct slots_uv *u, const struct slot *slot, const struct score_now *now)
{
    bool spared = slot->retire && !u->draining && now->running > 0 && now->hard_deadline_ms != 0;
    return spared ? MAX_OF(slot->stop_by_ms, now->hard_deadline_ms + (uint64_t)u->conf->supervisor.kill_grace) : slot->stop_by_ms;
}

static struct watch_view view_of(const struct slots_uv *u, struct slot *slot, struct score_now *ret_now)
{
    const struct conf_pool *p = slot->pool->conf;
    *ret_now = (struct score_now){0};
    bool running = (slot->state == SLOT_READY && !slot->idle) || slot->state == SLOT_STOPPING;
    if (running && !score_read(slots_cell(u->slots, slot), ret_now))
        ret_now->hard_deadline_ms = 0; /* being written: the next look sees it whole */
    else if (running && ret_now->running == 1)
        slot_cgroup_job(slot, ret_now->entry);
    return (struct watch_view){
        .state = slot->state,
        .idle = slot->idle,
        .started_ms = slot->started_ms,
        .start_at_ms = slot->start_at_ms,
        .stop_by_ms = stop_by_ms(u, slot, ret_now),
        .kill_at_ms = slot->kill_at_ms,
        .hard_deadline_ms = ret_now->hard_deadline_ms,
        .rss_bytes = slot->rss_bytes,
        .alive_ms = MAX_OF(slot->started_ms, score_alive_ms(slots_cell(u->slots, slot))),
        .pulse_ms = slot->quiet ? 0 : slot_pulse_ms((uint64_t)u->conf->supervisor.heartbeat),
        .boot_timeout_ms = (uint64_t)u->conf->supervisor.boot_timeout,
        .recycle_age_ms = (uint64_t)p->recycle_age,
        .recycle_rss_bytes = (uint64_t)p->recycle_rss,
    };
}

static void hard_timeout(struct slots_uv *u, struct slot *slot, const struct score_now *now)
{
    log_warn("job past its hard timeout: its worker is ended", KV_S("pool", slot->pool->name),
             KV_I("slot", slot->number), KV_I("worker_pid", slot->pid), KV_S("kind", now->kind),
             KV_S("job", now->job_id), KV_I("ran_ms", clock_mono_ms() - now->since_ms));
    slot->overrun_ms = now->hard_deadline_ms;
    slots_uv_term(u, slot, EXIT_INTENT_HARD_TIMEOUT);
}

static void recycle(struct slots_uv *u, struct slot *slot, const char *why)
{
    if (slot->replace)
        return;
    log_info("worker is to be recycled", KV_S("pool", slot->pool->name), KV_I("slot", slot->number), KV_S("limit", why),
             KV_I("rss_bytes", slot->rss_bytes), KV_I("age_ms", clock_mono_ms() - slot->started_ms));
    (void)u;
    slot->replace = true;
}

static void act(struct slots_uv *u, struct slot *slot, enum watch_action action, const struct score_now *now)
{
    switch (action) {
    case WATCH_NOTHING:
        return;
    case WATCH_START:
        slots_uv_start(u, slot);
        return;
    case WATCH_BOOT_TIMEOUT:
        slots_uv_term(u, slot, EXIT_INTENT_BOOT_TIMEOUT);
        return;
    case WATCH_HARD_TIMEOUT:
        hard_timeout(u, slot, now);
        return;
    case WATCH_KILL:
        slots_uv_kill(u, slot, slot->intent);
        return;
    case WATCH_STOP_TIMEOUT:
        log_warn("worker did not stop in time: it is killed, its jobs are handed back", KV_S("pool", slot->pool->name),
                 KV_I("slot", slot->number), KV_I("worker_pid", slot->pid));
        slots_uv_kill(u, slot, EXIT_INTENT_DRAIN_KILL);
        return;
    case WATCH_RECYCLE_AGE:
        recycle(u, slot, "recycle_age");
        return;
    case WATCH_RECYCLE_RSS:
        recycle(u, slot, "recycle_rss");
        return;
    case WATCH_PULSE:
        slots_uv_pulse(u, slot);
        return;
    }
}

static void read_rss(struct slots_uv *u, uint64_t now_ms)
{
    if (now_ms - u->rss_read_ms < RSS_EVERY_MS)
        return;
    u->rss_read_ms = now_ms;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &u->slots->table[i];
        if (!slot_state_live(slot->state))
            continue;
        slot->rss_bytes = proc_rss_bytes(slot->pid);
        slot_cgroup_read(slot);
        atomic_store_explicit(&slots_cell(u->slots, slot)->rss_bytes, slot->rss_bytes, memory_order_relaxed);
    }
}

/* Replaces one outdated worker of the pool, and only while all its others stand: a configuration or program that does
 * not start costs one worker, not all. */
static void roll_pool(struct slots_uv *u, struct pool *pool)
{
    struct slot *next = NULL;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &u->slots->table[i];
        if (slot->pool != pool || slot->state == SLOT_EMPTY || slot->retire)
            continue;
        if (slot->state != SLOT_READY)
            return;
        if (next == NULL && (slot->replace || slot->conf_serial != u->conf_serial))
            next = slot;
    }
    if (next != NULL)
        slots_uv_stop(u, next, false);
}

static void on_watch(uv_timer_t *timer)
{
    struct slots_uv *u = timer->data;
    uint64_t now_ms = clock_mono_ms();
    read_rss(u, now_ms);
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &u->slots->table[i];
        if (slot->pool == NULL || slot->state == SLOT_EMPTY)
            continue;
        struct score_now now;
        struct watch_view v = view_of(u, slot, &now);
        act(u, slot, slot_watch_action(&v, now_ms), &now);
    }
    if (!u->draining)
        for (size_t i = 0; i < u->slots->n_pools; i++)
            roll_pool(u, &u->slots->pools[i]);
    uint64_t next = WATCH_CALM_MS;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &u->slots->table[i];
        if (slot->pool == NULL || slot->state == SLOT_EMPTY)
            continue;
        struct score_now now;
        struct watch_view v = view_of(u, slot, &now);
        next = MIN_OF(next, slot_watch_next_ms(&v, now_ms));
    }
    slots_uv_look_within(u, next);
}

void slots_uv_look_within(struct slots_uv *u, uint64_t ms)
{
    if (uv_is_active((uv_handle_t *)&u->watch) && uv_timer_get_due_in(&u->watch) <= ms)
        return;
    (void)uv_timer_start(&u->watch, on_watch, ms, 0);
}
