/*
 * slots_uv - see slots_uv.h. Starting, asking and ending worker processes. Refuses to wait: whatever takes time is a
 * state of the slot and a look at the watch.
 */
#include "slots_uv.h"

#include "clock.h"
#include "keys.h"
#include "crash_page.h"
#include "killpoint.h"
#include "log.h"
#include "slot_cgroup.h"
#include "slot_start.h"
#include "spawn.h"
#include <signal.h>
#include <stdio.h>

enum {
    START_RETRY_MS = 1000,       /* while no more deaths can be remembered */
    RESTART_DELAY_MAX_MS = 1000, /* of a worker that had been ready, once its pool restarts too often */
};

static void on_sigchld(uv_signal_t *handle, int signum)
{
    (void)signum;
    reaper_run(handle->data);
}

int slots_uv_init(struct slots_uv *u, uv_loop_t *loop, struct slots *slots, const struct conf *conf,
                  const char *instance, const struct cgroup_tree *cgroups, int log_fd, const struct slots_hooks *hooks,
                  struct err *e)
{
    *u = (struct slots_uv){.loop = loop,
                           .slots = slots,
                           .conf = conf,
                           .instance = instance,
                           .cgroups = cgroups,
                           .log_fd = log_fd,
                           .life_fd = -1,
                           .hooks = *hooks};
    /* Handles first: slots_uv_close closes them whatever fails after. */
    (void)uv_timer_init(loop, &u->watch);
    u->watch.data = u;
    (void)uv_timer_init(loop, &u->refill);
    u->refill.data = u;
    (void)uv_signal_init(loop, &u->sigchld);
    u->sigchld.data = u;
    int rc = spawn_find_program("stint-worker", u->program, sizeof u->program, e);
    if (rc < 0)
        return rc;
    rc = uv_signal_start(&u->sigchld, on_sigchld, SIGCHLD);
    if (rc < 0)
        return err_set_errno(e, -rc, "cannot listen for the end of workers (SIGCHLD)");
    return 0;
}

void slots_uv_close(struct slots_uv *u)
{
    uv_close((uv_handle_t *)&u->watch, NULL);
    uv_close((uv_handle_t *)&u->refill, NULL);
    uv_close((uv_handle_t *)&u->sigchld, NULL);
}

/* -- starting --------------------------------------------------------------------------------------------------------
 */

/* The dead predecessor's last words must not be taken for the new process's. */
static void clear_cell(struct slots_uv *u, struct slot *slot)
{
    struct score_cell *cell = slots_cell(u->slots, slot);
    const struct score_now boot = {.phase = PHASE_BOOT, .since_ms = clock_mono_ms()};
    score_publish(cell, &boot);
    atomic_store_explicit(&cell->jobs_run, 0, memory_order_relaxed);
}

static void clear_slot(struct slots_uv *u, struct slot *slot)
{
    slot->conf_serial = u->conf_serial;
    slot->was_ready = slot->idle = slot->quiet = slot->recycled = slot->retire = slot->replace = false;
    slot->intent = EXIT_INTENT_NONE;
    slot->started_us = clock_mono_ns() / 1000;
    slot->boot_us = 0;
    slot->started_ms = slot->started_us / 1000;
    slot->stop_by_ms = slot->kill_at_ms = slot->start_at_ms = slot->overrun_ms = slot->rss_bytes = 0;
    slot->boot_error[0] = '\0';
}

/* What of this host was short when a worker could not be made; NULL: something else was wrong, and trying again may be
 * in vain. */
static const char *remedy_of(int rc)
{
    static const struct {
        int code;
        const char *remedy;
    } rows[] = {
        {-EMFILE, "raise LimitNOFILE of the supervisor's service (ulimit -n)"},
        {-ENFILE, "raise fs.file-max of this host"},
        {-EAGAIN, "raise LimitNPROC and TasksMax of the supervisor's service (ulimit -u)"},
        {-ENOMEM, "free memory on this host"},
        {-ENOSPC, "free memory and disk on this host"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].code == rc)
            return rows[i].remedy;
    return NULL;
}

static void start_later(struct slots_uv *u, struct slot *slot, uint64_t delay, const char *why)
{
    log_warn("worker starts again later", KV_S("pool", slot->pool->name), KV_I("slot", slot->number),
             KV_I("delay_ms", delay), KV_S("why", why));
    slots_move(u->slots, slot, SLOT_EVENT_DEFER);
    slot->start_at_ms = clock_mono_ms() + delay;
    slots_uv_look_within(u, delay);
}

/* A host that is short of something is no fault of the pool: it is tried again for ever, and never stopped for it. */
static void could_not_start(struct slots_uv *u, struct slot *slot, int rc, const char *why)
{
    struct pool *pool = slot->pool;
    const struct conf_supervisor *c = &u->conf->supervisor;
    const char *remedy = remedy_of(rc);
    if (remedy == NULL || u->draining || pool->stopped) {
        slots_uv_failed(u, slot, true, why);
        return;
    }
    pool->restarts++;
    (void)snprintf(pool->error, sizeof pool->error, "%.300s; %s", why, remedy);
    start_later(u, slot,
                backoff_next_ms(&slot->backoff, (uint64_t)c->backoff_base, (uint64_t)c->backoff_max, clock_mono_ms()),
                pool->error);
}

void slots_uv_start(struct slots_uv *u, struct slot *slot)
{
    struct pool *pool = slot->pool;
    if (!u->hooks.may_start(u->hooks.arg, pool->queue)) {
        slots_move(u->slots, slot, SLOT_EVENT_DEFER);
        slot->start_at_ms = clock_mono_ms() + START_RETRY_MS;
        slots_uv_look_within(u, START_RETRY_MS);
        return;
    }
    clear_slot(u, slot);
    clear_cell(u, slot);
    slot->generation++;
    struct err e = {0};
    if (slot_cgroup_make(u->cgroups, slot, &e) < 0) {
        could_not_start(u, slot, e.code, e.message);
        return;
    }
    base_close_fd(&slot->crash_fd);
    slot->crash_fd = crash_page_new();
    if (slot->crash_fd < 0) { /* no reason not to run */
        log_warn("a worker will leave no backtrace", KV_S("why", err_text(slot->crash_fd)));
        slot->crash_fd = -1;
    }
    const struct slot_start in = {
        .program = u->program,
        .repro = u->repro,
        .wrap = u->wrap,
        .instance = u->instance,
        .conf = u->conf,
        .pool = pool->conf,
        .slot = slot->number,
        .generation = slot->generation,
        .log_fd = u->log_fd,
        .life_fd = u->life_fd,
        .board_fd = u->slots->board_fd,
        .cgroup_fd = slot->cgroup_fd,
        .crash_fd = slot->crash_fd,
    };
    int rc = slot_start(&in, &slot->pid, &slot->control_fd, &e);
    if (rc < 0) {
        slot_cgroup_drop(u->cgroups, slot);
        could_not_start(u, slot, e.code, e.message);
        return;
    }
    KILL_POINT("supervisor_spawned");
    struct score_cell *cell = slots_cell(u->slots, slot);
    atomic_store_explicit(&cell->pid, slot->pid, memory_order_relaxed);
    atomic_store_explicit(&cell->generation, slot->generation, memory_order_release); /* with it, the cell's pool */
    slots_move(u->slots, slot, SLOT_EVENT_SPAWNED);
    log_debug("worker started", KV_S("pool", pool->name), KV_I("slot", slot->number), KV_I("worker_pid", slot->pid),
              KV_I("generation", slot->generation));
    rc = slot_ipc_open(u, slot);
    if (rc < 0) {
        log_error("cannot listen to a worker: it is ended", KV_I("slot", slot->number), KV_S("error", err_text(rc)));
        slots_uv_kill(u, slot, EXIT_INTENT_BOOT_TIMEOUT);
    }
    slots_uv_look_within(u, WATCH_BUSY_MS);
}

static void stop_pool(struct slots_uv *u, struct pool *pool, const char *why)
{
    pool->stopped = true;
    (void)snprintf(
        pool->error, sizeof pool->error,
        "stopped after %u failed starts in a row; the last: %s. Mend it, then `stint worker restart` or `stint reload`",
        pool->boot_failures, why);
    log_error("pool stopped", KV_S("pool", pool->name), KV_S("error", pool->error));
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &u->slots->table[i];
        if (slot->pool == pool && slot->state == SLOT_BACKOFF)
            slots_move(u->slots, slot, SLOT_EVENT_VACATE);
    }
}

void slots_uv_failed(struct slots_uv *u, struct slot *slot, bool boot_failure, const char *why)
{
    struct pool *pool = slot->pool;
    const struct conf_supervisor *c = &u->conf->supervisor;
    uint64_t now = clock_mono_ms();
    bool wanted =
        !u->draining && !pool->stopped && (slot->state == SLOT_BACKOFF || slots_held(u->slots, pool) < pool->desired);
    if (wanted)
        pool->restarts++;
    if (boot_failure) {
        pool->boot_failures++;
        (void)snprintf(pool->error, sizeof pool->error, "%s", why);
        if (pool->boot_failures >= backoff_boot_failures_max(pool->desired) && !pool->stopped && !u->draining) {
            stop_pool(u, pool, why);
            return;
        }
    }
    if (!wanted)
        return;
    /* A worker that was ready died of its job, which pays for it (crashes), or of a hand from outside: neither gets
     * better by waiting, so its successor is only slowed. One that cannot start is given time. */
    uint64_t most =
        boot_failure ? (uint64_t)c->backoff_max : MIN_OF((uint64_t)c->backoff_max, (uint64_t)RESTART_DELAY_MAX_MS);
    uint64_t delay = 0;
    if (boot_failure || !restart_budget_take(&pool->budget, (uint32_t)c->restart_max, (uint64_t)c->restart_window, now))
        delay = backoff_next_ms(&slot->backoff, MIN_OF((uint64_t)c->backoff_base, most), most, now);
    if (delay > 0 && !boot_failure)
        (void)snprintf(pool->error, sizeof pool->error,
                       "more than %lld restarts within %lld s: workers start again with a delay; the last ended so: %s",
                       (long long)c->restart_max, (long long)c->restart_window / 1000, why);
    struct score_cell *cell = slots_cell(u->slots, slot);
    atomic_fetch_add_explicit(&cell->restarts, 1, memory_order_relaxed);
    if (delay > 0)
        start_later(u, slot, delay, why);
}

/* The one to let go when a pool shrinks: first what does not run, then what does nothing. */
static struct slot *victim_of(struct slots *s, const struct pool *pool)
{
    struct slot *best = NULL;
    int best_rank = 0;
    for (size_t i = SCORE_SLOT_MAX; i-- > 0;) {
        struct slot *slot = &s->table[i];
        if (slot->pool != pool || slot->state == SLOT_EMPTY || slot->retire)
            continue;
        int rank = 1;
        if (slot->state == SLOT_BACKOFF)
            rank = 4;
        else if (slot->state != SLOT_READY)
            rank = 3;
        else if (slot->idle || slot->quiet)
            rank = 2;
        if (rank > best_rank) {
            best = slot;
            best_rank = rank;
        }
    }
    return best;
}

static void apply_pool(struct slots_uv *u, struct pool *pool)
{
    while (slots_held(u->slots, pool) > pool->desired) {
        struct slot *slot = victim_of(u->slots, pool);
        assert(slot != NULL);
        if (slot->state == SLOT_BACKOFF)
            slots_move(u->slots, slot, SLOT_EVENT_VACATE);
        else
            slots_uv_stop(u, slot, true);
    }
    while (!u->draining && !pool->stopped && slots_held(u->slots, pool) < pool->desired) {
        struct slot *slot = slots_take(u->slots, pool);
        if (slot == NULL) {
            (void)snprintf(pool->error, sizeof pool->error, "all %d worker slots of this supervisor are taken",
                           SCORE_SLOT_MAX);
            log_error("no slot left for a worker", KV_S("pool", pool->name), KV_I("desired", pool->desired));
            return;
        }
        slots_uv_start(u, slot);
        if (slot->state == SLOT_EMPTY)
            return; /* its start failed and its pool stopped */
    }
}

void slots_uv_apply(struct slots_uv *u)
{
    for (size_t i = 0; i < u->slots->n_pools; i++)
        apply_pool(u, &u->slots->pools[i]);
}

static void on_refill(uv_timer_t *timer)
{
    slots_uv_apply(timer->data);
}

void slots_uv_apply_within(struct slots_uv *u, uint64_t ms)
{
    if (uv_is_active((uv_handle_t *)&u->refill) && uv_timer_get_due_in(&u->refill) <= ms)
        return;
    (void)uv_timer_start(&u->refill, on_refill, ms, 0);
}

void slots_uv_retry_pool(struct slots_uv *u, struct pool *pool)
{
    pool->stopped = false;
    pool->boot_failures = 0;
    pool->error[0] = '\0';
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &u->slots->table[i];
        if (slot->pool != pool)
            continue;
        backoff_reset(&slot->backoff);
        if (slot->state == SLOT_BACKOFF)
            slots_move(u->slots, slot, SLOT_EVENT_VACATE);
    }
    apply_pool(u, pool);
}

/* -- asking ----------------------------------------------------------------------------------------------------------
 */

static bool say(struct slot *slot, enum ipc_type type, const char *text)
{
    int rc = ipc_send(slot->control_fd, type, text);
    if (rc < 0 && rc != -EPIPE && rc != -ECONNRESET)
        log_warn("a worker does not take messages", KV_S("pool", slot->pool->name), KV_I("slot", slot->number),
                 KV_S("error", err_text(rc)));
    return rc == 0;
}

uint32_t slots_uv_wake(struct slots_uv *u, uint32_t queue, bool lane, uint32_t n)
{
    uint32_t woken = 0;
    if (u->slots->listed[queue]) {
        slots_stirred(u->slots, queue);
        if (!lane)
            slots_turns_wake(u, queue, n);
        return 0;
    }
    for (size_t i = 0; i < SCORE_SLOT_MAX && woken < n; i++) {
        struct slot *slot = &u->slots->table[i];
        if (slot->state == SLOT_READY && slot->idle && slots_serves(u->slots, slot, queue) &&
            pool_serves_lane(slot->pool) == lane && slots_uv_wake_slot(u, slot, queue))
            woken++;
    }
    return woken;
}

/* The part's number as workers are told it: "" for 0, so that a queue without shards is spoken of as ever. */
static const char *part_text(const struct slots *s, uint32_t queue, char out[static 16])
{
    out[0] = '\0';
    if (s->part[queue] != 0)
        (void)snprintf(out, 16, "%u", s->part[queue]);
    return out;
}

static bool have_fetch(struct slots_uv *u, struct slot *slot, uint32_t queue)
{
    char part[16], text[QUEUE_MAX + 16];
    (void)snprintf(text, sizeof text, "%s", part_text(u->slots, queue, part));
    if (u->slots->listed[queue])
        (void)snprintf(text, sizeof text, "%u %s", u->slots->part[queue], u->slots->queues[queue]);
    if (!say(slot, IPC_WAKE, text))
        return false;
    slot->idle = false;
    slots_send(slot, queue, clock_mono_ms());
    slots_uv_look_within(u, WATCH_BUSY_MS);
    return true;
}

bool slots_uv_wake_slot(struct slots_uv *u, struct slot *slot, uint32_t queue)
{
    if (!have_fetch(u, slot, queue))
        return false;
    u->hooks.on_busy(u->hooks.arg, u->slots->listed[queue] ? queue : slot->pool->queue);
    return true;
}

void slots_uv_tell_part(struct slots_uv *u, uint32_t queue)
{
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++)
        if (u->slots->table[i].state == SLOT_READY && slots_serves(u->slots, &u->slots->table[i], queue))
            (void)slots_uv_wake_slot(u, &u->slots->table[i], queue);
}

static uint64_t fetched_ms(const struct slots_uv *u, const struct slot *slot)
{
    return atomic_load_explicit(&slots_cell(u->slots, slot)->last_fetch_ms, memory_order_relaxed);
}

/* No idle worker has gone without a fetch for longer. */
static bool fetched_first(const struct slots_uv *u, const struct slot *slot)
{
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        const struct slot *other = &u->slots->table[i];
        if (other->state == SLOT_READY && other->idle && fetched_ms(u, other) < fetched_ms(u, slot))
            return false;
    }
    return true;
}

/* A worker that does not answer is not asked again: its silence is what shows. */
void slots_uv_pulse(struct slots_uv *u, struct slot *slot)
{
    uint64_t now_ms = clock_mono_ms();
    if (now_ms >= u->fetch_pulse_ms + slot_fetch_pulse_ms((uint64_t)u->conf->supervisor.heartbeat) &&
        fetched_first(u, slot)) {
        u->fetch_pulse_ms = now_ms;
        (void)have_fetch(u, slot, slots_part_now(u->slots, slot));
    } else if (MAX_OF(slot->started_ms, score_alive_ms(slots_cell(u->slots, slot))) >= slot->pinged_ms) {
        slot->pinged_ms = now_ms;
        (void)say(slot, IPC_PING, "");
    }
}

/* The page is the worker's: its numbers may be anything. */
static bool runs(const struct score_now *now, const char *band, size_t band_len, const char *entry)
{
    if (now->running != 1 || now->band >= (uint32_t)BAND_COUNT)
        return false;
    const char *name = band_name((enum band)now->band);
    return strlen(name) == band_len && memcmp(name, band, band_len) == 0 &&
           strncmp(now->entry, entry, sizeof now->entry) == 0;
}

bool slots_uv_cancel(struct slots_uv *u, uint32_t queue, const char *which)
{
    char text[IPC_TEXT_MAX], part[16];
    const char *entry = strchr(which, ':');
    if (entry++ == NULL)
        return false;
    (void)part_text(u->slots, queue, part);
    (void)snprintf(text, sizeof text, "%s%s%s", part, *part != '\0' ? " " : "", which);
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &u->slots->table[i];
        if (!slot_state_live(slot->state) || slot->idle || slots_part_now(u->slots, slot) != queue)
            continue;
        struct score_now now;
        if (!score_read(slots_cell(u->slots, slot), &now) || !runs(&now, which, (size_t)(entry - 1 - which), entry))
            continue;
        bool news = strcmp(slot->cancel_entry, entry) != 0;
        if (!say(slot, IPC_CANCEL, text))
            return false;
        (void)snprintf(slot->cancel_entry, sizeof slot->cancel_entry, "%s", entry);
        return news;
    }
    return false;
}

void slots_uv_quiet(struct slots_uv *u, struct slot *slot, bool quiet)
{
    if (slot->state != SLOT_READY || slot->quiet == quiet)
        return;
    if (!say(slot, quiet ? IPC_QUIET : IPC_RESUME, ""))
        return;
    slot->quiet = quiet;
    slot->idle = false;
    if (u->slots->listed[slot->sent])
        (void)slots_uv_wake(u, slot->sent, false, 1); /* what it leaves is another's */
    slots_uv_look_within(u, WATCH_BUSY_MS);
}

void slots_uv_stop(struct slots_uv *u, struct slot *slot, bool retire)
{
    slot->retire = slot->retire || retire;
    if (slot->state != SLOT_STARTING && slot->state != SLOT_READY)
        return;
    slot->intent = EXIT_INTENT_STOP;
    slot->stop_by_ms = clock_mono_ms() + (uint64_t)u->conf->supervisor.drain_timeout;
    if (slot->state ==
        SLOT_STARTING) /* it holds no job; one that never becomes ready is not waited for longer than to start */
        slot->stop_by_ms = MIN_OF(slot->stop_by_ms, slot->started_ms + (uint64_t)u->conf->supervisor.boot_timeout);
    slots_move(u->slots, slot, SLOT_EVENT_STOP);
    if (!say(slot, IPC_STOP, ""))
        slot->stop_by_ms = clock_mono_ms() + (uint64_t)u->conf->supervisor.kill_grace;
    slots_uv_look_within(u, WATCH_BUSY_MS);
}

void slots_uv_roll(struct slots_uv *u)
{
    u->conf_serial++;
    slots_uv_look_within(u, 1);
}

static bool hand_config(struct slots_uv *u, const struct slot *slot)
{
    struct err e;
    AUTO_CLOSE int fd = -1;
    int rc = slot_start_config(u->conf, &fd, &e);
    if (rc == 0)
        rc = ipc_send_fd(slot->control_fd, IPC_CONFIG, "", fd);
    return rc == 0;
}

void slots_uv_hand_config(struct slots_uv *u)
{
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &u->slots->table[i];
        if (slot->state != SLOT_STARTING && slot->state != SLOT_READY)
            continue;
        slot->replace = slot->replace || !hand_config(u, slot);
    }
    slots_uv_look_within(u, 1);
}

void slots_uv_drain(struct slots_uv *u)
{
    u->draining = true;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &u->slots->table[i];
        if (slot->state == SLOT_BACKOFF)
            slots_move(u->slots, slot, SLOT_EVENT_VACATE);
        else if (slot_state_live(slot->state))
            slots_uv_stop(u, slot, true);
    }
}

/* -- ending ----------------------------------------------------------------------------------------------------------
 */

static void signal_group(const struct slot *slot, int signum)
{
    if (kill(-slot->pid, signum) < 0 && errno != ESRCH)
        log_error("cannot signal a worker", KV_I("worker_pid", slot->pid), KV_S("signal", exit_signal_name(signum)),
                  KV_S("error", strerror(errno)));
}

void slots_uv_term(struct slots_uv *u, struct slot *slot, enum exit_intent intent)
{
    slot->intent = intent;
    slot->kill_at_ms = clock_mono_ms() + (uint64_t)u->conf->supervisor.kill_grace;
    slots_move(u->slots, slot, SLOT_EVENT_TERM);
    signal_group(slot, SIGTERM);
    slots_uv_look_within(u, (uint64_t)u->conf->supervisor.kill_grace);
}

void slots_uv_kill(struct slots_uv *u, struct slot *slot, enum exit_intent intent)
{
    slot->intent = intent;
    if (slot->state != SLOT_KILLED)
        slots_move(u->slots, slot, SLOT_EVENT_KILL);
    signal_group(slot, SIGKILL);
}

void slots_uv_drain_kill(struct slots_uv *u)
{
    slots_uv_drain(u);
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++)
        if (slot_state_live(u->slots->table[i].state))
            slots_uv_kill(u, &u->slots->table[i], EXIT_INTENT_DRAIN_KILL);
}
