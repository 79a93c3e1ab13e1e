/*
 * match_bucket - people alike to a query (genders, age band, place cell), in the order they are served.
 *
 * Runs in: worker (loop thread), tools that replay traces. Pure.
 * Owner: the index embeds buckets; a bucket owns its chunks. A sorted array cut into chunks of MATCH_CHUNK, so that a
 * million in one bucket can still be entered and left in microseconds.
 */
#pragma once

#include "match_rules.h"

enum { MATCH_CHUNK = 64 };

struct match_entry {
    int64_t order; /* ascending */
    uint32_t slot;
    struct match_brief brief; /* so that most of those who do not fit cost no look at their slot */
};

struct match_chunk {
    uint32_t n, cap; /* cap: at most MATCH_CHUNK; most buckets of a scattered pool hold one or two people */
    struct match_entry entry[];
};

struct match_bucket {
    struct match_chunk **chunks; /* owned; none is empty */
    uint32_t n_chunks, cap;
    uint32_t count; /* people */
};

/* 0 or -ENOMEM (unchanged). */
int match_bucket_add(struct match_bucket *b, const struct match_entry *e);
/* Takes it out; it must be there (asserts). */
void match_bucket_remove(struct match_bucket *b, int64_t order, uint32_t slot);
void match_bucket_fini(struct match_bucket *b);
/* Place of the first entry with an order >= from; *ret_chunk is n_chunks when there is none. */
void match_bucket_seek(const struct match_bucket *b, int64_t from, uint32_t *ret_chunk, uint32_t *ret_at);
/* How many have an order < `order`. */
uint32_t match_bucket_before(const struct match_bucket *b, int64_t order);
/* The smallest order in it; it must not be empty. */
static inline int64_t match_bucket_first(const struct match_bucket *b)
{
    return b->chunks[0]->entry[0].order;
}
