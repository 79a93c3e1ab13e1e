/*
 * fetch - the cycle of a worker: claim, run, tell and claim again in one round trip.
 *
 * Runs in: worker. Thread: loop only. Owner: struct worker.
 *
 *                        IPC_WAKE                    jobs                 all ended
 *        ┌──► parked ────────────► stint_fetch ────────────► running ────────────────► stint_finish(+ next fetch) ─┐
 *        │  (IPC_IDLE said)            │  ▲                     │  unstarted ones                                  │
 *        └──────── empty ──────────────┘  │                     └───────────► stint_handback                       │
 *                                         └──────────────────────── jobs, or empty ◄────────────────────────────────┘
 *
 * One call of a Function is under way at a time. fetch_pump() looks at the facts (what is held, what was asked, what is away)
 * and does the next thing; every event only changes a fact and pumps, so no edge can be forgotten.
 *
 * A call that was not answered may have been carried out:
 *   - a finish is told again until it is answered; what it ended already is then simply fenced;
 *   - jobs that a lost fetch claimed are this consumer's but unknown to it: before it fetches again the worker hands back everything
 *     pending for its name (stint_crash with blame ""), which is safe because at that point it holds nothing. Half a minute later
 *     it looks once more: a call can lie in a cut network and arrive after the connection that sent it is long gone.
 *
 * Of a queue with shards (shard_turn.h) one part at a time is worked on: it goes to another with nothing in hand and nothing to hand back.
 */
#pragma once

#include "batch_size.h"
#include "complaint.h"
#include "fetch_call.h"
#include "kind.h"

struct worker;

struct fetch {
    enum fetch_call call;    /* under way */
    struct fetch_args args;  /* scratch for its arguments */
    uint32_t asked;          /* max of that call; 0: it claims nothing */
    uint64_t turn;           /* raised by one a call (band order) */
    uint64_t slow_at_ms;     /* monotonic: when the active job holds the others up too long; 0: it does not */
    bool pumping;            /* inside fetch_pump: ends of runs need not pump */
    bool stopping, quiet;    /* told to */
    bool parked;             /* the queue was empty: waits for a wake-up */
    bool woken;              /* a wake-up came while a call was under way */
    bool orphans;            /* a claiming call went unanswered */
    uint64_t late_ms;        /* monotonic: such a call may still arrive until then, so it is looked for once more; 0: none */
    uint32_t fenced;         /* fetches in a row refused because this host has no lease: its supervisor must beat first */
    bool said_idle;
    uint32_t failures;       /* calls refused in a row */
    struct complaint complaint;
    uint64_t retry_at_ms;    /* monotonic: no call before */
    uint64_t first_end_ms;   /* monotonic: when the oldest untold end happened; 0: none */
    struct batch_size size;
    uv_timer_t timer;        /* the nearest of the times above */
    uv_idle_t kick;          /* pump in the next turn of the loop */
    uint64_t jobs_done;      /* ended in this process, for recycling */
};

enum {
    FETCH_FENCED_FIRST_MS = 10, /* the supervisor beats when told (IPC_FENCED) */
    FETCH_FENCED_MS = 200,    /* it cannot: Redis does not answer it either */
    FETCH_LIMITED_MS = 50,    /* rate limited: ask again */
    FETCH_RETRY_FIRST_MS = 100,
    FETCH_RETRY_MAX_MS = 2000,
    FETCH_LATE_MS = 30000,    /* a lost call can come out of a proxy or a repaired network so much later */
    FETCH_TELL_AFTER_MS = 20, /* an end is told at latest so long after, although the batch goes on */
    FETCH_SLOW_MS = 250,      /* a batch stuck on one job so long gives its unstarted jobs back */
    FETCH_SLICE_MS = 10,      /* the loop gets a turn at least so often */
    FETCH_HANDBACK_MAX = 100,
    FETCH_UNKNOWN_GRACE_MS = 300000, /* when there is no [kind.default] */
};

/* Makes the batch and the cycle's handles; the kinds must be open. */
void fetch_init(struct worker *w);
/* Closes the handles; fetch_fini frees the rest once the loop has ended. */
void fetch_close(struct worker *w);
void fetch_fini(struct worker *w);
/* Does what is to be done next. Cheap when there is nothing. */
void fetch_pump(struct worker *w);
/* The same in the next turn of the loop; for callers inside a handler's call. */
void fetch_pump_soon(struct worker *w);
/* Sends a progress report of a job in hand, without waiting for an answer; dropped while Redis is away. */
void fetch_tell_progress(struct worker *w, const char *id, const char *epoch, const char *percent, const char *message);
/* Redis became ready or was lost. */
void fetch_redis_state(struct worker *w, bool ready);
/* There may be work in a part of the queue (IPC_WAKE's text). */
void fetch_wake(struct worker *w, const char *part);
/* Stop fetching for good and end the loop when nothing is in hand; or for now; or go on. */
void fetch_stop(struct worker *w);
void fetch_quiet(struct worker *w, bool quiet);
