/*
 * queue_sum - the numbers of a queue with shards: what stint_stats said of each of its parts (shard.h), as one answer
 * of the same form.
 *
 * Runs in: supervisor's metrics thread, ctl, console. Pure.
 */
#pragma once

#include "base.h"
#include <jansson.h>

/* Shards that are served of the queue whose plain part answered so; 1: it has none. */
int64_t queue_sum_shards(const json_t *stats);
/* Adds a part's numbers to those of the parts before it, in place. Counts add up; ages, hosts and the server's time are
 * the largest, the next due time the earliest; it is paused when a part is. Drift adds up by its size, so that two
 * faults cannot cancel out. */
void queue_sum_add(json_t *sum, const json_t *part);
