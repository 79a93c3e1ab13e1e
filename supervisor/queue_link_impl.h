/*
 * queue_link_impl - what the files of a queue's link share: the calls, and which of them is whose.
 *
 * Runs in: supervisor. Thread: the loop's only. Internal to queue_link_uv.c (deaths, farewell), queue_beat_uv.c (beats, due
 * jobs), queue_ghosts_uv.c (claims that arrive after a death), queue_shards_uv.c (how many shards there are) and
 * queue_lost_uv.c (lost hosts and predecessors).
 */
#pragma once

#include "queue_link_uv.h"

enum { TELL_AGAIN_MS = 500 }; /* after an error answer */

/* FCALL function 1 prefix args… False when Redis is away: on_reply will not be called. */
bool queue_call(struct queue_link *q, const char *function, redis_uv_reply_fn on_reply, int n, const char *const args[]);
/* True when the reply is an array of at least n; else says why not in the log (nothing for NULL: the connection's end is
 * told by others). */
bool queue_reply_is(struct queue_link *q, const char *function, const redisReply *r, size_t n);
/* An integer, or the number of elements of an array. */
int64_t queue_reply_number(const redisReply *r);
/* Starts the timer of all queues' turns. */
void queue_beats_open(struct queue_links *l);
/* Beats now, with the configured lease: something is at stake. */
void queue_beat(struct queue_link *q);
/* By how much the next heartbeat may be later than usual: the queue rests. */
uint64_t queue_beat_pause_ms(const struct queue_link *q);
/* Tells the queue what the configuration says of its kinds. */
void queue_tell_kinds(struct queue_link *q);
/* The timer `again`: what was refused is told again. */
void queue_link_again(uv_timer_t *timer);
/* As many idle workers as jobs were moved are woken: the doorbell would ring for them too, but it may be at rest or
 * between two connections. */
void queue_wake_for(struct queue_link *q, const redisReply *moved);

/* A consumer's death was told: with a later heartbeat it is looked for once more. Of too many the oldest is left out. */
void queue_ghosts_add(struct queue_link *q, const char *consumer);
/* A heartbeat came back: all that are known now are told again. */
void queue_ghosts_tell(struct queue_link *q);

/* Of a queue's plain part: how many shards Redis knows is asked, and what is configured is told. */
void queue_shards_ask(struct queue_link *q);

/* The timer that sweeps when another's lease ends; closed with the link's other handles. */
void queue_lost_init(struct queue_link *q);
/* Takes jobs from whoever has no lease. */
void queue_sweep(struct queue_link *q);
/* A beat told when the next lease of another ends, on Redis' clock; -1: nobody else has one. */
void queue_lapse_at(struct queue_link *q, int64_t lapse_ms);
/* Tells the queue of the next instance that is proven gone, unless a call is under way. */
void queue_gone_next(struct queue_link *q);
