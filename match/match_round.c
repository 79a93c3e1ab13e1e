/*
 * match_round - the books of one round: parties and pairs.
 *
 * It refuses to pair anybody it does not hold: a waiter is in the index, in one party, or gone, and moves whole from
 * one to the other; so nobody can be in two pairs.
 */
#include "match_round.h"

#include "ticket_hash.h"
#include <stdio.h>

enum { IDS_SIZE = 2 * MATCH_PARTIES_MAX };

int match_round_init(struct match_round *r, const struct match_rules *rules, struct match_index *ix,
                     struct match_supply *supply, const char *pool, int64_t now_ms, uint64_t random)
{
    *r = (struct match_round){
        .rules = rules, .ix = ix, .supply = supply, .pool = pool, .now_ms = now_ms, .random = random};
    r->by_id = calloc(IDS_SIZE, sizeof *r->by_id);
    return r->by_id ? 0 : -ENOMEM;
}

void match_round_fini(struct match_round *r)
{
    for (uint32_t i = 0; i < r->n_parties; i++) {
        match_waiter_fini(&r->parties[i].w);
        free(r->parties[i].id);
        free(r->parties[i].body);
    }
    free(r->parties);
    free(r->pairings);
    free(r->new_rests);
    free(r->by_id);
    *r = (struct match_round){0};
}

/* -- parties ---------------------------------------------------------------------------------------------------------
 */

static uint32_t id_entry(const struct match_round *r, const char *id)
{
    uint32_t i = (uint32_t)ticket_hash_text(id) % IDS_SIZE;
    while (r->by_id[i] && strcmp(r->parties[r->by_id[i] - 1].id, id) != 0)
        i = (i + 1) % IDS_SIZE;
    return i;
}

uint32_t match_round_party(const struct match_round *r, const char *id)
{
    return r->by_id[id_entry(r, id)] - 1;
}

int match_round_make_party(struct match_round *r, const char *id, int64_t row_version, uint32_t *ret_party)
{
    uint32_t entry = id_entry(r, id);
    if (r->by_id[entry]) {
        *ret_party = r->by_id[entry] - 1;
        return 0;
    }
    if (r->n_parties == MATCH_PARTIES_MAX)
        return -ENOSPC;
    if (r->n_parties == r->cap_parties) {
        uint32_t cap = r->cap_parties ? r->cap_parties * 2 : 64;
        struct match_party *grown = realloc(r->parties, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        r->parties = grown;
        r->cap_parties = cap;
    }
    char *copy = strdup(id);
    if (!copy)
        return -ENOMEM;
    r->parties[r->n_parties] =
        (struct match_party){.id = copy, .state = MATCH_WAITING, .row_version = row_version, .pair = MATCH_NO_PAIR};
    r->by_id[entry] = ++r->n_parties;
    *ret_party = r->n_parties - 1;
    return 0;
}

int match_round_draw(struct match_round *r, uint32_t slot, uint32_t *ret_party)
{
    const struct match_waiter *w = match_index_at(r->ix, slot);
    int rc = match_round_make_party(r, w->id, w->version, ret_party);
    if (rc < 0)
        return rc;
    match_index_take(r->ix, slot, &r->parties[*ret_party].w);
    r->parties[*ret_party].dirty = true;
    return 0;
}

int match_round_return(struct match_round *r, uint32_t party)
{
    struct match_party *p = &r->parties[party];
    uint32_t slot;
    int rc = match_index_add(r->ix, &p->w, &slot);
    if (rc < 0)
        return rc;
    p->state = MATCH_WAITING;
    p->pair = MATCH_NO_PAIR;
    p->dirty = true;
    return 0;
}

void match_round_gone(struct match_round *r, uint32_t party, const char *reason)
{
    struct match_party *p = &r->parties[party];
    match_waiter_fini(&p->w);
    p->state = MATCH_GONE;
    p->reason = reason;
    p->pair = MATCH_NO_PAIR;
    p->dirty = true;
}

/* -- pairs -----------------------------------------------------------------------------------------------------------
 */

static struct match_pairing *new_pairing(struct match_round *r)
{
    if (r->n_pairings == MATCH_PAIRINGS_MAX)
        return NULL;
    if (r->n_pairings == r->cap_pairings) {
        uint32_t cap = r->cap_pairings ? r->cap_pairings * 2 : 64;
        struct match_pairing *grown = realloc(r->pairings, cap * sizeof *grown);
        if (!grown)
            return NULL;
        r->pairings = grown;
        r->cap_pairings = cap;
    }
    return &r->pairings[r->n_pairings++];
}

static void name_pair(struct match_round *r, char id[static MATCH_PAIR_ID_MAX])
{
    r->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t high = ticket_hash_mix(r->random), low = ticket_hash_mix(high ^ (uint64_t)r->now_ms);
    (void)snprintf(id, MATCH_PAIR_ID_MAX, "%011llx-%016llx%08llx", (unsigned long long)r->now_ms & 0xfffffffffffULL,
                   (unsigned long long)high, (unsigned long long)low >> 32);
}

int match_round_pair(struct match_round *r, uint32_t a, uint32_t b, unsigned stage, uint32_t op)
{
    if (strcmp(r->parties[a].id, r->parties[b].id) > 0) {
        uint32_t swap = a;
        a = b;
        b = swap;
    }
    struct match_pairing *pair = new_pairing(r);
    if (!pair)
        return -ENOSPC;
    *pair = (struct match_pairing){.party = {a, b},
                                   .end = MATCH_PENDING,
                                   .op = op,
                                   .stage = stage,
                                   .matched_ms = r->now_ms,
                                   .confirm_by_ms = r->rules->pending_ms ? r->now_ms + r->rules->pending_ms : INT64_MAX,
                                   .km = match_rules_km(r->rules, &r->parties[a].w.p, &r->parties[b].w.p)};
    name_pair(r, pair->id);
    for (int i = 0; i < 2; i++) {
        struct match_party *p = &r->parties[pair->party[i]];
        assert(p->w.id);
        pair->wait_ms[i] = r->now_ms - p->w.p.created_ms;
        p->state = MATCH_MATCHED;
        p->pair = r->n_pairings - 1;
        p->dirty = true;
    }
    return 0;
}

int match_round_stored(struct match_round *r, const struct match_pairing *pair, struct match_waiter w[2])
{
    uint32_t party[2];
    for (int i = 0; i < 2; i++) {
        int rc = match_round_make_party(r, w[i].id, w[i].version, &party[i]);
        if (rc < 0)
            return rc;
    }
    struct match_pairing *stored = new_pairing(r);
    if (!stored)
        return -ENOSPC;
    *stored = *pair;
    stored->stored = true;
    for (int i = 0; i < 2; i++) {
        struct match_party *p = &r->parties[party[i]];
        p->w = w[i];
        w[i] = (struct match_waiter){0};
        p->state = MATCH_MATCHED;
        p->pair = r->n_pairings - 1;
        stored->party[i] = party[i];
    }
    return 0;
}

int match_round_release(struct match_round *r, uint32_t pair, const char *why, uint32_t op)
{
    struct match_pairing *p = &r->pairings[pair];
    p->end = MATCH_RELEASED;
    p->why = why;
    p->op = op;
    p->dropped = !p->stored;
    for (int i = 0; i < 2; i++) {
        uint32_t me = p->party[i], other = p->party[1 - i];
        if (r->parties[me].state != MATCH_MATCHED)
            continue;
        uint64_t hash = ticket_hash(r->pool, r->parties[other].id);
        int rc = p->stored ? match_ticket_exclude(&r->parties[me].w, hash, r->now_ms + r->rules->rematch_ms) : 0;
        if (rc == 0)
            rc = match_round_return(r, me);
        if (rc < 0)
            return rc;
        *match_index_tried(r->ix, match_index_find(r->ix, r->parties[me].id)) = 0;
    }
    return 0;
}

void match_round_committed(struct match_round *r, int64_t version)
{
    for (uint32_t i = 0; i < r->n_parties; i++) {
        const struct match_party *p = &r->parties[i];
        uint32_t slot = p->dirty && p->state == MATCH_WAITING ? match_index_find(r->ix, p->id) : MATCH_NO_SLOT;
        if (slot != MATCH_NO_SLOT)
            match_index_at(r->ix, slot)->version = version;
    }
}
