/*
 * redis_check - Redis answers; but does it take jobs, and does it keep them?
 *
 * Runs in: ctl. Blocks with the configured timeouts. Changes nothing.
 */
#pragma once

#include "redis_info.h"
#include "redis_sync.h"

/* Asks for a change that changes nothing: refused where a real one would be (READONLY, MISCONF, NOREPLICAS, NOPERM).
 * The Functions must be loaded (redis_sync_functions); a newer library without the question is taken for well. */
int redis_check_writes(struct redis_sync *redis, struct err *e);
/* Reads INFO into *ret; an ACL may forbid it, which is the error. */
int redis_check_info(struct redis_sync *redis, struct redis_info *ret, struct err *e);
/* Both, for a verb that shows how things are: 0, or the gravest trouble with its remedy. */
int redis_check_well(struct redis_sync *redis, struct err *e);
