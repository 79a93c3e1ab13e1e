/*
 * autoscale - how many workers a pool should have now, and why.
 *
 * Runs in: supervisor. Pure: no I/O, no clock; what it remembers is in struct autoscale_state.
 *
 * 1. Demand of the queue: the fewest workers, over all hosts and pools that serve it, with which the wait stays at
 * target_wait (queueing.h: Little's law, Erlang C, the backlog). When every worker is busy and the oldest job has
 * waited for longer than the target all the same, one more than there are: the model is wrong then, not the clock.
 * 2. Share of this pool: every host knows the same members (the queue's registry) and the same counters (Redis'), so
 * each computes the whole division and takes its own part: everybody their least number, then one at a time to whoever
 * has fewest and may have more, ties by name. They agree without asking each other, and for one worker more only one of
 * them starts one.
 * 3. Up at once, but at most to twice what there is, only when those there are ready and busy, and only as far as
 * memory and CPU allow. Down one at a time, an idle one, when less has been enough for scale_down_after without a
 * break, with KEEP_PERCENT of the arrivals in reserve. So a demand that goes up and down keeps the number it needs at
 * its height. Held where more or fewer workers would be the wrong answer: nothing is known, the queue is paused, the
 * pool is quiet, its workers do not start, an operator set the number.
 */
#pragma once

#include "base.h"
#include "queueing.h"

enum {
    AUTOSCALE_ID_MAX = INSTANCE_MAX + QUEUE_MAX,
    AUTOSCALE_MEMBERS_MAX = 512,
    AUTOSCALE_TEXT_MAX = 320,
    AUTOSCALE_KEEP_PERCENT = 120, /* of the arrivals must still be served in time before a worker goes */
};

/* A pool of a host that serves the queue; one that is not scaled has min = max = workers. */
struct autoscale_member {
    char id[AUTOSCALE_ID_MAX]; /* "instance/pool": the same order on every host */
    uint32_t workers, min, max;
};

/* All that is decided from. */
struct autoscale_view {
    uint64_t now_ms;
    double target_s, down_after_s;
    bool known;                             /* the queue's numbers are there and fresh */
    bool paused;                            /* the queue */
    struct queueing_load load;              /* service_s < 0: not known */
    double oldest_s;                        /* age of the oldest ready job */
    const struct autoscale_member *members; /* sorted by autoscale_sort */
    size_t n_members, self;
    uint32_t desired;     /* wanted in this pool now */
    uint32_t ready, idle; /* of its workers; idle: ready and without a job */
    uint32_t max;         /* of this pool by configuration; members[self].max may be lower, for want of memory or CPU */
    bool no_memory, no_cpu;      /* members[self].max is lower because of … */
    bool manual, quiet, failing; /* an operator set the number; fetches nothing; its workers do not start */
};

struct autoscale_state {
    uint64_t low_since_ms; /* less would have been enough since then; 0: it would not */
};

/* X(name, word in status, changes the number, sentence) */
#define AUTOSCALE_REASONS(X)                                                                                           \
    X(STEADY, "steady", "enough")                                                                                      \
    X(UP, "up", "more are needed to keep the wait below the target")                                                   \
    X(DOWN, "down", "fewer have been enough for scale_down_after")                                                     \
    X(COOLING, "cooling", "fewer would do; waiting for scale_down_after")                                              \
    X(BUSY, "busy", "fewer would do, but none is idle")                                                                \
    X(STARTING, "starting", "more are needed; waiting until those that start are ready")                               \
    X(IDLE, "idle", "more would be needed, but one here is idle: it is not for want of workers that jobs wait")        \
    X(AT_MAX, "at_max", "more are needed than workers_max allows")                                                     \
    X(MEMORY, "memory", "more are needed, but there is no memory for them")                                            \
    X(CPU, "cpu", "more are needed, but the CPU quota is used up")                                                     \
    X(BOUNDS, "bounds", "brought inside workers_min and workers_max")                                                  \
    X(MANUAL, "manual", "set by hand; \"stint worker scale POOL auto\" or a reload gives it back")                     \
    X(UNKNOWN, "unknown", "held: the queue's numbers are not known")                                                   \
    X(PAUSED, "paused", "held: the queue is paused")                                                                   \
    X(QUIET, "quiet", "held: the pool is quiet")                                                                       \
    X(FAILING, "failing", "held: its workers do not start")

enum autoscale_reason {
#define X(name, word, sentence) AUTOSCALE_##name,
    AUTOSCALE_REASONS(X)
#undef X
        AUTOSCALE_REASON_COUNT
};

struct autoscale_decision {
    uint32_t desired; /* of this pool */
    uint32_t demand;  /* of the whole queue, over all hosts, bounded by nothing but workers_min */
    double wait_s;    /* of a job that arrives now, with the workers there are; < 0: not known */
    enum autoscale_reason reason;
    bool short_of_workers; /* more are needed than may be: AT_MAX, MEMORY or CPU */
};

/* Sorts by id. */
void autoscale_sort(struct autoscale_member *members, size_t n);
/* members[self]'s part of the demand. */
uint32_t autoscale_share(const struct autoscale_member *members, size_t n, size_t self, uint32_t demand);
/* What to do now. */
struct autoscale_decision autoscale_decide(struct autoscale_state *s, const struct autoscale_view *v);
/* "up", …; static storage. */
const char *autoscale_reason_name(enum autoscale_reason reason);
/* The decision for people: reason, then the numbers it was made from. Returns ret. */
const char *autoscale_text(const struct autoscale_decision *d, const struct autoscale_view *v,
                           char ret[static AUTOSCALE_TEXT_MAX]);
