/*
 * match_cycle - what time alone changes: silence, expiry, overdue pairs, relaxation.
 *
 * Arrivals are paired when they arrive, so only people for whom something changed are tried again: a new relaxation
 * stage, an attempt that ran out of its budget, and, a few in turn, everybody (a history entry may have run out). It
 * refuses to do more than its budgets: what is left waits for the next cycle.
 */
#include "match_round.h"

static int expire(struct match_round *r, struct match_reply *reply)
{
    for (uint32_t slot = match_index_next(r->ix, 0); slot != MATCH_NO_SLOT && reply->expired < MATCH_EXPIRE_MAX;
         slot = match_index_next(r->ix, slot + 1)) {
        const struct match_waiter *w = match_index_at(r->ix, slot);
        bool over = w->expires_ms <= r->now_ms;
        if (w->p.gone_ms > r->now_ms || (!over && r->now_ms < r->watch_from_ms))
            continue;
        uint32_t party;
        int rc = match_round_draw(r, slot, &party);
        if (rc < 0)
            return rc;
        match_round_gone(r, party, over ? "expired" : "offline");
        reply->expired++;
    }
    return 0;
}

static int release_overdue(struct match_round *r, uint32_t op, struct match_reply *reply)
{
    for (uint32_t i = 0; i < r->n_pairings; i++) {
        const struct match_pairing *p = &r->pairings[i];
        if (!p->stored || p->end != MATCH_PENDING || p->confirm_by_ms > r->now_ms)
            continue;
        int rc = match_round_release(r, i, "timeout", op);
        if (rc < 0)
            return rc;
        reply->released++;
    }
    return 0;
}

struct turn {
    int64_t key_ms, created_ms;
    uint64_t hash;
    uint32_t slot;
};

static int by_turn(const void *pa, const void *pb)
{
    const struct turn *a = pa, *b = pb;
    if (a->key_ms != b->key_ms)
        return a->key_ms < b->key_ms ? -1 : 1;
    if (a->created_ms != b->created_ms)
        return a->created_ms < b->created_ms ? -1 : 1;
    return (a->hash > b->hash) - (a->hash < b->hash);
}

static bool worth_trying(struct match_round *r, uint32_t slot)
{
    return *match_index_cursor(r->ix, slot) != MATCH_FROM_START ||
           match_rules_stage(r->rules, &match_index_at(r->ix, slot)->p, r->now_ms) > 0;
}

/* Who is tried: those in turn first (they are few), then those for whom something changed. */
static size_t gather(struct match_round *r, struct turn turns[static MATCH_TRY_MAX])
{
    size_t n = 0;
    uint32_t swept = 0, slot = match_index_next(r->ix, r->sweep), end = r->sweep;
    for (; slot != MATCH_NO_SLOT && swept < MATCH_SWEEP; slot = match_index_next(r->ix, slot + 1), swept++) {
        const struct match_waiter *w = match_index_at(r->ix, slot);
        turns[n++] = (struct turn){w->key_ms, w->p.created_ms, w->p.hash, slot};
        end = slot + 1;
    }
    uint32_t start = r->sweep;
    r->sweep = slot == MATCH_NO_SLOT ? 0 : end;
    for (slot = match_index_next(r->ix, 0); slot != MATCH_NO_SLOT && n < MATCH_TRY_MAX;
         slot = match_index_next(r->ix, slot + 1)) {
        const struct match_waiter *w = match_index_at(r->ix, slot);
        if ((slot < start || slot >= end) && worth_trying(r, slot))
            turns[n++] = (struct turn){w->key_ms, w->p.created_ms, w->p.hash, slot};
    }
    qsort(turns, n, sizeof turns[0], by_turn);
    return n;
}

/* One more attempt for somebody waiting. Returns how many were looked at, or a negative code. */
static int64_t try_slot(struct match_round *r, uint32_t slot, uint32_t op)
{
    struct match_found found;
    int64_t *cursor = match_index_cursor(r->ix, slot);
    const struct match_query q = {&match_index_at(r->ix, slot)->p, r->now_ms, *cursor, r->rules->candidates_max};
    match_index_best(r->ix, &q, &found);
    *cursor = found.exhausted ? found.from : MATCH_FROM_START;
    if (found.slot == MATCH_NO_SLOT)
        return found.looked;
    uint32_t me, other;
    int rc = match_round_draw(r, slot, &me);
    if (rc == 0)
        rc = match_round_draw(r, found.slot, &other);
    if (rc == 0)
        rc = match_round_pair(r, me, other, found.stage, op);
    return rc < 0 ? rc : (int64_t)found.looked;
}

static int try_again(struct match_round *r, uint32_t op, struct match_reply *reply)
{
    AUTO_FREE struct turn *turns = malloc(MATCH_TRY_MAX * sizeof *turns);
    if (!turns)
        return -ENOMEM;
    size_t n = gather(r, turns);
    int64_t looked = 0;
    for (size_t i = 0; i < n && looked < MATCH_CYCLE_BUDGET; i++) {
        /* An earlier turn may have paired this one: then the slot is free. */
        if (match_index_next(r->ix, turns[i].slot) != turns[i].slot)
            continue;
        int64_t more = try_slot(r, turns[i].slot, op);
        if (more < 0)
            return (int)more;
        looked += more;
        reply->tried++;
    }
    return 0;
}

int match_cycle(struct match_round *r, uint32_t op, struct match_reply *reply)
{
    reply->verdict = MATCH_V_CYCLED;
    int rc = expire(r, reply);
    if (rc == 0)
        rc = release_overdue(r, op, reply);
    return rc < 0 ? rc : try_again(r, op, reply);
}
