/*
 * match_store - a round's statements: lock and read, then write.
 *
 * Runs in: worker. Thread: loop only. Adds statements to a batch and reads results; pg_uv does the talking.
 *
 *   batch 1  BEGIN · the pool's row locked · its changes since `version` · facts about the ids named
 *   (more)   further pages of changes
 *   batch 2  tickets · pairs · history · rests · events · the pool's row · outcomes
 *   batch 3  COMMIT, if every count of batch 2 is as expected
 *
 * The lock makes rounds of one pool follow one another, on any number of hosts; row versions, the pair's keys and the
 * history's condition refuse whatever slipped past it all the same.
 */
#pragma once

#include "buf.h"
#include "keys.h"
#include "match_round.h"
#include "pg_uv.h"

enum {
    MATCH_PAGE = 5000,
    MATCH_OVERDUE_MAX = 500,
    MATCH_PURGE = 1000,   /* rows of a table that a cycle removes when they are long over */
    MATCH_TELL_MS = 3000, /* an event is its own worker's to tell for so long */
};
#define MATCH_NEVER_AGAIN INT64_C(9000000000000000)
#define MATCH_MARK_END    "~" /* sorts after every ticket id: all of a version was read */

/* Statements of batch 1, in order. */
enum match_read {
    MATCH_READ_BEGIN,
    MATCH_READ_PLAN,
    MATCH_READ_POOL,
    MATCH_READ_LOCK,
    MATCH_READ_NOW,
    MATCH_READ_CHANGES,
    MATCH_READ_MET,
    MATCH_READ_RESTS,
    MATCH_READ_PAIRS,
    MATCH_READ_COUNT
};

enum { MATCH_PAGE_ROWS = 2 };

/* How far a cache has read the pool's changes. */
struct match_mark {
    int64_t version;
    char id[MATCH_ID_MAX]; /* last id read of that version; MATCH_MARK_END: all of it */
};

/* Ids and pairs the round is about, as PostgreSQL array literals; built by match_store_names_add. */
struct match_names {
    struct buf ids, pairs;
};

/* The locked row of the pool. */
struct match_head {
    int64_t version, floor, last_round_ms, watch_from_ms, now_ms;
    int64_t due_ms;        /* last time a pending pair falls due; 0: none is pending */
    char queue[QUEUE_MAX]; /* whose the pool is */
};

/* Empty. */
void match_names_init(struct match_names *n);
/* Frees. Twice-safe. */
void match_names_fini(struct match_names *n);
/* Adds what an operation names. 0 or -ENOSPC/-ENOMEM. */
int match_names_add(struct match_names *n, const struct match_op *op);

/* Batch 1. queue: whose the pool becomes, unless it is another's. cycle: also overdue pairs. 0 or a code of
 * pg_batch_add. */
int match_store_read(struct pg_batch *b, const char *queue, const char *pool, const struct match_mark *mark,
                     struct match_names *names, bool cycle);
/* One page of changes after mark. */
int match_store_changes(struct pg_batch *b, const char *pool, const struct match_mark *mark);
/* The same as a transaction of its own; its rows are result MATCH_PAGE_ROWS. */
int match_store_page(struct pg_batch *b, const char *pool, const struct match_mark *mark);

/* -- reading (match_load.c) ------------------------------------------------------------------------------------------
 */

/* 0, or ERR_PROTOCOL with e. */
int match_load_head(PGresult *const results[], struct match_head *ret, struct err *e);
/* Applies a page of changes to the index and moves mark. Returns rows read (MATCH_PAGE: there may be more), -ENOMEM or
 * -ENOSPC. A row whose body can no longer be read under the present rules is left out of the index. */
int match_load_changes(const PGresult *res, const struct match_rules *rules, const char *pool, int64_t now_ms,
                       struct match_index *ix, struct match_mark *mark);
/* Moves mark behind a page of changes without looking at it; an empty page moves nothing. */
void match_load_mark(const PGresult *res, struct match_mark *mark);
/* Arrays of their rows; caller frees. 0 or -ENOMEM. */
int match_load_met(const PGresult *res, struct match_met **ret, size_t *ret_n);
int match_load_rests(const PGresult *res, struct match_rest **ret, size_t *ret_n);
/* Adds pending pairs to the round. */
int match_load_pairs(const PGresult *res, struct match_round *r);

/* -- writing (match_write.c) ------------------------------------------------------------------------------------------
 */

/* Expected row counts of batch 2's statements, checked before COMMIT. */
enum { MATCH_WRITES_MAX = 12 };
struct match_writes {
    struct {
        size_t statement;
        int rows;
        const char *what;
    } expect[MATCH_WRITES_MAX];
    size_t n;
    size_t events; /* statement that returns events' numbers; SIZE_MAX: none */
    size_t purge;  /* statement that removes what is long over; SIZE_MAX: none */
    size_t purge_max;
    bool anything; /* false: the round changed nothing */
};

/* Batch 2 for a finished round: version is the round's own (head's + 1). purge: of what is long over, remove so many
 * rows a table. queue: whose workers tell the events. 0, -ENOMEM or a code of pg_batch_add. */
int match_store_write(struct pg_batch *b, const struct match_round *r, int64_t version, int64_t watch_from_ms,
                      size_t purge, const char *queue, struct match_writes *ret);
/* NULL when every count is as expected, else what was not. Static storage. */
const char *match_store_conflict(const struct match_writes *w, PGresult *const results[]);
/* True when more of what is long over is left than the round might remove. */
bool match_store_left(const struct match_writes *w, PGresult *const results[]);
/* Events of a round as JSON, in the order they are stored: calls fn for each, with a text that is gone afterwards.
 * Returns fn's first negative, else 0. */
int match_store_events(const struct match_round *r, int (*fn)(void *arg, const char *event), void *arg);
