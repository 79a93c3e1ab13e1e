/*
 * fetch_impl - what fetch.c (what to ask, and when) and fetch_answer.c (what the answers mean) share. For these two
 * only.
 *
 * Runs in: worker. Thread: loop only.
 */
#pragma once

#include "fetch.h"

/* The answer to the next unanswered part of the turn under way; redis_uv's callback, arg: struct worker. */
void fetch_on_reply(void *arg, const redisReply *reply, const struct err *lost);
/* The part could not be sent: what it was about is as if it had not been tried. */
void fetch_part_unsent(struct worker *w, enum fetch_part part);
