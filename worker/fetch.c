/*
 * fetch - why: see the header's picture. Refuses to forget a job: what was claimed leaves the batch only by an answer of Redis.
 */
#include "fetch.h"

#include "clock.h"
#include "job_end.h"
#include "killpoint.h"
#include "log.h"
#include "redis_reply.h"
#include "retry_policy.h"
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

/* Nothing is in hand: what is claimed and told from now on is the part's. A death is told there first, so the cell says it before a
 * fetch can claim anything. */
static void go_to_part(struct worker *w)
{
    (void)shard_name(w->boot.queue, w->whole_queue, w->turn.part);
    atomic_store_explicit(&w->boot.cell->part, w->turn.part, memory_order_relaxed);
    fetch_args_queue(&w->fetch.args, w->boot.queue);
}

void fetch_init(struct worker *w)
{
    struct fetch *f = &w->fetch;
    memcpy(w->whole_queue, w->boot.queue, sizeof w->whole_queue);
    shard_turn_init(&w->turn, shard_parts(conf_queue_shards(w->boot.conf, w->boot.queue)), w->boot.slot);
    kind_set_batch(&w->kinds, w->boot.pool, &f->size);
    job_batch_init(&w->batch, f->size.max);
    fetch_args_init(&f->args, w->boot.queue, w->boot.pool->lane, f->size.max);
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

static uint32_t next_size(struct worker *w)
{
    return store_gate_on_trial(w) ? 1 : batch_size_next(&w->fetch.size);
}

/* Claimed jobs nobody will start here go back, so that another worker can have them now. */
static void return_unstarted(struct worker *w, const char *reason)
{
    for (size_t i = w->batch.next; i < w->batch.n; i++)
        if (w->batch.items[i].state == JOB_CLAIMED)
            job_end_return(&w->batch.items[i], 0, reason);
}

/* ---- answers ---- */

static void forget_call(struct worker *w, bool maybe_carried_out)
{
    struct fetch *f = &w->fetch;
    if (maybe_carried_out && f->asked > 0) {
        f->orphans = true;
        f->late_ms = clock_mono_ms() + FETCH_LATE_MS;
        shard_turn_lost(&w->turn);
    }
    f->call = CALL_NONE;
    for (size_t i = 0; i < w->batch.n; i++) {
        struct job_core *item = &w->batch.items[i];
        if (item->state != JOB_TELLING && item->state != JOB_RETURNING)
            continue;
        item->told_before = item->told_before || maybe_carried_out;
        job_batch_move(&w->batch, item, JOB_EV_LOST);
    }
}

static void stop_fatally(struct worker *w)
{
    w->exit_code = WORKER_EXIT_FATAL;
    fetch_stop(w);
}

/* The next call is made later, and later still when it fails again. */
static void put_off(struct worker *w, const char *why)
{
    struct fetch *f = &w->fetch;
    int64_t wait = FETCH_RETRY_FIRST_MS;
    for (uint32_t i = 0; i < f->failures && wait < FETCH_RETRY_MAX_MS; i++)
        wait *= 2;
    f->failures++;
    f->retry_at_ms = clock_mono_ms() + (uint64_t)MIN_OF(wait, (int64_t)FETCH_RETRY_MAX_MS);
    if (complaint_news(&f->complaint, why, clock_mono_ms()))
        log_warn("Redis refuses calls; they are made again and again", KV_S("why", why), KV_I("in_ms", wait));
}

static void on_refusal(struct worker *w, const char *text)
{
    struct err e;
    (void)redis_reply_error(text, &e);
    put_off(w, e.message);
    switch (fetch_refusal_of(text)) {
    case REFUSAL_LATER:
        break;
    case REFUSAL_RECONNECT:
        redis_uv_reset(w->redis);
        break;
    case REFUSAL_BUG:
        log_error("this build and the Functions library disagree; the worker stops", KV_S("why", text));
        stop_fatally(w);
        break;
    }
}

/* A kind this worker does not run: another worker may, or a newer one soon will. */
static void refuse_kind(struct worker *w, struct job_core *item)
{
    const struct conf_kind *fallback = conf_kind_of(w->boot.conf, "default");
    struct retry_decision decision =
        retry_policy_unknown(item->job.handbacks, fallback ? fallback->unknown_grace : FETCH_UNKNOWN_GRACE_MS);
    if (decision.verdict == RETRY_AGAIN) {
        log_job(item->job.id, item->job.kind, item->job.traceparent);
        log_warn("handing back a job of a kind this pool does not run", KV_S("knows", kind_known_names()),
                 KV_I("delay_ms", decision.delay_ms));
        log_job(NULL, NULL, NULL);
        job_end_return(item, decision.delay_ms, "unknown_kind");
        return;
    }
    struct err e;
    err_set(&e, ERR_UNKNOWN_KIND, "no worker of queue %s runs kind \"%s\"; this build knows %s, pool %s runs %s", w->boot.queue,
            item->job.kind, kind_known_names(), w->boot.pool_name, w->boot.pool->kinds);
    job_end_fail(item, &e, NULL, NULL);
}

static void take_jobs(struct worker *w, const redisReply *jobs)
{
    for (size_t i = 0; i < jobs->elements; i++) {
        struct err e;
        struct job_core *item = job_batch_add(&w->batch);
        assert(item && "Redis gave more jobs than were asked for");
        int rc = job_from_reply(&item->job, jobs->element[i], &e);
        if (rc < 0) {
            log_error("cannot read a fetched job; the worker stops", KV_S("why", e.message));
            w->batch.count[JOB_CLAIMED]--;
            w->batch.n--;
            stop_fatally(w);
            return;
        }
        item->worker = w;
        item->kind = kind_set_find(&w->kinds, item->job.kind);
        if (!item->kind)
            refuse_kind(w, item);
    }
    if (jobs->elements > 0) /* an empty fetch claims nothing that a death could leave */
        KILL_POINT("after_fetch");
}

static void on_fetched(struct worker *w, const struct fetched *got)
{
    struct fetch *f = &w->fetch;
    uint64_t now_ms = clock_mono_ms();
    struct score_cell *cell = w->boot.cell;
    atomic_fetch_add_explicit(&cell->fetches, 1, memory_order_relaxed);
    atomic_store_explicit(&cell->last_fetch_ms, now_ms, memory_order_relaxed);
    if (f->asked == 0)
        return;
    if (got->status != FETCHED_FENCED)
        f->fenced = 0;
    switch (got->status) {
    case FETCHED_OK:
        take_jobs(w, got->jobs);
        (void)shard_turn_fetched(&w->turn, true);
        f->said_idle = false;
        break;
    case FETCHED_EMPTY:
    case FETCHED_PAUSED:
        take_jobs(w, got->jobs);
        f->parked = shard_turn_fetched(&w->turn, got->jobs->elements > 0) && got->jobs->elements == 0 && !f->woken;
        break;
    case FETCHED_LIMITED:
        take_jobs(w, got->jobs);
        f->retry_at_ms = now_ms + FETCH_LIMITED_MS;
        shard_turn_leave(&w->turn);
        break;
    case FETCHED_FENCED:
        f->retry_at_ms = now_ms + (f->fenced == 0 ? FETCH_FENCED_FIRST_MS : FETCH_FENCED_MS);
        f->fenced++;
        shard_turn_leave(&w->turn);
        supervisor_link_say(w, IPC_FENCED, "");
        break;
    case FETCHED_STATUS_COUNT:
        break;
    }
    f->woken = false;
}

/* The items a call was about leave the batch. One told before may be fenced by its own earlier call, which was carried out but
 * not answered: that is no news. */
static void answer_items(struct worker *w, enum job_state asked, const redisReply *fenced_entries)
{
    for (size_t i = 0; i < w->batch.n; i++) {
        struct job_core *item = &w->batch.items[i];
        if (item->state != asked)
            continue;
        bool fenced = !item->told_before && fenced_has(fenced_entries, item);
        if (fenced && asked == JOB_TELLING)
            log_warn("an end was refused: the job had been taken from this worker", KV_S("job_id", item->job.id),
                     KV_S("kind", item->job.kind), KV_I("epoch", item->job.epoch), KV_S("outcome", finish_op_name(item->op)));
        job_end_count(item, fenced);
        job_batch_move(&w->batch, item, JOB_EV_ANSWER);
    }
}

static int on_finished(struct worker *w, const redisReply *reply, struct err *e)
{
    const redisReply *fenced;
    struct fetched got;
    int rc = finished_read(reply, &fenced, &got, e);
    if (rc < 0)
        return rc;
    KILL_POINT("after_finish");
    answer_items(w, JOB_TELLING, fenced);
    w->fetch.first_end_ms = w->batch.count[JOB_ENDED] ? clock_mono_ms() : 0;
    if (job_batch_held(&w->batch) == 0)
        job_batch_clear(&w->batch);
    on_fetched(w, &got);
    return 0;
}

static int on_reclaimed(struct worker *w, const redisReply *reply, struct err *e)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[1]->type != REDIS_REPLY_INTEGER)
        return err_set(e, ERR_PROTOCOL, "Redis answered stint_crash with no [moved, remaining]");
    w->fetch.orphans = reply->element[1]->integer > 0;
    if (reply->element[0]->type == REDIS_REPLY_ARRAY && reply->element[0]->elements)
        log_warn("jobs of a call that was never answered were handed back", KV_I("jobs", reply->element[0]->elements));
    return 0;
}

static int on_answer(struct worker *w, enum fetch_call call, const redisReply *reply, struct err *e)
{
    struct fetched got;
    int rc = 0;
    switch (call) {
    case CALL_FETCH:
        if ((rc = fetched_read(reply, &got, e)) == 0)
            on_fetched(w, &got);
        return rc;
    case CALL_FINISH:
        return on_finished(w, reply, e);
    case CALL_HANDBACK:
        answer_items(w, JOB_RETURNING, NULL);
        return 0;
    case CALL_RECLAIM:
        return on_reclaimed(w, reply, e);
    case CALL_NONE:
        break;
    }
    return 0;
}

static void on_reply(void *arg, const redisReply *reply, const struct err *lost)
{
    struct worker *w = arg;
    struct fetch *f = &w->fetch;
    enum fetch_call call = f->call;
    struct err e;
    if (!reply) {
        const char *why = lost ? lost->message : "connection lost";
        if (complaint_news(&f->complaint, why, clock_mono_ms()))
            log_warn("Redis did not answer; what was asked is asked again", KV_S("why", why));
        forget_call(w, true);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        forget_call(w, true);
        on_refusal(w, reply->str);
    } else {
        f->call = CALL_NONE;
        if (on_answer(w, call, reply, &e) == 0) {
            f->failures = 0;
            if (complaint_over(&f->complaint))
                log_info0("Redis answers calls again");
        } else { /* somebody else's Functions: connecting anew looks at the library, and says what is wrong with it */
            f->call = call;
            forget_call(w, true);
            put_off(w, e.message);
            redis_uv_reset(w->redis);
        }
    }
    fetch_pump(w);
}

/* ---- calls ---- */

static void send_call(struct worker *w, enum fetch_call call, uint32_t asked)
{
    struct fetch *f = &w->fetch;
    f->call = call;
    f->asked = asked;
    if (redis_uv_argv(w->redis, on_reply, w, f->args.n, f->args.argv, f->args.lens) < 0)
        forget_call(w, false);
}

static void send_fetch(struct worker *w)
{
    struct fetch *f = &w->fetch;
    uint32_t max = next_size(w);
    fetch_args_fetch(&f->args, w->boot.instance, w->boot.consumer, f->turn++, max);
    send_call(w, CALL_FETCH, max);
}

static void send_finish(struct worker *w, uint32_t max)
{
    struct fetch *f = &w->fetch;
    fetch_args_finish(&f->args, w->boot.instance, w->boot.consumer, f->turn++, max, &w->batch);
    KILL_POINT("before_finish");
    send_call(w, CALL_FINISH, max);
}

static bool recycle_due(struct worker *w)
{
    int64_t most = w->boot.pool->recycle_jobs;
    if (most <= 0 || w->fetch.jobs_done < (uint64_t)most || w->fetch.stopping)
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
        fetch_args_reclaim(&f->args, w->boot.consumer);
        send_call(w, CALL_RECLAIM, 0);
    } else if (may_claim(w) && !f->parked) {
        if (job_batch_held(&w->batch) == 0)
            job_batch_clear(&w->batch);
        if (shard_turn_next(&w->turn, now_ms))
            go_to_part(w);
        send_fetch(w);
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
        send_call(w, CALL_HANDBACK, 0);
        return;
    }
    if (job_batch_active(&w->batch) || w->batch.count[JOB_CLAIMED]) {
        if (w->batch.count[JOB_ENDED] && f->first_end_ms && now_ms - f->first_end_ms >= FETCH_TELL_AFTER_MS)
            send_finish(w, 0);
        return;
    }
    call_at_rest(w);
}

/* ---- the pump ---- */

static void run_claimed(struct worker *w)
{
    uint64_t began_ms = clock_mono_ms();
    if (!may_claim(w))
        return_unstarted(w, w->fetch.stopping ? "drain" : w->fetch.quiet ? "quiet" : "store_away");
    while (w->batch.count[JOB_CLAIMED] && job_batch_active(&w->batch) == 0) {
        if (clock_mono_ms() - began_ms >= FETCH_SLICE_MS) {
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
    if (f->first_end_ms && job_batch_active(&w->batch) && f->call == CALL_NONE && redis_uv_ready(w->redis))
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
        supervisor_link_say(w, IPC_IDLE, "");
    f->said_idle = idle;
}

void fetch_pump(struct worker *w)
{
    struct fetch *f = &w->fetch;
    if (f->pumping)
        return;
    f->pumping = true;
    run_claimed(w);
    return_behind_slow(w);
    call_next(w);
    f->pumping = false;
    publish_rest(w);
    say_idle(w);
    arm_timer(w);
    job_runner_watch(w);
    if (f->stopping && f->call == CALL_NONE && job_batch_held(&w->batch) == 0)
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
    f->parked = f->said_idle = false;
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
