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
 * Between two fetches that gave a full batch of one band, a streak: what is done is told by stint_ack or stint_keep,
 * and the next batch read by XREADGROUP in the same write, with this consumer's gate beside the band. Redis refuses to
 * read without the gate (common/functions/45_gate.lua), so nothing that a fetch would have refused is claimed. A streak
 * ends with a batch that is not full, with anything else than entries for an answer, and FETCH_STREAK_MS after the last
 * fetch: so late at most, and a batch, is a job of a higher band noticed, but for express, which each read asks for
 * first. What an entry says beyond a first run is read by stint_adopt.
 *
 * In a streak of jobs that take little time the next batch is claimed ahead: before a batch is run, the one before it
 * is told and the one after it read, so that Redis and the handlers work at the same time (claim_ahead() in fetch.c
 * says why that is safe). No more is held then than could be run in the time that one batch should take.
 *
 * One turn is under way at a time: a call, or the two or three of a streak, pipelined. A process killed between two of
 * them leaves what a kill between two calls leaves. fetch_pump() looks at the facts (what is held, what was asked, what
 * is away) and does the next thing; every event only changes a fact and pumps, so no edge can be forgotten.
 *
 * A call that was not answered may have been carried out:
 *   - a finish is told again until it is answered; what it ended already is then simply fenced;
 *   - jobs that a lost fetch claimed are this consumer's but unknown to it: before it fetches again the worker hands
 * back everything pending for its name (stint_crash with blame ""), which is safe because at that point it holds
 * nothing. Half a minute later it looks once more: a call can lie in a cut network and arrive after the connection that
 * sent it is long gone.
 *
 * Of a queue with shards (shard_turn.h) one part at a time is worked on: it goes to another with nothing in hand and
 * nothing to hand back.
 */
#pragma once

#include "batch_size.h"
#include "complaint.h"
#include "fetch_call.h"
#include "kind.h"

struct worker;

/* What a turn is for; its commands are its parts. */
enum fetch_call { CALL_NONE, CALL_FETCH, CALL_FINISH, CALL_HANDBACK, CALL_RECLAIM, CALL_ADOPT };
enum fetch_part { PART_SHORT, PART_FINISH, PART_FETCH, PART_READ, PART_HANDBACK, PART_RECLAIM, PART_ADOPT };
enum { FETCH_PARTS_MAX = 8 };

/* A band that gave a full batch is read by Redis' own command for a while. */
struct fetch_streak {
    bool open; /* the last fetch opened our gate */
    enum band band;
    uint64_t fetched_ms; /* monotonic: that fetch */
    uint64_t
        shy_until_ms; /* monotonic: too many entries were not plain, or the server refuses the command: not before */
};

struct fetch {
    enum fetch_call call;                   /* under way */
    enum fetch_part parts[FETCH_PARTS_MAX]; /* its commands, answered in this order */
    uint32_t n_parts, n_answered;
    bool reset_due;         /* one of them was answered with what a new connection is needed for */
    struct fetch_args args; /* scratch for their arguments */
    uint32_t asked;         /* max of that call; 0: it claims nothing */
    struct fetch_streak streak;
    struct fetch_odd *odd; /* owned: claimed entries that a Function has to read, not jobs of the batch yet */
    size_t n_odd, n_adopting, odd_cap;
    uint64_t turn;        /* raised by one a call (band order) */
    uint64_t slow_at_ms;  /* monotonic: when the active job holds the others up too long; 0: it does not */
    bool pumping;         /* inside fetch_pump: ends of runs need not pump */
    bool stopping, quiet; /* told to */
    bool parked;          /* the queue was empty: waits for a wake-up */
    bool more;            /* … or had more, and the worker's turn at it is over */
    bool woken;           /* a wake-up came while a call was under way */
    bool orphans;         /* a claiming call went unanswered */
    uint64_t late_ms; /* monotonic: such a call may still arrive until then, so it is looked for once more; 0: none */
    uint32_t fenced;  /* fetches in a row refused because this host has no lease: its supervisor must beat first */
    bool said_idle;
    uint32_t failures; /* calls refused in a row */
    struct complaint complaint;
    uint64_t retry_at_ms;  /* monotonic: no call before */
    uint64_t first_end_ms; /* monotonic: when the oldest untold end happened; 0: none */
    struct batch_size size;
    uv_timer_t timer;   /* the nearest of the times above */
    uv_idle_t kick;     /* pump in the next turn of the loop */
    uint64_t jobs_done; /* ended in this process, for recycling */
};

enum {
    FETCH_FENCED_FIRST_MS = 10, /* the supervisor beats when told (IPC_FENCED) */
    FETCH_FENCED_MS = 200,      /* it cannot: Redis does not answer it either */
    FETCH_LIMITED_MS = 50,      /* rate limited: ask again */
    FETCH_RETRY_FIRST_MS = 100,
    FETCH_RETRY_MAX_MS = 2000,
    FETCH_LATE_MS = 30000, /* a lost call can come out of a proxy or a repaired network so much later */
    FETCH_STREAK_MS = 50,  /* a band is read alone for so long; then all bands, due jobs and limits are looked at */
    FETCH_SHY_MS = 1000,
    FETCH_ODD_SHARE = 8, /* more than one entry in so many that is not plain: reading natively does not pay */
    FETCH_ADOPT_MAX = 100,
    FETCH_TELL_AFTER_MS = 20, /* an end is told at latest so long after, although the batch goes on */
    FETCH_SLOW_MS = 250,      /* a batch stuck on one job so long gives its unstarted jobs back */
    FETCH_SLICE_MS = 10,      /* the loop gets a turn at least so often */
    FETCH_HANDBACK_MAX = 100,
    FETCH_INLINE_MAX = 4096,         /* INLINE_MAX of the Functions: a larger payload is in the job hash */
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
