/*
 * supervisor_modes_uv - see supervisor_uv.h. Running, quiet, draining, stopping; scaling; reloading. Refuses to end
 * while a worker lives.
 */
#include "supervisor_uv.h"

#include "clock.h"
#include "folder_stamp.h"
#include "log.h"
#include "metrics_thread.h"
#include <fcntl.h>
#include <stdio.h>

enum {
    STOP_STEP_MS = 20,             /* between looks at what still keeps us, while draining and stopping only */
    SCORE_WAIT_MAX_S = 1000000000, /* a longer wait is told as unknown */
    FAREWELL_MS = 3000,            /* longest wait for Redis to hear of the last deaths and of our leaving */
    LINGER_MS = 500,               /* after handing over: for who was being served while the sockets changed hands */
};

const char *supervisor_mode_name(enum supervisor_mode mode)
{
    static const char *const names[] = {
#define X(mode, name) [SUPERVISOR_##mode] = name,
        SUPERVISOR_MODES(X)
#undef X
    };
    return names[mode];
}

/* -- telling the service manager and the scoreboard ------------------------------------------------------------------
 */

/* All that can start did; with nothing but stopped pools there is nothing to be ready for. */
static bool all_started(const struct supervisor *s)
{
    bool any = false;
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        const struct pool *pool = &s->slots->pools[i];
        if (!pool->stopped && slots_in_state(s->slots, pool, SLOT_READY) < pool->desired)
            return false;
        any = any || !pool->stopped;
    }
    return any;
}

static void score_scaling(struct score_pool *row, const struct autoscaler_report *r)
{
    bool known = r->scaled && r->known, finite = r->wait_s >= 0 && r->wait_s < SCORE_WAIT_MAX_S;
    if (known) {
        atomic_store_explicit(&row->demand, r->demand, memory_order_relaxed);
        atomic_store_explicit(&row->min, r->min, memory_order_relaxed);
        atomic_store_explicit(&row->max, r->max, memory_order_relaxed);
        atomic_store_explicit(&row->wait_us, finite ? (int64_t)(r->wait_s * 1e6) : -1, memory_order_relaxed);
    }
    atomic_store_explicit(&row->scaled, known, memory_order_release);
}

/* The metrics thread reads only this. */
void supervisor_score(struct supervisor *s)
{
    struct score_supervisor *score = &s->slots->board->supervisor;
    atomic_store_explicit(&score->draining, s->mode >= SUPERVISOR_DRAINING, memory_order_relaxed);
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        const struct pool *pool = &s->slots->pools[i];
        struct score_pool *row = score_pool(s->slots->board, pool->name);
        if (row == NULL)
            continue;
        atomic_store_explicit(&row->desired, pool->desired, memory_order_relaxed);
        atomic_store_explicit(&row->stopped, pool->stopped, memory_order_relaxed);
        score_scaling(row, autoscaler_report(s->scaler, pool));
    }
}

void supervisor_tell(struct supervisor *s)
{
    supervisor_score(s);
    supervisor_handover_look(s);
    uint32_t ready = slots_in_state(s->slots, NULL, SLOT_READY), desired = 0, stopped = 0;
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        desired += s->slots->pools[i].desired;
        stopped += s->slots->pools[i].stopped ? 1 : 0;
    }
    notify_send(&s->notify, "STATUS=%s: %u of %u workers ready, %u pools stopped, Redis %s",
                supervisor_mode_name(s->mode), ready, desired, stopped, s->links.ready ? "reachable" : "away");
    if (!s->told_ready && s->mode <= SUPERVISOR_QUIET && all_started(s)) {
        s->told_ready = true;
        notify_send(&s->notify, "READY=1");
        log_info("ready", KV_S("instance", s->instance), KV_I("workers", ready),
                 KV_I("boot_ms", clock_mono_ms() - s->started_ms));
    }
}

/* -- ending
 * ------------------------------------------------------------------------------------------------------------ */

static bool lingers(struct supervisor *s, uint64_t now_ms)
{
    if (s->given_ms == 0)
        return false;
    if (now_ms - s->given_ms < LINGER_MS)
        return true;
    metrics_thread_stop(s->metrics); /* its leases on what it publishes go now, not at the drain's end */
    s->metrics = NULL;
    return false;
}

static void drain_step(struct supervisor *s, uint64_t now_ms)
{
    supervisor_handover_look(s);
    if (now_ms >= s->give_up_ms)
        handover_hurry(&s->handover);
    bool waits = lingers(s, now_ms) || supervisor_handover_holds(s, now_ms);
    if (slots_live(s->slots) == 0 && !relay_child_live(&s->relay)) {
        if (waits)
            return;
        s->mode = SUPERVISOR_STOPPING;
        s->give_up_ms = now_ms + FAREWELL_MS;
    } else if (now_ms >= s->give_up_ms || queue_links_lost(&s->links, now_ms)) {
        slots_uv_drain_kill(&s->procs); /* with Redis away past the lease, no end of theirs would be accepted */
    }
}

static void on_stop_step(uv_timer_t *timer)
{
    struct supervisor *s = timer->data;
    uint64_t now_ms = clock_mono_ms();
    if (s->mode == SUPERVISOR_DRAINING) {
        drain_step(s, now_ms);
        return;
    }
    bool given_up = now_ms >= s->give_up_ms;
    if (queue_links_untold(&s->links) > 0 && s->links.ready && !given_up)
        return;
    queue_links_bye(&s->links);
    if (!queue_links_left(&s->links) && !given_up)
        return;
    if (queue_links_untold(&s->links) > 0)
        log_warn("Redis did not hear of every ended worker; their jobs move on when the lease ends",
                 KV_I("untold", queue_links_untold(&s->links)));
    (void)uv_timer_stop(timer);
    uv_stop(&s->loop);
}

void supervisor_drain(struct supervisor *s)
{
    if (s->mode >= SUPERVISOR_DRAINING)
        return;
    log_info("draining: workers finish what they hold", KV_I("workers", slots_live(s->slots)),
             KV_I("drain_timeout_ms", s->conf->supervisor.drain_timeout));
    s->mode = SUPERVISOR_DRAINING;
    s->give_up_ms = clock_mono_ms() + (uint64_t)s->conf->supervisor.drain_timeout;
    notify_send(&s->notify, "STOPPING=1");
    handover_cancel(&s->handover, "this supervisor was told to stop before its successor was ready");
    handover_leave(&s->handover, "the successor was told to stop before it took over");
    autoscaler_stop(s->scaler);
    slots_uv_drain(&s->procs);
    relay_child_end(&s->relay);
    supervisor_tell(s);
    (void)uv_timer_start(&s->stop_step, on_stop_step, 1, STOP_STEP_MS);
}

void supervisor_stop(struct supervisor *s)
{
    supervisor_drain(s);
    log_info("stopping at once: jobs in hand are handed back", KV_I("workers", slots_live(s->slots)));
    slots_uv_drain_kill(&s->procs);
    handover_hurry(&s->handover);
}

void supervisor_quiet(struct supervisor *s, bool quiet)
{
    if (s->mode >= SUPERVISOR_DRAINING)
        return;
    s->mode = quiet ? SUPERVISOR_QUIET : SUPERVISOR_RUNNING;
    s->procs.quiet = quiet;
    for (size_t i = 0; !quiet && i < s->slots->n_pools; i++)
        s->slots->pools[i].quiet = false;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++)
        slots_uv_quiet(&s->procs, &s->slots->table[i], quiet);
    log_info(quiet ? "quiet: no worker fetches" : "resumed", KV_I("workers", slots_live(s->slots)));
    supervisor_tell(s);
}

static void scale_now(struct supervisor *s, struct pool *pool)
{
    if (pool->stopped)
        slots_uv_retry_pool(&s->procs, pool);
    slots_uv_apply(&s->procs);
    supervisor_tell(s);
}

int supervisor_scale(struct supervisor *s, struct pool *pool, int64_t n, struct err *e)
{
    uint32_t max = pool_workers_max(pool);
    if (n < 0 || n > (int64_t)max)
        return err_set(e, ERR_BAD_ARGUMENT,
                       "pool \"%s\" can have 0 to %u workers, not %lld; raise [pool.%s] workers_max to allow more",
                       pool->name, max, (long long)n, pool->name);
    pool->desired = (uint32_t)n;
    pool->manual = true;
    if (conf_pool_scaled(pool->conf))
        log_info("a pool's workers are set by hand: its target_wait rests until \"stint worker scale POOL auto\" or a "
                 "reload",
                 KV_S("pool", pool->name), KV_I("workers", n));
    scale_now(s, pool);
    return 0;
}

void supervisor_scale_auto(struct supervisor *s, struct pool *pool)
{
    pool->manual = false;
    if (!conf_pool_scaled(pool->conf))
        pool->desired = pool_workers_first(pool);
    log_info("a pool's workers are the configuration's again", KV_S("pool", pool->name),
             KV_I("workers", pool->desired));
    scale_now(s, pool);
}

/* -- reload ----------------------------------------------------------------------------------------------------------
 */

static bool named(const struct reload_names *names, const char *name)
{
    for (size_t i = 0; i < MIN_OF(names->n, (size_t)RELOAD_NAMES_MAX); i++)
        if (strcmp(names->names[i], name) == 0)
            return true;
    return false;
}

static void log_names(enum log_level level, const char *message, const struct reload_names *names)
{
    for (size_t i = 0; i < MIN_OF(names->n, (size_t)RELOAD_NAMES_MAX); i++)
        LOG_AT(level, message, KV_S("key", names->names[i]));
}

/* Pools that are new in the configuration, and their queues. */
static void add_pools(struct supervisor *s)
{
    for (size_t i = s->slots->n_pools; i < s->conf->n_pools; i++) {
        struct err e = {0};
        if (slots_add_pool(s->slots, s->conf, &s->conf->pools[i], &e) < 0) {
            log_error("a new pool cannot be run", KV_S("error", e.message));
            s->conf->n_pools = i; /* those behind it too: rows and pools go side by side */
            break;
        }
    }
    for (size_t i = 0; i < s->slots->n_pools; i++)
        if (!slots_add_listed(s->slots, s->conf, &s->slots->pools[i]))
            log_error("not all queues of a pool can be served: there are too many; restart with fewer",
                      KV_S("pool", s->slots->pools[i].name), KV_I("most", QUEUES_MAX));
    slots_add_shards(s->slots, s->conf);
    supervisor_serve_added(s);
}

/* Nothing but rules of matching changed: running workers take them over, and keep the pools they know. */
static bool only_match(const struct reload_names *names)
{
    bool only = names->n <= RELOAD_NAMES_MAX;
    for (size_t i = 0; only && i < names->n; i++)
        only = strncmp(names->names[i], "match.", 6) == 0;
    return only;
}

/* A pool with a target_wait is scaled again from where it is; of another only a changed number changes anything. */
static void reload_desired(struct pool *pool, const struct reload_names *changed)
{
    char removed[RELOAD_NAME_MAX], workers[RELOAD_NAME_MAX], target[RELOAD_NAME_MAX];
    (void)snprintf(removed, sizeof removed, "pool.%s.(removed)", pool->name);
    (void)snprintf(workers, sizeof workers, "pool.%s.workers", pool->name);
    (void)snprintf(target, sizeof target, "pool.%s.target_wait", pool->name);
    if (named(changed, removed))
        pool->desired = 0;
    else if (conf_pool_scaled(pool->conf))
        pool->manual = false;
    else if (named(changed, workers) || named(changed, target) || pool->desired > pool_workers_max(pool))
        pool->desired = MIN_OF(pool_workers_first(pool), pool_workers_max(pool));
}

static void apply_reload(struct supervisor *s, const struct reload_report *r)
{
    bool live = only_match(&r->changed);
    log_names(LOG_INFO, "configuration changed", &r->changed);
    log_names(LOG_WARN, "this change needs a restart; the old value stays", &r->needs_restart);
    int level = log_level_by_name(s->conf->supervisor.log_level);
    if (level >= 0)
        log_set_level((enum log_level)level);
    add_pools(s);
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        struct pool *pool = &s->slots->pools[i];
        reload_desired(pool, &r->changed);
        if (pool->stopped)
            slots_uv_retry_pool(&s->procs, pool);
    }
    autoscaler_configure(s->scaler);
    queue_links_tell_kinds(&s->links);
    if (r->changed.n > 0 && live)
        slots_uv_hand_config(&s->procs);
    else if (r->changed.n > 0) /* workers read the rest of their configuration when they start */
        slots_uv_roll(&s->procs);
    slots_uv_apply(&s->procs);
    relay_child_apply(&s->relay, r->changed.n > 0 && !live);
}

/* Parsers read layout files when they start: a changed one is a changed configuration. */
static void note_layouts(struct supervisor *s, struct reload_report *r)
{
    uint64_t stamp = folder_stamp(s->conf->pdf.layouts, ".layout");
    if (stamp != s->layouts_stamp && !named(&r->changed, "pdf.layouts")) {
        if (r->changed.n < RELOAD_NAMES_MAX)
            (void)snprintf(r->changed.names[r->changed.n], RELOAD_NAME_MAX, "pdf.layouts (files)");
        r->changed.n++;
    }
    s->layouts_stamp = stamp;
}

int supervisor_reload(struct supervisor *s, struct reload_report *ret, struct err *e)
{
    if (s->mode >= SUPERVISOR_DRAINING)
        return err_set(e, ERR_REFUSED, "not reloaded: the supervisor is %s", supervisor_mode_name(s->mode));
    struct conf *fresh = malloc(sizeof *fresh);
    if (fresh == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory to read the configuration");
    notify_send(&s->notify, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(clock_mono_ns() / 1000));
    int rc = conf_load(fresh, s->conf->path, e);
    if (rc == 0 && s->pools != NULL)
        rc = pool_choice_apply(s->pools, fresh, e);
    if (rc == 0)
        rc = host_limits_apply(&s->host, fresh, s->cgroups.fd >= 0, e);
    if (rc == 0) {
        reload_apply(s->conf, fresh, ret);
        note_layouts(s, ret);
        apply_reload(s, ret);
        metrics_thread_reload(s->metrics, s->conf);
        log_info("reloaded", KV_S("file", s->conf->path), KV_I("changed", ret->changed.n),
                 KV_I("needs_restart", ret->needs_restart.n));
    }
    free(fresh);
    notify_send(&s->notify, "READY=1");
    supervisor_tell(s);
    return rc;
}

void supervisor_reopen_log(struct supervisor *s)
{
    const char *path = s->conf->supervisor.log_file;
    if (path[0] == '\0')
        return;
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0 || dup3(fd, s->log_fd, O_CLOEXEC) < 0) {
        log_error("cannot open the log file anew; the old one is written on", KV_S("file", path),
                  KV_S("error", strerror(errno)));
        return;
    }
    log_info("log file opened anew; workers are replaced one by one to follow", KV_S("file", path));
    slots_uv_roll(&s->procs);
    relay_child_apply(&s->relay, true);
}
