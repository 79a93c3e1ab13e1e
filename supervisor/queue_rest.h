/*
 * queue_rest - when a host may beat less often for a queue: while nothing of it is at stake there.
 *
 * Runs in: supervisor. Thread: loop only. Pure: no I/O, no clock.
 *
 * A lease says for how long a host's jobs are its own. A host that holds none in a queue, and whose doorbell listens to
 * it, needs only to stay known: it beats seldom and asks for a lease as much longer. It wakes up with the first sign of
 * work, before or while a worker claims: the beat it sends then cuts the lease to the configured one. Every host that
 * rests in a queue listens to it, so the entry that wakes one wakes all of them: they learn of the shorter lease with
 * their next beats. A host that dies between its first claim and that beat, which are a round trip apart, is noticed
 * when the long lease ends: later, never lost.
 */
#pragma once

#include "base.h"

enum {
    REST_BEATS = 8,       /* one beat instead of so many, a queue … */
    REST_MAX_MS = 100000, /* … but at least one in this time: how long a host that died at rest may be taken for alive
                             is thrice that, … */
    REST_QUEUE_MS = 2000, /* … or so much a queue, where that is more: many queues are half a command a second, too */
    REST_AFTER_BEATS = 2, /* so many usual beats come first: hosts learn of each other's shorter leases by them */
};

/* What is known of a queue on this host. Times are monotonic ms. */
struct queue_rest_view {
    bool listening; /* all its workers here wait and the doorbell would wake them */
    bool known;     /* a heartbeat was answered since the connection stands */
    bool paused;
    bool owing;          /* a death, a ghost, a sweep, a promotion or another call is not over */
    int64_t ready;       /* as of the last heartbeat */
    uint64_t stirred_ms; /* when there was something to do last */
    uint64_t heartbeat_ms;
};

/* True when the queue can be left alone until its next resting beat. */
bool queue_rest_may(const struct queue_rest_view *v, uint64_t now_ms);
/* Time between beats at rest on a host with so many queues; never less than the heartbeat. */
uint64_t queue_rest_beat_ms(uint64_t heartbeat_ms, uint32_t queues);
/* The lease asked for with such a beat: three of them may be missing, as always; never less than the configured one. */
uint64_t queue_rest_lease_ms(uint64_t lease_ms, uint64_t heartbeat_ms, uint32_t queues);
