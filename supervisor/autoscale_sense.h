/*
 * autoscale_sense - what this host knows of a pool and its workers: the local half of what autoscale decides from.
 *
 * Runs in: supervisor. Thread: loop only. Reads the scoreboard and the table of slots; time is an argument.
 */
#pragma once

#include "autoscale_peers.h"
#include "container_limits.h"
#include "queue_stats.h"
#include "slots.h"

/* Memory and CPU of this host as the workers find them, looked at once a round; pools that grow in it take from it. */
struct autoscale_room {
    int64_t free_bytes; /* that workers may still take; -1: unknown */
    bool no_cpu;        /* the CPU quota is used up */
    int64_t cpu_used_us;
    uint64_t at_ms; /* of cpu_used_us; 0: never */
};

/* What is remembered of a pool. */
struct autoscale_pool {
    struct autoscale_state state;
    struct load_service service;
    int64_t worker_bytes; /* most memory a worker of it was seen to take; 0: none was seen */
};

/* Looks at the limits as just read. */
void autoscale_sense_room(struct autoscale_room *room, const struct container_limits *l, uint64_t now_ms);
/* Notes what the pool's workers did since the last look. */
void autoscale_sense_work(struct autoscale_pool *p, const struct slots *slots, const struct pool *pool,
                          uint64_t now_ms);
/* Bytes that one worker more is counted with: the most that was seen, or what it needs to boot. */
int64_t autoscale_sense_worker_bytes(const struct autoscale_pool *p);
/* The pool as others are to know it; its id stays empty. cpus: that may be used here. */
struct autoscale_peer autoscale_sense_peer(const struct autoscale_pool *p, const struct slots *slots,
                                           const struct pool *pool, const struct autoscale_room *room, int64_t cpus);
/* The pool's own part of the view: bounds, workers, what holds it. Queue and members are left to the caller. */
void autoscale_sense_pool(struct autoscale_view *v, const struct slots *slots, const struct pool *pool,
                          const struct autoscale_peer *own, const struct autoscale_room *room, int64_t cpus);
/* The queue's part, of its bands or of its lane. */
void autoscale_sense_queue(struct autoscale_view *v, const struct queue_stats *q, bool lane, double arrivals_per_s);
/* Entries ever added to the queue's streams: what load_rate counts. */
int64_t autoscale_sense_added(const struct queue_stats *q);
/* True when the pool's workers do not start, or its failures delay them. */
bool autoscale_sense_failing(const struct slots *slots, const struct pool *pool);
