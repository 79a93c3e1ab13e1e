/*
 * match_published - what the wait model last published of a pool, as far as a submit's result tells it.
 *
 * Runs in: worker. Thread: loop only. Pure: match_tell.c asks Redis.
 * Owner: shared by the pool's cache and by the question under way, which may outlive it: who is last frees it.
 */
#pragma once

#include "gender.h"

enum {
    MATCH_PUBLISHED_CELLS = 64,
    MATCH_PUBLISHED_EVERY_MS = 2000, /* asked for no more often */
    MATCH_PUBLISHED_KEPT_MS = 15000, /* older figures are not told */
};

/* The waiting time of a group: everybody of a gender, or those of them who seek the same. */
struct match_cell {
    uint8_t gender, seeking; /* seeking 0: whatever they seek */
    double p50_s, p90_s;
    const char *confidence; /* static */
};

struct match_published {
    unsigned holders;
    uint64_t asked_ms;  /* monotonic; 0: never */
    int64_t updated_ms; /* of the figures, since 1970; 0: there are none */
    struct match_cell cells[MATCH_PUBLISHED_CELLS];
    size_t n;
};

/* Empty, held once. NULL: no memory. */
struct match_published *match_published_new(void);
/* One more holder. Returns it. */
struct match_published *match_published_hold(struct match_published *p);
/* One holder less; the last frees. NULL-safe. */
void match_published_drop(struct match_published *p);
/* Takes over a pool's published JSON of len bytes (docs/protocol.md, `pool:<pool>` of the queue's stats). What cannot
 * be read leaves p empty. */
void match_published_take(struct match_published *p, const char *json, size_t len);
/* The smallest group with a figure that the person belongs to; NULL: there is none, or it is too old at now_ms. p may
 * be NULL. */
const struct match_cell *match_published_find(const struct match_published *p, unsigned gender, unsigned seeking,
                                              int64_t now_ms);
