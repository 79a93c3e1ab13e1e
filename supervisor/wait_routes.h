/*
 * wait_routes - /v1/queue-stats and /v1/wait: what the wait models say, over HTTP.
 *
 * Runs in: supervisor's metrics thread. Pure.
 *
 *   /v1/queue-stats[?queue=Q][&pool=P]                        the pool's people, estimates, balance
 * (docs/wait-model.md) /v1/wait[?queue=Q]&pool=P&ticket=T                        one who waits
 *   /v1/wait[?queue=Q]&pool=P&gender=G&seeking=G,G&age=N…      one who thinks about joining
 *   /v1/balance[?queue=Q][&pool=P][&target=S]                 the two sides, and what a median wait of S seconds takes
 * Without queue or pool: the first there is.
 */
#pragma once

#include "metrics_http.h"
#include "wait_queues.h"

/* Answers /v1/queue-stats. now_ms: on the feeds' clock. */
void wait_routes_queue_stats(struct wait_queues *waits, int64_t now_ms, const struct metrics_request *request,
                             struct metrics_reply *reply);
/* Answers /v1/balance. */
void wait_routes_balance(struct wait_queues *waits, int64_t now_ms, const struct metrics_request *request,
                         struct metrics_reply *reply);
/* Answers /v1/wait. */
void wait_routes_wait(struct wait_queues *waits, int64_t now_ms, const struct metrics_request *request,
                      struct metrics_reply *reply);
