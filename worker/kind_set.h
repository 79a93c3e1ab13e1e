/*
 * kind_set - the kinds this worker runs: its pool's, as far as this build knows them and the configuration enables them.
 *
 * Runs in: worker. Thread: loop only. Owner: struct worker. Opened once at boot, closed once at exit.
 */
#pragma once

#include "batch_size.h"
#include "kind.h"
#include "scoreboard.h"

struct kind_slot {
    char name[KIND_MAX];
    const struct kind_ops *ops; /* static */
    void *state;                /* the kind's, between open and close */
    struct worker_ctx ctx;      /* what the kind borrows */
    struct score_kind *score;   /* its counters in this worker's cell; NULL when the cell is full */
    bool open;
};

struct kind_set {
    struct kind_slot slots[SCORE_KIND_MAX];
    size_t n;
};

/* Opens every enabled kind of the pool; base->kind is filled per kind. 0, or a negative code with e naming the kind; what was
 * opened stays open until kind_set_close. */
int kind_set_open(struct kind_set *set, const struct worker_ctx *base, const struct conf_pool *pool, struct score_cell *cell,
                  struct err *e);
void kind_set_close(struct kind_set *set);
/* Tells every kind that the configuration was changed. */
void kind_set_reload(struct kind_set *set);
/* NULL when this worker does not run the kind. */
struct kind_slot *kind_set_find(struct kind_set *set, const char *kind);
/* True when some kind of the set has its effects in PostgreSQL. */
bool kind_set_stores(const struct kind_set *set);
/* Sets b up for the pool: the smallest of its kinds' bounds, unless the pool names one. */
void kind_set_batch(const struct kind_set *set, const struct conf_pool *pool, struct batch_size *b);
/* True when a kind of the set starts programs while it runs. */
bool kind_set_execs(const struct kind_set *set);
