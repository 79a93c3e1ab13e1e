/*
 * match_fill - reads a pool that this worker does not know yet into its cache, before the pool is locked.
 *
 * Runs in: worker. Thread: loop only. Wiring: talks to PostgreSQL on the caller's connection.
 * Owner: the caller owns the struct, which must live until on_end, and lends connection, rules and cache until then.
 *
 *   floor ─► page of 5,000 ─► page … ─► less than a page: the cache is warm
 *               └── a slice of time is over: what was read stays, the next fill goes on behind it
 *               └── this process is as large as it may become: refused
 *
 * The next page is asked for before the last one is taken in: PostgreSQL and this worker work at the same time.
 */
#pragma once

#include "kind.h"
#include "match_cache.h"

enum {
    MATCH_FILL_SLICE_MS = 5000,  /* a fill ends then, however much is left: a job's own time is longer */
    MATCH_FILL_AGAIN_MS = 20,    /* then the jobs come again */
    MATCH_FILL_KEPT_MS = 300000, /* what a fill left is of use for so long; who has gone is in the table for 600 s */
};

enum match_fill_end { MATCH_FILL_WARM, MATCH_FILL_LEFT, MATCH_FILL_FAILED };

struct match_fill {
    const struct worker_ctx *ctx;
    const struct match_rules *rules;
    struct match_cache *cache;
    struct pg_conn *conn;
    uint64_t until_ms, resident_max;
    int broken; /* why the page under way is the last; 0: it is not */
    void (*on_end)(void *arg, enum match_fill_end end, const struct err *e);
    void *arg;
};

/* Fills; on_end is called once. e is given with MATCH_FILL_FAILED: ERR_MEM_LIMIT when the pool does not fit this
 * worker, ERR_REFUSED when it is another queue's; the cache is cold then. It may be called before this returns. */
void match_fill_start(struct match_fill *f, const struct worker_ctx *ctx, const struct match_rules *rules,
                      struct match_cache *cache, struct pg_conn *conn,
                      void (*on_end)(void *arg, enum match_fill_end end, const struct err *e), void *arg);
/* False when the pool belongs to another queue; then e says so. queue: what its row says. */
bool match_fill_ours(const struct worker_ctx *ctx, const char *pool, const char *queue, struct err *e);
/* Most bytes of memory this worker may hold before it is replaced or refused more; 0: no limit. */
uint64_t match_fill_resident_max(const struct conf_pool *pool);
