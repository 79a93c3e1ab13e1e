/*
 * control_status - see control_status.h. Shows what is known; refuses to ask anybody (Redis, a worker) before it
 * answers.
 */
#include "control_status.h"

#include "build_info.h"
#include "clock.h"
#include "handover_note.h"
#include "metrics_thread.h"
#include "slot_cgroup.h"
#include "supervisor_uv.h"
#include <stdio.h>

static json_t *kinds_of(const struct pool *pool)
{
    json_t *kinds = json_array();
    for (const char *p = pool->conf->kinds; *p != '\0';) {
        size_t skip = strspn(p, ", "), len = strcspn(p + skip, ", ");
        if (len > 0)
            (void)json_array_append_new(kinds, json_stringn(p + skip, len));
        p += skip + len;
    }
    return kinds;
}

/* Null without a target_wait. */
static json_t *scaling_of(const struct supervisor *s, const struct pool *p)
{
    const struct autoscaler_report *r = autoscaler_report(s->scaler, p);
    if (!conf_pool_scaled(p->conf))
        return json_null();
    bool finite = r->known && r->wait_s >= 0 && r->wait_s < INT32_MAX;
    return json_pack("{s:I,s:I,s:i,s:b,s:i,s:I,s:s,s:s}", "target_wait_ms", (json_int_t)p->conf->target_wait, "min",
                     (json_int_t)p->conf->workers_min, "max", r->known ? (int)r->max : (int)pool_workers_max(p),
                     "manual", p->manual, "demand", r->known ? (int)r->demand : -1, "wait_ms",
                     (json_int_t)(finite ? r->wait_s * 1e3 : -1), "reason",
                     r->known ? autoscale_reason_name(r->reason) : "", "text", r->text);
}

static json_t *pool_of(const struct supervisor *s, const struct pool *p)
{
    char several[QUEUE_MAX + 2];
    (void)snprintf(several, sizeof several, "%s/*", p->name); /* as in metrics */
    return json_pack("{s:s,s:s,s:o,s:i,s:i,s:s,s:o,s:I,s:i,s:o}", "name", p->name, "queue",
                     s->slots->listed[p->queue] ? several : s->slots->queues[p->queue],
                     "kinds", kinds_of(p), "desired", (int)p->desired, "ready",
                     (int)slots_in_state(s->slots, p, SLOT_READY), "state", pool_state_name(s->slots, p), "error",
                     handover_note_words(p->error), "restarts", (json_int_t)p->restarts, "boot_failures",
                     (int)p->boot_failures, "scaling", scaling_of(s, p));
}

static json_t *queue_of(const struct queue_link *q, uint64_t now_ms)
{
    int64_t due = q->next_due_ms < 0 ? -1 : MAX_OF(q->next_due_ms - ((int64_t)now_ms + q->offset_ms), INT64_C(0));
    int64_t beat = q->beat_ms == 0 ? -1 : (int64_t)(now_ms - q->beat_ms);
    return json_pack("{s:s,s:I,s:b,s:I,s:I,s:i}", "name", q->name, "ready", (json_int_t)q->ready, "paused", q->paused,
                     "next_due_ms", (json_int_t)due, "last_beat_ms", (json_int_t)beat, "untold_deaths",
                     (int)q->deaths.n);
}

static json_t *cgroup_of(const struct slot *slot)
{
    json_t *usage = slot_cgroup_json(slot);
    return usage != NULL ? usage : json_null();
}

static json_t *limits_of(const struct cgroup_tree *t)
{
    return json_pack("{s:b,s:s,s:s}", "cgroup", t->fd >= 0, "path", t->path, "why", t->why);
}

static json_t *worker_of(const struct supervisor *s, const struct slot *slot, uint64_t now_ms)
{
    struct score_now now = {0};
    const struct score_cell *cell = slots_cell(s->slots, slot);
    bool live = slot_state_live(slot->state);
    bool known = live && score_read(cell, &now);
    bool running = known && now.running > 0;
    int64_t left = running && now.hard_deadline_ms != 0 ? (int64_t)(now.hard_deadline_ms - now_ms) : -1;
    if (running && now.hard_deadline_ms != 0 && left < 0)
        left = 0;
    return json_pack("{s:s,s:i,s:i,s:i,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:f,s:s}", "pool", slot->pool->name,
                     "slot", (int)slot->number, "pid", (int)slot->pid, "generation", (int)slot->generation, "state",
                     slot_state_name(slot->state), "phase", live ? phase_name((enum worker_phase)now.phase) : "",
                     "kind", running ? now.kind : "", "job", running && now.running == 1 ? now.job_id : "", "epoch",
                     (json_int_t)(running ? now.epoch : 0), "since_ms",
                     (json_int_t)(live && now.since_ms != 0 && now.since_ms <= now_ms ? now_ms - now.since_ms : 0),
                     "deadline_in_ms", (json_int_t)left, "rss_bytes", (json_int_t)slot->rss_bytes, "cgroup",
                     cgroup_of(slot), "jobs_run", (json_int_t)(live ? cell->jobs_run : 0), "restarts",
                     (json_int_t)cell->restarts, "boot_ms", (double)slot->boot_us / 1000, "last_exit", slot->last_exit);
}

json_t *control_status_workers(const struct supervisor *s)
{
    uint64_t now_ms = clock_mono_ms();
    json_t *workers = json_array();
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        const struct slot *slot = &s->slots->table[i];
        if (slot->pool != NULL && slot->state != SLOT_EMPTY)
            (void)json_array_append_new(workers, worker_of(s, slot, now_ms));
    }
    return workers;
}

/* Port 0: nothing is served. */
static json_t *metrics_of(const struct supervisor *s)
{
    return json_pack("{s:s,s:i}", "listen", s->conf->metrics.listen, "port",
                     s->metrics != NULL ? metrics_thread_port(s->metrics) : 0);
}

json_t *control_status(const struct supervisor *s)
{
    uint64_t now_ms = clock_mono_ms();
    json_t *queues = json_array(), *pools = json_array();
    for (uint32_t i = 0; i < s->links.n; i++)
        (void)json_array_append_new(queues, queue_of(&s->links.links[i], now_ms));
    for (size_t i = 0; i < s->slots->n_pools; i++)
        (void)json_array_append_new(pools, pool_of(s, &s->slots->pools[i]));
    return json_pack("{s:b,s:s,s:s,s:s,s:i,s:I,s:s,s:{s:b,s:s},s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "ok", 1, "instance",
                     s->instance, "version", STINT_VERSION, "build", STINT_BUILD, "pid", (int)getpid(), "uptime_ms",
                     (json_int_t)(now_ms - s->started_ms), "state", supervisor_mode_name(s->mode), "redis", "ready",
                     s->links.ready, "error", s->links.error, "limits", limits_of(&s->cgroups), "metrics",
                     metrics_of(s), "queues", queues, "pools", pools, "workers", control_status_workers(s), "relay",
                     relay_child_status(&s->relay), "container", host_limits_json(&s->host), "handover",
                     handover_status(&s->handover));
}

json_t *control_status_handover(const struct supervisor *s)
{
    return json_pack("{s:b,s:s,s:i,s:s,s:s,s:o}", "ok", 1, "instance", s->instance, "pid", (int)getpid(), "version",
                     STINT_VERSION, "build", STINT_BUILD, "handover", handover_status(&s->handover));
}
