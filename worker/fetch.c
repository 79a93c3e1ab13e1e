/*
 * fetch - why: see the header's picture. Refuses to forget a job: what was claimed leaves the batch only by an answer
 * of Redis.
 */
#include "fetch_impl.h"

#include "alloc.h"
#include "clock.h"
#include "job_end.h"
#include "killpoint.h"
#include "log.h"
#include "worker.h"

#include <stdio.h>

static void on_kick(uv_idle_t *kick)
{
    (void)uv_idle_stop(kick);
    fetch_pump(kick->data);
}

static void on_timer(uv_timer_t *timer)
{
    fetch_pump(timer->data);
}

/* Nothing is in hand: what is claimed and told from now on is the part's. A death is told there first, so the cell says
 * it before a fetch can claim anything. */
static void go_to_part(struct worker *w)
{
    if (w->turn.sent)
        (void)snprintf(w->boot.queue, sizeof w->boot.queue, "%s", w->turn.name);
    else
        (void)shard_name(w->boot.queue, w->whole_queue, w->turn.part);
    atomic_store_explicit(&w->boot.cell->part, w->turn.part, memory_order_relaxed);
    fetch_args_queue(&w->fetch.args, w->boot.queue);
    w->fetch.streak.open = false; /* the gate is the other part's */
}

void fetch_init(struct worker *w)
{
    struct fetch *f = &w->fetch;
    memcpy(w->whole_queue, w->boot.queue, sizeof w->whole_queue);
    if (conf_pool_lists(w->boot.pool))
        shard_turn_init_sent(&w->turn, w->boot.queue);
    else
        shard_turn_init(&w->turn, shard_parts(conf_queue_shards(w->boot.conf, w->boot.queue)), w->boot.slot);
    kind_set_batch(&w->kinds, w->boot.pool, &f->size);
    size_t cap = (size_t)6 * f->size.max; /* a full read of express and of a band: one whose ends are told (again),
                                             one that is run, one that is claimed ahead */
    job_batch_init(&w->batch, cap);
    fetch_args_init(&f->args, w->boot.queue, w->boot.pool->lane, cap);
    f->odd_cap = (size_t)2 * f->size.max;
    f->odd = alloc_zero(f->odd_cap, sizeof *f->odd);
    go_to_part(w);
    (void)uv_timer_init(&w->loop, &f->timer);
    (void)uv_idle_init(&w->loop, &f->kick);
    f->timer.data = f->kick.data = w;
    f->turn = (uint64_t)w->boot.slot * 7 + w->boot.generation; /* workers do not all begin with the same band */
}

void fetch_close(struct worker *w)
{
    uv_close((uv_handle_t *)&w->fetch.timer, NULL);
    uv_close((uv_handle_t *)&w->fetch.kick, NULL);
}

void fetch_fini(struct worker *w)
{
    fetch_args_fini(&w->fetch.args);
    free(w->fetch.odd);
    w->fetch.odd = NULL;
    job_batch_fini(&w->batch);
}

void fetch_pump_soon(struct worker *w)
{
    if (!w->fetch.pumping)
        (void)uv_idle_start(&w->fetch.kick, on_kick);
}

static bool may_claim(const struct worker *w)
{
    return !w->fetch.stopping && !w->fetch.quiet && store_gate_is_open(w);
}

static bool has_room(const struct worker *w)
{
    return w->batch.cap - job_batch_held(&w->batch) >= (size_t)2 * w->fetch.size.max;
}

/* Jobs to claim next. None while ends that go on being refused fill the batch: they are told first. */
static uint32_t next_size(struct worker *w)
{
    if (!has_room(w))
        return 0;
    return store_gate_on_trial(w) ? 1 : batch_size_next(&w->fetch.size);
}

/* Claimed jobs nobody will start here go back, so that another worker can have them now. */
static void return_unstarted(struct worker *w, const char *reason)
{
    for (size_t i = 0; i < w->batch.n; i++)
        if (w->batch.items[i].state == JOB_CLAIMED)
            job_end_return(&w->batch.items[i], 0, reason);
}

/* ---- calls ---- */

static void begin_turn(struct worker *w, enum fetch_call call, uint32_t asked)
{
    struct fetch *f = &w->fetch;
    f->call = call;
    f->asked = asked;
    f->n_parts = f->n_answered = 0;
}

/* Sends what is in args as the turn's next part. False: it was not sent, and whatever it was about is as before. */
static bool send_part(struct worker *w, enum fetch_part part)
{
    struct fetch *f = &w->fetch;
    assert(f->n_parts < FETCH_PARTS_MAX);
    f->parts[f->n_parts] = part;
    if (redis_uv_argv(w->redis, fetch_on_reply, w, f->args.n, f->args.argv, f->args.lens) == 0) {
        f->n_parts++;
        return true;
    }
    fetch_part_unsent(w, part);
    return false;
}

static void end_turn_unsent(struct worker *w)
{
    if (w->fetch.n_parts == 0)
        w->fetch.call = CALL_NONE;
}

static void send_alone(struct worker *w, enum fetch_call call, enum fetch_part part)
{
    begin_turn(w, call, 0);
    (void)send_part(w, part);
    end_turn_unsent(w);
}

static bool knows_short(const struct worker *w)
{
    return redis_uv_library(w->redis) >= LIBRARY_SHORT;
}

static bool may_ask_gate(const struct worker *w)
{
    const struct fetch *f = &w->fetch;
    return knows_short(w) && f->args.lane[0] == '\0' && !f->size.whole && !store_gate_on_trial(w) &&
           clock_mono_ms() >= f->streak.shy_until_ms;
}

static bool in_streak(const struct worker *w)
{
    const struct fetch_streak *s = &w->fetch.streak;
    return s->open && may_ask_gate(w) && clock_mono_ms() - s->fetched_ms < FETCH_STREAK_MS;
}

/* The claiming part of a turn, for at most max jobs (of each of two bands, in a streak). */
static bool send_claim(struct worker *w, uint32_t max)
{
    struct fetch *f = &w->fetch;
    if (in_streak(w)) {
        fetch_args_read(&f->args, w->boot.consumer, f->streak.band, max);
        return send_part(w, PART_READ);
    }
    f->streak.open = false;
    fetch_args_fetch(&f->args, w->boot.instance, w->boot.consumer, f->turn++, max, may_ask_gate(w));
    return send_part(w, PART_FETCH);
}

static void send_fetch(struct worker *w, uint32_t max)
{
    begin_turn(w, CALL_FETCH, max);
    (void)send_claim(w, max);
    end_turn_unsent(w);
}

/* Ends, each in the shortest call there is for it; then the next jobs. Each of these calls is whole by itself, so that
 * whoever dies between two of them has told some ends and not others, and what a read claimed is held by its name. */
static void send_ends_shortly(struct worker *w, uint32_t max)
{
    struct fetch *f = &w->fetch;
    bool sent = true;
    while (sent && f->n_parts < FETCH_PARTS_MAX - 2 && fetch_args_short(&f->args, &w->batch, (uint8_t)f->n_parts))
        sent = send_part(w, PART_SHORT);
    if (sent && w->batch.count[JOB_ENDED]) {
        fetch_args_finish(&f->args, w->boot.instance, w->boot.consumer, f->turn++, 0, &w->batch, (uint8_t)f->n_parts);
        sent = send_part(w, PART_FINISH);
    }
    bool all = sent && w->batch.count[JOB_ENDED] == 0;
    if (!all || (max > 0 && !send_claim(w, max)))
        f->asked = 0;
}

static void send_finish(struct worker *w, uint32_t max)
{
    struct fetch *f = &w->fetch;
    begin_turn(w, CALL_FINISH, max);
    KILL_POINT("before_finish");
    if (w->batch.count[JOB_ENDED] > FETCH_ENDS_MAX)
        max = w->fetch.asked = 0; /* the rest of them comes first */
    if (knows_short(w) && (w->batch.count[JOB_ENDED] > 1 || (max > 0 && in_streak(w)))) {
        send_ends_shortly(w, max);
    } else {
        f->streak.open = f->streak.open && max == 0;
        fetch_args_finish(&f->args, w->boot.instance, w->boot.consumer, f->turn++, max, &w->batch, 0);
        (void)send_part(w, PART_FINISH);
    }
    end_turn_unsent(w);
}

static void send_adopt(struct worker *w)
{
    struct fetch *f = &w->fetch;
    f->n_adopting = MIN_OF(f->n_odd, (size_t)FETCH_ADOPT_MAX);
    begin_turn(w, CALL_ADOPT, (uint32_t)f->n_adopting);
    fetch_args_adopt(&f->args, w->boot.consumer, f->odd, f->n_adopting);
    (void)send_part(w, PART_ADOPT);
    end_turn_unsent(w);
}

/* It will have run as many jobs as a process of its pool may, once those are done as well. */
static bool recycle_near(const struct worker *w, size_t more)
{
    int64_t most = w->boot.pool->recycle_jobs;
    return most > 0 && w->fetch.jobs_done + more >= (uint64_t)most;
}

static bool recycle_due(struct worker *w)
{
    if (!recycle_near(w, 0) || w->fetch.stopping)
        return false;
    char text[64];
    snprintf(text, sizeof text, "recycle_jobs: %llu jobs run", (unsigned long long)w->fetch.jobs_done);
    supervisor_link_say(w, IPC_RECYCLE, text);
    w->fetch.stopping = true;
    return true;
}

/* Once more to where a call was lost, part by part. */
static bool look_late(struct worker *w)
{
    if (shard_turn_late(&w->turn)) {
        go_to_part(w);
        return true;
    }
    w->fetch.late_ms = 0;
    return false;
}

/* The node of this part is away, and those of others may not be. It counts as a part that gave nothing, so that a
 * worker for which nobody else has work waits; its coming back ends that (fetch_redis_state). */
static void pass_by(struct worker *w)
{
    w->fetch.parked = shard_turn_fetched(&w->turn, false) && !w->fetch.woken;
    w->fetch.woken = false;
    if (!w->fetch.parked)
        (void)uv_idle_start(&w->fetch.kick, on_kick);
}

/* With nothing active and nothing left to start: the ends are told, and the next jobs claimed. */
static void call_at_rest(struct worker *w)
{
    struct fetch *f = &w->fetch;
    uint64_t now_ms = clock_mono_ms();
    bool late = f->late_ms && now_ms >= f->late_ms;
    (void)recycle_due(w);
    if (w->batch.count[JOB_ENDED]) {
        send_finish(w, may_claim(w) && !f->orphans && !late && !shard_turn_over(&w->turn, now_ms) ? next_size(w) : 0);
        return;
    }
    f->orphans = f->orphans || (late && look_late(w));
    if (f->orphans) {
        f->streak.open = false;
        fetch_args_reclaim(&f->args, w->boot.consumer);
        send_alone(w, CALL_RECLAIM, PART_RECLAIM);
    } else if (may_claim(w) && !f->parked && shard_turn_yields(&w->turn, now_ms)) {
        f->parked = f->more = true;
    } else if (may_claim(w) && !f->parked) {
        if (job_batch_held(&w->batch) == 0)
            job_batch_clear(&w->batch);
        if (shard_turn_next(&w->turn, now_ms))
            go_to_part(w);
        if (redis_uv_reaches(w->redis, w->boot.queue))
            send_fetch(w, next_size(w));
        else
            pass_by(w);
    }
}

static void call_next(struct worker *w)
{
    struct fetch *f = &w->fetch;
    uint64_t now_ms = clock_mono_ms();
    if (f->call != CALL_NONE || !redis_uv_ready(w->redis) || now_ms < f->retry_at_ms)
        return;
    if (w->batch.count[JOB_RETURNED]) {
        fetch_args_handback(&f->args, w->boot.consumer, &w->batch, FETCH_HANDBACK_MAX);
        send_alone(w, CALL_HANDBACK, PART_HANDBACK);
        return;
    }
    if (f->n_odd) {
        send_adopt(w);
        return;
    }
    if (job_batch_active(&w->batch) || w->batch.count[JOB_CLAIMED]) {
        if (w->batch.count[JOB_ENDED] && f->first_end_ms && now_ms - f->first_end_ms >= FETCH_TELL_AFTER_MS)
            send_finish(w, 0);
        return;
    }
    call_at_rest(w);
}

/* ---- ahead ---- */

/* What a claim at rest asks itself, and what only one at rest may do: look for lost jobs, go to another part, recycle.
 */
static bool may_claim_ahead(struct worker *w)
{
    const struct fetch *f = &w->fetch;
    const struct job_batch *b = &w->batch;
    uint64_t now_ms = clock_mono_ms();
    bool free_to = f->call == CALL_NONE && redis_uv_ready(w->redis) && now_ms >= f->retry_at_ms && f->n_odd == 0;
    bool to_run = b->count[JOB_CLAIMED] > 0 && job_batch_active(b) == 0 && b->count[JOB_RETURNED] == 0;
    bool at_rest_first = f->orphans || (f->late_ms && now_ms >= f->late_ms) || shard_turn_over(&w->turn, now_ms) ||
                         recycle_near(w, b->count[JOB_CLAIMED]);
    return free_to && to_run && !at_rest_first && may_claim(w) && has_room(w) && in_streak(w);
}

/* In a streak of jobs that take little time: with a batch in hand that is yet to be run, the one before it is told and
 * the one after it claimed first, so that Redis works while the handlers do. Nothing that holds at rest depends on
 * there being nothing to run:
 *   - the read is fenced by the gate as any other: after a pause, a lost lease, a told death it claims nothing;
 *   - all that is claimed is in the batch, or pending for this name and looked for at rest if its answer is lost. Who
 * dies leaves two batches instead of one; the scoreboard names the one job that ran, the others are handed back free;
 *   - a drain, a quiet, a slow job and a cancellation find it among the jobs that were not started, wherever it is
 * from;
 *   - no more is held than can be run in the time that a batch should take, as without it. */
static void claim_ahead(struct worker *w)
{
    if (!may_claim_ahead(w))
        return;
    uint32_t max = batch_size_ahead(&w->fetch.size, w->batch.count[JOB_CLAIMED]);
    if (max == 0)
        return;
    if (w->batch.count[JOB_ENDED])
        send_finish(w, max);
    else
        send_fetch(w, max);
    redis_uv_flush(w->redis);
}

/* ---- the pump ---- */

static void run_claimed(struct worker *w)
{
    uint64_t began_ms = clock_mono_ms();
    if (!may_claim(w))
        return_unstarted(w, w->fetch.stopping ? "drain" : w->fetch.quiet ? "quiet" : "store_away");
    while (w->batch.count[JOB_CLAIMED] && job_batch_active(&w->batch) == 0) {
        /* as late as the last one is known to have got: no clock is asked for it */
        if (MAX_OF(w->busy_until_us / 1000, w->runner.active_since_ms) >= began_ms + FETCH_SLICE_MS) {
            worker_phase(w, PHASE_FINISH); /* between two jobs: nothing to blame */
            (void)uv_idle_start(&w->fetch.kick, on_kick);
            return;
        }
        job_runner_start(w);
    }
}

static void return_behind_slow(struct worker *w)
{
    struct fetch *f = &w->fetch;
    f->slow_at_ms = 0;
    if (!job_batch_active(&w->batch) || !w->batch.count[JOB_CLAIMED])
        return;
    f->slow_at_ms = w->runner.active_since_ms + FETCH_SLOW_MS;
    if (clock_mono_ms() < f->slow_at_ms)
        return;
    f->slow_at_ms = 0;
    return_unstarted(w, "slow_batch");
}

static void publish_rest(struct worker *w)
{
    struct fetch *f = &w->fetch;
    if (job_batch_active(&w->batch))
        return;
    if (!redis_uv_ready(w->redis) || f->failures || f->fenced > 1 || (!store_gate_is_open(w) && f->call == CALL_NONE))
        worker_phase(w, PHASE_AWAY);
    else if (f->call == CALL_FETCH)
        worker_phase(w, PHASE_FETCH);
    else if (f->call != CALL_NONE)
        worker_phase(w, PHASE_FINISH);
    else if (f->stopping)
        worker_phase(w, PHASE_STOP);
    else if (f->quiet)
        worker_phase(w, PHASE_QUIET);
    else if (!w->batch.count[JOB_CLAIMED])
        worker_phase(w, PHASE_IDLE);
}

static uint64_t nearer(uint64_t a, uint64_t b)
{
    return a && b ? MIN_OF(a, b) : MAX_OF(a, b);
}

static void arm_timer(struct worker *w)
{
    struct fetch *f = &w->fetch;
    uint64_t now_ms = clock_mono_ms(), at_ms = f->slow_at_ms;
    if (f->retry_at_ms > now_ms)
        at_ms = nearer(at_ms, f->retry_at_ms);
    if (f->late_ms > now_ms && f->parked)
        at_ms = nearer(at_ms, f->late_ms);
    if (f->first_end_ms && job_batch_active(&w->batch) && f->call == CALL_NONE &&
        redis_uv_reaches(w->redis, w->boot.queue))
        at_ms = nearer(at_ms, f->first_end_ms + FETCH_TELL_AFTER_MS);
    if (!at_ms) {
        (void)uv_timer_stop(&f->timer);
        return;
    }
    uv_update_time(&w->loop);
    (void)uv_timer_start(&f->timer, on_timer, at_ms > now_ms ? at_ms - now_ms : 1, 0);
}

static void say_idle(struct worker *w)
{
    struct fetch *f = &w->fetch;
    bool idle = f->parked && f->call == CALL_NONE && may_claim(w) && redis_uv_ready(w->redis);
    if (idle && !f->said_idle)
        supervisor_link_say(w, IPC_IDLE, f->more ? IPC_IDLE_MORE : "");
    f->said_idle = idle;
}

void fetch_pump(struct worker *w)
{
    struct fetch *f = &w->fetch;
    if (f->pumping)
        return;
    f->pumping = true;
    claim_ahead(w);
    run_claimed(w);
    return_behind_slow(w);
    call_next(w);
    f->pumping = false;
    publish_rest(w);
    say_idle(w);
    arm_timer(w);
    job_runner_watch(w);
    if (f->stopping && f->call == CALL_NONE && f->n_odd == 0 && job_batch_held(&w->batch) == 0)
        uv_stop(&w->loop);
}

/* ---- events ---- */

void fetch_tell_progress(struct worker *w, const char *id, const char *epoch, const char *percent, const char *message)
{
    struct fetch_args *a = &w->fetch.args;
    fetch_args_progress(a, id, epoch, percent, message);
    (void)redis_uv_argv(w->redis, NULL, NULL, a->n, a->argv, a->lens);
}

void fetch_redis_state(struct worker *w, bool ready)
{
    struct fetch *f = &w->fetch;
    f->streak.open = f->streak.open && !ready;
    if (ready && f->said_idle) /* the doorbell may have rung while nobody could hear it */
        supervisor_link_say(w, IPC_BUSY, "");
    f->parked = f->parked && !ready;
    fetch_pump_soon(w);
}

void fetch_wake(struct worker *w, const char *part)
{
    struct fetch *f = &w->fetch;
    shard_turn_woken(&w->turn, part);
    f->woken = f->call != CALL_NONE;
    f->parked = f->said_idle = f->more = false;
    if (f->retry_at_ms && !f->failures)
        f->retry_at_ms = 0;
    fetch_pump_soon(w);
}

void fetch_stop(struct worker *w)
{
    w->fetch.stopping = true;
    fetch_pump_soon(w);
}

void fetch_quiet(struct worker *w, bool quiet)
{
    if (!quiet && w->fetch.quiet)
        w->fetch.parked = false;
    w->fetch.quiet = quiet;
    fetch_pump_soon(w);
}
