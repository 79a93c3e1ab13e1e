/*
 * wait_watch_uv - reads the matcher's feeds into the wait models and renews them, within a budget.
 *
 * Runs in: supervisor's metrics thread. Thread: its loop's only. Never blocks; one model is renewed at a time, so that
 * nothing else in the thread waits longer than for that.
 * Owns: a connection to Redis that waits in XREAD, the models, the desks (wait_desk_uv), a timer.
 *
 *   HGETALL stint:{q}:keep    ─►  wait_model_import             once: what the models knew before the restart
 *   XREAD BLOCK stint:{q}:feed ─►  wait_feed  ─►  wait_pools     on from there (without it, from the feed's oldest
 * entry) every second               ─►  wait_model_refresh            of all pools in turn, as far as WAIT_BUDGET_MS go
 *                              ─►  wait_desk_turn, wait_desk_notices
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
    struct stats_poll *publisher; /* borrowed: its connection publishes, and it knows Redis' clock */
    char instance[INSTANCE_MAX];  /* the holder's name of our leases */
    struct redis_uv *redis;       /* owned; blocking */
    uv_timer_t tick;
    uv_idle_t turn; /* active while pools of this second are still to be looked at */
    size_t turns_left;
    size_t next;      /* pool whose turn it is, counted over all queues */
    size_t unrenewed; /* first pool of this second that the budget left alone … */
    bool spent;       /* … if it is spent */
    int64_t budget_us;
    size_t looks_left; /* at people who asked to be told */
    bool reading;      /* an XREAD is under way */
    struct complaint complaint, desk_complaint, crowd_complaint;
    struct wait_queues waits;
    bool closing;
    size_t byes; /* leases given up that are not yet answered */
    int open_handles;
    void (*on_closed)(void *arg);
    void *on_closed_arg;
};

/* Connects and starts to read. conf and publisher are borrowed until wait_watch_close. w must not move. 0 or -ENOMEM.
 */
int wait_watch_open(struct wait_watch *w, uv_loop_t *loop, const struct conf *conf, const char *instance,
                    struct stats_poll *publisher);
/* Another configuration: queues that match people from now on are read too, those that no longer do are forgotten. */
void wait_watch_configure(struct wait_watch *w, const struct conf *conf);
/* Gives up its leases (waits a moment for Redis) and closes; on_closed when nothing of it is on the loop any more and
 * the publisher is no longer needed. Only after a successful open. */
void wait_watch_close(struct wait_watch *w, void (*on_closed)(void *arg), void *arg);
/* Now on the feeds' clock, ms. */
int64_t wait_watch_now_ms(const struct wait_watch *w);
/* For wait_desk_uv: a lease that was given up is answered. */
void wait_watch_bye_done(struct wait_watch *w);
