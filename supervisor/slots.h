/*
 * slots - the table of worker slots and the pools they belong to.
 *
 * Runs in: supervisor. Thread: loop only. No I/O beyond the scoreboard's memory.
 * Owns: the scoreboard. A slot is a cell of the scoreboard; once given to a pool it stays with it, so that the cell's
 * counters keep their meaning, and its successors count on.
 */
#pragma once

#include "backoff.h"
#include "base.h"
#include "cgroup.h"
#include "conf.h"
#include "err.h"
#include "exit_cause.h"
#include "ipc.h"
#include "queue_turns.h"
#include "scoreboard.h"
#include "shard.h"
#include "slot_fsm.h"
#include <sys/types.h>

enum {
    POOL_ERROR_MAX = 640,
    LAST_EXIT_MAX = 64,
    SLOT_BEEN_MS =
        60000, /* a lost call can arrive so much later at most, with room to spare (FETCH_LATE_MS of the worker) */
    SLOT_BEEN_WORDS = (QUEUES_MAX + 63) / 64,
};

struct pool {
    char name[QUEUE_MAX];
    const struct conf_pool *conf; /* borrowed from the effective configuration; set anew by a reload */
    uint32_t queue;               /* index into struct slots' queues; of one with shards, its plain part */
    uint32_t desired;             /* workers wanted now */
    bool stopped;                 /* too many boot failures: nothing is started until reload, restart or scale */
    bool quiet;                   /* its workers, new ones too, fetch nothing */
    bool manual;                  /* an operator set `desired`: target_wait does not change it */
    char error[POOL_ERROR_MAX];   /* why it is stopped or degraded; "" when all is well */
    uint64_t restarts;            /* workers started in the place of one that failed */
    uint32_t boot_failures;       /* in a row, over all its slots */
    struct restart_budget budget;
};

struct slot {
    uint32_t number;   /* index of its cell */
    struct pool *pool; /* NULL: never used */
    enum slot_state state;
    pid_t pid;            /* 0: no process */
    int control_fd;       /* ours; -1: no process */
    int crash_fd;         /* the page it leaves when it dies (crash_page.h); -1: none */
    uint32_t generation;  /* processes started here, this one included */
    uint32_t conf_serial; /* of the configuration it was started with */
    bool was_ready;
    bool idle;     /* waits for IPC_WAKE */
    uint32_t sent; /* the listed queue it was sent to last, until it says that it waits */
    bool quiet;    /* was told IPC_QUIET */
    bool recycled; /* said IPC_RECYCLE */
    bool retire;   /* not to be replaced when it ends */
    bool replace;  /* an operator wants it replaced when its turn comes */
    enum exit_intent intent;
    uint64_t started_us;  /* monotonic, before the fork; what is in ms below is as well */
    uint64_t boot_us;     /* from there to READY; 0: not ready yet */
    uint64_t started_ms;
    uint64_t stop_by_ms; /* STOPPING: killed past it */
    uint64_t
        been[2][SLOT_BEEN_WORDS]; /* listed queues it was sent to: a bit each, the last SLOT_BEEN_MS and those before */
    uint64_t been_ms;             /* monotonic; when the first of the two began */
    uint64_t overrun_ms;          /* the hard deadline it was signalled for; 0: none */
    uint64_t kill_at_ms;          /* TERMINATING: killed past it */
    uint64_t start_at_ms;         /* BACKOFF: started then */
    uint64_t rss_bytes;           /* as last read */
    uint64_t pinged_ms;           /* when it was last asked whether it lives; 0: never */
    int cgroup_fd;                /* its process's cgroup; -1: none */
    struct cgroup_usage usage;    /* of that cgroup, as last read */
    char cancel_entry[ENTRY_ID_MAX]; /* the entry it was last asked to cancel; "": none */
    char job_entry[ENTRY_ID_MAX]; /* the entry whose CPU time job_cpu_us began; "": none seen */
    int64_t job_cpu_us;
    struct backoff backoff;
    char boot_error[IPC_TEXT_MAX]; /* its own words, from IPC_BOOT_FAILED */
    char last_exit[LAST_EXIT_MAX]; /* how the previous process here ended */
};

struct slots {
    struct pool pools[CONF_POOL_MAX];
    size_t n_pools;
    char queues[QUEUES_MAX][QUEUE_MAX]; /* queues, and of those with shards every part (shard.h) */
    uint32_t whole[QUEUES_MAX];         /* index of the queue it is a part of; its own: the plain part */
    uint32_t part[QUEUES_MAX];          /* which part of that it is */
    bool listed[QUEUES_MAX];        /* one of several queues of a pool: the first is the whole, the others its parts */
    uint16_t listed_at[QUEUES_MAX]; /* … its place in the configuration's list */
    struct queue_turns turns;       /* listed queues that have work nobody was sent to yet */
    size_t n_queues;
    struct slot table[SCORE_SLOT_MAX];
    struct scoreboard *board; /* owned */
    int board_fd;             /* owned */
};

/* Makes the pools of the configuration, each wanting its `workers`, and the scoreboard. ERR_BAD_CONFIG when the pools
 * want more workers than there are slots. s is about 300 KB: heap. */
int slots_init(struct slots *s, const struct conf *conf, struct err *e);
/* NULL-safe, twice-safe, safe on a zeroed struct. Processes must be gone. */
void slots_fini(struct slots *s);

/* One pool more, from its row of conf (borrowed, as conf's other rows); its queue is added when it is new.
 * ERR_BAD_CONFIG when it names none. At most CONF_POOL_MAX. */
int slots_add_pool(struct slots *s, const struct conf *conf, const struct conf_pool *p, struct err *e);
/* Adds the parts up to that number that a queue (its plain part's index) does not have yet. False when QUEUES_MAX is reached. */
bool slots_add_parts(struct slots *s, uint32_t queue, uint32_t parts);
/* The part of a queue (any part's index) with that number; the plain one's index when there is none. */
uint32_t slots_part(const struct slots *s, uint32_t queue, uint32_t part);
/* The one with the highest number; the queue itself when it has no shards. */
uint32_t slots_last_part(const struct slots *s, uint32_t queue);
/* Adds the queues that the pool lists and that are not served yet. False: not all, QUEUES_MAX is reached. */
bool slots_add_listed(struct slots *s, const struct conf *conf, const struct pool *pool);
/* Adds the shards that the configuration names and that are not served yet. */
void slots_add_shards(struct slots *s, const struct conf *conf);
/* The part that the slot's worker fetches from, or did last: what it holds is from there. */
uint32_t slots_part_now(const struct slots *s, const struct slot *slot);
/* Something happened in a listed queue: who shows its numbers looks at them. Nothing for others. */
void slots_stirred(struct slots *s, uint32_t queue);
/* The slot's worker is sent to a listed queue. */
void slots_send(struct slot *slot, uint32_t queue, uint64_t now_ms);
/* True when a call of the slot's worker to that queue may still arrive there: one with shards, or a listed one it was
 * sent to lately. */
bool slots_was_at(const struct slots *s, const struct slot *slot, uint32_t queue);
/* True when the slot's pool serves the queue, or the queue this is a part of. */
bool slots_serves(const struct slots *s, const struct slot *slot, uint32_t queue);
/* The pool of that name, or NULL. */
struct pool *slots_pool(struct slots *s, const char *name);
/* The slot's scoreboard cell. */
struct score_cell *slots_cell(const struct slots *s, const struct slot *slot);
/* A slot to start a worker of the pool in: one of its own that is empty, else one never used; NULL when all are taken.
 */
struct slot *slots_take(struct slots *s, struct pool *pool);
/* Workers it begins with by configuration: `workers`, brought inside its bounds where it has a target_wait. */
uint32_t pool_workers_first(const struct pool *pool);
/* Largest number the pool may be scaled to: workers_max, or its default. */
uint32_t pool_workers_max(const struct pool *pool);

/* Workers the pool has or will have without another start: live ones that will be replaced or stay, and those in
 * backoff. */
uint32_t slots_held(const struct slots *s, const struct pool *pool);
/* Slots in that state; pool NULL: of all pools. */
uint32_t slots_in_state(const struct slots *s, const struct pool *pool, enum slot_state state);
/* Processes that exist. */
uint32_t slots_live(const struct slots *s);
/* Workers that wait for a wake-up and serve the queue's bands, or (lane) its lane. */
uint32_t slots_idle(const struct slots *s, uint32_t queue, bool lane);
/* The idle worker that has waited longest in the table's order, of those that serve the queue's bands or its lane;
 * NULL: none. */
struct slot *slots_idle_one(struct slots *s, uint32_t queue, bool lane);
/* True when the queue's workers here all wait for a wake-up; of a listed queue, when none is at it. */
bool slots_all_idle(const struct slots *s, uint32_t queue);
/* True when the pool serves the lane and no band. */
bool pool_serves_lane(const struct pool *pool);

/* Makes the move; it must exist (a missing one is our bug). Keeps the scoreboard's copy. */
void slots_move(struct slots *s, struct slot *slot, enum slot_event event);
/* "ok", "degraded" (fewer ready than wanted after failures) or "stopped". Static storage. */
const char *pool_state_name(const struct slots *s, const struct pool *pool);
