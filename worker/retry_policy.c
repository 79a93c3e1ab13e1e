/*
 * retry_policy - why: one page answers "what happens to a job that failed". Refuses to do it: the finish op is built by
 * job_end.c, and Redis has the last word (a job that asked to be cancelled ends as cancelled whatever is decided here).
 */
#include "retry_policy.h"

enum { RESOURCE_ATTEMPTS = 2 }; /* the first and once more */

struct retry_rule retry_policy_rule(const struct conf_kind *kind, const struct job *job)
{
    return (struct retry_rule){
        .attempts = job->max_attempts ? job->max_attempts : (uint32_t)kind->attempts,
        .backoff_ms = kind->backoff,
        .backoff_max_ms = kind->backoff_max,
    };
}

static struct retry_decision again_unless(uint32_t failures, uint32_t most, const struct retry_rule *rule, double random01)
{
    if (failures >= most)
        return (struct retry_decision){.verdict = RETRY_DEAD};
    return (struct retry_decision){
        .verdict = RETRY_AGAIN,
        .delay_ms = job_backoff_ms(rule->backoff_ms, rule->backoff_max_ms, failures, random01),
    };
}

struct retry_decision retry_policy_decide(enum err_class class_, uint32_t failures_before, const struct retry_rule *rule,
                                          double random01)
{
    uint32_t failures = failures_before == UINT32_MAX ? UINT32_MAX : failures_before + 1;
    switch (class_) {
    case ERR_CLASS_TRANSIENT:
        return again_unless(failures, rule->attempts, rule, random01);
    case ERR_CLASS_RESOURCE:
        return again_unless(failures, MIN_OF(rule->attempts, (uint32_t)RESOURCE_ATTEMPTS), rule, random01);
    case ERR_CLASS_PERMANENT:
        return (struct retry_decision){.verdict = RETRY_DEAD};
    case ERR_CLASS_FATAL:
        break;
    }
    return (struct retry_decision){.verdict = RETRY_STOP_WORKER};
}

struct retry_decision retry_policy_by_cause(enum cause_policy policy, uint32_t failures_before, uint32_t handbacks,
                                            const struct retry_rule *rule, double random01)
{
    struct retry_decision d = retry_policy_decide(ERR_CLASS_RESOURCE, failures_before, rule, random01);
    switch (policy) {
    case CAUSE_LANE:
        if (d.verdict == RETRY_AGAIN)
            d.verdict = RETRY_LANE;
        break;
    case CAUSE_QUARANTINE:
        return (struct retry_decision){.verdict = RETRY_DEAD};
    case CAUSE_FREE:
        return (struct retry_decision){
            .verdict = RETRY_FREE,
            .delay_ms = job_backoff_ms(rule->backoff_ms, rule->backoff_max_ms, MIN_OF(handbacks, 1000u) + 1, random01),
        };
    case CAUSE_ONCE:
    case CAUSE_POLICY_COUNT:
        break;
    }
    return d;
}

bool retry_policy_free(int code, uint32_t handbacks, int64_t *ret_delay_ms)
{
    static const struct {
        int code;
        uint32_t most;
    } free_codes[] = {
        {ERR_STORE_UNAVAILABLE, RETRY_FREE_UNAVAILABLE},
        {ERR_STORE_LOST, RETRY_FREE_LOST},
        {ERR_STORE_CONFLICT, RETRY_FREE_CONFLICT},
        {ERR_NO_DESCRIPTORS, RETRY_FREE_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_LEN(free_codes); i++) {
        if (free_codes[i].code != code || handbacks >= free_codes[i].most)
            continue;
        int64_t delay = RETRY_FREE_FIRST_MS;
        for (uint32_t k = 0; k < handbacks && delay < RETRY_FREE_MAX_MS; k++)
            delay *= 2;
        *ret_delay_ms = MIN_OF(delay, (int64_t)RETRY_FREE_MAX_MS);
        return true;
    }
    return false;
}

struct retry_decision retry_policy_unknown(uint32_t handbacks, int64_t grace_ms)
{
    int64_t waited = 0, delay = RETRY_UNKNOWN_FIRST_MS;
    for (uint32_t i = 0; i < handbacks && waited < grace_ms; i++) {
        waited += delay;
        delay = MIN_OF(delay * 2, (int64_t)RETRY_UNKNOWN_MAX_MS);
    }
    if (waited >= grace_ms)
        return (struct retry_decision){.verdict = RETRY_DEAD};
    return (struct retry_decision){.verdict = RETRY_AGAIN, .delay_ms = delay};
}

void retry_policy_timeouts(const struct conf_kind *kind, const struct job *job, int64_t *ret_hard_ms, int64_t *ret_soft_ms)
{
    int64_t hard = job->timeout_ms > 0 ? job->timeout_ms : kind->timeout;
    int64_t soft = kind->soft_timeout > 0 && kind->soft_timeout < hard ? kind->soft_timeout : hard - hard / 10;
    *ret_hard_ms = hard;
    *ret_soft_ms = soft;
}
