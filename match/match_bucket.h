/*
 * match_bucket - people alike to a query (genders, age band, place cell), in the order they are served.
 *
 * Runs in: worker (loop thread), tools that replay traces. Pure.
 * Owner: the index embeds buckets; a bucket owns its chunks. A sorted array cut into chunks of MATCH_CHUNK, so that a
 * million in one bucket can still be entered and left in microseconds.
 */
#pragma once

#include "base.h"

enum { MATCH_CHUNK = 64 };

struct match_chunk {
    uint32_t n;
    int64_t order[MATCH_CHUNK]; /* ascending */
    uint32_t slot[MATCH_CHUNK];
};

struct match_bucket {
    struct match_chunk **chunks; /* owned; none is empty */
    uint32_t n_chunks, cap;
    uint32_t count; /* people */
};

/* Enters slot with its order. 0 or -ENOMEM (unchanged). */
int match_bucket_add(struct match_bucket *b, int64_t order, uint32_t slot);
/* Takes it out; it must be there (asserts). */
void match_bucket_remove(struct match_bucket *b, int64_t order, uint32_t slot);
void match_bucket_fini(struct match_bucket *b);
/* The first chunk that may hold an order >= from; n_chunks when none does. */
uint32_t match_bucket_seek(const struct match_bucket *b, int64_t from);
