/*
 * wait_queues - the wait models of each queue that matches people, and how far its feed was read.
 *
 * Runs in: supervisor's metrics thread. Data only; wait_watch_uv owns and fills it, wait_routes and metrics_match read
 * it.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "wait_pools.h"

enum { WAIT_QUEUES_MAX = 8 };

struct wait_queue {
    char queue[QUEUE_MAX];
    char last[ENTRY_ID_MAX]; /* last entry of the feed that was read */
    struct wait_pools pools; /* owned */
};

struct wait_queues {
    struct wait_queue queues[WAIT_QUEUES_MAX];
    size_t n;
    uint64_t refused; /* entries of a feed that were no events */
};
