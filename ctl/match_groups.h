/*
 * match_groups - no group of fewer than 20 people is told apart, whoever asks and however.
 *
 * Runs in: ctl. Pure.
 * A number left out must not follow from those shown: when the groups left out hold fewer than 20 together, the
 * smallest of the others is left out too.
 */
#pragma once

#include "base.h"
#include <jansson.h>

enum { MATCH_GROUP_MIN = 20, MATCH_GROUPS_MAX = 64 };

/* Which of n <= MATCH_GROUPS_MAX groups, who together are everybody, may be shown. Nobody is in two of them; -1: not a
 * group. */
void match_groups_shown(const int64_t counts[], size_t n, bool ret_shown[]);
/* What may be said of a count among `all` that may not be shown: it is at least so much, a multiple of MATCH_GROUP_MIN
 * that leaves the others room for as many; 0: fewer than MATCH_GROUP_MIN; -1: nothing. */
int64_t match_groups_from(int64_t count, int64_t all);
/* Replaces by null what a pool's published record (wait_json.h) says of smaller groups: people waiting ("waitingFrom"
 * is left in their place, match_groups_from), and of genders without an estimate, which fewer than 20 have come of
 * lately, rates and shares as well. */
void match_groups_hide(json_t *stats);
/* The same for a balance that was asked for on its own: what is hidden in the published one is hidden in it. */
void match_groups_hide_balance(json_t *balance, const json_t *published);
