/*
 * shard_turn - which part of its queue a worker fetches from, when the queue has shards (common/shard.h).
 *
 * Runs in: worker. Pure: time is an argument. Owner: struct worker.
 *
 * A worker holds jobs of one part at a time. It goes on to the next part when this one gave it nothing, and after
 * SHARD_TURN_MS even if it would give more: so every part is come to however few workers there are, and a full one
 * cannot keep them. Only when all parts in turn gave nothing does it wait for a wake-up, which names the part with
 * work.
 */
#pragma once

#include "base.h"
#include "shard.h"

enum { SHARD_TURN_MS = 25 }; /* longest stay at a part, the job in hand apart */

struct shard_turn {
    uint32_t parts;    /* 1: no shards, and everything here does nothing */
    uint32_t part;     /* fetched from now */
    uint32_t empty;    /* parts in turn, this one included, that gave nothing */
    int32_t hint;      /* a wake-up named it: next; -1: none */
    uint64_t since_ms; /* monotonic; when this part's turn began; 0: with the next fetch */
    uint64_t late;     /* bit a part: a call lost there may still arrive */
};

/* Begins with part first % parts, so that workers do not all begin with the same. */
void shard_turn_init(struct shard_turn *t, uint32_t parts, uint32_t first);
/* A fetch gave something (any), or nothing. True: nothing is anywhere, the worker may wait. */
bool shard_turn_fetched(struct shard_turn *t, bool any);
/* A wake-up that names a part ("": 0); one that is not known yet is served from now on. */
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
