/*
 * wait_kept - what the wait models of a queue knew before the restart, and where the feed is read on from.
 *
 * Runs in: supervisor's metrics thread. Pure, but for the log.
 */
#pragma once

#include "wait_queues.h"
#include <hiredis/hiredis.h>

/* Takes in the answer to HGETALL stint:{q}:keep; the feed may be read from q->last on then. now_ms: on the feed's
 * clock. */
void wait_kept_take(struct wait_queue *q, int64_t now_ms, const redisReply *reply);
/* Whether this entry of the feed was counted before the restart already. */
bool wait_kept_counted(const struct wait_desk *d, const char *entry);
