/*
 * supervisor_uv - see supervisor_uv.h. Connects the modules and decides nothing they could decide. Refuses to end while a worker lives, and
 * to keep a worker from living because Redis does not.
 */
#include "supervisor_uv.h"

#include "build_info.h"
#include "clock.h"
#include "control_uv.h"
#include "control_verbs.h"
#include "instance_id.h"
#include "log.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

enum {
    STOP_STEP_MS = 20,       /* between looks at what still keeps us, while draining and stopping only */
    FAREWELL_MS = 3000,      /* longest wait for Redis to hear of the last deaths and of our leaving */
    WATCHDOG_SHARE = 2,      /* fed at half of its period */
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

/* -- telling the service manager ------------------------------------------------------------------------------------- */

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

static void tell_status(struct supervisor *s)
{
    uint32_t ready = slots_in_state(s->slots, NULL, SLOT_READY), desired = 0, stopped = 0;
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        desired += s->slots->pools[i].desired;
        stopped += s->slots->pools[i].stopped ? 1 : 0;
    }
    notify_send(&s->notify, "STATUS=%s: %u of %u workers ready, %u pools stopped, Redis %s", supervisor_mode_name(s->mode), ready,
                desired, stopped, s->links.ready ? "reachable" : "away");
    if (!s->told_ready && s->mode <= SUPERVISOR_QUIET && all_started(s)) {
        s->told_ready = true;
        notify_send(&s->notify, "READY=1");
        log_info("ready", KV_S("instance", s->instance), KV_I("workers", ready), KV_I("boot_ms", clock_mono_ms() - s->started_ms));
    }
}

static void on_watchdog(uv_timer_t *timer)
{
    struct supervisor *s = timer->data;
    if (queue_links_alive(&s->links, clock_mono_ms()))
        notify_send(&s->notify, "WATCHDOG=1");
    else
        log_error0("heartbeats do not come back though Redis seems reachable: the watchdog is not fed");
}

/* -- hooks of the modules -------------------------------------------------------------------------------------------- */

static void on_death(void *arg, uint32_t queue, const struct crash_report *report)
{
    queue_links_death(&((struct supervisor *)arg)->links, queue, report);
}

static bool may_start(void *arg, uint32_t queue)
{
    return queue_links_room(&((struct supervisor *)arg)->links, queue);
}

static void on_idle(void *arg, uint32_t queue)
{
    struct supervisor *s = arg;
    (void)queue;
    if (s->bell != NULL)
        doorbell_touch(s->bell);
}

static void on_change(void *arg)
{
    struct supervisor *s = arg;
    tell_status(s);
}

static void on_redis(void *arg, bool ready, const char *why)
{
    struct supervisor *s = arg;
    if (ready)
        log_info("Redis can be reached", KV_S("instance", s->instance));
    else
        log_warn("Redis is away; workers live on, deaths are remembered", KV_S("error", why));
    tell_status(s);
}

/* The safety net under the doorbell: whatever waits and whoever waits meet at the latest at a heartbeat. */
static void on_beat(void *arg, uint32_t queue, int64_t ready, bool paused)
{
    struct supervisor *s = arg;
    if (ready > 0 && !paused)
        (void)slots_uv_wake(&s->procs, queue, (uint32_t)MIN_OF(ready, (int64_t)SCORE_SLOT_MAX));
}

static const char *info_of(void *arg)
{
    struct supervisor *s = arg;
    (void)snprintf(s->info, sizeof s->info,
                   "{\"pid\":%d,\"version\":\"%s\",\"build\":\"%s\",\"state\":\"%s\",\"workers\":%u,\"ready\":%u,\"uptime_ms\":%llu}",
                   (int)getpid(), STINT_VERSION, STINT_BUILD, supervisor_mode_name(s->mode), slots_live(s->slots),
                   slots_in_state(s->slots, NULL, SLOT_READY), (unsigned long long)(clock_mono_ms() - s->started_ms));
    return s->info;
}

static bool bell_wanted(void *arg, uint32_t queue)
{
    struct supervisor *s = arg;
    return !s->links.links[queue].paused && slots_idle(s->slots, queue) > 0;
}

static void bell_entries(void *arg, uint32_t queue, uint32_t n)
{
    (void)slots_uv_wake(&((struct supervisor *)arg)->procs, queue, n);
}

static void bell_due(void *arg, uint32_t queue, int64_t due_ms)
{
    queue_links_due(&((struct supervisor *)arg)->links, queue, due_ms);
}

static void bell_cancel(void *arg, uint32_t queue, const char *entry)
{
    struct supervisor *s = arg;
    if (slots_uv_cancel(&s->procs, queue, entry))
        log_info("a running job is asked to stop", KV_S("queue", s->slots->queues[queue]), KV_S("entry", entry));
}

static void bell_pause(void *arg, uint32_t queue, bool paused)
{
    struct supervisor *s = arg;
    s->links.links[queue].paused = paused;
    if (!paused)
        (void)slots_uv_wake(&s->procs, queue, SCORE_SLOT_MAX);
    queue_links_beat(&s->links, queue);
}

/* -- modes ----------------------------------------------------------------------------------------------------------- */

static void on_stop_step(uv_timer_t *timer)
{
    struct supervisor *s = timer->data;
    uint64_t now_ms = clock_mono_ms();
    if (s->mode == SUPERVISOR_DRAINING) {
        if (slots_live(s->slots) == 0) {
            s->mode = SUPERVISOR_STOPPING;
            s->give_up_ms = now_ms + FAREWELL_MS;
        } else if (now_ms >= s->give_up_ms) {
            slots_uv_drain_kill(&s->procs);
        }
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
    slots_uv_drain(&s->procs);
    tell_status(s);
    (void)uv_timer_start(&s->stop_step, on_stop_step, 1, STOP_STEP_MS);
}

void supervisor_stop(struct supervisor *s)
{
    supervisor_drain(s);
    log_info("stopping at once: jobs in hand are handed back", KV_I("workers", slots_live(s->slots)));
    slots_uv_drain_kill(&s->procs);
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
    tell_status(s);
}

int supervisor_scale(struct supervisor *s, struct pool *pool, int64_t n, struct err *e)
{
    uint32_t max = pool_workers_max(pool);
    if (n < 0 || n > (int64_t)max)
        return err_set(e, ERR_BAD_ARGUMENT, "pool \"%s\" can have 0 to %u workers, not %lld; raise [pool.%s] workers_max to allow more",
                       pool->name, max, (long long)n, pool->name);
    pool->desired = (uint32_t)n;
    if (pool->stopped)
        slots_uv_retry_pool(&s->procs, pool);
    slots_uv_apply(&s->procs);
    tell_status(s);
    return 0;
}

static void scale_all(struct supervisor *s, int by)
{
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        struct err e = {0};
        struct pool *pool = &s->slots->pools[i];
        if (supervisor_scale(s, pool, (int64_t)pool->desired + by, &e) < 0)
            log_warn("not scaled", KV_S("error", e.message));
        else
            log_info("scaled", KV_S("pool", pool->name), KV_I("desired", pool->desired));
    }
}

/* -- reload ---------------------------------------------------------------------------------------------------------- */

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

static void apply_reload(struct supervisor *s, const struct reload_report *r)
{
    log_names(LOG_INFO, "configuration changed", &r->changed);
    log_names(LOG_WARN, "this change needs a restart; the old value stays", &r->needs_restart);
    int level = log_level_by_name(s->conf->supervisor.log_level);
    if (level >= 0)
        log_set_level((enum log_level)level);
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        struct pool *pool = &s->slots->pools[i];
        char key[RELOAD_NAME_MAX];
        (void)snprintf(key, sizeof key, "pool.%s.workers", pool->name);
        if (named(&r->changed, key) || pool->desired > pool_workers_max(pool))
            pool->desired = MIN_OF((uint32_t)pool->conf->workers, pool_workers_max(pool));
        if (pool->stopped)
            slots_uv_retry_pool(&s->procs, pool);
    }
    slots_uv_roll(&s->procs);
    slots_uv_apply(&s->procs);
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
    if (rc == 0) {
        reload_apply(s->conf, fresh, ret);
        apply_reload(s, ret);
        log_info("reloaded", KV_S("file", s->conf->path), KV_I("changed", ret->changed.n),
                 KV_I("needs_restart", ret->needs_restart.n));
    }
    free(fresh);
    notify_send(&s->notify, "READY=1");
    tell_status(s);
    return rc;
}

void supervisor_reopen_log(struct supervisor *s)
{
    const char *path = s->conf->supervisor.log_file;
    if (path[0] == '\0')
        return;
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0 || dup3(fd, s->log_fd, O_CLOEXEC) < 0) {
        log_error("cannot open the log file anew; the old one is written on", KV_S("file", path), KV_S("error", strerror(errno)));
        return;
    }
    log_info("log file opened anew; workers are replaced one by one to follow", KV_S("file", path));
    slots_uv_roll(&s->procs);
}

/* -- signals --------------------------------------------------------------------------------------------------------- */

static void dump_state(const struct supervisor *s)
{
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        const struct pool *p = &s->slots->pools[i];
        log_info("pool", KV_S("pool", p->name), KV_S("state", pool_state_name(s->slots, p)), KV_I("desired", p->desired),
                 KV_I("ready", slots_in_state(s->slots, p, SLOT_READY)), KV_I("restarts", p->restarts), KV_S("error", p->error));
    }
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        const struct slot *slot = &s->slots->table[i];
        struct score_now now;
        if (!slot_state_live(slot->state) || !score_read(slots_cell(s->slots, slot), &now))
            continue;
        log_info("worker", KV_S("pool", slot->pool->name), KV_I("slot", slot->number), KV_I("worker_pid", slot->pid),
                 KV_S("state", slot_state_name(slot->state)), KV_S("phase", phase_name((enum worker_phase)now.phase)),
                 KV_S("job", now.running == 1 ? now.job_id : ""), KV_I("rss_bytes", slot->rss_bytes));
    }
}

static void on_term(struct supervisor *s)
{
    supervisor_drain(s);
}

static void on_int(struct supervisor *s)
{
    if (s->mode >= SUPERVISOR_DRAINING)
        supervisor_stop(s);
    else
        supervisor_drain(s);
}

static void on_hup(struct supervisor *s)
{
    struct err e = {0};
    struct reload_report *report = malloc(sizeof *report);
    if (report != NULL && supervisor_reload(s, report, &e) < 0)
        log_error("not reloaded; the old configuration stays", KV_S("error", e.message));
    free(report);
}

static void on_usr1(struct supervisor *s)
{
    supervisor_reopen_log(s);
    dump_state(s);
}

static void on_ttin(struct supervisor *s)
{
    scale_all(s, 1);
}

static void on_ttou(struct supervisor *s)
{
    scale_all(s, -1);
}

static void on_tstp(struct supervisor *s)
{
    supervisor_quiet(s, true);
}

static void on_cont(struct supervisor *s)
{
    if (s->mode == SUPERVISOR_QUIET)
        supervisor_quiet(s, false);
}

static const struct {
    int signum;
    void (*act)(struct supervisor *s);
} signal_table[] = {
    {SIGTERM, on_term}, {SIGINT, on_int},   {SIGHUP, on_hup},   {SIGUSR1, on_usr1},
    {SIGTTIN, on_ttin}, {SIGTTOU, on_ttou}, {SIGTSTP, on_tstp}, {SIGCONT, on_cont},
};
_Static_assert(ARRAY_LEN(signal_table) <= SUPERVISOR_SIGNAL_MAX, "a handle for each signal");

static void on_signal(uv_signal_t *handle, int signum)
{
    struct supervisor *s = handle->data;
    log_info("signal", KV_S("signal", exit_signal_name(signum)));
    for (size_t i = 0; i < ARRAY_LEN(signal_table); i++)
        if (signal_table[i].signum == signum)
            signal_table[i].act(s);
}

static int open_signals(struct supervisor *s, struct err *e)
{
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(signal_table); i++) {
        (void)uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        s->n_signals++;
        int rc = uv_signal_start(&s->signals[i], on_signal, signal_table[i].signum);
        if (rc < 0)
            return err_set_errno(e, -rc, "cannot listen for %s", exit_signal_name(signal_table[i].signum));
    }
    return 0;
}

/* -- opening and closing --------------------------------------------------------------------------------------------- */

static int open_links(struct supervisor *s, struct err *e)
{
    const struct queue_links_hooks links = {.arg = s, .on_state = on_redis, .on_beat = on_beat, .info = info_of};
    int rc = queue_links_open(&s->links, &s->loop, s->conf, s->instance, (const char(*)[QUEUE_MAX])s->slots->queues,
                              (uint32_t)s->slots->n_queues, &links, e);
    if (rc < 0)
        return rc;
    const struct doorbell_hooks bell = {
        .arg = s,
        .wanted = bell_wanted,
        .on_entries = bell_entries,
        .on_due = bell_due,
        .on_cancel = bell_cancel,
        .on_pause = bell_pause,
    };
    return doorbell_new(&s->loop, s->conf, (const char(*)[QUEUE_MAX])s->slots->queues, (uint32_t)s->slots->n_queues,
                        s->links.redis, &bell, &s->bell, e);
}

static int open_slots(struct supervisor *s, struct err *e)
{
    s->slots = calloc(1, sizeof *s->slots);
    if (s->slots == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the table of workers");
    int rc = slots_init(s->slots, s->conf, e);
    if (rc < 0)
        return rc;
    const struct slots_hooks hooks = {
        .arg = s, .on_death = on_death, .may_start = may_start, .on_idle = on_idle, .on_change = on_change};
    return slots_uv_init(&s->procs, &s->loop, s->slots, s->conf, s->instance, s->log_fd, &hooks, e);
}

static int open_all(struct supervisor *s, struct err *e)
{
    int rc = instance_id_new(s->instance, s->conf->supervisor.instance);
    if (rc < 0)
        return err_set_errno(e, -rc, "the kernel gives no random bytes for the instance's name");
    /* What a dying worker leaves behind comes to us, not to a PID 1 that may not reap. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)uv_timer_init(&s->loop, &s->watchdog);
    (void)uv_timer_init(&s->loop, &s->stop_step);
    s->watchdog.data = s->stop_step.data = s;
    rc = control_new(&s->loop, s->conf->supervisor.run_dir, control_verbs_answer, s, &s->control, e);
    if (rc == 0)
        rc = open_signals(s, e);
    if (rc == 0)
        rc = open_slots(s, e);
    if (rc == 0)
        rc = open_links(s, e);
    if (rc < 0)
        return rc;
    rc = notify_open(&s->notify);
    if (rc < 0)
        log_warn("the service manager cannot be told how we are", KV_S("error", err_text(rc)));
    if (s->notify.watchdog_ms > 0)
        (void)uv_timer_start(&s->watchdog, on_watchdog, 1, s->notify.watchdog_ms / WATCHDOG_SHARE);
    return 0;
}

int supervisor_open(struct supervisor *s, struct conf *conf, int log_fd, struct err *e)
{
    s->conf = conf;
    s->log_fd = log_fd;
    s->started_ms = clock_mono_ms();
    s->notify.fd = -1;
    int rc = uv_loop_init(&s->loop);
    if (rc < 0) {
        s->loop.data = NULL;
        return err_set_errno(e, -rc, "cannot make the event loop");
    }
    s->loop.data = s; /* set: the loop must be closed */
    rc = open_all(s, e);
    if (rc < 0)
        return rc;
    log_info("supervisor started", KV_S("instance", s->instance), KV_S("version", STINT_VERSION), KV_S("build", STINT_BUILD),
             KV_S("config", s->conf->path), KV_I("pools", s->slots->n_pools), KV_I("queues", s->slots->n_queues));
    slots_uv_apply(&s->procs);
    tell_status(s);
    return 0;
}

void supervisor_run(struct supervisor *s)
{
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
}

static void close_handles(struct supervisor *s)
{
    if (s->control == NULL)
        return; /* open_all failed before anything else was made, or at making it */
    control_close(s->control);
    for (size_t i = 0; i < s->n_signals; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    doorbell_close(s->bell);
    if (s->links.redis != NULL)
        queue_links_close(&s->links);
    if (s->procs.loop != NULL)
        slots_uv_close(&s->procs);
}

void supervisor_close(struct supervisor *s)
{
    if (s->loop.data != NULL) {
        close_handles(s);
        if (s->watchdog.data != NULL) {
            uv_close((uv_handle_t *)&s->watchdog, NULL);
            uv_close((uv_handle_t *)&s->stop_step, NULL);
        }
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&s->loop);
        s->loop.data = NULL;
    }
    control_free(s->control);
    doorbell_free(s->bell);
    queue_links_fini(&s->links);
    slots_fini(s->slots);
    free(s->slots);
    notify_close(&s->notify);
    free(s->conf);
}
