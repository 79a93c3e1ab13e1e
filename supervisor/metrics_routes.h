/*
 * metrics_routes - what each path of the metrics server answers.
 *
 * Runs in: supervisor's metrics thread. Pure: renders from what the thread holds; time is in the snapshot.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "metrics_http.h"
#include "metrics_snapshot.h"
#include "wait_queues.h"

/* What the routes look at; borrowed for the call. */
struct metrics_view {
    const struct conf *conf;
    const struct metrics_snapshot *snapshot;
    struct wait_queues *waits; /* looked at only */
    int64_t feed_now_ms;       /* now on the feeds' clock */
};

/* Answers one GET: the route's text, or a problem for a path that is none. */
void metrics_routes_get(const struct metrics_view *view, const struct metrics_request *request,
                        struct metrics_reply *reply);
