/*
 * hostile_mutate - PDFs bent on purpose, by a seed: the same seed and files give the same bytes.
 *
 * Runs in: the hostile ring's driver. Pure.
 */
#pragma once

#include "base.h"

struct hostile_bytes {
    unsigned char *data; /* owned */
    size_t n;
};

/* A number of the sequence; splitmix64. */
uint64_t hostile_random(uint64_t *state);
/* A bent copy of base (caller frees data), at most max bytes long; other lends pieces to be spliced in. ret_how: the steps' names, for messages. */
struct hostile_bytes hostile_mutate(const struct hostile_bytes *base, const struct hostile_bytes *other, uint64_t seed, size_t max, char ret_how[static 160]);
