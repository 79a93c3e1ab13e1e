/*
 * small_groups - no group of fewer than SMALL_GROUP_MIN people is told apart, neither itself nor by what is left of a
 * sum.
 *
 * Runs in: supervisor's metrics thread, ctl. Pure.
 */
#pragma once

#include "base.h"

enum { SMALL_GROUP_MIN = 20 };

/* Which of n groups, who together are everybody and share nobody, may be told. A group that is too small is not, and
 * when those left out are fewer than SMALL_GROUP_MIN together, the smallest of the others is left out too: subtraction
 * finds no fewer than SMALL_GROUP_MIN, or everybody. Empty groups are told. */
void small_groups_told(const uint64_t counts[], size_t n, bool ret_told[]);

/* What may be said of counts[i], a group that small_groups_told left out: it has at least so many, in whole groups; 0:
 * fewer than SMALL_GROUP_MIN; -1: nothing. Something is said only when those left out are so many together that one
 * group among them is large whoever they are: then it says which, and nothing else that does not follow from what is
 * told anyway. */
int small_groups_from(const uint64_t counts[], const bool told[], size_t n, size_t i);
