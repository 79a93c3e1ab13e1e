/*
 * dead_archive - dead letters kept in PostgreSQL (table stint.dead_letter) before they leave Redis.
 *
 * Runs in: ctl, relay. Blocks. May be killed at any instruction: a letter is in Redis, in PostgreSQL, or for a moment in
 * both, and doing it again changes nothing.
 */
#pragma once

#include "base.h"
#include "dead_batch.h"
#include "err.h"
#include <libpq-fe.h>

/* Writes the batch's letters in one statement: all or none. A letter that is there already (same death) is written over
 * with what was read now. ERR_STORE_UNAVAILABLE, ERR_STORE_REFUSED with e. */
int dead_archive_store(PGconn *pg, const struct dead_batch *b, const char *reason, const char *actor, struct err *e);

/* The letters of one call, archived and removed. */
struct dead_archived {
    size_t taken;    /* ids looked at */
    int64_t removed; /* letters that are in PostgreSQL only now */
    int64_t bytes;   /* memory they took in Redis */
};
/* Read, store, remove: up to DEAD_BATCH_MAX letters and max_bytes. What was not removed (changed meanwhile) stays in both;
 * it is archived again when its turn comes. */
int dead_archive_move(struct redis_sync *redis, PGconn *pg, const char *queue, const char *const ids[], size_t n,
                      int64_t max_bytes, const struct dead_removal *removal, struct dead_archived *ret, struct err *e);
