/*
 * shard_turn - see shard_turn.h.
 */
#include "shard_turn.h"

#include <stdio.h>

void shard_turn_init(struct shard_turn *t, uint32_t parts, uint32_t first)
{
    *t = (struct shard_turn){.parts = parts, .part = first % parts, .hint = -1};
}

void shard_turn_init_sent(struct shard_turn *t, const char *first)
{
    *t = (struct shard_turn){.parts = 1, .hint = -1, .sent = true};
    (void)snprintf(t->name, sizeof t->name, "%s", first);
}

bool shard_turn_yields(const struct shard_turn *t, uint64_t now_ms)
{
    return t->sent && t->hint < 0 && t->since_ms != 0 && now_ms - t->since_ms >= SHARD_TURN_MS;
}

bool shard_turn_fetched(struct shard_turn *t, bool any)
{
    t->empty = any ? 0 : t->empty + 1;
    if (t->hint >= 0 || t->empty < t->parts)
        return false;
    t->empty = 0;
    return true;
}

/* To where it is already: another turn begins there. */
static void woken_sent(struct shard_turn *t, const char *text)
{
    char *end;
    unsigned long part = strtoul(text, &end, 10);
    if (end == text || *end != ' ' || part >= QUEUES_MAX || strlen(end + 1) >= sizeof t->hint_name)
        return;
    t->empty = 0;
    t->hint = (uint32_t)part == t->part ? -1 : (int32_t)part;
    memcpy(t->hint_name, end + 1, strlen(end + 1) + 1);
    if (t->hint < 0)
        t->since_ms = 0;
}

void shard_turn_woken(struct shard_turn *t, const char *text)
{
    if (t->sent) {
        woken_sent(t, text);
        return;
    }
    long part = strtol(text, NULL, 10);
    if (part < 0 || part >= SHARD_PARTS_MAX)
        return;
    t->parts = MAX_OF(t->parts, (uint32_t)part + 1);
    t->empty = 0;
    t->hint = t->parts > 1 ? (int32_t)part : -1;
}

bool shard_turn_over(const struct shard_turn *t, uint64_t now_ms)
{
    if (t->sent)
        return shard_turn_yields(t, now_ms) || t->hint >= 0;
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
    if (t->sent && t->hint >= 0) {
        t->part = (uint32_t)t->hint;
        t->hint = -1;
        t->since_ms = 0;
        memcpy(t->name, t->hint_name, sizeof t->name);
    } else if (t->sent) {
        /* it stays where it was sent */
    } else if (shard_turn_over(t, now_ms) || (t->since_ms == 0 && t->hint >= 0)) {
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

static void lost_sent(struct shard_turn *t)
{
    for (uint32_t i = 0; i < t->n_lates; i++)
        if (t->lates[i].part == t->part)
            return;
    if (t->n_lates == SHARD_LATE_MAX)
        memmove(&t->lates[0], &t->lates[1], --t->n_lates * sizeof t->lates[0]);
    struct shard_place *late = &t->lates[t->n_lates++];
    late->part = t->part;
    memcpy(late->name, t->name, sizeof late->name);
}

void shard_turn_lost(struct shard_turn *t)
{
    if (t->sent)
        lost_sent(t);
    else
        t->late |= UINT64_C(1) << t->part;
}

static bool late_sent(struct shard_turn *t)
{
    if (t->n_lates == 0)
        return false;
    const struct shard_place *late = &t->lates[--t->n_lates];
    t->part = late->part;
    t->since_ms = 0;
    memcpy(t->name, late->name, sizeof t->name);
    return true;
}

bool shard_turn_late(struct shard_turn *t)
{
    if (t->sent)
        return late_sent(t);
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
