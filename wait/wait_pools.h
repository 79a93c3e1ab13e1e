/*
 * wait_pools - one wait model per pool of a queue.
 *
 * Runs in: supervisor's metrics thread. Thread: its owner's only. Pure, as wait_model.
 * Owner: owns the models. At most WAIT_POOLS_MAX pools; events of others are counted in `refused`.
 */
#pragma once

#include "wait_model.h"

enum { WAIT_POOLS_MAX = 128 };

struct wait_pool {
    char name[WAIT_POOL_NAME_MAX];
    struct wait_model *model; /* owned */
};

struct wait_pools {
    struct wait_pool pools[WAIT_POOLS_MAX];
    size_t n;
    uint64_t seed;
    uint64_t refused; /* events of a pool too many, or without memory */
};

/* No pool yet. A model's seed is this one and its pool's name: whoever saw the same feed computes the same. */
void wait_pools_init(struct wait_pools *ps, uint64_t seed);
/* Frees all models. Twice-safe. */
void wait_pools_fini(struct wait_pools *ps);
/* The pool of that name, made when it is new. NULL: a pool too many, or no memory. Borrowed. */
struct wait_pool *wait_pools_make(struct wait_pools *ps, const char *name);
/* Gives the event to its pool's model, made when it is the first of its pool. */
void wait_pools_event(struct wait_pools *ps, const struct wait_event *ev);
void wait_pools_refresh(struct wait_pools *ps, int64_t now_ms);
/* By name; name NULL or "": the first pool. NULL when there is none. Borrowed. */
struct wait_pool *wait_pools_of(struct wait_pools *ps, const char *name);
