/*
 * backup_dump - the Redis part by script, for servers that give no snapshot, and for one queue alone (backup_redis.h).
 *
 * Runs in: ctl. Blocks. A queue is one slot and is read in one script: what is in the part was so at one moment.
 */
#pragma once

#include "backup_redis.h"

/* Writes the part BACKUP_KEYS; otherwise as backup_redis_run. */
int backup_dump_run(struct backup_redis *b, struct err *e);

/* For this file: the counters of all queues into the manifest's rows; the moment of one of them. */
int backup_redis_counts(struct backup_redis *b, const char *member, struct err *e);
void backup_redis_moment(struct backup_redis *b, size_t queue, int64_t at_ms);
