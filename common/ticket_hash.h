/*
 * ticket_hash - the number that stands for a ticket where its id must not appear: the wait model's feed.
 *
 * Runs in: worker, supervisor's metrics thread, ctl. Pure. 64-bit FNV-1a over pool, NUL, id, finished by a mixer
 * (splitmix64): no secret, it hides nothing from somebody who has the ids; it keeps them out of streams and logs.
 */
#pragma once

#include "base.h"

static inline uint64_t ticket_hash_mix(uint64_t h)
{
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

/* Hash of one text. Never 0. */
static inline uint64_t ticket_hash_text(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    h = ticket_hash_mix(h);
    return h ? h : 1;
}

/* Hash of a ticket in its pool. Never 0. */
static inline uint64_t ticket_hash(const char *pool, const char *id)
{
    uint64_t h = ticket_hash_mix(ticket_hash_text(pool) ^ (ticket_hash_text(id) * UINT64_C(0x9e3779b97f4a7c15)));
    return h ? h : 1;
}
