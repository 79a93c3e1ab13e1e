/*
 * drive - random events on many small pools, played by the engine and by the reference side by side.
 */
#pragma once

#include "base.h"

struct drive_totals {
    uint64_t events, rounds, submits, pairs, confirmed, released, expired, relaxed, augmented, refused, rebuilt;
};

/* Plays `events` from the seed. Stops at the first difference: says on standard error what it was, with seed and event,
 * and returns false. */
bool drive(uint64_t seed, uint64_t events, struct drive_totals *ret);
