/*
 * match_turn - one pool's part of a round of jobs, from connection to results.
 *
 * Runs in: worker. Thread: loop only. Wiring: talks to PostgreSQL (pg_uv) and Redis (redis_uv) through the kind's
 * context. Owner: a turn owns itself from match_turn_start until on_end was called; the jobs' runs end inside.
 *
 *   acquire ─► [warm: pages of tickets] ─► read (lock) ─► [more changes] ─► play ─► write ─► commit ─► tell ─► end
 *      ▲                                      │                               │       │
 *      └───── again: conflict, fenced job ◄───┴───────────────────────────────┴───────┘   at most MATCH_TRIES times,
 *                                                                                         then in halves
 */
#pragma once

#include "match_cache.h"
#include "match_sent.h"
#include "outcome.h"

enum {
    MATCH_TRIES = 4,
    MATCH_TRIES_REFUSED = 2,
    MATCH_CYCLE_MS = 5000,
    MATCH_STREAM_MAX = 10000,
    MATCH_FEED_MAX = 200000
};

/* One job of the turn. */
struct match_item {
    struct job_run *run; /* NULL once ended */
    struct match_op op;  /* owned */
    struct match_reply reply;
    char *result; /* owned */
};

struct match_turn;

/* Takes the items (and their array). on_end is called once, when every run has ended and the turn is gone. rules, sent
 * (where told events are noted) and cache are borrowed until then; no other turn may use the cache meanwhile. */
void match_turn_start(const struct worker_ctx *ctx, const struct match_rules *rules, struct match_sent *sent,
                      struct match_cache *cache, struct match_item *items, size_t n, void (*on_end)(void *arg),
                      void *arg);
