/*
 * ghosts - those who left unmatched, kept to see when somebody would have taken them: their virtual wait.
 *
 * Runs in: ctl, bench, tests. Pure. Owner: the caller owns the ghosts until ghosts_free.
 *
 * Who leaves early hides how long the wait would have been, and those who would have waited longest leave most often. A
 * ghost takes nobody away from anybody: an arrival that would have preferred it to the partner it got (or got none)
 * ends the ghost's wait, and goes its own way.
 */
#pragma once

#include "match_index.h"

struct ghosts;

/* rules is borrowed for its life. NULL: no memory. */
struct ghosts *ghosts_new(const struct match_rules *rules);
void ghosts_free(struct ghosts *g); /* NULL-safe */
/* A copy of w haunts from now on. 0 or -ENOMEM. */
int ghosts_add(struct ghosts *g, const struct match_waiter *w);
/* One whom the arrival would have taken; the id and the instant its wait began. */
typedef void (*ghost_taken_fn)(void *arg, const char *id, int64_t created_ms);
/* Somebody arrived and got `partner` (NULL: nobody). Tells every ghost it would rather have had, and forgets it. */
void ghosts_arrival(struct ghosts *g, const struct match_profile *who, const struct match_waiter *partner,
                    int64_t now_ms, ghost_taken_fn fn, void *arg);
