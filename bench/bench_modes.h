/*
 * bench_modes - what stint-bench can measure; each prints its lines with bench_emit.
 *
 * Runs in: stint-bench. Each works on the queue "bench" of a Redis that is the bench's own: keys are removed.
 */
#pragma once

#include "bench_link.h"

/* What Redis itself does with the commands a queue cannot do without: pipelined XADD; XREADGROUP COUNT 500, one
 * variadic XACK, one variadic XDEL. */
void bench_ceiling(struct redis_sync *r, long jobs);
/* The Functions alone: enqueue one at a time and in bulk; claim and finish in batches of 500, 64 and 1, untracked and
 * tracked. */
void bench_functions(struct redis_sync *r, long jobs);
/* The real thing: jobs are enqueued while the queue is paused, then the clock runs from resume to the last one done. A
 * supervisor with pool on queue "bench" must be up. label names the setting in the measure. */
void bench_drain(struct redis_sync *r, long jobs, const char *label);
/* The same without a line: seconds from resume to the last one done. */
double bench_drain_seconds(struct redis_sync *r, long jobs);
/* Jobs of the queue that are done, by its ledger; waiting (at most 120 s, else the program ends) until there are so
 * many. */
long bench_done_count(struct redis_sync *r);
void bench_wait_done(struct redis_sync *r, long done);
/* Enqueues jobs in bulk through the Functions, four calls under way; returns seconds. */
double bench_enqueue_bulk(struct redis_sync *r, long jobs);
