/*
 * sha256 - FIPS 180-4, for naming inputs by what they are.
 *
 * Runs in: worker, ctl. Pure.
 */
#pragma once

#include "base.h"

enum { SHA256_HEX = 65 };

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes taken so far */
    uint8_t block[64];
};

/* An empty digest. */
void sha256_init(struct sha256 *s);
/* Takes len more bytes; data is borrowed for the call. */
void sha256_add(struct sha256 *s, const void *data, size_t len);
/* Lower-case hex and NUL into out; s must be initialised again after it. */
void sha256_hex(struct sha256 *s, char out[static SHA256_HEX]);
