/*
 * match_turn_impl - what the two halves of a turn share: match_turn.c reads, retries and ends, match_commit.c plays and
 * writes.
 *
 * Runs in: worker. Thread: loop only. Owner: a turn owns itself until match_turn_end.
 */
#pragma once

#include "match_fill.h"
#include "match_tell.h"
#include "match_turn.h"

struct match_turn {
    const struct worker_ctx *ctx;
    const struct match_rules *rules;
    struct match_sent *sent; /* borrowed: match_retell_uv's */
    struct match_cache *cache;
    struct match_item *all;   /* owned: the whole array */
    struct match_item *items; /* within it: those of the round being played */
    size_t n;
    size_t n_after; /* more behind these, for later rounds: not 0 only after a round was halved */
    void (*on_end)(void *arg);
    void *arg;
    struct pg_conn *conn;
    int tries;
    bool cycle; /* a cycle is among the operations */
    struct match_head head;
    struct match_round round;
    bool open; /* round is initialised: the index may have changed */
    struct match_writes writes;
    size_t outcomes; /* their statement in batch 2 */
    struct match_tell tell;
    struct match_fill fill;
};

/* Plays what was read, writes it and commits. The turn is over, or goes on, when this calls one of those below. */
void match_turn_play(struct match_turn *t);

/* Every job of the round has ended: the next part of a halved round begins, or the turn is over and freed. */
void match_turn_end(struct match_turn *t);
/* Gives the connection back: what was not committed is rolled back. */
void match_turn_release(struct match_turn *t);
/* The round did not happen: it is played again as often as makes sense for that error, else its jobs fail. */
void match_turn_failed(struct match_turn *t, const struct err *e);
/* The same: something was not as it was read. */
void match_turn_conflict(struct match_turn *t, const char *why);
/* The same for the code of a step of ours. */
void match_turn_fail_code(struct match_turn *t, int rc, const char *step);
