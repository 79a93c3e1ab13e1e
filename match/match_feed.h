/*
 * match_feed - what a committed round tells the wait model, as stream entries (docs/wait-model.md, "The feed").
 *
 * Runs in: worker (loop thread), tools that replay traces. Pure: calls back with the entry's fields; the caller sends
 * them. People are a hash, places are rounded to 0.05 degrees, names of regions are hashes. An id leaves for one
 * purpose: its ticket consented to be told of changes (field i).
 */
#pragma once

#include "match_round.h"

enum { FEED_FIELDS_MAX = 40, FEED_HERE_MAX = 512, FEED_HERE_EVERY_MS = 60000 };

/* One entry: n texts, alternating names and values; borrowed for the call. */
typedef void (*match_feed_fn)(void *arg, size_t n, const char *const fields[]);

/* What went wrong with a pool's rounds since it was last told. */
struct match_trouble {
    uint32_t conflicts, stale; /* rounds that had to be played again; cycles that came too late to be played */
};

/* Joins, leaves and matches of a committed round. */
void match_feed_round(const struct match_round *r, match_feed_fn fn, void *arg);
/* Again those of whom the model has not heard for FEED_HERE_EVERY_MS (at most FEED_HERE_MAX): what the stream lost
 * comes back. Call after a cycle's commit, before match_feed_mark. cursor is kept by the caller. */
void match_feed_here(struct match_index *ix, const char *pool, int64_t now_ms, uint32_t *cursor, match_feed_fn fn,
                     void *arg);
/* Counts of everybody waiting, and the trouble there was. */
void match_feed_mark(const struct match_index *ix, const char *pool, int64_t now_ms,
                     const struct match_trouble *trouble, match_feed_fn fn, void *arg);
