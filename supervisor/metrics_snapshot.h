/*
 * metrics_snapshot - every number the metrics thread shows, taken from the scoreboard at one moment.
 *
 * Runs in: supervisor's metrics thread. Pure: reads shared atomics; time is an argument.
 * Owner: the caller (about 60 KB: heap). Counters are sums over worker slots and only grow: a slot keeps counting over
 * restarts.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "queue_stats.h"
#include "redis_info.h"
#include "scoreboard.h"

enum { METRICS_KINDS_MAX = 64 };

/* X(member of struct score_kind, outcome label) */
#define METRICS_OUTCOMES(X)                                                                                            \
    X(done, "done")                                                                                                    \
    X(retried, "retried")                                                                                              \
    X(dead, "dead")                                                                                                    \
    X(snoozed, "snoozed")                                                                                              \
    X(cancelled, "cancelled")                                                                                          \
    X(fenced, "fenced")                                                                                                \
    X(handed_back, "handed_back")

enum metrics_outcome {
#define X(member, name) METRICS_##member,
    METRICS_OUTCOMES(X)
#undef X
        METRICS_OUTCOME_COUNT
};

/* States of workers that do not run a phase. */
enum { METRICS_STATE_BACKOFF = PHASE_COUNT, METRICS_STATE_COUNT };

struct metrics_histogram {
    uint64_t sum_us;
    uint64_t counts[SCORE_BUCKETS]; /* one bucket each, not cumulative */
};

struct metrics_kind {
    char queue[QUEUE_MAX], kind[KIND_MAX];
    uint64_t outcomes[METRICS_OUTCOME_COUNT];
    uint64_t bad_replies;
    struct metrics_histogram run, wait;
};

struct metrics_queue_wait {
    char queue[QUEUE_MAX];
    struct metrics_histogram bands[BAND_COUNT];
};

struct metrics_restart {
    char cause[SCORE_CAUSE_NAME_MAX];
    uint64_t count;
};

struct metrics_pool {
    char name[QUEUE_MAX], queue[QUEUE_MAX];
    uint32_t states[METRICS_STATE_COUNT]; /* workers by phase; METRICS_STATE_BACKOFF: waiting to be started again */
    uint32_t live;                        /* processes that said READY and were not asked to stop */
    uint32_t away;                        /* of them: cannot reach Redis or PostgreSQL */
    uint32_t store;                       /* enum pg_condition some of those met; 0: they miss Redis */
    uint32_t stalled;                     /* of them: in a phase for longer than it can last */
    uint32_t desired;                     /* of this host */
    uint32_t demand;                      /* of the whole queue where the pool has a target_wait, else as desired */
    uint32_t min, max;                    /* of this host */
    bool scaled;                          /* it has a target_wait */
    int64_t wait_us;                      /* of a job that arrives now; -1: not known */
    int64_t target_wait_ms;
    bool stopped; /* given up after boot failures */
    uint64_t rss_bytes;
    struct metrics_restart restarts[SCORE_CAUSE_MAX];
    size_t n_restarts;
};

struct metrics_snapshot {
    char instance[INSTANCE_MAX];
    uint64_t taken_ms;   /* monotonic */
    uint64_t started_ms; /* monotonic; when the metrics thread started */
    uint64_t loop_ms;    /* monotonic; the supervisor's loop's last turn; 0: never */
    bool draining;
    bool redis_ready; /* the metrics thread's own connection; set by the caller, as all down to n_queues but pools */
    const char *redis_away;             /* borrowed: why it is not ready; may be NULL */
    const char *redis_refusal;          /* borrowed: the call it refuses and why; "" or NULL: none */
    const struct redis_info *redis_info; /* borrowed; NULL: not known */
    uint64_t redis_commands; /* workers' and the metrics thread's */
    struct metrics_histogram redis_rtt;
    const struct queue_stats *queues; /* borrowed */
    size_t n_queues;
    struct metrics_pool pools[CONF_POOL_MAX];
    size_t n_pools;
    struct metrics_kind kinds[METRICS_KINDS_MAX];
    size_t n_kinds;
    struct metrics_queue_wait waits[CONF_POOL_MAX];
    size_t n_waits;
};

/* Fills all that comes from the scoreboard; members set by the caller are zeroed. Rows beyond the maxima are left out.
 */
void metrics_snapshot_take(struct metrics_snapshot *s, const struct conf *conf, const struct scoreboard *board,
                           const char *instance, uint64_t now_ms);
/* "boot", "idle", … "backoff". Static storage. */
const char *metrics_state_name(size_t state);
