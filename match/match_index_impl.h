/*
 * match_index_impl - the index's inside, shared by match_index.c (people), match_cells.c (arrangement by place) and
 * match_query.c (search) alone.
 *
 * Runs in: worker (loop thread), tools that replay traces.
 */
#pragma once

#include "match_bucket.h"
#include "match_index.h"

enum {
    CELL_KM = 64,          /* edge of a place cell */
    DISTRICT_CELLS = 8,    /* cells along the edge of a district */
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
    uint32_t id_hash;
    uint8_t tried; /* 0: not since it came back; else the stage of the last attempt + 1 */
};

struct place_bucket {
    struct match_bucket people;
    int64_t first; /* smallest order in it */
    struct cell cell;
    uint32_t district, in_district; /* its place in the district's list */
};

/* Numbers of something, in no order. */
struct numbers {
    uint32_t *at; /* owned */
    uint32_t n, cap;
};

/* The buckets of one class in a cube of 8 × 8 × 8 cells: what is far away is set aside in one step. */
struct district {
    int64_t first;          /* no order in it is smaller; may be smaller than all */
    struct numbers buckets; /* empty: unused, then in_class is the next unused district */
    struct cell cell;       /* x, y, z in districts; band unused */
    uint32_t in_class;
};

struct class_list {
    struct numbers districts;
    uint32_t n_buckets;
};

struct heap_item {
    int64_t bound;  /* no one in the rest of it scores below */
    int64_t far_ms; /* what the distance to it costs at least */
    uint32_t number, chunk;
    uint16_t at; /* entry of the chunk that is next */
    bool district;
};

struct match_index {
    const struct match_rules *rules;
    struct slot *slots;
    uint32_t n_slots, cap_slots, free_slot, count;
    uint32_t by_gender[GENDER_COUNT];
    struct match_turns turns;
    uint32_t *ids; /* open addressing: slot + 1, 0 empty */
    uint32_t ids_mask;
    struct place_bucket *buckets;
    uint32_t n_buckets, cap_buckets, free_bucket;
    struct district *districts;
    uint32_t n_districts, cap_districts, free_district;
    uint32_t *cells; /* open addressing: bucket + 1, 0 empty */
    uint32_t cells_mask;
    struct class_list classes[CLASS_MAX];
    struct heap_item *heap; /* room for every bucket and district */
    uint32_t n_heap, cap_heap;
    struct match_seeker seeker; /* of the search under way */
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

/* Puts the person of a slot into its bucket. 0 or -ENOMEM (unchanged). */
int match_cells_enter(struct match_index *ix, const struct match_profile *p, int64_t order, uint32_t slot,
                      uint32_t *ret_bucket);
void match_cells_leave(struct match_index *ix, uint32_t bucket, int64_t order, uint32_t slot);
int match_cells_init(struct match_index *ix); /* 0 or -ENOMEM */
void match_cells_fini(struct match_index *ix);
