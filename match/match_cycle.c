/*
 * match_cycle - what time alone changes: silence, expiry, overdue pairs, relaxation.
 *
 * Arrivals are paired when they arrive, so only people for whom something changed are tried again: a new relaxation
 * stage, a return from a pair, an attempt that ran out of its budget, and, a few in turn, everybody (a history entry
 * may have run out). It refuses to do more than its budgets: what is left waits for the next cycle, which takes up
 * where this one stopped, so that nobody is passed over for ever.
 */
#include "match_round.h"

/* Moves *slot to the next person at or after it, once around from start. False: that was everybody. */
static bool step(struct match_index *ix, uint32_t *slot, uint32_t start, bool *wrapped)
{
    *slot = match_index_next(ix, *slot);
    if (*slot == MATCH_NO_SLOT && !*wrapped) {
        *wrapped = true;
        *slot = match_index_next(ix, 0);
    }
    return *slot != MATCH_NO_SLOT && !(*wrapped && *slot >= start);
}

static int expire(struct match_round *r, struct match_reply *reply)
{
    uint32_t *turn = &match_index_turns(r->ix)->expire, start = *turn, slot = start;
    for (bool wrapped = false; step(r->ix, &slot, start, &wrapped) && reply->expired < MATCH_EXPIRE_MAX; slot++) {
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
        *turn = slot + 1;
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

/* The two sorts of people tried: those in whose turn it is whatever changed, and those for whom something did. */
enum sort { SWEPT, DUE, SORT_COUNT };

struct turn {
    int64_t key_ms, created_ms;
    uint64_t hash;
    uint32_t slot, place; /* place: in the order of turns of its sort */
    enum sort sort;
};

struct turns {
    struct turn *turn;
    size_t n;
};

static int by_turn(const void *pa, const void *pb)
{
    const struct turn *a = pa, *b = pb;
    bool first_a = a->place < MATCH_FIRST, first_b = b->place < MATCH_FIRST;
    if (first_a != first_b)
        return first_a ? -1 : 1;
    if (a->key_ms != b->key_ms)
        return a->key_ms < b->key_ms ? -1 : 1;
    if (a->created_ms != b->created_ms)
        return a->created_ms < b->created_ms ? -1 : 1;
    return (a->hash > b->hash) - (a->hash < b->hash);
}

static bool due(struct match_round *r, uint32_t slot)
{
    uint8_t tried = *match_index_tried(r->ix, slot);
    return *match_index_cursor(r->ix, slot) != MATCH_FROM_START || tried == 0 ||
           match_rules_stage(r->rules, &match_index_at(r->ix, slot)->p, r->now_ms) >= tried;
}

/* Gathers up to max people of one sort, once around from *turn, which is then where the next cycle goes on. */
static void gather(struct match_round *r, enum sort sort, uint32_t max, uint32_t *turn, struct turns *ret)
{
    uint32_t start = *turn, slot = start, n = 0;
    for (bool wrapped = false; step(r->ix, &slot, start, &wrapped) && n < max; slot++) {
        const struct match_waiter *w = match_index_at(r->ix, slot);
        if (sort == DUE && !due(r, slot))
            continue;
        ret->turn[ret->n++] = (struct turn){w->key_ms, w->p.created_ms, w->p.hash, slot, n++, sort};
    }
    *turn = slot == MATCH_NO_SLOT ? 0 : slot;
}

/* One more attempt for somebody waiting. Returns how many were looked at, or a negative code. */
static int64_t try_slot(struct match_round *r, uint32_t slot, uint32_t op)
{
    struct match_found found;
    int64_t *cursor = match_index_cursor(r->ix, slot);
    const struct match_query q = {&match_index_at(r->ix, slot)->p, r->now_ms, *cursor, r->rules->candidates_max};
    match_index_best(r->ix, &q, &found);
    *cursor = found.exhausted ? found.from : MATCH_FROM_START;
    *match_index_tried(r->ix, slot) = (uint8_t)(match_rules_stage(r->rules, q.who, r->now_ms) + 1);
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

/* Whoever the budget left out is the first of the next cycle. */
static void give_back(const struct turns *t, size_t from, uint32_t *turn[SORT_COUNT])
{
    uint32_t best[SORT_COUNT] = {MATCH_NO_SLOT, MATCH_NO_SLOT};
    for (size_t i = from; i < t->n; i++) {
        const struct turn *left = &t->turn[i];
        if (left->place < best[left->sort]) {
            best[left->sort] = left->place;
            *turn[left->sort] = left->slot;
        }
    }
}

static int try_again(struct match_round *r, uint32_t op, struct match_reply *reply)
{
    struct turns t = {.turn = malloc(MATCH_TRY_MAX * sizeof *t.turn)};
    AUTO_FREE struct turn *memory = t.turn;
    if (!memory)
        return -ENOMEM;
    uint32_t *turn[SORT_COUNT] = {[SWEPT] = &r->sweep, [DUE] = &match_index_turns(r->ix)->due};
    gather(r, SWEPT, MATCH_SWEEP, turn[SWEPT], &t);
    gather(r, DUE, MATCH_TRY_MAX - MATCH_SWEEP, turn[DUE], &t);
    qsort(t.turn, t.n, sizeof t.turn[0], by_turn);
    int64_t looked = 0;
    size_t i = 0;
    for (; i < t.n && looked < MATCH_CYCLE_BUDGET; i++) {
        /* Paired by an earlier turn: then the slot is free. Tried as one of the other sort: then it is not due. */
        if (match_index_next(r->ix, t.turn[i].slot) != t.turn[i].slot ||
            (t.turn[i].sort == DUE && !due(r, t.turn[i].slot)))
            continue;
        int64_t more = try_slot(r, t.turn[i].slot, op);
        if (more < 0)
            return (int)more;
        looked += more;
        reply->tried++;
    }
    give_back(&t, i, turn);
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
