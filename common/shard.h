/*
 * shard - a logical queue as several physical ones: their names, and which of them a job belongs into.
 *
 * Runs in: every process that talks to Redis. Pure.
 *
 * A queue with n > 1 shards ([queue.NAME] shards) is n + 1 queues of the Functions, its parts: part 0 is the plain one,
 * "q", where producers go who know nothing of shards; part 1 is "q.0", part n is "q.<n-1>". Each is one hash slot with
 * a life cycle of its own.
 */
#pragma once

#include "base.h"

enum {
    SHARD_MAX = 32,                  /* most shards of a queue */
    SHARD_PARTS_MAX = SHARD_MAX + 1, /* the plain queue too */
    QUEUES_MAX = 1100, /* parts of all queues together that one supervisor serves: CONF_LISTED_MAX and some */
};

/* How many parts a queue with so many shards has: 1 without any. */
uint32_t shard_parts(int64_t shards);
/* The part's name. False when it would be longer than a queue's name may be. */
bool shard_name(char out[static QUEUE_MAX], const char *queue, uint32_t part);
/* Which part of the queue that name is; -1: none. */
int shard_part_of(const char *queue, const char *name);
/* Which part a job belongs into, by its id or, when it has one, its unique key: the same key always the same part, so
 * that two jobs with it meet. CRC-32 (ISO 3309, as zlib's crc32) modulo the number of shards; part 0 without shards. */
uint32_t shard_of_key(const char *key, size_t len, int64_t shards);
