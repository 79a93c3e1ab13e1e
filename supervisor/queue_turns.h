/*
 * queue_turns - whose turn it is of the queues that a pool's workers serve together.
 *
 * Runs in: supervisor. Thread: loop only. Pure: no I/O, no clock. Owner: struct slots.
 *
 * A worker is sent to one queue. It says that it waits when that gave it nothing more, or, with more to be had, after
 * its turn (SHARD_TURN_MS of the worker). Queues with work wait in line here; whoever waits is sent to the first of the
 * line that its pool serves, which goes to the end if more is wanted of it. So every queue with work is come to after
 * at most one turn of each other one, however full those are, and a queue without work costs nobody anything.
 */
#pragma once

#include "base.h"
#include "shard.h"

struct queue_turns {
    uint16_t line[QUEUES_MAX]; /* a ring of indices, each at most once */
    uint32_t head, n;
    uint16_t wanted[QUEUES_MAX]; /* workers wanted at the queue; 0: not in line */
};

/* n workers more have something to do at the queue. */
void queue_turns_add(struct queue_turns *t, uint32_t queue, uint32_t n);
/* The first in line for which serves(arg, queue) holds gets a worker; those it does not hold for keep their places.
 * False: there is none. */
bool queue_turns_take(struct queue_turns *t, bool (*serves)(void *arg, uint32_t queue), void *arg, uint32_t *ret_queue);
/* Nobody is wanted there any more: it is paused. */
void queue_turns_drop(struct queue_turns *t, uint32_t queue);
