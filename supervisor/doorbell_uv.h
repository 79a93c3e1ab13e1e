/*
 * doorbell_uv - a blocked read of this host: who is told when work arrives.
 *
 * Runs in: supervisor. Thread: the loop's only. Never blocks the loop; its own connection is what waits in Redis.
 * Owns: that connection.
 *
 * One plain XREAD BLOCK over its queues: always their event streams, and the band streams (and the lane) of those
 * queues that have idle workers for them. Nothing is claimed, so nothing can be lost here: an entry seen only wakes a
 * worker, which then fetches. No wake-up is lost either: an entry added after a worker's empty fetch has a higher id
 * than any seen before it, so the next read returns it at once. Of an entry only the id is looked at; payloads are
 * dropped unread.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include <uv.h>

struct redis_uv;
struct doorbell;

/* Queues of one read. Redis looks at each stream of a read when it begins to block and when it is woken, about 3 µs a
 * queue: more queues have more reads (doorbells_uv.h), so that one wake-up costs no more however many there are. */
enum { DOORBELL_QUEUES_MAX = 64 };

struct doorbell_hooks {
    void *arg;
    /* True when the queue's bands (or its lane) have workers that wait and may be woken (not paused). */
    bool (*wanted)(void *arg, uint32_t queue, bool lane);
    /* True when the queue's bands are to be heard whether anybody waits for them or not; NULL: of none. */
    bool (*always)(void *arg, uint32_t queue);
    /* n new entries were seen in the bands, or in the lane. */
    void (*on_entries)(void *arg, uint32_t queue, bool lane, uint32_t n);
    /* Events of K:ev. */
    void (*on_due)(void *arg, uint32_t queue, int64_t due_ms);
    void (*on_cancel)(void *arg, uint32_t queue, const char *which); /* "<band>:<entry id>" */
    void (*on_pause)(void *arg, uint32_t queue);
    void (*on_resume)(void *arg, uint32_t queue, bool whole); /* whole: the queue; else one of its kinds */
};

/* Connects; begins to listen as soon as it can, to n queues; the hooks know the first by
 * the number `first`, the others by those behind it. block_ms: a read asks anew after that, so that a dead connection
 * shows. commands: another connection (borrowed; must outlive it), used to end a blocked read whose set of streams is
 * outdated. ERR_OUT_OF_MEMORY. */
int doorbell_new(uv_loop_t *loop, const struct conf *conf, const char (*names)[QUEUE_MAX], uint32_t first, uint32_t n,
                 int block_ms, struct redis_uv *commands, const struct doorbell_hooks *hooks, struct doorbell **ret,
                 struct err *e);
/* One queue more, of DOORBELL_QUEUES_MAX at most: its number is the next. */
void doorbell_add(struct doorbell *d, const char *name);
/* A worker of some queue began to wait: have its bands in the read. */
void doorbell_touch(struct doorbell *d);
/* True while a read waits for entries of all that wants them in the queue. */
bool doorbell_listens(const struct doorbell *d, uint32_t queue);
/* The command connection was lost and is back: a read that was blocked meanwhile may wait for ever at the end of a line
 * that is cut, so it is made anew. */
void doorbell_renew(struct doorbell *d);
/* Ends listening; run the loop once more, then doorbell_free. NULL-safe. */
void doorbell_close(struct doorbell *d);
void doorbell_free(struct doorbell *d); /* NULL-safe */
