/*
 * health - is the supervisor alive, and is it able to run jobs? Decided from a snapshot alone.
 *
 * Runs in: supervisor's metrics thread. Pure: no I/O; time is the snapshot's.
 *
 *   /healthz  the supervisor's loop turns: if not, restarting the process is the remedy
 *   /readyz   jobs given to it now would run: if not, every reason is told
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

enum { HEALTH_REASONS_MAX = 3 + CONF_POOL_MAX, HEALTH_TEXT_MAX = 256 };

struct health_reason {
    enum health_reason_code code;
    char pool[QUEUE_MAX];         /* "" when it is about no pool */
    char detail[HEALTH_TEXT_MAX]; /* for people: what and what to do */
};

struct health {
    struct health_reason reasons[HEALTH_REASONS_MAX];
    size_t n; /* 0: well */
};

/* Fills ret with what speaks against the loop being alive (at most one reason). */
void health_live(const struct metrics_snapshot *s, const struct conf *conf, struct health *ret);
/* Fills ret with all that speaks against being ready: at most one reason per pool, the gravest. */
void health_ready(const struct metrics_snapshot *s, const struct conf *conf, struct health *ret);
/* "redis_away", … Static storage. */
const char *health_reason_name(enum health_reason_code code);

struct buf;
/* JSON of the reasons: [{"code","pool"?,"detail"}]. As buf fails. */
int health_json(const struct health *h, struct buf *out);
