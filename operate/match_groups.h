/*
 * match_groups - no group of fewer than 20 people is told apart, whoever asks and however.
 *
 * Runs in: ctl, console. Pure.
 * A number left out must not follow from those shown: when the groups left out hold fewer than 20 together, the
 * smallest of the others is left out too.
 */
#pragma once

#include "small_groups.h"
#include <jansson.h>

enum { MATCH_GROUP_MIN = SMALL_GROUP_MIN, MATCH_GROUPS_MAX = 64 };

/* Which of n <= MATCH_GROUPS_MAX groups, who together are everybody, may be shown. Nobody is in two of them; -1: not a
 * group. */
void match_groups_shown(const int64_t counts[], size_t n, bool ret_shown[]);
/* What may be said of counts[i] where it may not be shown: small_groups_from of the same groups; -1: nothing. */
int64_t match_groups_from(const int64_t counts[], size_t n, size_t i);
/* Replaces by null what a pool's published record (wait_json.h) says of smaller groups: people waiting ("waitingFrom"
 * is left in their place, match_groups_from), and of genders without an estimate, which fewer than 20 have come of
 * lately, rates and shares as well. */
void match_groups_hide(json_t *stats);
/* The same for a balance that was asked for on its own: what is hidden in the published one is hidden in it. */
void match_groups_hide_balance(json_t *balance, const json_t *published);
