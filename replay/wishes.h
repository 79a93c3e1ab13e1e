/*
 * wishes - how long somebody would have waited with wider wishes: what a named reason is worth, seen afterwards.
 *
 * Runs in: ctl, bench, tests. Pure. Owner: the caller owns the wishes until wishes_free.
 *
 * On joining, a person is doubled: once with twice the radius, once with five years more on both ends, once seeking
 * every gender. The doubles are ghosts (ghosts.h): they see who comes, and change nothing.
 */
#pragma once

#include "ghosts.h"
#include "match_supply.h"
#include "virtual_time.h"

struct wishes;

/* rules is borrowed for its life. NULL: no memory. */
struct wishes *wishes_new(const struct match_rules *rules);
void wishes_free(struct wishes *w); /* NULL-safe */
/* Somebody begins to wait in ix. ret_ms: 0 for the wishes that find somebody at once, REPLAY_NO_WAIT for the others,
 * which haunt from now on. 0 or -ENOMEM. */
int wishes_add(struct wishes *w, struct match_index *ix, const struct match_supply *supply,
               const struct match_waiter *who, int64_t now_ms, int64_t ret_ms[static REPLAY_WISHES]);
/* Tells a wish (0 to REPLAY_WISHES - 1) of the person of this id that came true. */
typedef void (*wish_true_fn)(void *arg, const char *id, int wish, int64_t created_ms);
/* Somebody arrived and got `partner` (NULL: nobody). */
void wishes_arrival(struct wishes *w, const struct match_profile *who, const struct match_waiter *partner,
                    int64_t now_ms, wish_true_fn fn, void *arg);
