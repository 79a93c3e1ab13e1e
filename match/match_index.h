/*
 * match_index - the people waiting in one pool, arranged so that the best partner of an arrival is found among few.
 *
 * Runs in: worker (loop thread), tools that replay traces. Pure: time is an argument.
 * Owner: the index owns its waiters from match_index_add until match_index_take. It is a cache of PostgreSQL: it may be
 * dropped and rebuilt at any time.
 *
 *   gender + sought genders (class) → district (512 km) → place cell (64 km) × age band (4 years) = bucket, ordered by
 *   priority
 *
 * A query opens the buckets that can hold a partner in the order of their best possible score and stops when no bucket
 * can beat the best found: exact, unless candidates_max people were looked at before; then it says where to go on. No
 * memory is taken by a query. About 220 bytes a person, and its id and lists.
 */
#pragma once

#include "base.h"
#include "match_rules.h"

enum { MATCH_WAITING_MAX = 2000000, MATCH_INDEX_TAKE_MAX = 256 };
#define MATCH_NO_SLOT    UINT32_MAX
#define MATCH_FROM_START INT64_MIN

/* One person waiting. */
struct match_waiter {
    struct match_profile p;
    int64_t key_ms;      /* priority: smaller is served first */
    int64_t touched_ms;  /* last sign of presence */
    int64_t presence_ms; /* gone when silent for so long; 0: not watched */
    int64_t expires_ms;  /* gone then */
    int64_t version;     /* of its row in PostgreSQL; 0: none yet */
    int64_t told_ms;     /* when the wait model last heard of this person from us */
    unsigned fairness;   /* seconds of seniority, in key_ms already */
    char *id;            /* owned */
};

struct match_index;

struct match_query {
    const struct match_profile *who; /* need not be in the index; is never its own partner */
    int64_t now_ms;
    int64_t from;    /* MATCH_FROM_START, or ret_from of the last attempt */
    uint32_t budget; /* most people looked at */
};

struct match_found {
    uint32_t slot;   /* MATCH_NO_SLOT: nobody */
    int64_t score;   /* ms; smaller is better */
    unsigned stage;  /* relaxation it took */
    uint32_t looked; /* people looked at */
    bool exhausted;  /* the budget ended first: go on from `from` */
    int64_t from;
};

/* rules is borrowed for the index's life and must not change policy, plane or ms_per_km meanwhile. NULL: no memory. */
struct match_index *match_index_new(const struct match_rules *rules);
void match_index_free(struct match_index *ix); /* NULL-safe */
const struct match_rules *match_index_rules(const struct match_index *ix);
/* Sets gone_ms from presence and expiry. Call after changing touched_ms. */
void match_waiter_gone(struct match_waiter *w);
void match_waiter_fini(struct match_waiter *w);

/* Takes w's contents (w is emptied) and tells the slot. -EEXIST: the id is there already; -ENOSPC: full; -ENOMEM. w is
 * the caller's on failure. */
int match_index_add(struct match_index *ix, struct match_waiter *w, uint32_t *ret_slot);
uint32_t match_index_find(const struct match_index *ix, const char *id); /* MATCH_NO_SLOT when absent */
/* The waiter in a used slot; borrowed until the next add or take. Profile, key and id must not be changed. */
struct match_waiter *match_index_at(struct match_index *ix, uint32_t slot);
/* Moves a waiter out: the caller owns it. */
void match_index_take(struct match_index *ix, uint32_t slot, struct match_waiter *ret);
/* First used slot >= from, MATCH_NO_SLOT after the last: to look at everybody. */
uint32_t match_index_next(const struct match_index *ix, uint32_t from);
uint32_t match_index_count(const struct match_index *ix);
uint32_t match_index_count_gender(const struct match_index *ix, unsigned gender);
/* Where the next attempt of the person in slot goes on; kept for it. */
int64_t *match_index_cursor(struct match_index *ix, uint32_t slot);
/* Relaxation stage of the person's last attempt + 1; 0: not tried since it came back from a pair. 1 on entry. */
uint8_t *match_index_tried(struct match_index *ix, uint32_t slot);
/* Slots where a cycle's looks go on, so that each cycle takes up where the last one had to stop. */
struct match_turns {
    uint32_t expire, due;
};
struct match_turns *match_index_turns(struct match_index *ix);

/* The best partner by (score, created, id). */
void match_index_best(struct match_index *ix, const struct match_query *q, struct match_found *ret);
/* What w would score as the partner of who, in the index or not. */
int64_t match_index_score(const struct match_index *ix, const struct match_profile *who, const struct match_waiter *w);
/* Up to max partners, about the best first. Returns how many. */
size_t match_index_some(struct match_index *ix, const struct match_query *q, uint32_t ret_slots[], size_t max);
/* How many people who want somebody of who's kind of partner go before key_ms, counted up to max; for "position". */
uint32_t match_index_ahead(struct match_index *ix, const struct match_profile *who, int64_t key_ms, uint32_t max);
