/*
 * job_end - why: one page from "the handler said" to "Redis is told". Refuses to decide (retry_policy.c does) and to talk
 * (fetch.c does).
 */
#include "job_end.h"

#include "alloc.h"
#include "clock.h"
#include "killpoint.h"
#include "log.h"
#include "retry_policy.h"
#include "worker.h"

#include <stdio.h>
#include <sys/resource.h>

static uint64_t now_us(void)
{
    return clock_mono_ns() / 1000;
}

static int64_t wall_ms_of(const struct job_core *item, uint64_t at_us)
{
    return item->started_us ? (int64_t)((at_us - item->started_us) / 1000) : -1;
}

/* Jobs of a round share their time: it is counted once, however many end. */
static void observe_busy(struct worker *w, uint64_t started_us, uint64_t at_us)
{
    uint64_t from_us = MAX_OF(started_us, w->busy_until_us);
    if (at_us > from_us)
        atomic_fetch_add_explicit(&w->boot.cell->busy_us, at_us - from_us, memory_order_relaxed);
    w->busy_until_us = at_us;
}

/* What all ends have in common. a: taken. */
static void end_with(struct job_core *item, enum finish_op op, char *a)
{
    struct worker *w = item->worker;
    uint64_t at_us = now_us();
    item->op = op;
    item->a = a;
    if (item->started_us) {
        uint64_t run_us = at_us - item->started_us;
        observe_busy(w, item->started_us, at_us);
        batch_size_observe(&w->fetch.size, run_us);
        if (item->kind->score)
            score_observe(&item->kind->score->run_us_sum, item->kind->score->run_count, run_us);
    }
    if (!w->fetch.first_end_ms)
        w->fetch.first_end_ms = at_us / 1000;
    w->fetch.jobs_done++;
    job_batch_move(&w->batch, item, JOB_EV_END);
    KILL_POINT("after_run");
    fetch_pump_soon(w);
}

static void log_end(const struct job_core *item, enum log_level level, const char *message, const char *how)
{
    log_job(item->job.id, item->job.kind, item->job.traceparent);
    LOG_AT(level, message, KV_S("outcome", how), KV_I("epoch", item->job.epoch), KV_I("attempts", item->job.attempts),
           KV_I("wall_ms", wall_ms_of(item, now_us())));
    log_job(NULL, NULL, NULL);
}

/* A result the hash shall not hold is where outcome_add put it. */
static char *inline_result(const struct job_core *item, const char *result_json)
{
    size_t len = strlen(result_json);
    if (len <= RESULT_INLINE_MAX)
        return alloc_dup(result_json);
    char text[96];
    snprintf(text, sizeof text, "{\"stored_in\":\"%s\",\"bytes\":%zu}", item->kind->ops->stores ? "postgres" : "nowhere", len);
    return alloc_dup(text);
}

void job_end_done(struct job_core *item, const char *result_json)
{
    const struct conf_kind *conf = item->kind->ctx.kind;
    bool tracked = conf->track != 0;
    /* an untracked job without a hash needs no word but its acknowledgement: the cheapest way through Redis */
    if (!tracked && !item->job.has_hash) {
        end_with(item, FINISH_ACK, NULL);
        return;
    }
    item->used = job_usage_of(&item->worker->usage, item, item->worker->runner.alone);
    item->retain_ms = tracked ? conf->retain : 0;
    if (tracked)
        log_end(item, LOG_INFO, "job done", "done");
    end_with(item, FINISH_DONE, result_json ? inline_result(item, result_json) : NULL);
}

static const char *cause_of(int code)
{
    switch (code) {
    case ERR_TIMEOUT:
        return "hard_timeout";
    case ERR_CPU_LIMIT:
        return "cpu_limit";
    case ERR_MEM_LIMIT:
    case ERR_OUT_OF_MEMORY:
        return "mem_limit";
    case ERR_SANDBOX_VIOLATION:
        return "sandbox_violation";
    case ERR_BOOT_FAILURE:
        return "boot_failure";
    default:
        return "handler_error";
    }
}

static char *error_record(const struct job_core *item, const struct err *e, const char *cause, const char *detail_json)
{
    struct rusage usage = {0};
    bool ran = item->started_us != 0;
    (void)getrusage(RUSAGE_SELF, &usage);
    struct job_evidence evidence = {
        .code = e->code,
        .cause = cause,
        .message = e->message,
        .instance = item->worker->boot.instance,
        .consumer = item->worker->boot.consumer,
        .wall_ms = wall_ms_of(item, now_us()),
        .cpu_ms = ran ? (int64_t)((cpu_used_us() - item->cpu_at_start_us) / 1000) : -1,
        .rss_bytes = ran ? (int64_t)usage.ru_maxrss * 1024 : -1,
        .exit_status = -1,
        .detail = detail_json,
    };
    const struct job_child *child = item->child;
    if (child) {
        evidence.signal = child->signal;
        evidence.exit_status = child->exit_status;
        evidence.wall_ms = child->wall_ms;
        evidence.cpu_ms = child->cpu_ms;
        evidence.rss_bytes = child->rss_bytes;
        evidence.detail = "{\"process\":\"parser cell\"}";
    }
    return alloc_must(job_error_json(&evidence));
}

static void log_failure(const struct job_core *item, const struct err *e, const char *cause,
                        const struct retry_decision *decision)
{
    static const char *const verdicts[] = {
        [RETRY_AGAIN] = "retry",
        [RETRY_LANE] = "retry in the lane",
        [RETRY_FREE] = "comes back free",
        [RETRY_DEAD] = "dead",
        [RETRY_STOP_WORKER] = "handed back: worker stops",
    };
    log_job(item->job.id, item->job.kind, item->job.traceparent);
    log_warn("job failed", KV_S("outcome", verdicts[decision->verdict]), KV_S("code", err_name(e->code)), KV_S("cause", cause),
             KV_S("why", e->message), KV_I("epoch", item->job.epoch), KV_I("attempts", item->job.attempts + 1),
             KV_I("delay_ms", decision->delay_ms), KV_I("wall_ms", wall_ms_of(item, now_us())));
    log_job(NULL, NULL, NULL);
}

static struct retry_decision decide(struct job_core *item, const struct err *e, const char *cause)
{
    if (!item->kind)
        return (struct retry_decision){.verdict = RETRY_DEAD};
    struct retry_rule rule = retry_policy_rule(item->kind->ctx.kind, &item->job);
    enum cause_policy policy;
    if (cause_policy_of(item->kind->ctx.kind, cause, &policy))
        return retry_policy_by_cause(policy, item->job.attempts, item->job.handbacks, &rule,
                                     erand48(item->worker->runner.seed));
    return retry_policy_decide(err_class(e->code), item->job.attempts, &rule, erand48(item->worker->runner.seed));
}

void job_end_fail(struct job_core *item, const struct err *e, const char *cause, const char *detail_json)
{
    if (!cause)
        cause = cause_of(e->code);
    struct retry_decision decision = decide(item, e, cause);
    decision.delay_ms = MAX_OF(decision.delay_ms, item->retry_after_ms);
    log_failure(item, e, cause, &decision);
    if (e->code == ERR_BAD_REPLY && item->kind && item->kind->score)
        atomic_fetch_add_explicit(&item->kind->score->bad_replies, 1, memory_order_relaxed);
    if (err_class(e->code) == ERR_CLASS_FATAL) { /* whatever becomes of the job: this build or machine cannot do it */
        item->worker->exit_code = WORKER_EXIT_FATAL;
        fetch_stop(item->worker);
    }
    switch (decision.verdict) {
    case RETRY_STOP_WORKER:
        job_end_return(item, 0, "fatal");
        return;
    case RETRY_AGAIN:
    case RETRY_LANE:
    case RETRY_FREE:
        snprintf(item->b, sizeof item->b, "%lld", (long long)decision.delay_ms);
        end_with(item, decision.verdict == RETRY_AGAIN  ? FINISH_RETRY
                       : decision.verdict == RETRY_LANE ? FINISH_LANE
                                                        : FINISH_FREE,
                 error_record(item, e, cause, detail_json));
        return;
    case RETRY_DEAD:
        job_fingerprint(item->b, item->job.kind, cause, e->code, e->message);
        end_with(item, FINISH_DEAD, error_record(item, e, cause, detail_json));
        return;
    }
}

bool job_end_free(struct job_core *item, const struct err *e)
{
    int64_t delay_ms;
    if (!retry_policy_free(e->code, item->job.handbacks, &delay_ms))
        return false;
    bool host = e->code == ERR_NO_DESCRIPTORS;
    log_job(item->job.id, item->job.kind, item->job.traceparent);
    log_info(host ? "job handed back at no cost: its host is short of descriptors" : "job handed back at no cost: its store failed", KV_S("code", err_name(e->code)), KV_S("why", e->message),
             KV_I("epoch", item->job.epoch), KV_I("handbacks", item->job.handbacks + 1), KV_I("delay_ms", delay_ms));
    log_job(NULL, NULL, NULL);
    job_end_return(item, delay_ms, host ? "no_descriptors" : "store_away");
    return true;
}

void job_end_snooze(struct job_core *item, int64_t delay_ms, const char *reason)
{
    log_end(item, LOG_INFO, "job snoozed", reason);
    snprintf(item->b, sizeof item->b, "%lld", (long long)MAX_OF(delay_ms, INT64_C(0)));
    end_with(item, FINISH_SNOOZE, alloc_dup(reason));
}

void job_end_cancelled(struct job_core *item)
{
    log_end(item, LOG_INFO, "job cancelled", "cancelled");
    end_with(item, FINISH_CANCELLED, alloc_dup("requested"));
}

void job_end_return(struct job_core *item, int64_t delay_ms, const char *reason)
{
    item->return_reason = reason;
    item->return_delay_ms = delay_ms;
    job_batch_move(&item->worker->batch, item, JOB_EV_RETURN);
    fetch_pump_soon(item->worker);
}

void job_end_count(const struct job_core *item, bool fenced)
{
    struct score_kind *score = item->kind ? item->kind->score : NULL;
    if (!score)
        return;
    _Atomic uint64_t *const by_op[FINISH_OP_COUNT] = {
        [FINISH_ACK] = &score->done,      [FINISH_DONE] = &score->done,       [FINISH_RETRY] = &score->retried,
        [FINISH_LANE] = &score->retried,  [FINISH_FREE] = &score->handed_back,
        [FINISH_DEAD] = &score->dead,     [FINISH_SNOOZE] = &score->snoozed,  [FINISH_CANCELLED] = &score->cancelled,
    };
    _Atomic uint64_t *counter = fenced ? &score->fenced : by_op[item->op];
    if (item->state == JOB_RETURNING)
        counter = &score->handed_back;
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}
