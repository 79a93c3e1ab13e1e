/*
 * shard_turn - which part of its queue a worker fetches from, when the queue has shards (common/shard.h).
 *
 * Runs in: worker. Pure: time is an argument. Owner: struct worker.
 *
 * A worker holds jobs of one part at a time. It goes on to the next part when this one gave it nothing, and after
 * SHARD_TURN_MS even if it would give more: so every part is come to however few workers there are, and a full one
 * cannot keep them. Only when all parts in turn gave nothing does it wait for a wake-up, which names the part with
 * work.
 *
 * Of a pool that serves several queues (sent) the worker does not choose: a wake-up names one queue, and it fetches
 * there alone, until that gives nothing or its turn is over. Then it tells its supervisor and waits; whose turn is next
 * is decided there (supervisor/queue_turns.h), for all workers and however many queues there are.
 */
#pragma once

#include "base.h"
#include "shard.h"

enum {
    SHARD_TURN_MS = 25,  /* longest stay at a part, the job in hand apart */
    SHARD_LATE_MAX = 64, /* queues remembered where a call was lost; of more the oldest is left out */
};

/* One of several queues: its number, and what it is called. */
struct shard_place {
    uint32_t part;
    char name[QUEUE_MAX];
};

struct shard_turn {
    uint32_t parts;            /* 1: no shards, and everything here does nothing */
    uint32_t part;             /* fetched from now */
    uint32_t empty;            /* parts in turn, this one included, that gave nothing */
    int32_t hint;              /* a wake-up named it: next; -1: none */
    uint64_t since_ms;         /* monotonic; when this part's turn began; 0: with the next fetch */
    uint64_t late;             /* bit a part: a call lost there may still arrive */
    bool sent;                 /* the pool serves several queues: it goes where it is sent; then also … */
    char name[QUEUE_MAX];      /* of the queue that is `part` */
    char hint_name[QUEUE_MAX]; /* of `hint` */
    struct shard_place lates[SHARD_LATE_MAX];
    uint32_t n_lates;
};

/* Begins with part first % parts, so that workers do not all begin with the same. */
void shard_turn_init(struct shard_turn *t, uint32_t parts, uint32_t first);
/* The same for a worker that is sent to one of several queues at a time; `first` is number 0. */
void shard_turn_init_sent(struct shard_turn *t, const char *first);
/* True when its turn is over, there may be more, and it was not sent elsewhere yet: it waits, and says that there is.
 */
bool shard_turn_yields(const struct shard_turn *t, uint64_t now_ms);
/* A fetch gave something (any), or nothing. True: nothing is anywhere, the worker may wait. */
bool shard_turn_fetched(struct shard_turn *t, bool any);
/* A wake-up that names a part ("": 0), or "<number> <queue>"; one that is not known yet is served from now on. */
void shard_turn_woken(struct shard_turn *t, const char *text);
/* True when another part is to be fetched from next, so that a finish shall claim nothing. */
bool shard_turn_over(const struct shard_turn *t, uint64_t now_ms);
/* This part gives nothing for a while: another is next. */
void shard_turn_leave(struct shard_turn *t);
/* With nothing in hand, before a fetch: goes on when the turn is over. True: t->part changed. */
bool shard_turn_next(struct shard_turn *t, uint64_t now_ms);
/* A call that may have claimed was lost at this part. */
void shard_turn_lost(struct shard_turn *t);
/* With nothing in hand: goes to a part where one was lost, and forgets that. False: there is none. */
bool shard_turn_late(struct shard_turn *t);
