/*
 * health - is the supervisor alive, and is it able to run jobs? Decided from a snapshot alone.
 *
 * Runs in: supervisor's metrics thread. Pure: no I/O; time is the snapshot's.
 *
 *   /healthz  the supervisor's loop turns and its workers' fetches come back: if not, restarting is the remedy
 *   /readyz   jobs given to it now would be taken and run: if not, every reason is told
 *
 * A store that is away is no reason for /healthz: a restart brings nothing back and costs the jobs in hand.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "metrics_snapshot.h"

/* X(id, code in JSON) */
#define HEALTH_REASONS(X)                                                                                              \
    X(SUPERVISOR_STALLED, "supervisor_stalled") /* its loop does not turn */                                           \
    X(DRAINING, "draining")                     /* it is about to end */                                               \
    X(REDIS_AWAY, "redis_away")                 /* no connection, or no answers */                                     \
    X(REDIS_FULL, "redis_full")                 /* no job can be enqueued */                                           \
    X(REDIS_EVICTS, "redis_evicts")             /* it may delete jobs */                                               \
    X(REDIS_NOT_SAVING, "redis_not_saving")     /* it cannot write its file */                                         \
    X(POOL_STOPPED, "pool_stopped")             /* given up after boot failures */                                     \
    X(POOL_NOT_UP, "pool_not_up")               /* no worker has become ready */                                       \
    X(STORAGE_AWAY, "storage_away")             /* all workers wait for Redis or PostgreSQL */                         \
    X(FETCH_STALLED, "fetch_stalled")           /* no worker completes a round trip or a job in its time */

enum health_reason_code {
#define X(id, name) HEALTH_##id,
    HEALTH_REASONS(X)
#undef X
        HEALTH_REASON_COUNT
};

enum { HEALTH_REASONS_MAX = 6 + CONF_POOL_MAX, HEALTH_TEXT_MAX = 640 };

struct health_reason {
    enum health_reason_code code;
    char pool[QUEUE_MAX];         /* "" when it is about no pool */
    char detail[HEALTH_TEXT_MAX]; /* for people: what and what to do */
};

struct health {
    struct health_reason reasons[HEALTH_REASONS_MAX];
    size_t n; /* 0: well */
};

/* Fills ret with what a restart would mend: the loop does not turn, a pool's workers live and none of them fetches. */
void health_live(const struct metrics_snapshot *s, const struct conf *conf, struct health *ret);
/* Fills ret with all that speaks against being ready: at most one reason per pool, the gravest. */
void health_ready(const struct metrics_snapshot *s, const struct conf *conf, struct health *ret);
/* "redis_away", … Static storage. */
const char *health_reason_name(enum health_reason_code code);

struct buf;
/* JSON of the reasons: [{"code","pool"?,"detail"}]. As buf fails. */
int health_json(const struct health *h, struct buf *out);
