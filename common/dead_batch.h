/*
 * dead_batch - dead letters on their way out of Redis: read whole, kept elsewhere by the caller, and only then removed.
 *
 * Runs in: ctl, relay. Blocks. Owner: the caller's struct dead_batch (about 20 KB).
 */
#pragma once

#include "base.h"
#include "dead_record.h"
#include "err.h"
#include "kind_defaults.h"
#include "redis_sync.h"

enum {
    DEAD_BATCH_MAX = 100,             /* letters of one batch: what one Function call moves */
    DEAD_BATCH_MAX_BYTES = 16 << 20,  /* a batch is closed by the letter that takes it above this */
    DEAD_TOKEN_MAX = 48,
};

struct dead_batch {
    const char *queue; /* borrowed */
    size_t n;
    json_t *records[DEAD_BATCH_MAX]; /* owned; dead_record.h */
    char ids[DEAD_BATCH_MAX][JOB_ID_MAX];
    char tokens[DEAD_BATCH_MAX][DEAD_TOKEN_MAX]; /* which death and which edit was read: only that is removed */
    int64_t bytes;                               /* memory they take in Redis */
};

/* Who removes letters, and what is said of it in the audit log. Texts are borrowed. */
struct dead_removal {
    const char *action; /* "archive", "drain" or "purge" */
    const char *actor, *reason, *filter;
    const char *run; /* removals of one run are one entry of the audit log */
};

/* Reads letters ids[0..n) whole; those that are gone are left out. *ret_taken: how many of ids were looked at (at least
 * one; fewer than n when max_bytes or the batch's own bound was reached). dead_batch_fini in any case. */
int dead_batch_read(struct dead_batch *b, struct redis_sync *redis, const char *queue, const char *const ids[], size_t n,
                    int64_t max_bytes, size_t *ret_taken, struct err *e);
/* Removes the letters of the batch that are still as they were read. *ret_removed: how many. */
int dead_batch_remove(const struct dead_batch *b, struct redis_sync *redis, const struct dead_removal *r,
                      int64_t *ret_removed, struct err *e);
/* Frees; NULL-safe, twice-safe. */
void dead_batch_fini(struct dead_batch *b);
