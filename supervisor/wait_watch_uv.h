/*
 * wait_watch_uv - reads the matcher's feeds into the wait models, renews them and publishes what they say.
 *
 * Runs in: supervisor's metrics thread. Thread: its loop's only. Never blocks.
 * Owns: a connection to Redis that waits in XREAD, the models, a timer.
 *
 *   XREAD BLOCK stint:{q}:feed  ─►  wait_feed  ─►  wait_pools          from the feed's oldest entry on: a restart
 * forgets nothing every second                ─►  wait_pools_refresh                  that the feed still holds every
 * [metrics] interval    ─►  hash stint:{q}:stats, field pool:<name>, and the channel
 */
#pragma once

#include "base.h"
#include "complaint.h"
#include "conf.h"
#include "redis_uv.h"
#include "stats_poll_uv.h"
#include "wait_queues.h"
#include <uv.h>

struct wait_watch {
    const struct conf *conf;      /* borrowed; replaced by wait_watch_configure */
    struct stats_poll *publisher; /* borrowed: publishes, and knows Redis' clock */
    struct redis_uv *redis;       /* owned; blocking */
    uv_timer_t tick;
    bool reading;          /* an XREAD is under way */
    struct complaint complaint;
    uint64_t published_ms; /* monotonic */
    struct wait_queues waits;
    int open_handles;
};

/* Connects and starts to read. conf and publisher are borrowed until wait_watch_close. w must not move. 0 or -ENOMEM.
 */
int wait_watch_open(struct wait_watch *w, uv_loop_t *loop, const struct conf *conf, struct stats_poll *publisher);
/* Another configuration: queues that match people from now on are read too; models that exist stay. */
void wait_watch_configure(struct wait_watch *w, const struct conf *conf);
/* Closes; its memory is free when the loop ran out. Only after a successful open. */
void wait_watch_close(struct wait_watch *w);
/* Now on the feeds' clock, ms. */
int64_t wait_watch_now_ms(const struct wait_watch *w);
