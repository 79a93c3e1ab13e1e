/*
 * bench_latency - how long it takes from before a job's enqueue to the first line of its handler.
 *
 * Runs in: stint-bench. Blocks. Needs a supervisor with a tracked probe pool on the queue "bench": the handlers stamp
 * their start on the host's monotonic clock into their results.
 */
#pragma once

#include "bench_link.h"

/* One job at a time, 5 to 25 ms apart, into an idle system. Prints p50, p99, p99.9 and the slowest with the histogram.
 */
void bench_latency(struct redis_sync *r, long jobs);
/* An open-loop producer with Poisson arrivals: per_second, or half of what the pool drains (measured first) when that
 * is 0. The wait counts from when a job was due, not from when the producer came to send it. */
void bench_half_load(struct redis_sync *r, long jobs, double per_second);
