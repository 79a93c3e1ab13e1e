/*
 * queue_link_uv - what a supervisor owes each of its queues in Redis: a heartbeat, due jobs promoted, lost hosts swept,
 * deaths told, and a farewell.
 *
 * Runs in: supervisor. Thread: the loop's only. Never blocks.
 * Owns: the command connection (the doorbell has its own) and the deaths not yet told. Split over queue_link_uv.c,
 * queue_beat_uv.c (heartbeats, due jobs), queue_ghosts_uv.c and queue_lost_uv.c (hosts and predecessors that are gone).
 */
#pragma once

#include "base.h"
#include "complaint.h"
#include "conf.h"
#include "crash_queue.h"
#include "keys.h"
#include "redis_uv.h"
#include "shard.h"
#include <uv.h>

struct queue_links_hooks {
    void *arg;
    /* Redis can be reached, or not any more (why: a sentence). */
    void (*on_state)(void *arg, bool ready, const char *why);
    /* A heartbeat came back: ready jobs in the queue's streams. */
    void (*on_beat)(void *arg, uint32_t queue, int64_t ready, bool paused);
    /* Somebody asked to cancel the entry ("<band>:<entry id>") that a worker of ours holds; with every heartbeat. */
    void (*on_cancel)(void *arg, uint32_t queue, const char *which);
    /* n jobs of the queue are ready again: their worker died, or their host. */
    void (*on_moved)(void *arg, uint32_t queue, uint32_t n);
    /* No queue has anything of the instance any more that was declared gone (queue_links_gone). */
    void (*on_gone)(void *arg, const char *instance);
    /* True when all workers that serve the queue wait and the doorbell listens for them: nothing of ours is at stake. */
    bool (*idle)(void *arg, uint32_t queue);
    /* The queue of which this one is a part (shard.h); its own name: a plain one. */
    const char *(*whole)(void *arg, uint32_t queue);
    /* The queue has so many parts as Redis knows it: more than are configured are to be served until they are empty. */
    void (*on_parts)(void *arg, uint32_t queue, uint32_t parts);
    /* JSON text about this instance for the queue's registry; borrowed until the next call. */
    const char *(*info)(void *arg, uint32_t queue);
};

struct queue_links;

enum { QUEUE_GHOSTS_MAX = 64 };

/* One queue. */
struct queue_link {
    struct queue_links *owner;
    uint32_t index;
    const char *name;     /* borrowed */
    char prefix[KEY_MAX]; /* "stint:{q}" */
    struct crash_queue deaths;
    struct queue_ghosts {                     /* of dead workers whose death was told; see queue_ghosts_uv.c */
        char names[QUEUE_GHOSTS_MAX][CONSUMER_MAX];
        uint32_t n, due; /* of them; of which are told again now */
        bool telling;    /* a command is under way for names[0] */
    } ghosts;
    uv_timer_t due;                                                /* fires when the next scheduled job is due */
    uv_timer_t again;                                              /* tells deaths again after an error */
    bool beating, promoting, sweeping, telling, expiring, leaving; /* a command is under way */
    uv_timer_t lapse;                                              /* fires when another's lease ends */
    bool lapsed;                                                   /* … and did: the sweep under way is for that */
    bool ending;                                                   /* stint_gone is under way, for … */
    char ending_instance[INSTANCE_MAX];
    bool left;                                                     /* said good-bye, or cannot any more */
    bool clean;                                                    /* … and nothing of ours was left there */
    uint64_t beat_ms;    /* monotonic; when the last heartbeat came back; 0: never */
    uint64_t heard_ms;   /* … or was refused, which is an answer too */
    int64_t offset_ms;   /* Redis' clock minus our monotonic one */
    int64_t next_due_ms; /* Redis' clock; -1: none */
    int64_t ready;       /* as of the last heartbeat */
    bool paused;
    uint32_t beats; /* sent */
    bool known;     /* a heartbeat was answered: the queue has us in its registry */
    bool greeted;   /* … on this connection */
    bool resting;   /* the last one asked for the long lease (queue_rest.h) */
    bool beat_again;     /* … and something stirred before it was answered */
    uint64_t sent_ms;    /* monotonic; of the last heartbeat */
    uint64_t stirred_ms; /* monotonic; when something was at stake last */
    struct complaint complaint;
};

enum { GONE_MAX = 16 }; /* predecessors being ended at once */

/* An instance that is proven gone. */
struct gone_instance {
    char instance[INSTANCE_MAX];
    uint64_t told[(QUEUES_MAX + 63) / 64]; /* a bit a queue: it has nothing of the instance any more */
};

struct queue_links {
    uv_loop_t *loop;
    const struct conf *conf; /* borrowed */
    const char *instance;    /* borrowed */
    struct queue_links_hooks hooks;
    struct redis_uv *redis; /* owned */
    uv_timer_t heartbeat;
    uint32_t slice; /* of the queues, whose turn was last */
    struct queue_link *links; /* owned, n */
    uint32_t n;
    struct gone_instance gone[GONE_MAX];
    size_t n_gone;
    bool ready; /* Redis can be reached */
    uint64_t started_ms;
    uint64_t away_ms; /* monotonic; since when Redis cannot be reached, unless ready */
    char error[ERR_MESSAGE_MAX]; /* why not; "" when ready */
};

/* Connects and begins to beat. names (n of them, borrowed) are the queues. 0, or -ENOMEM or a loop's error with e. */
int queue_links_open(struct queue_links *l, uv_loop_t *loop, const struct conf *conf, const char *instance,
                     const char (*names)[QUEUE_MAX], uint32_t n, const struct queue_links_hooks *hooks, struct err *e);
/* Closes connection and timers; run the loop once more, then queue_links_fini. */
void queue_links_close(struct queue_links *l);
/* Frees what is left. */
void queue_links_fini(struct queue_links *l);

/* Remembers a death and tells it as soon as Redis can be reached. Takes report->error_json. */
void queue_links_death(struct queue_links *l, uint32_t queue, const struct crash_report *report);
/* False when no more deaths of the queue can be remembered. */
bool queue_links_room(const struct queue_links *l, uint32_t queue);
/* Deaths not yet told, of all queues. */
size_t queue_links_untold(const struct queue_links *l);
/* Ends an instance of which the caller has proof that it and its workers are gone: what it held in our queues moves on at
 * once, or when Redis is back. False when GONE_MAX wait already: ask again later. */
bool queue_links_gone(struct queue_links *l, const char *instance);
/* One queue more (name borrowed), up to QUEUES_MAX. */
void queue_links_add(struct queue_links *l, const char *name);
/* Tells the queues anew what the configuration says of their kinds: after a reload. */
void queue_links_tell_kinds(struct queue_links *l);
/* Calls a Function of the queue for another module: FCALL function 1 prefix args…; on_reply(arg, …) once. False, and no call, while
 * Redis is away or deaths of the queue wait to be told: they go first. */
bool queue_links_call(struct queue_links *l, uint32_t queue, const char *function, redis_uv_reply_fn on_reply, void *arg, int n,
                      const char *const args[]);
/* Beats now instead of at the next turn. */
void queue_links_beat(struct queue_links *l, uint32_t queue);
/* A worker of the queue is about to claim: whoever rests there cuts its lease to the configured one now. */
void queue_links_stir(struct queue_links *l, uint32_t queue);
/* A job is due at that time of Redis' clock: promote then, unless one is due earlier. */
void queue_links_due(struct queue_links *l, uint32_t queue, int64_t due_ms);
/* Leaves every queue's registry; deaths must be told first for the lease to end clean. */
void queue_links_bye(struct queue_links *l);
/* True when every queue was left, or Redis cannot be reached. */
bool queue_links_left(const struct queue_links *l);
/* True when every queue was left with nothing of ours in it. */
bool queue_links_clean(const struct queue_links *l);
/* True while each queue's heartbeats come back in time, or Redis is known to be away: what the service manager's
 * watchdog asks. */
bool queue_links_alive(const struct queue_links *l, uint64_t now_ms);
/* True when Redis has been away for so long that every lease has ended: what our workers hold is no longer theirs. */
bool queue_links_lost(const struct queue_links *l, uint64_t now_ms);
