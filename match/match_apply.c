/*
 * match_apply - what each operation does to the round: submit, leave, touch, confirm, release.
 *
 * Immediate greedy: a submit is paired at once with the best who waits, or waits. It moves people through match_round.c
 * alone, and refuses to hold anybody itself.
 */
#include "match_round.h"

#include "ticket_hash.h"
#include <stdio.h>

static void drop(struct match_reply *reply, const char *id, const char *reason)
{
    reply->verdict = MATCH_V_DROPPED;
    (void)snprintf(reply->reason, sizeof reply->reason, "%s", reason);
    (void)snprintf(reply->id, sizeof reply->id, "%s", id);
}

static void done(struct match_reply *reply, const char *id, const char *state)
{
    drop(reply, id, state);
    reply->verdict = MATCH_V_DONE;
}

static bool rests_in(const struct match_rest rests[], size_t n, const char *id, int64_t now_ms)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rests[i].id, id) == 0 && rests[i].until_ms > now_ms)
            return true;
    return false;
}

/* Since an earlier round, or since an earlier operation of this one. */
static bool resting(const struct match_round *r, const char *id)
{
    return rests_in(r->rests, r->n_rests, id, r->now_ms) || rests_in(r->new_rests, r->n_new_rests, id, r->now_ms);
}

/* Who met this person in a pair that ended in this very round: PostgreSQL does not know it yet. */
static int exclude_parted(const struct match_round *r, struct match_waiter *w)
{
    for (uint32_t i = 0; i < r->n_pairings; i++) {
        const struct match_pairing *p = &r->pairings[i];
        const char *a = r->parties[p->party[0]].id, *b = r->parties[p->party[1]].id;
        const char *other = strcmp(a, w->id) == 0 ? b : strcmp(b, w->id) == 0 ? a : NULL;
        if (!p->stored || p->end == MATCH_PENDING || !other)
            continue;
        int64_t until_ms = p->mutual ? INT64_MAX : r->now_ms + r->rules->rematch_ms;
        if (match_ticket_exclude(w, ticket_hash(r->pool, other), until_ms) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* History, in both directions: the row names the two in either order. */
static int exclude_met(const struct match_round *r, struct match_waiter *w)
{
    for (size_t i = 0; i < r->n_met; i++) {
        const struct match_met *m = &r->met[i];
        const char *other = strcmp(m->a, w->id) == 0 ? m->b : strcmp(m->b, w->id) == 0 ? m->a : NULL;
        if (other && match_ticket_exclude(w, ticket_hash(r->pool, other), m->until_ms) < 0)
            return -ENOMEM;
    }
    return exclude_parted(r, w);
}

/* Takes the waiting ticket of the same id away; its row and, unless the caller says otherwise, its seniority stay. */
static int replace_old(struct match_round *r, struct match_ticket *t, bool *ret_replaced)
{
    uint32_t party, slot = match_index_find(r->ix, t->w.id);
    *ret_replaced = slot != MATCH_NO_SLOT;
    if (slot == MATCH_NO_SLOT)
        return 0;
    int rc = match_round_draw(r, slot, &party);
    if (rc < 0)
        return rc;
    if (!t->has_created)
        t->w.p.created_ms = r->parties[party].w.p.created_ms;
    match_waiter_fini(&r->parties[party].w);
    return 0;
}

static int enter(struct match_round *r, struct match_ticket *t, uint32_t op, uint32_t *ret_party)
{
    uint32_t party;
    struct match_found found;
    int rc = match_round_make_party(r, t->w.id, 0, &party);
    if (rc < 0)
        return rc;
    struct match_party *p = &r->parties[party];
    p->dirty = p->whole = true;
    free(p->body);
    p->body = TAKE(t->body);
    t->w.version = p->row_version;
    t->w.told_ms = r->now_ms;
    t->w.key_ms = match_supply_key_ms(r->supply, r->rules, &t->w, r->now_ms);
    match_supply_add(r->supply, &t->w.p, r->now_ms);
    p->w = t->w;
    t->w = (struct match_waiter){0};
    *ret_party = party;
    const struct match_query q = {&p->w.p, r->now_ms, MATCH_FROM_START, r->rules->candidates_max};
    match_index_best(r->ix, &q, &found);
    if (found.slot == MATCH_NO_SLOT) {
        uint32_t slot;
        rc = match_round_return(r, party);
        if (rc == 0 && found.exhausted && (slot = match_index_find(r->ix, r->parties[party].id)) != MATCH_NO_SLOT)
            *match_index_cursor(r->ix, slot) = found.from;
        return rc;
    }
    uint32_t other;
    rc = match_round_draw(r, found.slot, &other);
    return rc < 0 ? rc : match_round_pair(r, party, other, found.stage, op);
}

static int submit(struct match_round *r, const struct match_op *op, uint32_t number, struct match_reply *reply)
{
    struct match_ticket t = {0};
    char field[MATCH_FIELD_MAX], reason[MATCH_FIELD_MAX + 16];
    const char *id = json_string_value(json_object_get(op->ticket, "id"));
    int rc = match_ticket_parse(op->ticket, r->rules, r->pool, r->now_ms, &t, field);
    if (rc == -EINVAL) {
        (void)snprintf(reason, sizeof reason, "invalid:%s", field);
        drop(reply, id && match_ticket_id_valid(id) ? id : "", reason);
        return 0;
    }
    if (rc < 0)
        return rc;
    uint32_t party = match_round_party(r, t.w.id);
    const char *refused = resting(r, t.w.id)                                                       ? "cooldown"
                          : party != MATCH_NO_SLOT && r->parties[party].state == MATCH_MATCHED     ? "already_matched"
                          : !r->rules->replace && match_index_find(r->ix, t.w.id) != MATCH_NO_SLOT ? "duplicate"
                          : match_index_count(r->ix) >= MATCH_WAITING_MAX                          ? "full"
                                                                                                   : NULL;
    if (refused) {
        drop(reply, t.w.id, refused);
    } else if ((rc = match_ticket_keep(&t, op->ticket)) == 0 && (rc = replace_old(r, &t, &reply->replaced)) == 0 &&
               (rc = exclude_met(r, &t.w)) == 0) {
        rc = enter(r, &t, number, &reply->party);
        reply->verdict = MATCH_V_PARTY;
    }
    match_ticket_fini(&t);
    return rc;
}

static int mark_dirty(struct match_round *r, const struct match_waiter *w)
{
    uint32_t party;
    int rc = match_round_make_party(r, w->id, w->version, &party);
    if (rc == 0)
        r->parties[party].dirty = true;
    return rc;
}

/* The line went dead: present for the grace, then gone unless touched. */
static int disconnect(struct match_round *r, struct match_waiter *w)
{
    if (!w->presence_ms)
        w->presence_ms = r->rules->grace_ms;
    w->touched_ms = r->now_ms + r->rules->grace_ms - w->presence_ms;
    match_waiter_gone(w);
    return mark_dirty(r, w);
}

static int leave(struct match_round *r, const struct match_op *op, uint32_t number, struct match_reply *reply)
{
    uint32_t slot = match_index_find(r->ix, op->id), party = match_round_party(r, op->id);
    int rc = 0;
    if (slot != MATCH_NO_SLOT && op->disconnected) {
        done(reply, op->id, "grace");
        return disconnect(r, match_index_at(r->ix, slot));
    }
    if (slot != MATCH_NO_SLOT) {
        rc = match_round_draw(r, slot, &party);
        if (rc == 0)
            match_round_gone(r, party, "left");
    } else if (party != MATCH_NO_SLOT && r->parties[party].state == MATCH_MATCHED) {
        uint32_t pair = r->parties[party].pair;
        match_round_gone(r, party, "left");
        rc = match_round_release(r, pair, "left", number);
    } else {
        reply->verdict = MATCH_V_ABSENT;
        memcpy(reply->id, op->id, sizeof reply->id);
        return 0;
    }
    done(reply, op->id, "left");
    return rc;
}

/* Also of somebody in a pair: who is released from it is as present as the last touch says. */
static int touch(struct match_round *r, const struct match_op *op, int64_t asked_ms, struct match_reply *reply)
{
    uint32_t slot = match_index_find(r->ix, op->id), party = match_round_party(r, op->id);
    bool waits = slot != MATCH_NO_SLOT;
    bool matched = !waits && party != MATCH_NO_SLOT && r->parties[party].state == MATCH_MATCHED;
    done(reply, op->id, "touched");
    if (!waits) {
        reply->verdict = matched ? MATCH_V_MATCHED : MATCH_V_ABSENT;
        reply->pair = matched ? r->parties[party].pair : MATCH_NO_PAIR;
    }
    if (!waits && !matched)
        return 0;
    struct match_waiter *w = waits ? match_index_at(r->ix, slot) : &r->parties[party].w;
    int64_t at = MIN_OF(asked_ms, r->now_ms);
    /* A row is not written again for a touch that moves the end of presence by less than an eighth. */
    if (at - w->touched_ms < w->presence_ms / 8)
        return 0;
    w->touched_ms = at;
    match_waiter_gone(w);
    return mark_dirty(r, w);
}

static enum match_vote vote_of(const struct match_op *op, const char *id)
{
    for (size_t i = 0; i < op->n_votes; i++)
        if (strcmp(op->votes[i].id, id) == 0)
            return op->votes[i].vote;
    return MATCH_VOTE_NONE;
}

static uint32_t find_pair(const struct match_round *r, const char *id)
{
    for (uint32_t i = 0; i < r->n_pairings; i++)
        if (r->pairings[i].stored && r->pairings[i].end == MATCH_PENDING && strcmp(r->pairings[i].id, id) == 0)
            return i;
    return MATCH_NO_PAIR;
}

static int rest(struct match_round *r, const char *id)
{
    struct match_rest *grown = realloc(r->new_rests, (r->n_new_rests + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    r->new_rests = grown;
    struct match_rest *n = &r->new_rests[r->n_new_rests++];
    (void)snprintf(n->id, sizeof n->id, "%s", id);
    n->until_ms = r->now_ms + r->rules->cooldown_ms;
    return 0;
}

/* One side of a release: who did not come is sent away for a while; a yes that met no yes moves forward. */
static int judge(struct match_round *r, uint32_t party, enum match_vote mine, enum match_vote other)
{
    struct match_party *p = &r->parties[party];
    if (mine == MATCH_VOTE_ABSENT) {
        match_round_gone(r, party, "no_show");
        return rest(r, p->id);
    }
    if (mine == MATCH_VOTE_YES && other != MATCH_VOTE_YES && p->w.fairness < r->rules->fairness_max) {
        unsigned more = MIN_OF(r->rules->fairness_step, r->rules->fairness_max - p->w.fairness);
        p->w.fairness += more;
        p->w.key_ms -= (int64_t)more * 1000;
    }
    return 0;
}

static int end_pair(struct match_round *r, const struct match_op *op, uint32_t number, struct match_reply *reply)
{
    uint32_t pair = find_pair(r, op->pair);
    (void)snprintf(reply->id, sizeof reply->id, "%s", op->pair);
    if (pair == MATCH_NO_PAIR) {
        reply->verdict = MATCH_V_ABSENT;
        return 0;
    }
    struct match_pairing *p = &r->pairings[pair];
    enum match_vote votes[2] = {vote_of(op, r->parties[p->party[0]].id), vote_of(op, r->parties[p->party[1]].id)};
    reply->pair = pair;
    done(reply, op->pair, op->type == MATCH_CONFIRM ? "confirmed" : "released");
    if (op->type == MATCH_CONFIRM) {
        p->end = MATCH_CONFIRMED;
        p->op = number;
        p->mutual = votes[0] == MATCH_VOTE_YES && votes[1] == MATCH_VOTE_YES;
        match_round_gone(r, p->party[0], "confirmed");
        match_round_gone(r, p->party[1], "confirmed");
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        int rc = judge(r, p->party[i], votes[i], votes[1 - i]);
        if (rc < 0)
            return rc;
    }
    return match_round_release(r, pair, "released", number);
}

int match_round_apply(struct match_round *r, const struct match_op *op, uint32_t number, int64_t asked_ms,
                      struct match_reply *ret_reply)
{
    *ret_reply = (struct match_reply){.party = MATCH_NO_SLOT, .pair = MATCH_NO_PAIR};
    switch (op->type) {
    case MATCH_SUBMIT:
        return submit(r, op, number, ret_reply);
    case MATCH_LEAVE:
        return leave(r, op, number, ret_reply);
    case MATCH_TOUCH:
        return touch(r, op, asked_ms, ret_reply);
    case MATCH_CYCLE:
        if (r->now_ms - asked_ms > r->rules->round_deadline_ms) {
            ret_reply->verdict = MATCH_V_STALE;
            return 0;
        }
        return match_cycle(r, number, ret_reply);
    case MATCH_CONFIRM:
    case MATCH_RELEASE:
        return end_pair(r, op, number, ret_reply);
    case MATCH_OP_COUNT:
        break;
    }
    return 0;
}
