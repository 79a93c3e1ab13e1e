/*
 * simulate_watch_uv - reads what a pool tells its application: the stream of events, and that of changed estimates.
 *
 * Runs in: ctl. Thread: the loop's only. Never blocks: its own connection waits in XREAD.
 */
#pragma once

#include "simulate_run.h"
#include <uv.h>

struct simulate_watch; /* opaque */

struct simulate_watch_fns {
    void *arg;
    void (*on_event)(void *arg, int64_t seq, const json_t *data); /* data: NULL when it is no JSON */
    void (*on_notice)(void *arg, const char *ticket, const json_t *data);
};

/* Reads on from setup's events_from and notices_from; both are borrowed. NULL without memory. */
struct simulate_watch *simulate_watch_new(uv_loop_t *loop, const struct simulate_setup *setup,
                                          const struct simulate_watch_fns *fns);
/* Closes. NULL-safe. */
void simulate_watch_close(struct simulate_watch *w);
