/*
 * match_pools - the pools of a queue as the supervisors' metrics threads publish them in Redis.
 *
 * Runs in: ctl. Blocks with redis.command_timeout. Groups too small to be told apart are hidden here, for every verb.
 */
#pragma once

#include "session.h"

struct match_pools {
    char queue[QUEUE_MAX];
    json_t *pools;  /* owned: published records (docs/wait-model.md), by name, groups hidden, with "age_ms" */
    bool published; /* some supervisor publishes the queue's numbers */
    int64_t now_ms; /* Redis' clock */
};

/* Reads the pools of `queue`, NULL: of the queue that runs match. match_pools_fini after success. */
int match_pools_read(struct session *s, const char *queue, struct match_pools *ret, struct err *e);
void match_pools_fini(struct match_pools *p); /* NULL-safe, twice-safe */
/* The pool of that name, NULL: the first. Borrowed. NULL with e (ERR_NOT_FOUND) that says whether the name is unknown,
 * nobody has come, or nobody publishes. */
json_t *match_pools_find(const struct match_pools *p, const char *name, struct err *e);
/* Reads the pools of the queue that --queue names and calls show for the one of that name, NULL: for each. Stops at
 * show's first error. Errors as match_pools_read, match_pools_find, match_pools_check_name. */
typedef int (*match_pools_fn)(struct session *s, const struct match_pools *pools, json_t *stats, struct err *e);
int match_pools_each(struct session *s, const char *name, match_pools_fn show, struct err *e);
/* ERR_BAD_ARGUMENT for what cannot be a pool's name; NULL is fine. */
int match_pools_check_name(const char *name, struct err *e);
/* "published by host-1, 1.2 s ago": who published a record and how long ago. Returns out. */
char *match_pools_source(const json_t *stats, char out[static 160]);
/* Whether a record is so old that it must not be taken for now. */
bool match_pools_stale(const json_t *stats);
/* A member that is a number; fallback when it is absent, null or of another type. */
double match_pools_number(const json_t *object, const char *key, double fallback);
/* How many of a published group wait: "34", "<20", or "40+" when the number would tell of a smaller group; "-":
 * unknown. Returns out. */
char *match_pools_waiting(const json_t *cell, char out[static 32]);
