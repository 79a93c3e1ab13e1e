/*
 * pool - one pool of a benchmark: an index filled with made-up people, and what is timed on it.
 *
 * Runs in: stint-bench-match. Owner: the caller fini's the pool.
 */
#pragma once

#include "match_round.h"
#include "people.h"

struct pool {
    struct people people;
    struct match_rules rules;
    struct match_index *ix;
    struct match_supply supply;
    int64_t now_ms;
    uint32_t size;       /* people waiting; kept */
    uint32_t sweep;      /* of the cycles */
    double build_s;      /* time to fill the index */
    double person_bytes; /* heap a person takes, ids and lists included */
};

/* One measured call. */
struct pool_time {
    uint64_t wall_ns, cpu_ns; /* cpu: of this thread alone, so that a busy machine does not count */
    bool paired;
};

/* Fills a pool of `size` people. Aborts without memory. */
void pool_init(struct pool *p, const struct people *people, uint32_t size);
void pool_fini(struct pool *p);
/* Somebody arrives: key, search, and the partner out or the arrival in. The pool is then as large as before. */
struct pool_time pool_arrival(struct pool *p);
/* The same as a job does it: payload read, a round of one submit, played and closed. */
struct pool_time pool_submit(struct pool *p);
/* One cycle after `passed_ms`; *ret_reply and *ret_pairs say what it did. Who went is replaced. */
struct pool_time pool_cycle(struct pool *p, int64_t passed_ms, struct match_reply *ret_reply, uint32_t *ret_pairs);
/* Makes one in `every` of those who wait run out now. */
void pool_expire_some(struct pool *p, uint32_t every);
