/*
 * stats_poll_uv - asks Redis for each queue's numbers every interval and publishes them; seldom where nothing moves.
 *
 * Runs in: supervisor's metrics thread. Thread: its loop's only. Never blocks.
 * Owns: its connection to Redis and the last answers.
 *
 *   every interval, per queue that has jobs in it, is paused, whose numbers changed or whose workers here ran a job; any other is
 *   asked every STATS_IDLE_INTERVALS times as many as there are queues, and when somebody looks (stats_poll_look):
 *                               FCALL stint_stats  ─►  struct queue_stats
 *                               HSET stint:{q}:stats queue <json> updated_ms <now>   (the hash ends itself when nobody
 * renews it) PUBLISH stint:{q}:stats <json>
 *   and once:                   INFO  ─►  struct redis_info: what is wrong though everything is answered
 */
#pragma once

#include "base.h"
#include "complaint.h"
#include "conf.h"
#include "metrics_snapshot.h"
#include "queue_stats.h"
#include "redis_info.h"
#include "redis_uv.h"
#include "scoreboard.h"
#include "shard.h"
#include <uv.h>

struct stats_poll {
    uv_loop_t *loop;
    const struct conf *conf; /* borrowed; replaced by stats_poll_configure */
    struct redis_uv *redis;  /* owned */
    uv_timer_t timer;
    struct queue_stats queues[QUEUES_MAX];
    bool asked[QUEUES_MAX];             /* an answer is under way */
    uint64_t worked_us[QUEUES_MAX];     /* of the queue's workers here, as last seen */
    int32_t cell_queue[SCORE_SLOT_MAX]; /* whose queue a cell of the scoreboard works for; -1: not known yet */
    uint32_t stirred[CONF_LISTED_MAX];  /* the scoreboard's, as last seen */
    const struct scoreboard *board;     /* borrowed; read only; NULL: none */
    uint64_t info_due_ms;               /* monotonic */
    size_t n_queues;
    size_t looked;                /* where the next look begins: with many queues each looks at some */
    struct metrics_histogram rtt; /* of this connection */
    int64_t clock_offset_ms;      /* Redis time minus this host's wall clock, as of the last answer */
    char away[ERR_MESSAGE_MAX];   /* why there is no connection; "" when there is one */
    struct complaint complaint;   /* an answer was wrong, or a call refused; its text is shown by /readyz */
    struct redis_info info;
    bool asked_info; /* INFO is under way */
    int open_handles;             /* of timer and connection; 0: closed */
    void (*on_closed)(void *arg);
    void *on_closed_arg;
};

/* Somebody looks at the numbers: those older than an interval are asked for now, for whoever looks next. */
void stats_poll_look(struct stats_poll *p);
/* Connects and starts asking. board may be NULL. conf is borrowed until stats_poll_configure or close. p must not move. 0 or -ENOMEM;
 * close it in both cases when p->redis was made. */
int stats_poll_open(struct stats_poll *p, uv_loop_t *loop, const struct conf *conf, const struct scoreboard *board);
/* Another configuration: queues and interval. Answers of queues that stay are kept. 0, or -ENOMEM: the old one stays.
 */
int stats_poll_configure(struct stats_poll *p, const struct conf *conf);
/* Closes; on_closed when nothing of it is on the loop any more. Only after a successful open. */
void stats_poll_close(struct stats_poll *p, void (*on_closed)(void *arg), void *arg);
/* Publishes one more field of a queue's hash, and the text on its channel: for what is known beside stint_stats. Lost
 * when Redis is away: the next one follows. */
void stats_poll_publish(struct stats_poll *p, const char *queue, const char *field, const char *json, size_t len);
