/*
 * wait_queues - the wait models of each queue that matches people, how far its feed was read, and who publishes what
 * they say.
 *
 * Runs in: supervisor's metrics thread. Data only; wait_watch_uv owns and fills it, wait_desk_uv keeps the desks,
 * wait_routes and metrics_match read it.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "wait_notice.h"
#include "wait_pools.h"

enum { WAIT_QUEUES_MAX = 8 };

/* A pool's publication: ours while epoch is not 0, else another supervisor's. */
struct wait_desk {
    uint64_t epoch;             /* of our lease; 0: none */
    char holder[INSTANCE_MAX];  /* who publishes, as far as was heard; "": nobody */
    char *json;                 /* owned: what was published last, NULL when nothing was heard; foreign bytes */
    int64_t age_ms;             /* of it, when it was heard of */
    uint64_t heard_ms;          /* monotonic; of the last answer */
    uint64_t asked_ms;          /* monotonic; of the last question */
    uint64_t kept_ms;           /* monotonic; when the model was kept last */
    bool asking;                /* an answer is under way */
    char counted[ENTRY_ID_MAX]; /* entries of the feed up to this one were counted before the restart; "": none */
    struct wait_notice *notice; /* owned; NULL until somebody asks to be told */
    uint64_t notices;           /* told by this process */
    uint64_t conflicts, stale;  /* rounds the matchers played again, cycles that came too late; of the feed */
};

struct wait_queue {
    char queue[QUEUE_MAX];
    char last[ENTRY_ID_MAX];                /* last entry of the feed that was read */
    bool asked_kept;                        /* what was kept is under way … */
    bool open;                              /* … or known: the feed may be read */
    bool caught_up;                         /* the feed was read to its end once: what is known is of the present */
    uint64_t read_ms;                       /* monotonic; when the feed was read to its end, or the queue was added */
    struct wait_pools pools;                /* owned */
    struct wait_desk desks[WAIT_POOLS_MAX]; /* of pools.pools, by number */
};

struct wait_queues {
    struct wait_queue queues[WAIT_QUEUES_MAX];
    size_t n;
    uint64_t refused;  /* entries that were no events */
    uint64_t lease_ms; /* how long a publication holds the pool */
};

/* Whether this process holds the pool's lease now. */
static inline bool wait_desk_publishes(const struct wait_queues *waits, const struct wait_desk *d, uint64_t mono_ms)
{
    return d->epoch != 0 && mono_ms - d->heard_ms < waits->lease_ms;
}

/* How old the last publication heard of is, ms; -1: none was. */
static inline int64_t wait_desk_age_ms(const struct wait_desk *d, uint64_t mono_ms)
{
    return d->json == NULL || d->age_ms < 0 ? -1 : d->age_ms + (int64_t)(mono_ms - d->heard_ms);
}
