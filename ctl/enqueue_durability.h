/*
 * enqueue_durability - how sure is it that a job just enqueued survives Redis' death?
 *
 * Runs in: ctl. Blocks for at most three quarters of redis.command_timeout a confirmation.
 *
 *   fast  acknowledged when it is in Redis' memory (the default)
 *   safe  acknowledged when it is on Redis' disk (WAITAOF: Redis 7.2 with an append-only file), else when a replica has
 *         it (WAIT), else refused before anything is sent: nothing is promised that cannot be kept
 *
 * A third level, in the caller's own PostgreSQL transaction, needs no confirmation here: it is stint_outbox's.
 */
#pragma once

#include "session.h"

/* X(id, word in answers) What holds the job when it was acknowledged. */
#define DURABILITY_KEPT(X)                                                                                             \
    X(MEMORY, "memory")                                                                                                \
    X(FSYNC, "fsync")                                                                                                  \
    X(REPLICA, "replica")

enum durability_kept {
#define X(id, name) DURABILITY_##id,
    DURABILITY_KEPT(X)
#undef X
        DURABILITY_KEPT_COUNT
};

/* What `safe` means on this server. ERR_REFUSED with e when it can confirm nothing. */
int enqueue_durability_plan(struct session *s, enum durability_kept *ret_plan, struct err *e);
/* Waits until what this session wrote last is kept so; MEMORY returns at once. ERR_TIMED_OUT when it was not in time: it
 * is enqueued, and not confirmed. */
int enqueue_durability_confirm(struct session *s, enum durability_kept plan, struct err *e);
/* "memory", "fsync", "replica". Static storage. */
const char *enqueue_durability_name(enum durability_kept kept);
