/*
 * backoff - how long a failed worker waits before it is started again, and when a pool is restarted too often.
 *
 * Runs in: supervisor. Thread: loop only. Pure: no I/O, no clock.
 * Owns: nothing; struct backoff lives in its slot, struct restart_budget in its pool.
 */
#pragma once

#include "base.h"

/* One slot's failures in a row. All zero: none yet. */
struct backoff {
    uint32_t failures;     /* without a success in between */
    uint64_t last_fail_ms; /* monotonic; of the latest */
};

/* Delay before the next start after a failure: base, doubling per failure in a row up to max. A slot without one for
 * twice max starts over at base. Returns milliseconds in [1, max]. base_ms, max_ms ≥ 1. */
uint64_t backoff_next_ms(struct backoff *b, uint64_t base_ms, uint64_t max_ms, uint64_t now_ms);
/* A success: the next failure starts at base again. */
void backoff_reset(struct backoff *b);

/* A pool's restarts within a window: a leaky bucket, so that a pool of any size costs the same memory. */
struct restart_budget {
    double level;      /* restarts not yet leaked away */
    uint64_t as_of_ms; /* monotonic; when level was brought up to date */
};

/* Takes one restart. True: within `max` per window, start at once. False: the budget is spent, start after the slot's
 * backoff. max ≥ 1, window_ms ≥ 1. now_ms not earlier than in the previous call. */
bool restart_budget_take(struct restart_budget *r, uint32_t max, uint64_t window_ms, uint64_t now_ms);

/* Boot failures in a row after which a pool of that many wanted workers stops: each worker once, and four more. */
uint32_t backoff_boot_failures_max(uint32_t desired);
