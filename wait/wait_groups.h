/*
 * wait_groups - no group of fewer than WAIT_GROUP_MIN people is told apart, neither itself nor by what is left of a
 * sum.
 *
 * Runs in: supervisor's metrics thread. Pure.
 */
#pragma once

#include "small_groups.h"
#include "wait_model.h"

/* People by gender as they may be told: who must not be told apart count as unknown, or, nonbinary people and others,
 * as others. Sums stay what they are. */
struct wait_shown {
    uint64_t waiting[GENDER_COUNT];
    bool apart[GENDER_COUNT]; /* the number is that gender's alone */
    int from[GENDER_COUNT];   /* of one that is not: small_groups_from */
};
void wait_groups_waiting(const uint64_t waiting[static GENDER_COUNT], struct wait_shown *ret);

/* A count that only grows, in whole groups: neither it nor its steps tell of fewer than WAIT_GROUP_MIN. */
uint64_t wait_groups_counter(uint64_t n);
