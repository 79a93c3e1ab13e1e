/*
 * retry_policy - where a retry is decided.
 *
 * Runs in: worker. Pure: no I/O, no clock, randomness is an argument.
 *
 *   class of the error   what happens
 *   transient            again after a backoff with full jitter, until the job failed `attempts` times; then dead
 *   permanent            dead at once
 *   resource             once more, then dead (and never more often than `attempts` allows)
 *   fatal                the worker stops, the job is handed back at no cost
 *
 * A cause with a policy of its own in [kind.NAME] (common/cause_policy.h: a limit, a dead cell, a parser that does not
 * start) is decided by that instead: once as resource, lane the same but in the lane, quarantine dead, free for nothing.
 * Before that, whatever the class: a store that is away costs nothing (retry_policy_free).
 */
#pragma once

#include "base.h"
#include "cause_policy.h"
#include "conf.h"
#include "err.h"
#include "job.h"

/* What holds for one job: its own options first, then [kind.NAME]. */
struct retry_rule {
    uint32_t attempts;      /* most handler failures before dead */
    int64_t backoff_ms;     /* first delay, doubling */
    int64_t backoff_max_ms; /* longest delay */
};

enum retry_verdict {
    RETRY_AGAIN, /* after delay_ms */
    RETRY_LANE,  /* the same, in the lane if it is served */
    RETRY_FREE,  /* after delay_ms, not counted */
    RETRY_DEAD,
    RETRY_STOP_WORKER,
};

struct retry_decision {
    enum retry_verdict verdict;
    int64_t delay_ms; /* valid for RETRY_AGAIN, RETRY_LANE and RETRY_FREE */
};

/* A store that is away is not the job's fault: it is handed back, waits 250 ms, 500 ms … 30 s by its hand-backs so far, and pays
 * nothing. Yet nothing is free for ever: beyond these hand-backs the failure counts as an attempt. A session lost or a statement
 * too slow may be the job's own doing, and so may a conflict: those are free less often. */
enum {
    RETRY_FREE_UNAVAILABLE = 100, /* STORE_UNAVAILABLE: at least 45 minutes of failures, the time the gate was shut not counted */
    RETRY_FREE_LOST = 10,         /* STORE_LOST: two minutes */
    RETRY_FREE_CONFLICT = 10,     /* STORE_CONFLICT */
    RETRY_FREE_FIRST_MS = 250,
    RETRY_FREE_MAX_MS = 30000,
};
/* True when a failure with this code is free: hand back after *ret_delay_ms. handbacks: the job's so far. */
bool retry_policy_free(int code, uint32_t handbacks, int64_t *ret_delay_ms);

/* The rule for this job: its own options win over its kind's. */
struct retry_rule retry_policy_rule(const struct conf_kind *kind, const struct job *job);

/* failures_before: the job's attempts before this one. random01 in [0,1). */
struct retry_decision retry_policy_decide(enum err_class class_, uint32_t failures_before, const struct retry_rule *rule,
                                          double random01);

/* The same for a cause that has a policy. handbacks: the job's so far; what comes back free waits longer each time. */
struct retry_decision retry_policy_by_cause(enum cause_policy policy, uint32_t failures_before, uint32_t handbacks,
                                            const struct retry_rule *rule, double random01);

enum { RETRY_UNKNOWN_FIRST_MS = 1000, RETRY_UNKNOWN_MAX_MS = 30000 };

/* A kind this worker does not run: hand back for a newer worker, waiting 1 s, 2 s, 4 s … 30 s by the hand-backs so far; dead
 * once those waits add up to grace_ms. */
struct retry_decision retry_policy_unknown(uint32_t handbacks, int64_t grace_ms);

/* How long a job may run, ms: the job's own timeout, else the kind's; and when the handler is asked to stop: the kind's
 * soft_timeout when it is shorter than that, else nine tenths. */
void retry_policy_timeouts(const struct conf_kind *kind, const struct job *job, int64_t *ret_hard_ms, int64_t *ret_soft_ms);
