/*
 * job_run - why: between a claimed job and its handler stands everything the handler must not think about: limits, deadlines,
 * blame, cancellation. Refuses to run two groups at once.
 */
#include "job_run.h"

#include "alloc.h"
#include "clock.h"
#include "job_end.h"
#include "keys.h"
#include "killpoint.h"
#include "log.h"
#include "outcome_claim.h"
#include "retry_policy.h"
#include "supervisor_link.h"
#include "worker.h"

#include <signal.h>
#include <stdio.h>
#include <sys/random.h>

void job_runner_init(struct worker *w)
{
    struct job_runner *r = &w->runner;
    r->group = alloc_zero(w->batch.cap, sizeof *r->group);
    r->runs = alloc_zero(w->batch.cap, sizeof *r->runs);
    (void)uv_timer_init(&w->loop, &r->timer);
    r->timer.data = w;
    if (getrandom(r->seed, sizeof r->seed, GRND_NONBLOCK) != (ssize_t)sizeof r->seed)
        r->seed[0] = (unsigned short)getpid();
}

void job_runner_close(struct worker *w)
{
    uv_close((uv_handle_t *)&w->runner.timer, NULL);
}

void job_runner_fini(struct worker *w)
{
    free(w->runner.group);
    free(w->runner.runs);
}

/* Says in the scoreboard what runs, before it runs: this is what a crash is blamed on. */
static void publish_group(struct worker *w, struct job_core *const group[], size_t n, uint64_t now_ms)
{
    struct score_now *now = &w->boot.now;
    const struct job_core *first = group[0];
    now->phase = PHASE_RUN;
    now->running = (uint32_t)n;
    now->since_ms = now_ms;
    now->hard_deadline_ms = 0;
    for (size_t i = 0; i < n; i++)
        now->hard_deadline_ms = MAX_OF(now->hard_deadline_ms, group[i]->run.hard_deadline_ms);
    now->epoch = n == 1 ? first->job.epoch : 0;
    now->cpu_start_us = w->runner.used.used_us;
    now->band = n == 1 ? (uint32_t)first->job.band : 0;
    memcpy(now->entry, first->job.entry, sizeof now->entry);
    memcpy(now->job_id, first->job.id, sizeof now->job_id);
    memcpy(now->kind, first->job.kind, sizeof now->kind);
    memcpy(now->trace, first->job.traceparent, sizeof now->trace);
    if (n > 1)
        now->entry[0] = now->job_id[0] = now->trace[0] = '\0';
    score_publish(w->boot.cell, now);
}

static void observe_wait(const struct job_core *item, int64_t wall_ms)
{
    int64_t ready_ms = MAX_OF(item->job.created_ms, item->job.due_ms);
    struct score_kind *score = item->kind->score;
    struct score_cell *cell = item->worker->boot.cell;
    if (ready_ms <= 0)
        return;
    uint64_t wait_us = wall_ms > ready_ms ? (uint64_t)(wall_ms - ready_ms) * 1000 : 0;
    score_observe(&cell->band_wait_us_sum[item->job.band], cell->band_wait_count[item->job.band], wait_us);
    if (score)
        score_observe(&score->wait_us_sum, score->wait_count, wait_us);
}

static void prepare(struct job_core *item, uint64_t now_ms)
{
    int64_t hard_ms, soft_ms;
    retry_policy_timeouts(item->kind->ctx.kind, &item->job, &hard_ms, &soft_ms);
    item->run = (struct job_run){
        .job = &item->job,
        .ctx = &item->kind->ctx,
        .state = item->kind->state,
        .soft_deadline_ms = now_ms + (uint64_t)soft_ms,
        .hard_deadline_ms = now_ms + (uint64_t)hard_ms,
        .core = item,
    };
}

static uint64_t cpu_budget_of(const struct job_core *item)
{
    const struct conf_kind *conf = item->kind->ctx.kind;
    return conf->cpu > 0 ? (uint64_t)conf->cpu : (uint64_t)(item->run.hard_deadline_ms - item->worker->boot.now.since_ms);
}

static void log_start(const struct job_core *item)
{
    log_debug("job starts", KV_S("job", item->job.id), KV_S("kind", item->job.kind),
              KV_S("trace", item->job.traceparent), KV_S("band", band_name(item->job.band)),
              KV_I("epoch", item->job.epoch), KV_I("attempts", item->job.attempts));
}

/* Hands the group (all of one kind) to its handler. now_us: monotonic. */
static void hand_over(struct worker *w, struct job_core *const group[], size_t n, uint64_t now_us)
{
    struct job_runner *r = &w->runner;
    struct kind_slot *kind = group[0]->kind;
    int64_t wall_ms = clock_wall_ms();
    uint64_t cpu_us = cpu_used_lately_us(&r->used, now_us);
    w->runner.alone = n == 1;
    job_usage_begin(&w->usage, n == 1 && kind->ctx.kind->track != 0);
    for (size_t i = 0; i < n; i++) {
        group[i]->started_us = now_us;
        group[i]->cpu_at_start_us = cpu_us;
        r->runs[i] = &group[i]->run;
        job_batch_move(&w->batch, group[i], JOB_EV_START);
        observe_wait(group[i], wall_ms);
        log_start(group[i]);
    }
    KILL_POINT("before_run");
    if (w->boot.repro == REPRO_HOLD && !kind->ops->holds_itself)
        (void)raise(SIGSTOP);
    kind->ops->start(kind->state, r->runs, n);
}

static void start_group(struct worker *w, size_t n)
{
    struct job_runner *r = &w->runner;
    uint64_t now_us = clock_mono_ns() / 1000, now_ms = now_us / 1000;
    size_t redelivered = 0;
    for (size_t i = 0; i < n; i++) {
        prepare(r->group[i], now_ms);
        redelivered += r->group[i]->job.epoch > 1;
    }
    r->active_since_ms = now_ms;
    (void)cpu_used_lately_us(&r->used, now_us);
    publish_group(w, r->group, n, now_ms);
    int rc = cpu_budget_arm(&r->cpu, cpu_budget_of(r->group[0]), now_ms);
    if (rc < 0)
        log_warn("cannot set the job's CPU limit", KV_S("why", err_text(rc)));
    if (redelivered && r->group[0]->kind->ops->stores) {
        for (size_t i = 0; i < n; i++)
            job_batch_move(&w->batch, r->group[i], JOB_EV_SETTLE);
        outcome_claim(w, r->group, n);
        return;
    }
    hand_over(w, r->group, n, now_us);
}

void job_runner_settled(struct worker *w, struct job_core *const group[], size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (group[i]->state == JOB_SETTLING)
            w->runner.group[left++] = group[i];
    if (left)
        hand_over(w, w->runner.group, left, clock_mono_ns() / 1000);
}

void job_runner_start(struct worker *w)
{
    struct job_batch *b = &w->batch;
    assert(job_batch_active(b) == 0);
    if (!job_batch_next(b))
        return;
    start_group(w, job_batch_group(b, w->runner.group));
}

/* ---- deadlines and cancellation ---- */

static bool cancellable(const struct job_core *item)
{
    return item->state == JOB_RUNNING && !item->resolving && item->kind->ops->cancel;
}

static void ask_to_stop(struct job_core *item, enum cancel_reason why)
{
    item->run.cancelled = why;
    job_batch_move(&item->worker->batch, item, JOB_EV_CANCEL);
    item->kind->ops->cancel(item->kind->state, &item->run, why);
}

/* Past its soft deadline it waits for PostgreSQL, and no handler can be asked to stop that: the wait is ended instead, so that the
 * job goes back at no cost and its process is not killed for it at the hard deadline. */
static bool stuck_in_store(const struct job_core *item, uint64_t now_ms)
{
    bool active = item->state == JOB_SETTLING || item->state == JOB_RUNNING || item->state == JOB_STOPPING;
    return active && item->kind->ops->stores && item->run.soft_deadline_ms <= now_ms;
}

static void end_wait_for_store(struct worker *w)
{
    struct err e;
    (void)err_set(&e, ERR_STORE_LOST, "PostgreSQL %s: the job's soft timeout passed while it waited; %s",
                  pg_condition_text(PG_SLOW), pg_condition_remedy(PG_SLOW));
    if (pg_pool_give_up(w->pg, &e))
        log_warn("soft timeout: the wait for PostgreSQL is ended", KV_S("why", e.message));
}

static void on_soft_deadline(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    uint64_t now_ms = clock_mono_ms();
    bool stuck = false;
    for (size_t i = 0; i < w->batch.n; i++) {
        struct job_core *item = &w->batch.items[i];
        if (!cancellable(item) || item->run.soft_deadline_ms > now_ms)
            continue;
        log_job(item->job.id, item->job.kind, item->job.traceparent);
        log_warn("soft timeout: asking the job to stop", KV_I("hard_in_ms", item->run.hard_deadline_ms - now_ms));
        log_job(NULL, NULL, NULL);
        ask_to_stop(item, CANCEL_SOFT_TIMEOUT);
    }
    for (size_t i = 0; i < w->batch.n; i++) {
        struct job_core *item = &w->batch.items[i];
        if (!stuck_in_store(item, now_ms))
            continue;
        stuck = item->soft_passed = true;
    }
    if (stuck)
        end_wait_for_store(w);
    job_runner_watch(w);
}

void job_runner_watch(struct worker *w)
{
    uint64_t nearest = UINT64_MAX;
    if (job_batch_active(&w->batch))
        for (size_t i = 0; i < w->batch.n; i++) {
            const struct job_core *item = &w->batch.items[i];
            bool stores = item->kind && item->kind->ops->stores && !item->soft_passed &&
                          (item->state == JOB_SETTLING || item->state == JOB_RUNNING);
            if (cancellable(item) || stores)
                nearest = MIN_OF(nearest, item->run.soft_deadline_ms);
        }
    if (nearest == UINT64_MAX) {
        (void)uv_timer_stop(&w->runner.timer);
        return;
    }
    uint64_t now_ms = clock_mono_ms();
    uv_update_time(&w->loop);
    (void)uv_timer_start(&w->runner.timer, on_soft_deadline, nearest > now_ms ? nearest - now_ms : 0, 0);
}

bool job_runner_cancel(struct worker *w, const char *which)
{
    char band[16] = "";
    const char *entry = strchr(which, ':');
    if (!entry || (size_t)(entry - which) >= sizeof band)
        return false;
    memcpy(band, which, (size_t)(entry++ - which));
    for (size_t i = 0; i < w->batch.n; i++) {
        struct job_core *item = &w->batch.items[i];
        if (strcmp(item->job.entry, entry) != 0 || strcmp(band_name(item->job.band), band) != 0)
            continue;
        if (item->state == JOB_CLAIMED && item->kind)
            job_end_cancelled(item);
        else if (cancellable(item))
            ask_to_stop(item, CANCEL_REQUESTED);
        return true;
    }
    return false;
}

/* ---- the handlers' side (kind.h) ---- */

void job_run_progress(struct job_run *run, int percent, const char *message)
{
    struct job_core *item = run->core;
    struct worker *w = item->worker;
    uint64_t now_ms = clock_mono_ms();
    bool tracked = item->kind->ctx.kind->track || item->job.has_hash;
    if (!tracked || (item->last_progress_ms && now_ms - item->last_progress_ms < RUN_PROGRESS_EVERY_MS))
        return;
    item->last_progress_ms = now_ms;
    item->job.has_hash = true; /* Redis makes one of it: the end goes there too */
    char epoch[24], share[8], text[RUN_PROGRESS_TEXT_MAX + 1];
    snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)item->job.epoch);
    snprintf(share, sizeof share, "%d", percent < 0 ? 0 : percent > 100 ? 100 : percent);
    snprintf(text, sizeof text, "%s", message ? message : "");
    fetch_tell_progress(w, item->job.id, epoch, share, text);
}

void job_run_done(struct job_run *run, const char *result_json)
{
    if (run->core->kind->ops->stores)
        KILL_POINT("after_commit");
    if (run->core->kind->ops->stores)
        store_gate_proved(run->core->worker);
    job_end_done(run->core, result_json);
}

void job_run_fail_child(struct job_run *run, const struct err *e, const char *cause, const struct job_child *child)
{
    struct job_core *item = run->core;
    if (child->page_fd >= 0)
        supervisor_link_cell_died(&item->job, child->page_fd);
    item->child = child;
    if (run->cancelled == CANCEL_SOFT_TIMEOUT || cause == NULL)
        job_run_fail(run, e, NULL);
    else
        job_end_fail(item, e, cause, NULL);
    item->child = NULL;
}

void job_run_retry_after(struct job_run *run, int64_t ms)
{
    struct job_core *item = run->core;
    item->retry_after_ms = MIN_OF(ms, item->kind->ctx.kind->backoff_max);
}

void job_run_fail(struct job_run *run, const struct err *e, const char *detail_json)
{
    struct job_core *item = run->core;
    if (e->code == ERR_STORE_UNAVAILABLE || e->code == ERR_STORE_LOST)
        store_gate_shut(item->worker, e);
    if (job_end_free(item, e))
        return;
    if (run->cancelled != CANCEL_SOFT_TIMEOUT || err_class(e->code) == ERR_CLASS_FATAL) {
        job_end_fail(item, e, NULL, detail_json);
        return;
    }
    struct err late;
    err_set(&late, ERR_TIMEOUT, "stopped at its soft timeout, %s: %.900s", err_name(e->code), e->message);
    job_end_fail(item, &late, "soft_timeout", detail_json);
}

void job_run_snooze(struct job_run *run, int64_t delay_ms, const char *reason)
{
    job_end_snooze(run->core, delay_ms, reason);
}

void job_run_cancelled(struct job_run *run)
{
    struct job_core *item = run->core;
    assert(run->cancelled != CANCEL_NONE && "nobody asked this run to stop");
    if (run->cancelled == CANCEL_REQUESTED) {
        job_end_cancelled(item);
        return;
    }
    struct err e;
    err_set(&e, ERR_TIMEOUT, "stopped at its soft timeout after %lld ms",
            (long long)(clock_mono_ns() / 1000 - item->started_us) / 1000);
    job_end_fail(item, &e, "soft_timeout", NULL);
}
