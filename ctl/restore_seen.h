/*
 * restore_seen - whether a queue is half restored (K:restoring, docs/protocol.md §1), for whoever must not take it for
 * whole.
 *
 * Runs in: ctl. Blocks with redis.command_timeout.
 */
#pragma once

#include "redis_sync.h"

/* 0 when it is whole; ERR_REFUSED with the backup and what to do when it is not; the error of Redis. */
int restore_seen(struct redis_sync *redis, const char *queue, struct err *e);
