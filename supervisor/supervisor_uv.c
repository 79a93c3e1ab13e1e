/*
 * supervisor_uv - see supervisor_uv.h. Connects the modules and decides nothing they could decide. Refuses to end while
 * a worker lives, and to keep a worker from living because Redis does not.
 */
#include "supervisor_uv.h"

#include "buf.h"
#include "build_info.h"
#include "clock.h"
#include "control_uv.h"
#include "control_verbs.h"
#include "folder_stamp.h"
#include "handover_note.h"
#include "instance_id.h"
#include "keys.h"
#include "log.h"
#include "metrics_thread.h"
#include "redis_functions.h"
#include "slot_cgroup.h"
#include <stdio.h>
#include <sys/prctl.h>

enum { WATCHDOG_SHARE = 2 }; /* fed at half of its period */

static void on_watchdog(uv_timer_t *timer)
{
    struct supervisor *s = timer->data;
    if (queue_links_alive(&s->links, clock_mono_ms()))
        notify_send(&s->notify, "WATCHDOG=1");
    else
        log_error0("heartbeats do not come back though Redis seems reachable: the watchdog is not fed");
}

static void on_pulse(uv_timer_t *timer)
{
    struct supervisor *s = timer->data;
    atomic_store_explicit(&s->slots->board->supervisor.loop_ms, clock_mono_ms(), memory_order_relaxed);
    (void)uv_timer_start(timer, on_pulse, (uint64_t)s->conf->supervisor.heartbeat, 0);
}

/* -- hooks of the modules --------------------------------------------------------------------------------------------
 */

/* What it held is of the part it fetched from last. Its name is known to the others too, and a fetch that was lost may
 * have claimed there: they hear that it is gone, and nobody is blamed. */
static void on_death(void *arg, const struct slot *slot, uint32_t queue, const struct crash_report *report)
{
    struct supervisor *s = arg;
    queue_links_death(&s->links, queue, report);
    for (uint32_t i = 0; i < s->links.n; i++) {
        if (i == queue || !slots_was_at(s->slots, slot, i))
            continue;
        struct crash_report other = {.crash_limit = report->crash_limit, .error_json = strdup("{}")};
        (void)snprintf(other.consumer, sizeof other.consumer, "%s", report->consumer);
        if (other.error_json != NULL)
            queue_links_death(&s->links, i, &other);
    }
}

static void on_page(void *arg, const struct evidence_item *item)
{
    evidence_add(&((struct supervisor *)arg)->evidence, item);
}

static bool on_other(void *arg, pid_t pid, int wait_status)
{
    struct supervisor *s = arg;
    return handover_reaped(&s->handover, pid, wait_status) || evidence_reaped(&s->evidence, pid) || relay_child_reaped(&s->relay, pid, wait_status);
}

static bool may_start(void *arg, uint32_t queue)
{
    struct supervisor *s = arg;
    for (uint32_t i = 0; i < s->links.n; i++)
        if (s->slots->whole[i] == queue && !queue_links_room(&s->links, i))
            return false;
    return true;
}

/* A jump of Redis' clock ends leases that were renewed in time: the next beat, now, is all it takes. */
static void on_fenced(void *arg, uint32_t queue)
{
    struct supervisor *s = arg;
    if (s->slots->listed[queue]) {
        queue_links_beat(&s->links, queue);
        return;
    }
    for (uint32_t i = 0; i < s->links.n; i++)
        if (s->slots->whole[i] == queue)
            queue_links_beat(&s->links, i);
}

static void on_idle(void *arg, uint32_t queue)
{
    struct supervisor *s = arg;
    (void)queue;
    doorbells_touch(&s->bells);
}

static void on_busy(void *arg, uint32_t queue)
{
    struct supervisor *s = arg;
    if (s->slots->listed[queue]) {
        queue_links_stir(&s->links, queue);
        return;
    }
    for (uint32_t i = 0; i < s->links.n; i++) /* it asks all parts before it rests again */
        if (s->slots->whole[i] == queue)
            queue_links_stir(&s->links, i);
}

static void on_change(void *arg)
{
    struct supervisor *s = arg;
    supervisor_tell(s);
}

static void on_redis(void *arg, bool ready, const char *why)
{
    struct supervisor *s = arg;
    if (ready)
        log_info("Redis can be reached", KV_S("instance", s->instance));
    if (ready && s->redis_was_away)
        doorbells_renew(&s->bells);
    s->redis_was_away = !ready;
    if (!ready)
        log_warn("Redis is away; workers live on, deaths are remembered", KV_S("error", why));
    supervisor_tell(s);
}

/* A listed queue that rests has a long lease: it is cut before a worker is sent there, so that no claim is made under
 * it. The beat's answer tells how much is ready, and wakes. */
static void wake(struct supervisor *s, uint32_t queue, bool lane, uint32_t n)
{
    if (s->slots->listed[queue] && s->links.links[queue].resting) {
        slots_stirred(s->slots, queue);
        if (!lane)
            queue_links_beat(&s->links, queue);
        return;
    }
    (void)slots_uv_wake(&s->procs, queue, lane, n);
}

/* The safety net under the doorbell: whatever waits and whoever waits meet at the latest at a heartbeat. */
static void on_beat(void *arg, uint32_t queue, int64_t ready, bool paused)
{
    struct supervisor *s = arg;
    uint32_t most = (uint32_t)MIN_OF(MAX_OF(ready, INT64_C(0)), (int64_t)SCORE_SLOT_MAX);
    if (most > 0 && !paused) {
        wake(s, queue, false, most);
        wake(s, queue, true, most);
    }
}

static void on_moved(void *arg, uint32_t queue, uint32_t n)
{
    wake(arg, queue, false, n);
    wake(arg, queue, true, n);
}

static void on_gone(void *arg, const char *instance)
{
    predecessors_ended(&((struct supervisor *)arg)->past, instance);
}

enum { LANE_KINDS_MAX = CONF_STR_MAX * 2 };

/* One that is scaled from none starts a worker when a job waits. */
static bool serves_nobody(const struct pool *pool)
{
    return pool->desired == 0 && (pool->manual || !conf_pool_scaled(pool->conf));
}

/* "kind","kind" of the queue that pools of ours run from the lane. A pool that is stopped or scaled to nothing serves
 * nobody: what waits in the lane then goes back to its band. */
static void lane_kinds(const struct supervisor *s, uint32_t queue, char *ret, size_t size)
{
    size_t len = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        const struct pool *pool = &s->slots->pools[i];
        char kind[KIND_MAX];
        if (pool->queue != s->slots->whole[queue] || !pool_serves_lane(pool) || pool->stopped || serves_nobody(pool) || s->procs.draining)
            continue;
        for (const char *at = pool->conf->kinds; conf_list_next(&at, kind, sizeof kind) && len + KIND_MAX + 4 < size;)
            len += (size_t)snprintf(ret + len, size - len, "%s\"%s\"", len > 0 ? "," : "", kind);
    }
}

/* What other hosts divide by (scaled pools) or send jobs to (the lane) is not left to a long lease. */
static bool queue_idle(void *arg, uint32_t queue)
{
    const struct supervisor *s = arg;
    if (s->mode != SUPERVISOR_RUNNING || !doorbells_listen(&s->bells, queue))
        return false;
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        const struct pool *pool = &s->slots->pools[i];
        if (pool->queue == s->slots->whole[queue] && (pool_serves_lane(pool) || conf_pool_scaled(pool->conf)))
            return false;
    }
    return slots_all_idle(s->slots, queue);
}

static const char *whole_of(void *arg, uint32_t queue)
{
    const struct slots *slots = ((struct supervisor *)arg)->slots;
    return slots->queues[slots->whole[queue]];
}

void supervisor_serve_added(struct supervisor *s)
{
    for (uint32_t queue = s->links.n; queue < s->slots->n_queues; queue++) {
        queue_links_add(&s->links, s->slots->queues[queue]);
        doorbells_add(&s->bells, s->slots->queues[queue]);
        if (s->slots->part[queue] != 0 && !s->slots->listed[queue])
            slots_uv_tell_part(&s->procs, queue);
    }
}

static void on_parts(void *arg, uint32_t queue, uint32_t parts)
{
    struct supervisor *s = arg;
    size_t before = s->slots->n_queues;
    if (!slots_add_parts(s->slots, queue, parts))
        log_error("not all shards of a queue can be served: there are too many queues; restart with fewer", KV_S("queue", s->slots->queues[queue]),
                  KV_I("most", QUEUES_MAX));
    if (s->slots->n_queues > before)
        log_info("shards beyond those configured are served while shards_drain is set", KV_S("queue", s->slots->queues[queue]),
                 KV_I("parts", s->slots->n_queues - before));
    supervisor_serve_added(s);
}

static const char *info_of(void *arg, uint32_t queue)
{
    struct supervisor *s = arg;
    char kinds[LANE_KINDS_MAX], lanes[LANE_KINDS_MAX + QUEUE_MAX + 64] = "";
    lane_kinds(s, queue, kinds, sizeof kinds);
    if (kinds[0] != '\0')
        (void)snprintf(lanes, sizeof lanes, ",\"lanes\":{\"%s\":{\"%s\":[%s]}}", s->slots->queues[queue],
                       band_name(BAND_LARGE), kinds);
    struct buf pools;
    buf_init(&pools, SUPERVISOR_INFO_MAX / 2);
    autoscaler_info(s->scaler, queue, &pools);
    (void)snprintf(s->info, sizeof s->info,
                   "{\"pid\":%d,\"version\":\"%s\",\"build\":\"%s\",\"protocol\":%d,\"state\":\"%s\",\"workers\":%u,\"ready\":%u,"
                   "\"uptime_ms\":%llu%s%s}",
                   (int)getpid(), STINT_VERSION, STINT_BUILD, REDIS_FUNCTIONS_PROTOCOL, supervisor_mode_name(s->mode), slots_live(s->slots),
                   slots_in_state(s->slots, NULL, SLOT_READY), (unsigned long long)(clock_mono_ms() - s->started_ms),
                   lanes, pools.failed ? "" : pools.data);
    buf_fini(&pools);
    return s->info;
}

static bool bell_wanted(void *arg, uint32_t queue, bool lane)
{
    struct supervisor *s = arg;
    return !s->links.links[queue].paused && slots_idle(s->slots, queue, lane) > 0;
}

static void bell_entries(void *arg, uint32_t queue, bool lane, uint32_t n)
{
    wake(arg, queue, lane, n);
}

static void bell_due(void *arg, uint32_t queue, int64_t due_ms)
{
    struct supervisor *s = arg;
    slots_stirred(s->slots, queue);
    queue_links_due(&s->links, queue, due_ms);
}

static void on_cancel(void *arg, uint32_t queue, const char *which)
{
    struct supervisor *s = arg;
    if (slots_uv_cancel(&s->procs, queue, which))
        log_info("a running job is asked to stop", KV_S("queue", s->slots->queues[queue]), KV_S("entry", which));
}

static void bell_pause(void *arg, uint32_t queue)
{
    struct supervisor *s = arg;
    s->links.links[queue].paused = true;
    slots_stirred(s->slots, queue);
    queue_turns_drop(&s->slots->turns, queue);
}

/* Of a listed queue the bands are in every read: were they in it only while a worker waits, each end of a job would
 * have all of them read anew. */
static bool bell_always(void *arg, uint32_t queue)
{
    struct supervisor *s = arg;
    return s->slots->listed[queue] && !s->links.links[queue].paused;
}

/* Jobs of a kind come back through a promotion, which the heartbeat's answer asks for. */
static void bell_resume(void *arg, uint32_t queue, bool whole)
{
    struct supervisor *s = arg;
    if (whole)
        s->links.links[queue].paused = false;
    wake(s, queue, false, SCORE_SLOT_MAX);
    wake(s, queue, true, SCORE_SLOT_MAX);
    queue_links_beat(&s->links, queue);
}

static void on_scaled(void *arg, struct pool *pool)
{
    struct supervisor *s = arg;
    slots_uv_apply(&s->procs);
    supervisor_tell(s);
    queue_links_beat(&s->links, pool->queue); /* other hosts divide by what we may have */
}

static void on_looked(void *arg)
{
    supervisor_score(arg);
}

static bool is_quiet(void *arg)
{
    return ((struct supervisor *)arg)->mode != SUPERVISOR_RUNNING;
}

/* -- opening and closing ---------------------------------------------------------------------------------------------
 */

static int open_links(struct supervisor *s, struct err *e)
{
    const struct queue_links_hooks links = {
        .arg = s,
        .on_state = on_redis,
        .on_beat = on_beat,
        .on_cancel = on_cancel,
        .on_moved = on_moved,
        .on_gone = on_gone,
        .idle = queue_idle,
        .whole = whole_of,
        .on_parts = on_parts,
        .info = info_of,
    };
    int rc = queue_links_open(&s->links, &s->loop, s->conf, s->instance, (const char(*)[QUEUE_MAX])s->slots->queues,
                              (uint32_t)s->slots->n_queues, &links, e);
    if (rc < 0)
        return rc;
    const struct doorbell_hooks bell = {
        .arg = s,
        .wanted = bell_wanted,
        .always = bell_always,
        .on_entries = bell_entries,
        .on_due = bell_due,
        .on_cancel = on_cancel,
        .on_pause = bell_pause,
        .on_resume = bell_resume,
    };
    return doorbells_open(&s->bells, &s->loop, s->conf, (const char(*)[QUEUE_MAX])s->slots->queues,
                          (uint32_t)s->slots->n_queues, s->links.redis, &bell, e);
}

static int open_slots(struct supervisor *s, struct err *e)
{
    s->slots = calloc(1, sizeof *s->slots);
    if (s->slots == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the table of workers");
    int rc = slots_init(s->slots, s->conf, e);
    if (rc < 0)
        return rc;
    evidence_init(&s->evidence, &s->loop, &s->links);
    relay_child_init(&s->relay, &s->loop, s->conf, s->instance, s->log_fd);
    const struct slots_hooks hooks = {
        .arg = s,
        .on_death = on_death,
        .may_start = may_start,
        .on_idle = on_idle,
        .on_busy = on_busy,
        .on_fenced = on_fenced,
        .on_other = on_other,
        .on_page = on_page,
        .on_change = on_change,
    };
    rc = slots_uv_init(&s->procs, &s->loop, s->slots, s->conf, s->instance, &s->cgroups, s->log_fd, &hooks, e);
    s->procs.repro = s->repro;
    s->procs.wrap = s->wrap;
    return rc;
}

static int open_all(struct supervisor *s, struct err *e)
{
    int rc = instance_id_new(s->instance, s->conf->supervisor.instance);
    if (rc < 0)
        return err_set_errno(e, -rc, "the kernel gives no random bytes for the instance's name");
    if (s->birth != NULL)
        rc = notify_open_at(&s->notify, handover_note_text(s->birth->hello, "notify"),
                            (uint64_t)handover_note_number(s->birth->hello, "watchdog_ms", 0));
    else
        rc = notify_open(&s->notify); /* first: it changes the environment, which is safe only while there is one thread */
    s->notify.muted = s->birth != NULL;
    if (rc < 0)
        log_warn("the service manager cannot be told how we are", KV_S("error", err_text(rc)));
    rc = slot_cgroup_open(&s->cgroups, s->conf->supervisor.cgroup, s->instance, s->birth == NULL, e);
    if (rc < 0)
        return rc;
    log_info("limits of workers", KV_S("which", s->cgroups.why), KV_S("cgroup", s->cgroups.path));
    rc = host_limits_apply(&s->host, s->conf, s->cgroups.fd >= 0, e);
    if (rc < 0)
        return rc;
    /* What a dying worker leaves behind comes to us, not to a PID 1 that may not reap. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)uv_timer_init(&s->loop, &s->watchdog);
    (void)uv_timer_init(&s->loop, &s->pulse);
    (void)uv_timer_init(&s->loop, &s->stop_step);
    s->watchdog.data = s->pulse.data = s->stop_step.data = s;
    s->past.own.fd = -1;
    rc = supervisor_handover_open(s, e);
    if (rc < 0)
        return rc;
    rc = control_new(&s->loop, s->conf->supervisor.run_dir, s->birth != NULL, control_verbs_answer, s, &s->control, e);
    if (rc == 0)
        rc = supervisor_signals_open(s, e);
    if (rc < 0)
        return rc;
    predecessors_open(&s->past, &s->loop, s->conf, s->instance);
    rc = open_slots(s, e);
    if (rc < 0)
        return rc;
    const struct autoscaler_hooks scaling = {.arg = s, .on_scaled = on_scaled, .on_looked = on_looked, .quiet = is_quiet};
    s->scaler = calloc(1, sizeof *s->scaler);
    if (s->scaler == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the scaling of pools");
    autoscaler_init(s->scaler, &s->loop, s->conf, s->slots, &s->links, s->instance, &s->host, &scaling);
    rc = open_links(s, e);
    if (rc < 0)
        return rc;
    supervisor_inherit(s);
    autoscaler_configure(s->scaler);
    s->procs.life_fd = s->past.own.fd;
    predecessors_watch(&s->past, &s->links);
    int listen_fd = -1; /* taken in any case */
    if (s->birth != NULL) {
        listen_fd = s->birth->listen_fd;
        s->birth->listen_fd = -1;
    }
    s->metrics = metrics_thread_start(s->conf, s->slots->board, s->instance,
                                      listen_fd, e);
    if (s->metrics == NULL)
        return ERR_BOOT_FAILURE;
    if (s->notify.watchdog_ms > 0)
        (void)uv_timer_start(&s->watchdog, on_watchdog, 1, s->notify.watchdog_ms / WATCHDOG_SHARE);
    return 0;
}

int supervisor_open(struct supervisor *s, struct conf *conf, int log_fd, struct err *e)
{
    s->conf = conf;
    s->layouts_stamp = folder_stamp(conf->pdf.layouts, ".layout");
    s->log_fd = log_fd;
    s->started_ms = clock_mono_ms();
    s->notify.fd = -1;
    s->cgroups.fd = -1;
    int rc = uv_loop_init(&s->loop);
    if (rc < 0) {
        s->loop.data = NULL;
        return err_set_errno(e, -rc, "cannot make the event loop");
    }
    s->loop.data = s; /* set: the loop must be closed */
    rc = open_all(s, e);
    if (rc < 0) {
        handover_stillborn(&s->handover, e->message);
        return rc;
    }
    log_info("supervisor started", KV_S("instance", s->instance), KV_S("version", STINT_VERSION),
             KV_S("build", STINT_BUILD), KV_S("config", s->conf->path), KV_I("pools", s->slots->n_pools),
             KV_I("queues", s->slots->n_queues));
    on_pulse(&s->pulse);
    slots_uv_apply(&s->procs);
    relay_child_apply(&s->relay, false);
    supervisor_tell(s);
    return 0;
}

void supervisor_run(struct supervisor *s)
{
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
}

static void close_handles(struct supervisor *s)
{
    handover_close(&s->handover);
    if (s->control == NULL)
        return; /* open_all failed before anything else was made, or at making it */
    control_close(s->control);
    supervisor_signals_close(s);
    doorbells_close(&s->bells);
    predecessors_close(&s->past, queue_links_clean(&s->links));
    if (s->links.redis != NULL)
        queue_links_close(&s->links);
    if (s->scaler != NULL)
        autoscaler_close(s->scaler);
    evidence_close(&s->evidence);
    relay_child_close(&s->relay);
    if (s->procs.loop != NULL)
        slots_uv_close(&s->procs);
}

void supervisor_close(struct supervisor *s)
{
    metrics_thread_stop(s->metrics); /* before the scoreboard goes */
    if (s->loop.data != NULL) {
        close_handles(s);
        if (s->watchdog.data != NULL) {
            uv_close((uv_handle_t *)&s->watchdog, NULL);
            uv_close((uv_handle_t *)&s->pulse, NULL);
            uv_close((uv_handle_t *)&s->stop_step, NULL);
        }
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&s->loop);
        s->loop.data = NULL;
    }
    control_free(s->control);
    doorbells_free(&s->bells);
    queue_links_fini(&s->links);
    if (s->scaler != NULL)
        autoscaler_fini(s->scaler);
    free(s->scaler);
    slots_fini(s->slots);
    free(s->slots);
    slot_cgroup_close(&s->cgroups);
    notify_close(&s->notify);
    free(s->conf);
}
