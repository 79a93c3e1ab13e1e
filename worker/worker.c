/*
 * worker - why: the order in which the parts of a worker come up and go down. Refuses to say READY before every kind is open.
 */
#include "worker.h"

#include "clock.h"
#include "log.h"

#include <stdio.h>

static void say_ready(struct worker *w)
{
    if (w->said_ready)
        return;
    w->said_ready = true;
    char version[16];
    (void)snprintf(version, sizeof version, "%d", IPC_VERSION);
    worker_phase(w, PHASE_IDLE);
    supervisor_link_say(w, IPC_READY, version);
    log_info("worker ready", KV_S("queue", w->boot.queue), KV_S("kinds", w->boot.pool->kinds));
}

/* A Redis that is away is no reason to fail the boot: the worker is ready and waits, as it would later. */
static void on_redis_state(void *arg, bool ready, const struct err *e)
{
    struct worker *w = arg;
    if (!ready && !w->redis_away)
        log_warn("Redis is away; the worker waits", KV_S("why", e ? e->message : "connection lost"));
    if (ready && w->redis_away)
        log_info0("Redis answers again");
    w->redis_away = !ready;
    say_ready(w);
    fetch_redis_state(w, ready);
}

static void on_rtt(void *arg, uint64_t us)
{
    struct worker *w = arg;
    struct score_cell *cell = w->boot.cell;
    atomic_fetch_add_explicit(&cell->redis_commands, 1, memory_order_relaxed);
    score_observe(&cell->redis_rtt_us_sum, cell->redis_rtt_count, us);
}

void worker_phase(struct worker *w, enum worker_phase phase)
{
    struct score_now *now = &w->boot.now;
    uint32_t store = phase == PHASE_AWAY && redis_uv_ready(w->redis) ? (uint32_t)w->gate.condition : 0;
    if (now->phase == (uint32_t)phase && now->store == store)
        return;
    *now = (struct score_now){.phase = phase, .since_ms = clock_mono_ms(), .store = store};
    score_publish(w->boot.cell, now);
    atomic_store_explicit(&w->boot.cell->jobs_run, w->fetch.jobs_done, memory_order_relaxed);
}

static int open_kinds(struct worker *w, struct err *e)
{
    struct worker_ctx base = {
        .loop = &w->loop,
        .conf = w->boot.conf,
        .pg = w->pg,
        .redis = w->redis,
        .queue = w->boot.queue,
        .pool = w->boot.pool_name,
        .instance = w->boot.instance,
        .consumer = w->boot.consumer,
        .repro = w->boot.repro,
    };
    return kind_set_open(&w->kinds, &base, w->boot.pool, w->boot.cell, e);
}

void worker_take_config(struct worker *w, int fd)
{
    struct err e;
    AUTO_FREE struct conf *fresh = malloc(sizeof *fresh);
    if (!fresh || fd < 0 || conf_load_fd(fresh, fd, &e) < 0) {
        log_error("the changed configuration cannot be read; the old one stays",
                  KV_S("why", !fresh ? "no memory" : fd < 0 ? "it came without a descriptor" : e.message));
        return;
    }
    w->boot.conf->match = fresh->match;
    kind_set_reload(&w->kinds);
}

int worker_open(struct worker *w, struct boot *boot, struct err *e)
{
    *w = (struct worker){.boot = *boot, .exit_code = WORKER_EXIT_OK};
    *boot = (struct boot){0};
    if (uv_loop_init(&w->loop) < 0)
        return err_set(e, ERR_BOOT_FAILURE, "cannot make an event loop: no descriptor or memory left under this pool's limits");
    w->loop_open = true;
    char name[CONSUMER_MAX + 16];
    snprintf(name, sizeof name, "stint-worker:%s", w->boot.consumer);
    w->pg = pg_pool_new(&w->loop, &w->boot.conf->postgres, name);
    w->redis = redis_uv_new(&w->loop, &w->boot.conf->redis, name, 0, on_redis_state, w);
    if (!w->pg || !w->redis)
        return err_set(e, ERR_BOOT_FAILURE, "cannot set up the connections: no memory left, or a url is wrong");
    if (w->boot.repro != REPRO_NO)
        pg_pool_discard(w->pg);
    redis_uv_on_rtt(w->redis, on_rtt, w);
    (void)redis_uv_reaches(w->redis, w->boot.queue);
    job_usage_open(&w->usage);
    int rc = open_kinds(w, e);
    if (rc < 0)
        return rc;
    fetch_init(w);
    job_runner_init(w);
    store_gate_init(w);
    w->cycle_open = true;
    return supervisor_link_open(w, e);
}

void worker_run(struct worker *w)
{
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    worker_phase(w, PHASE_STOP);
}

static void on_close_deadline(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* Runs the loop until every handle is closed; kinds' children may be slow, so only for a while. */
static bool close_loop(struct worker *w)
{
    uv_timer_t deadline;
    (void)uv_timer_init(&w->loop, &deadline);
    (void)uv_timer_start(&deadline, on_close_deadline, WORKER_CLOSE_MS, 0);
    uv_unref((uv_handle_t *)&deadline);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&deadline, NULL);
    (void)uv_run(&w->loop, UV_RUN_NOWAIT);
    bool closed = uv_loop_close(&w->loop) == 0;
    if (!closed)
        log_warn0("not everything could be closed in time (a name that is still looked up?); the process ends anyway");
    return closed;
}

bool worker_close(struct worker *w)
{
    if (!w->loop_open)
        return true;
    supervisor_link_close(w);
    if (w->cycle_open) {
        store_gate_close(w);
        job_runner_close(w);
        fetch_close(w);
    }
    kind_set_close(&w->kinds);
    if (w->redis)
        redis_uv_close(w->redis, NULL, NULL);
    if (w->pg)
        pg_pool_close(w->pg, NULL, NULL);
    bool closed = close_loop(w);
    job_runner_fini(w);
    fetch_fini(w);
    job_usage_close(&w->usage);
    boot_fini(&w->boot);
    w->loop_open = false;
    return closed;
}
