/*
 * job_batch - the jobs this worker holds: what one fetch claimed, and what the next did ahead, each in a state of job_fsm.
 *
 * Runs in: worker. Thread: loop only. Owner: struct worker owns the batch, the batch owns its items, their jobs and results.
 * Items keep their address; one that is gone is forgotten when its place is used again, or with all others once all are gone.
 */
#pragma once

#include "job_fsm.h"
#include "job_usage.h"
#include "kind_set.h"

struct worker;

/* Ops of stint_finish (docs/protocol.md §3). */
#define FINISH_OPS(X)                                                                                                  \
    X(FINISH_ACK, "ack") X(FINISH_DONE, "done") X(FINISH_RETRY, "retry") X(FINISH_DEAD, "dead")                        \
    X(FINISH_SNOOZE, "snooze") X(FINISH_CANCELLED, "cancelled") X(FINISH_LANE, "lane") X(FINISH_FREE, "free")
enum finish_op {
#define X(id, name) id,
    FINISH_OPS(X)
#undef X
        FINISH_OP_COUNT
};

struct job_core {
    struct job job;
    struct job_run run;          /* what the handler sees */
    struct worker *worker;
    struct kind_slot *kind;      /* NULL: a kind this worker does not run */
    enum job_state state;        /* changed by job_batch_move only */
    uint64_t started_us;         /* monotonic */
    uint64_t cpu_at_start_us;    /* of this process */
    uint64_t last_progress_ms;   /* monotonic; 0: none yet */
    /* the end, valid from JOB_ENDED: one op of stint_finish */
    enum finish_op op;
    char *a;                     /* owned; NULL: "" */
    char b[160];
    int64_t retain_ms;           /* FINISH_DONE: how long its status is kept; 0: it is not */
    struct job_used used;        /* FINISH_DONE: what it used */
    bool plain;                  /* its entry holds no more than a first run needs: its end can be told shortly */
    uint8_t part;                /* of the turn under way, that tells its end (fetch_impl.h) */
    bool told_before;            /* a finish with it went unanswered: it may have been carried out */
    bool soft_passed;            /* its soft deadline was acted upon */
    bool resolving;              /* the handler gave it up to outcome_resolve: no cancel() any more */
    int64_t retry_after_ms;      /* a retry comes no sooner */
    /* the hand-back, valid from JOB_RETURNED */
    const struct job_child *child; /* during the call that says it failed: whose evidence counts; else NULL */
    const char *return_reason;   /* literal */
    int64_t return_delay_ms;
};

struct job_batch {
    struct job_core *items; /* owned, cap of them */
    size_t cap, n;                   /* items[0 … n - 1] are in use or gone */
    size_t next;                     /* who is run next is looked for from here, round and round */
    size_t room;                     /* a place for one that comes is looked for from here to the end */
    size_t count[JOB_STATE_COUNT];
};

/* An empty batch for at most cap jobs. */
void job_batch_init(struct job_batch *b, size_t cap);
/* Frees items and their jobs, whatever their state. */
void job_batch_fini(struct job_batch *b);
/* The job to be run next, at items[next] then; NULL: none is claimed. */
struct job_core *job_batch_next(struct job_batch *b);
/* Who runs together, beginning with items[next] (claimed, of a kind this worker runs): that one alone, or all claimed ones of its
 * kind when the kind takes a whole batch. A suspect runs alone whatever its kind. ret_group has room for cap; returns how many. */
size_t job_batch_group(const struct job_batch *b, struct job_core *ret_group[]);
/* Forgets all items; only when all are gone. */
void job_batch_clear(struct job_batch *b);
/* Jobs are about to come: those that are gone make room. Between them they keep their order. */
void job_batch_make_room(struct job_batch *b);
/* A fresh item in JOB_CLAIMED, its job zeroed for the caller to fill; NULL when there is no room. */
struct job_core *job_batch_add(struct job_batch *b);
/* Takes a fresh item back, whose job could not be read. */
void job_batch_take_back(struct job_batch *b, struct job_core *item);
/* Moves the item by the event; asserts that the table has the move. */
void job_batch_move(struct job_batch *b, struct job_core *item, enum job_event event);
/* Jobs a handler (or its outcome's claim) holds. */
size_t job_batch_active(const struct job_batch *b);
/* Jobs not gone. */
size_t job_batch_held(const struct job_batch *b);
/* "ack", "done", … */
const char *finish_op_name(enum finish_op op);
