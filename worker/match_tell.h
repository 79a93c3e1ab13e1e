/*
 * match_tell - what the world hears of a committed round: the pool's stream for the application, the feed for the wait
 * model, and the next cycle.
 *
 * Runs in: worker. Thread: loop only. Wiring: sends on the worker's Redis connection and waits for nothing.
 * Events are rows of stint.match_event until they are in the stream; a worker that dies in between leaves them to
 * match_retell_uv. So each is told at least once, with its number `seq` to tell a repetition. The feed is not
 * kept: the wait model repairs what it missed.
 */
#pragma once

#include "kind.h"
#include "match_cache.h"
#include "match_sent.h"

/* Whether a cycle was among the round's operations. */
enum match_tell_cycle {
    MATCH_TELL_NO_CYCLE,
    MATCH_TELL_CYCLE,
    MATCH_TELL_CYCLE_LEFT, /* it expired all it may: more may be over, and the next one is asked for at once */
};

struct match_tell {
    int64_t *numbers; /* owned: of this round's events, in their order */
    size_t n_numbers;
};

void match_tell_fini(struct match_tell *tell); /* twice-safe */
/* Numbers of this round's events as PostgreSQL gave them. */
void match_tell_numbers(struct match_tell *tell, const PGresult *res);
/* Tells everything of the round, and asks for the pool's next cycle when somebody waits. Redis away: the events stay
 * for later. */
void match_tell_round(const struct match_tell *tell, const struct worker_ctx *ctx, struct match_sent *sent,
                      struct match_cache *cache, struct match_round *r, enum match_tell_cycle cycle);
/* Sends one event to its pool's stream; once Redis has answered that it is there, its number is in sent. Does not wait.
 */
void match_tell_event(const struct worker_ctx *ctx, struct match_sent *sent, const char *pool, int64_t seq,
                      const char *body);
/* Asks Redis what the wait model has published of the pool, unless that was done lately; the answer is in the cache's
 * `published` when it comes. Waits for nothing. */
void match_tell_ask_published(const struct worker_ctx *ctx, struct match_cache *cache);
/* Asks for a cycle of the pool in MATCH_CYCLE_MS, unless one was asked for within that time. 0, or a negative code when
 * Redis is away. Does not wait for the answer. */
int match_tell_want_cycle(const struct worker_ctx *ctx, const char *pool);
