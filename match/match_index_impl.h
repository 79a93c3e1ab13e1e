/*
 * match_index_impl - the index's inside, shared by match_index.c (arrangement) and match_query.c (search) alone.
 *
 * Runs in: worker (loop thread), tools that replay traces.
 */
#pragma once

#include "match_bucket.h"
#include "match_index.h"

enum {
    CELL_KM = 64,          /* edge of a place cell */
    BAND_YEARS = 4,        /* width of an age band */
    CELL_NONE = INT16_MIN, /* no place */
    CLASS_MAX = GENDER_COUNT << GENDER_COUNT,
};

/* A bucket's address. */
struct cell {
    uint8_t gender, seeking, band, reserved;
    int16_t x, y, z; /* in cells; CELL_NONE in x: no place */
};

struct slot {
    struct match_waiter w; /* w.id NULL: free, then `bucket` is the next free slot */
    int64_t order;         /* what its bucket is sorted by */
    int64_t cursor;
    uint32_t bucket;
};

struct place_bucket {
    struct match_bucket people;
    struct cell cell;
    uint32_t in_class; /* its place in class_of(cell)'s list */
};

struct class_list {
    uint32_t *buckets; /* owned; numbers */
    uint32_t n, cap;
};

struct heap_item {
    int64_t bound;          /* no one in the rest of the bucket scores below */
    int64_t far_ms;         /* what the distance to the cell costs at least */
    uint32_t bucket, chunk; /* next to look at */
};

struct match_index {
    const struct match_rules *rules;
    struct slot *slots;
    uint32_t n_slots, cap_slots, free_slot, count;
    uint32_t by_gender[GENDER_COUNT];
    uint32_t *ids; /* open addressing: slot + 1, 0 empty */
    uint32_t ids_mask;
    struct place_bucket *buckets;
    uint32_t n_buckets, cap_buckets, free_bucket;
    uint32_t *cells; /* open addressing: bucket + 1, 0 empty */
    uint32_t cells_mask;
    struct class_list classes[CLASS_MAX];
    struct heap_item *heap; /* room for every bucket */
    uint32_t n_heap;
};

static inline uint32_t class_of(unsigned gender, unsigned seeking)
{
    return (uint32_t)(gender << GENDER_COUNT | seeking);
}

/* What a waiter's bucket is sorted by. */
static inline int64_t match_index_order(const struct match_index *ix, const struct match_waiter *w)
{
    return ix->rules->policy == MATCH_FCFS ? w->p.created_ms : w->key_ms;
}

/* Edge of a cell in the units of places. */
static inline double cell_edge(const struct match_index *ix)
{
    return ix->rules->plane ? CELL_KM * 10.0 : CELL_KM;
}

/* The bucket at an address; MATCH_NO_SLOT when there is none. */
uint32_t match_index_bucket(const struct match_index *ix, const struct cell *c);
