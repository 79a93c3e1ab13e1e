/*
 * shard_turn - see shard_turn.h.
 */
#include "shard_turn.h"

void shard_turn_init(struct shard_turn *t, uint32_t parts, uint32_t first)
{
    *t = (struct shard_turn){.parts = parts, .part = first % parts, .hint = -1};
}

bool shard_turn_fetched(struct shard_turn *t, bool any)
{
    t->empty = any ? 0 : t->empty + 1;
    if (t->hint >= 0 || t->empty < t->parts)
        return false;
    t->empty = 0;
    return true;
}

void shard_turn_woken(struct shard_turn *t, const char *text)
{
    long part = strtol(text, NULL, 10);
    if (part < 0 || part >= SHARD_PARTS_MAX)
        return;
    t->parts = MAX_OF(t->parts, (uint32_t)part + 1);
    t->empty = 0;
    t->hint = t->parts > 1 ? (int32_t)part : -1;
}

bool shard_turn_over(const struct shard_turn *t, uint64_t now_ms)
{
    return t->parts > 1 && t->since_ms != 0 &&
           (t->empty > 0 || now_ms - t->since_ms >= SHARD_TURN_MS || (t->hint >= 0 && t->hint != (int32_t)t->part));
}

void shard_turn_leave(struct shard_turn *t)
{
    t->empty = 0; /* it may have jobs: all parts are asked again before the worker waits */
    t->since_ms = MIN_OF(t->since_ms, UINT64_C(1));
}

bool shard_turn_next(struct shard_turn *t, uint64_t now_ms)
{
    uint32_t before = t->part;
    if (shard_turn_over(t, now_ms) || (t->since_ms == 0 && t->hint >= 0)) {
        t->part = t->hint >= 0 ? (uint32_t)t->hint : (t->part + 1) % t->parts;
        t->hint = -1;
        t->since_ms = 0;
    } else if (t->hint == (int32_t)t->part) {
        t->hint = -1;
    }
    if (t->since_ms == 0)
        t->since_ms = now_ms;
    return t->part != before;
}

void shard_turn_lost(struct shard_turn *t)
{
    t->late |= UINT64_C(1) << t->part;
}

bool shard_turn_late(struct shard_turn *t)
{
    for (uint32_t part = 0; part < t->parts; part++) {
        if ((t->late & (UINT64_C(1) << part)) == 0)
            continue;
        t->late &= ~(UINT64_C(1) << part);
        t->part = part;
        t->since_ms = 0;
        return true;
    }
    return false;
}
