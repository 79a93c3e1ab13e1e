/*
 * autoscale_uv - asks for what autoscale needs, has it decide, and remembers why.
 *
 * Runs in: supervisor. Thread: the loop's only. Never blocks but for reading a few files of /proc and /sys.
 * Owns: a timer and what was learnt. Split over autoscale_uv.c (asking, deciding), autoscale_sense.c (this host's
 * half), autoscale_peers.c (what other hosts tell).
 *
 *   every [metrics] interval (at most 5 s), while a pool has a target_wait, per queue that one serves:
 *     FCALL stint_stats, HGETALL K:ii  ─►  struct autoscale_view  ─►  autoscale_decide  ─►  pool->desired
 */
#pragma once

#include "autoscale_sense.h"
#include "conf.h"
#include "host_limits.h"
#include "queue_link_uv.h"
#include "slots.h"
#include <uv.h>

struct autoscaler_hooks {
    void *arg;
    /* pool->desired was changed. */
    void (*on_scaled)(void *arg, struct pool *pool);
    /* A queue was looked at: reports may have changed. */
    void (*on_looked)(void *arg);
    /* True while the supervisor's workers fetch nothing. */
    bool (*quiet)(void *arg);
};

/* What is said of a scaled pool. */
struct autoscaler_report {
    bool scaled, known; /* it has a target_wait; something was decided */
    uint32_t demand;    /* of the whole queue */
    uint32_t min, max;  /* of this host */
    double wait_s;      /* < 0: not known */
    enum autoscale_reason reason;
    char text[AUTOSCALE_TEXT_MAX];
};

/* One queue's numbers and what other hosts tell. */
struct autoscaler_queue {
    struct autoscaler *owner;
    uint32_t index;
    bool asked; /* an answer is under way */
    struct queue_stats stats;
    struct load_rate arrivals;
    struct autoscale_peer *peers; /* owned */
    size_t n_peers;
};

struct autoscaler {
    const struct conf *conf; /* borrowed, as the next three */
    struct slots *slots;
    struct queue_links *links;
    const char *instance;
    struct host_limits *host; /* borrowed; its limits are read anew */
    struct autoscaler_hooks hooks;
    uv_timer_t timer;
    struct autoscale_room room;
    struct autoscaler_queue queues[QUEUES_MAX];
    struct autoscale_pool pools[CONF_POOL_MAX];
    struct autoscaler_report reports[CONF_POOL_MAX];
    enum autoscale_reason told[CONF_POOL_MAX]; /* the shortage last logged, else STEADY */
};

/* Prepares; asks nothing before autoscaler_configure. a is zeroed by the caller and must not move. */
void autoscaler_init(struct autoscaler *a, uv_loop_t *loop, const struct conf *conf, struct slots *slots,
                     struct queue_links *links, const char *instance, struct host_limits *host,
                     const struct autoscaler_hooks *hooks);
/* Starts or stops asking, as the configuration wants now; twice-safe. */
void autoscaler_configure(struct autoscaler *a);
/* Asks no more: before a drain. */
void autoscaler_stop(struct autoscaler *a);
/* Closes the timer; run the loop once more, then autoscaler_fini. The connection must be closed before. */
void autoscaler_close(struct autoscaler *a);
/* Frees what is left. */
void autoscaler_fini(struct autoscaler *a);
/* Appends ,"pools":{…} of the queue, for the registry: other hosts divide by it. */
void autoscaler_info(const struct autoscaler *a, uint32_t queue, struct buf *out);
/* Of the pool; its `scaled` is false when the pool has no target_wait. */
const struct autoscaler_report *autoscaler_report(const struct autoscaler *a, const struct pool *pool);
