/*
 * backup_redis - the Redis part of a backup: one moment of everything, taken while jobs run.
 *
 *   snapshot   PSYNC over a connection of our own: Redis forks, as for a replica, and streams an RDB. One moment for
 * all queues. dump       where that is refused: one read-only script a queue, DUMP of each of its keys. One moment a
 * queue; the server answers nobody else meanwhile.
 *
 * Runs in: ctl. Blocks. Changes nothing in Redis.
 */
#pragma once

#include "backup_folder.h"
#include "queue_call.h"
#include "session.h"

struct backup_redis {
    struct session *s;            /* borrowed */
    struct backup_folder *folder; /* borrowed */
    const struct queue_list *queues;
    bool dump; /* by script; set too when the snapshot was refused */
    /* Called once when the moment (all moments) of the part is known and past, before most of it has come. first_ms:
     * Redis' clock at the earliest of them, or a little before. */
    int (*on_moment)(void *arg, int64_t first_ms, struct err *e);
    void *arg;
    json_t *manifest; /* owned by the caller: its member "redis", filled here */
};

/* Writes the part. */
int backup_redis_run(struct backup_redis *b, struct err *e);
