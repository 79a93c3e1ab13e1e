/*
 * simulate_uv - lives a run through against a live stack: people join, touch, decide and leave as their trace says.
 *
 * Runs in: ctl. Blocks until the run is over. One thread, one loop, two connections to Redis, one to the metrics
 * thread. SIGINT or SIGTERM ends the run early and in order: everybody leaves. A second one ends the process as usual.
 */
#pragma once

#include "simulate_run.h"

/* Told ten times a second while it runs. */
typedef void (*simulate_progress_fn)(void *arg, const struct simulate_run *r);

/* The run's setup, crowd and trace must be there. What is not well with the pool is in r->books. An error only when the
 * run could not begin. */
int simulate_uv_live(struct simulate_run *r, simulate_progress_fn progress, void *arg, struct err *e);
