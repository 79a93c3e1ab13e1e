/*
 * scoreboard - the shared page where every worker says what it is doing.
 *
 * Runs in: supervisor (owner, creates the memfd), its metrics thread (reads), workers (write their own cell only).
 * Rule: one writer per cache line. `struct score_now` is written under a sequence lock; counters are relaxed atomics that
 * only grow; when a worker is replaced its successor goes on counting in the same cell.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include <stdatomic.h>
#include "kind_defaults.h"

enum { SCORE_SLOT_MAX = 256, SCORE_KIND_MAX = 16, SCORE_BUCKETS = 16, SCORE_MAGIC = 0x73746e37 };
enum { SCORE_POOL_MAX = 32, SCORE_CAUSE_MAX = 24, SCORE_CAUSE_NAME_MAX = 32 };

/* Upper bounds of the histogram buckets in ms; the last is +Inf. */
extern const uint32_t score_bucket_ms[SCORE_BUCKETS - 1];

enum worker_phase {
    PHASE_BOOT,   /* executing, not READY */
    PHASE_IDLE,   /* waits for the doorbell */
    PHASE_FETCH,  /* a fetch is under way */
    PHASE_RUN,    /* a job's handler runs: score_now's job fields are valid */
    PHASE_FINISH, /* the job's end is being told to Redis */
    PHASE_AWAY,   /* Redis or PostgreSQL cannot be reached: waits to reconnect */
    PHASE_QUIET,  /* told not to fetch */
    PHASE_STOP,   /* finishing up */
    PHASE_COUNT
};

/* What a worker does right now. Copied in and out whole under the cell's sequence number. */
struct score_now {
    uint32_t phase;           /* enum worker_phase */
    uint32_t running;         /* jobs being run together: 0, 1, or the size of a whole-batch round */
    uint64_t since_ms;        /* monotonic; when the phase was entered */
    uint64_t hard_deadline_ms; /* monotonic; 0: none. The supervisor kills past it */
    uint64_t epoch;           /* of the job, when running == 1 */
    uint64_t cpu_start_us;    /* CPU time this process had used when the job began */
    uint32_t band;            /* enum band, when running == 1 */
    uint32_t store;           /* enum pg_condition, in PHASE_AWAY: what is wrong with PostgreSQL; 0: Redis is away */
    char entry[ENTRY_ID_MAX]; /* stream entry id, when running == 1 */
    char job_id[JOB_ID_MAX];
    char kind[KIND_MAX];      /* valid when running >= 1 */
    char trace[TRACE_MAX];
};

/* Counters of one kind in one cell. Relaxed atomics, worker writes. */
struct score_kind {
    char name[KIND_MAX];            /* written once before `used` is set */
    _Atomic uint32_t used;
    _Atomic uint64_t done, retried, dead, snoozed, cancelled, fenced, handed_back;
    _Atomic uint64_t bad_replies;   /* replies of a child that were refused */
    _Atomic uint64_t run_us_sum;    /* handler wall time */
    _Atomic uint64_t run_count[SCORE_BUCKETS];
    _Atomic uint64_t wait_us_sum;   /* from enqueue (or due time) to start */
    _Atomic uint64_t wait_count[SCORE_BUCKETS];
};

struct score_cell {
    /* worker writes */
    _Alignas(CACHE_LINE) _Atomic uint32_t seq; /* odd while score_now is being written */
    struct score_now now;
    _Alignas(CACHE_LINE) _Atomic uint64_t fetches; /* completed fetch round trips */
    _Atomic uint64_t last_fetch_ms;                /* monotonic; 0: never */
    _Atomic uint64_t alive_ms;                     /* monotonic; when it last answered its supervisor; 0: never */
    _Atomic uint32_t part;                         /* of its queue (shard.h) it fetches from, set before it does: what it holds is of there */
    _Atomic uint64_t redis_commands, redis_rtt_us_sum;
    _Atomic uint64_t redis_rtt_count[SCORE_BUCKETS];
    _Atomic uint64_t jobs_run;                     /* since this process started; recycling counts these */
    _Atomic uint64_t busy_us;                      /* time with at least one job in hand, up to the end of the last that ended */
    _Atomic uint64_t band_wait_us_sum[BAND_COUNT]; /* from enqueue (or due time) to start, by band, all kinds together */
    _Atomic uint64_t band_wait_count[BAND_COUNT][SCORE_BUCKETS];
    struct score_kind kinds[SCORE_KIND_MAX];
    /* supervisor writes */
    _Alignas(CACHE_LINE) _Atomic int32_t pid;      /* 0: slot empty */
    _Atomic uint32_t slot_state;                   /* enum slot_state of supervisor/slot_fsm.h */
    _Atomic uint32_t generation;                   /* processes started in this slot; not 0 (acquire): `pool` can be read */
    _Atomic uint64_t restarts;
    _Atomic uint64_t rss_bytes;
    char pool[QUEUE_MAX];                          /* written before the first process starts */
};

/* What the supervisor says of itself and of a pool as a whole: for the metrics thread. Relaxed atomics, supervisor writes. */
struct score_pool {
    char name[QUEUE_MAX];      /* written once before `used` is set */
    _Atomic uint32_t used;
    _Atomic uint32_t desired;  /* workers wanted now */
    _Atomic uint32_t stopped;  /* 1: given up after boot failures; nothing is started until an operator says so */
    _Atomic uint32_t scaled;   /* 1: it has a target_wait, and the next four are known */
    _Atomic uint32_t demand;   /* workers the whole queue needs, over all hosts */
    _Atomic uint32_t min, max; /* of this host's pool */
    _Atomic int64_t wait_us;   /* of a job that arrives now; -1: not known */
    struct {
        char cause[SCORE_CAUSE_NAME_MAX]; /* written once before `used` is set */
        _Atomic uint32_t used;
        _Atomic uint64_t count;           /* workers started in the place of one that ended so */
    } restarts[SCORE_CAUSE_MAX];
};

struct score_supervisor {
    _Alignas(CACHE_LINE) _Atomic uint64_t loop_ms; /* monotonic; the loop's last turn, at least every heartbeat; 0: never */
    _Atomic uint32_t draining;                     /* 1: it is about to end */
    struct score_pool pools[SCORE_POOL_MAX];
    _Atomic uint32_t stirred[CONF_LISTED_MAX]; /* raised when something happens in a listed queue (struct conf_listed)
                                                  here: its numbers are worth a look */
};

struct scoreboard {
    uint32_t magic, n_slots;
    struct score_supervisor supervisor;
    struct score_cell cells[SCORE_SLOT_MAX];
};

/* A new memfd (close-on-exec) mapped read-write. ret_fd is the caller's. */
int scoreboard_new(struct scoreboard **ret_board, int *ret_fd);
/* Maps an inherited descriptor; -EBADMSG when it is not a scoreboard. */
int scoreboard_map(int fd, struct scoreboard **ret_board);
void scoreboard_free(struct scoreboard *board); /* unmaps */

/* Worker: publish. Supervisor and metrics thread: a consistent copy; false when the writer died in mid-write (copy then holds
 * what was there; the supervisor treats running as unknown). */
void score_publish(struct score_cell *cell, const struct score_now *now);
bool score_read(const struct score_cell *cell, struct score_now *ret_now);
/* When the worker last showed that it lives, by a completed fetch or an answer to its supervisor; monotonic ms, 0: never. */
uint64_t score_alive_ms(const struct score_cell *cell);
/* The cell's counters for a kind, claimed on first use; NULL when SCORE_KIND_MAX kinds are taken. */
struct score_kind *score_kind(struct score_cell *cell, const char *kind);
/* Adds one observation of us microseconds. */
void score_observe(_Atomic uint64_t *sum, _Atomic uint64_t counts[static SCORE_BUCKETS], uint64_t us);
/* Supervisor: the row of a pool, claimed on first use; NULL when SCORE_POOL_MAX pools are taken. */
struct score_pool *score_pool(struct scoreboard *board, const char *pool);
/* Supervisor: counts a worker of the pool started anew because the one before ended of `cause`; "other" when the rows are full. */
void score_restart(struct score_pool *pool, const char *cause);
/* "boot", "idle", … */
const char *phase_name(enum worker_phase phase);
