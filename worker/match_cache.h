/*
 * match_cache - the pools this worker knows: an index each, and how far it follows PostgreSQL.
 *
 * Runs in: worker. Thread: loop only. Pure.
 * Owner: the kind owns the set; a cache is borrowed by the turn that uses it. At most MATCH_CACHES; the longest unused
 * goes first.
 */
#pragma once

#include "match_feed.h"
#include "match_published.h"
#include "match_store.h"

enum { MATCH_CACHES = 64 };

struct match_cache {
    char pool[MATCH_POOL_MAX];
    struct match_index *ix; /* owned; NULL: cold */
    struct match_supply supply;
    struct match_published *published; /* held; NULL until first asked for */
    struct match_mark mark;
    bool warm;              /* everything up to mark is in ix, and mark is or was the pool's last change */
    uint64_t fill_began_ms; /* monotonic */
    int64_t floor_seen;
    int64_t pending_until_ms;     /* a pair may fall due until then */
    uint64_t next_cycle_ms;       /* monotonic: do not ask for a cycle before */
    uint32_t sweep, here;         /* whose turn it is */
    bool overgrown;               /* more is long over than cycles remove: every round helps */
    struct match_trouble trouble; /* since it was last told */
    uint64_t used;                /* turn number of the last use */
};

struct match_caches {
    struct match_cache *all[MATCH_CACHES]; /* owned */
    size_t n;
    uint64_t turns;
};

/* The pool's cache, made when unknown (another may be dropped for it). NULL: no memory. */
struct match_cache *match_cache_of(struct match_caches *c, const char *pool);
/* Forgets what it knows of the pool: the next turn reads everything again. Supply stays. */
void match_cache_reset(struct match_cache *c);
/* Makes sure there is an index to fill. 0 or -ENOMEM. */
int match_cache_open(struct match_cache *c, const struct match_rules *rules);
/* match_cache_reset of all. */
void match_caches_reset(struct match_caches *c);
void match_caches_fini(struct match_caches *c);
