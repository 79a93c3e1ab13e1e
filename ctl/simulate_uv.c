/*
 * simulate_uv - see simulate_uv.h. It refuses to end while anything is owed: a run is over when nobody is left and
 * every job has its answer, or when nothing was heard for give_up_ms.
 */
#include "simulate_live.h"

#include "alloc.h"
#include "clock.h"

#include <signal.h>

enum {
    TURN_MS = 5,
    PROGRESS_MS = 100,
    BOARD_MS = 1000,
    FAULTS_MAX = 100, /* unanswered jobs that are named */
    AGAIN_MS = 500,   /* a terminal and a wrapper like timeout(1) may both pass one Ctrl-C on */
};

struct life {
    struct simulate_live live;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t interrupt, terminate;
    simulate_progress_fn progress;
    void *progress_arg;
    uint64_t start_ns;
    int64_t shown_ms, board_ms;
    uint64_t told_to_end_ms; /* loop time of the first signal; 0: none */
    bool closed;
};

static void count_waiting(struct simulate_run *r)
{
    memset(r->waiting, 0, sizeof r->waiting);
    for (uint32_t i = 0; i < r->crowd.trace->n_persons; i++)
        if (r->lives[i].stage == SIMULATE_WAITING || r->lives[i].stage == SIMULATE_SILENT)
            r->waiting[r->crowd.trace->persons[i].gender]++;
}

static void shut(struct life *l)
{
    struct simulate_live *v = &l->live;
    if (l->closed)
        return;
    l->closed = true;
    v->run->phase = SIMULATE_OVER;
    v->run->took_ms = v->run->now_ms;
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_close((uv_handle_t *)&l->interrupt, NULL);
    uv_close((uv_handle_t *)&l->terminate, NULL);
    simulate_watch_close(v->watch);
    simulate_ask_close(v->ask);
    if (v->redis != NULL)
        redis_uv_close(v->redis, NULL, NULL);
}

static void begin_closing(struct life *l, bool interrupted)
{
    if (l->live.run->phase != SIMULATE_RUNNING)
        return;
    l->live.run->interrupted = interrupted;
    simulate_live_close(&l->live);
}

static void show(struct life *l)
{
    struct simulate_live *v = &l->live;
    struct simulate_run *r = v->run;
    l->shown_ms = r->now_ms;
    r->sent = simulate_jobs_sent(v->jobs);
    r->refused = simulate_jobs_refused(v->jobs);
    r->unanswered = simulate_jobs_unanswered(v->jobs);
    count_waiting(r);
    l->progress(l->progress_arg, r);
    if (r->phase == SIMULATE_RUNNING && r->unanswered == 0)
        v->news_ms = r->now_ms; /* nothing is owed */
    bool silence = r->now_ms - v->news_ms > r->setup.give_up_ms;
    if (r->phase == SIMULATE_CLOSING && simulate_live_settled(v)) {
        shut(l);
    } else if (silence && (r->phase == SIMULATE_CLOSING || r->unanswered > 0)) {
        r->gave_up = true;
        simulate_jobs_give_up(v->jobs, FAULTS_MAX);
        shut(l);
    }
}

static void on_turn(uv_timer_t *timer)
{
    struct life *l = timer->data;
    struct simulate_run *r = l->live.run;
    r->now_ms = (int64_t)((clock_mono_ns() - l->start_ns) / 1000000);
    simulate_live_act(&l->live);
    if (r->now_ms >= r->horizon_ms)
        begin_closing(l, false);
    simulate_jobs_turn(l->live.jobs);
    if (r->now_ms - l->board_ms >= BOARD_MS) {
        l->board_ms = r->now_ms;
        simulate_live_ask_board(&l->live);
    }
    if (r->now_ms - l->shown_ms >= PROGRESS_MS)
        show(l);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct life *l = handle->data;
    uint64_t now_ms = uv_now(&l->loop);
    if (l->told_to_end_ms == 0) {
        l->told_to_end_ms = now_ms;
        begin_closing(l, true);
    } else if (now_ms - l->told_to_end_ms >= AGAIN_MS) { /* not the first one's echo: meant */
        (void)uv_signal_stop(&l->interrupt);
        (void)uv_signal_stop(&l->terminate);
        (void)raise(number);
    }
}

static void on_state(void *arg, bool ready, const struct err *e)
{
    (void)arg;
    (void)ready;
    (void)e; /* what waits is sent when it is back; a run that hears nothing ends by itself */
}

static int open_life(struct life *l, struct err *e)
{
    struct simulate_live *v = &l->live;
    const struct simulate_setup *setup = &v->run->setup;
    const struct simulate_watch_fns fns = {v, simulate_live_on_event, simulate_live_on_notice};
    v->redis = redis_uv_new(&l->loop, &setup->conf->redis, "stint-simulate", 0, on_state, v);
    v->jobs =
        v->redis != NULL ? simulate_jobs_new(v->redis, setup->queue, setup->actor, simulate_live_on_answer, v) : NULL;
    v->watch = simulate_watch_new(&l->loop, setup, &fns);
    if (v->jobs == NULL || v->watch == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the connections");
    if (setup->metrics.port > 0)
        v->ask = simulate_ask_new(&l->loop, &setup->metrics, simulate_live_on_estimate, v);
    simulate_live_plan(v);
    l->start_ns = clock_mono_ns();
    (void)uv_timer_start(&l->timer, on_turn, 0, TURN_MS);
    (void)uv_signal_start(&l->interrupt, on_signal, SIGINT);
    (void)uv_signal_start(&l->terminate, on_signal, SIGTERM);
    return 0;
}

static void life_free(struct life *l)
{
    simulate_jobs_free(l->live.jobs);
    simulate_agenda_fini(&l->live.agenda);
    json_decref(l->live.board);
    free(l->live.pair_of);
    free(l->live.asked);
    free(l);
}

int simulate_uv_live(struct simulate_run *r, simulate_progress_fn progress, void *arg, struct err *e)
{
    uint32_t n = r->crowd.trace->n_persons;
    struct life *l = alloc_zero(1, sizeof *l);
    l->live.run = r;
    l->live.pair_of = alloc_zero((size_t)n + 1, sizeof *l->live.pair_of);
    l->live.asked = alloc_zero((size_t)n + 1, sizeof *l->live.asked);
    l->progress = progress;
    l->progress_arg = arg;
    if (uv_loop_init(&l->loop) < 0) {
        life_free(l);
        return err_set(e, ERR_BOOT_FAILURE, "no event loop can be made");
    }
    (void)uv_timer_init(&l->loop, &l->timer);
    (void)uv_signal_init(&l->loop, &l->interrupt);
    (void)uv_signal_init(&l->loop, &l->terminate);
    l->timer.data = l->interrupt.data = l->terminate.data = l;
    int rc = open_life(l, e);
    if (rc < 0)
        shut(l);
    (void)uv_run(&l->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&l->loop);
    life_free(l);
    return rc;
}
