/*
 * drive - one round after the other, each on a pool picked at random.
 *
 * After each operation the engine's answer is what the reference's would be; after each round everybody is where the
 * reference has him, with his key. It refuses to go on after a difference.
 */
#include "drive.h"

#include "match_round.h"
#include "reference.h"
#include "ticket_hash.h"

#include <stdio.h>

enum { POOLS = 64, OPS_MAX = 12, POOL_EVENTS = 40000 };

struct world {
    struct match_rules rules;
    struct match_index *ix;
    struct match_supply supply;
    struct ref_pool ref;
    struct match_waiter held[REF_PEOPLE]; /* of those in pairs */
    char pair_of[REF_PEOPLE][MATCH_PAIR_ID_MAX];
    uint32_t sweep;
    uint64_t until; /* event at which the pool makes room for another */
};

struct drive {
    uint64_t random;
    struct world pools[POOLS];
    struct drive_totals t;
    struct match_round round;
    struct world *w;
    const char *difference;
};

static uint32_t rnd(struct drive *d, uint32_t n)
{
    d->random = d->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((d->random >> 33) % n);
}

static bool differs(struct drive *d, const char *what)
{
    d->difference = what;
    return false;
}

/* Every demand on the engine: at the first that is not met the run is over. */
#define DEMAND(d, condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return differs((d), #condition);                                                                           \
    } while (0)

/* -- pools ------------------------------------------------------------------------------------------------------------
 */

static void draw_rules(struct drive *d, struct ref_rules *r)
{
    static const int64_t presences[] = {0, 8000, 30000, 600000};
    *r = (struct ref_rules){.policy = (enum ref_policy)rnd(d, 3),
                            .replace = rnd(d, 3) > 0,
                            .relax_after_ms = rnd(d, 60000),
                            .relax_every_ms = 1000 + rnd(d, 30000),
                            .presence_ms = presences[rnd(d, 4)],
                            .expires_ms = 60000 + rnd(d, 600000),
                            .pending_ms = rnd(d, 5) ? 1000 + rnd(d, 90000) : 0,
                            .rematch_ms = 1000 + rnd(d, 400000),
                            .cooldown_ms = 1000 + rnd(d, 60000),
                            .grace_ms = 10000,
                            .stages = rnd(d, 7),
                            .years = rnd(d, 4),
                            .percent = rnd(d, 30),
                            .regions_stage = rnd(d, 6),
                            .level_span = rnd(d, 3) ? -1 : (int)rnd(d, 3),
                            .max_km = rnd(d, 2) ? 0 : 10 + rnd(d, 200),
                            .bounded = rnd(d, 12) == 0};
}

static struct match_rules engine_rules(const struct ref_rules *r)
{
    return (struct match_rules){.policy = r->policy == REF_GREEDY ? MATCH_GREEDY
                                          : r->policy == REF_FCFS ? MATCH_FCFS
                                                                  : MATCH_MAX,
                                .replace = r->replace,
                                .ms_per_km = r->policy == REF_FCFS ? 0 : 1000,
                                .relax_after_ms = r->relax_after_ms,
                                .relax_every_ms = r->relax_every_ms,
                                .relax_stages = r->stages,
                                .relax_years = r->years,
                                .relax_percent = r->percent,
                                .relax_regions_stage = r->regions_stage,
                                .level_span = r->level_span,
                                .default_max_km = r->max_km,
                                .presence_ms = r->presence_ms,
                                .expires_ms = r->expires_ms,
                                .pending_ms = r->pending_ms,
                                .rematch_ms = r->rematch_ms,
                                .cooldown_ms = r->cooldown_ms,
                                .grace_ms = r->grace_ms,
                                .round_deadline_ms = 5000,
                                .fairness_step = 10,
                                .fairness_max = 20,
                                .candidates_max = r->bounded ? 16 : 4096};
}

static void world_close(struct world *w)
{
    match_index_free(w->ix);
    for (unsigned i = 0; i < REF_PEOPLE; i++)
        match_waiter_fini(&w->held[i]);
    *w = (struct world){0};
}

static void world_open(struct drive *d, struct world *w)
{
    world_close(w);
    draw_rules(d, &w->ref.rules);
    w->rules = engine_rules(&w->ref.rules);
    w->ref.n = rnd(d, 4) ? 8 + rnd(d, 25) : 33 + rnd(d, REF_PEOPLE - 33);
    w->ref.now_ms = INT64_C(1700000000000);
    w->until = d->t.events + 1 + rnd(d, POOL_EVENTS);
    for (unsigned i = 0; i < w->ref.n; i++) {
        (void)snprintf(w->ref.id[i], sizeof w->ref.id[i], "%x.%u", rnd(d, 4096), i);
        w->ref.hash[i] = ticket_hash("p", w->ref.id[i]);
    }
    w->ix = match_index_new(&w->rules);
    if (!w->ix)
        abort();
}

/* A cache that is dropped and filled again, in another order. */
static bool rebuild(struct drive *d)
{
    struct world *w = d->w;
    struct match_index *old = w->ix;
    unsigned first = rnd(d, w->ref.n);
    w->ix = match_index_new(&w->rules);
    if (!w->ix)
        abort();
    for (unsigned i = 0; i < w->ref.n; i++) {
        uint32_t slot = match_index_find(old, w->ref.id[(first + i) % w->ref.n]);
        struct match_waiter waiter;
        if (slot == MATCH_NO_SLOT)
            continue;
        match_index_take(old, slot, &waiter);
        DEMAND(d, match_index_add(w->ix, &waiter, &slot) == 0);
        *match_index_tried(w->ix, slot) = 0;
    }
    DEMAND(d, match_index_count(old) == 0);
    match_index_free(old);
    d->t.rebuilt++;
    return true;
}

/* -- rounds -----------------------------------------------------------------------------------------------------------
 */

static unsigned person_of(const struct world *w, const char *id)
{
    for (unsigned i = 0; i < w->ref.n; i++)
        if (strcmp(w->ref.id[i], id) == 0)
            return i;
    return REF_NOBODY;
}

/* What one operation of the round will be; submits are known ahead because facts are gathered for their ids. */
struct plan {
    enum match_op_type type;
    unsigned who;
};

/* History of who is named, half of it with the two the other way round. */
static size_t gather_met(struct drive *d, const struct plan *plan, unsigned n_plan, struct match_met *met)
{
    const struct ref_pool *p = &d->w->ref;
    bool named[REF_PEOPLE] = {false};
    size_t n = 0;
    for (unsigned i = 0; i < n_plan; i++)
        named[plan[i].who] = true;
    for (unsigned a = 0; a < p->n; a++)
        for (unsigned b = a + 1; b < p->n; b++) {
            if ((!named[a] && !named[b]) || p->met_until[a][b] <= p->now_ms)
                continue;
            bool swap = rnd(d, 2);
            strcpy(met[n].a, p->id[swap ? b : a]);
            strcpy(met[n].b, p->id[swap ? a : b]);
            met[n++].until_ms = p->met_until[a][b];
        }
    return n;
}

static bool hand_over_pairs(struct drive *d)
{
    struct world *w = d->w;
    for (unsigned a = 0; a < w->ref.n; a++) {
        const struct ref_person *who = &w->ref.who[a];
        if (who->state != REF_MATCHED || who->partner < a)
            continue;
        unsigned first = strcmp(w->ref.id[a], w->ref.id[who->partner]) < 0 ? a : who->partner,
                 second = w->ref.who[first].partner;
        struct match_waiter two[2] = {w->held[first], w->held[second]};
        struct match_pairing pair = {
            .matched_ms = who->matched_ms, .confirm_by_ms = who->confirm_by_ms, .op = MATCH_NO_OP};
        strcpy(pair.id, w->pair_of[first]);
        w->held[first] = w->held[second] = (struct match_waiter){0};
        DEMAND(d, match_round_stored(&d->round, &pair, two) == 0);
    }
    return true;
}

static size_t gather_rests(const struct world *w, struct match_rest *rests)
{
    size_t n = 0;
    for (unsigned i = 0; i < w->ref.n; i++) {
        if (w->ref.who[i].rest_until_ms <= w->ref.now_ms)
            continue;
        strcpy(rests[n].id, w->ref.id[i]);
        rests[n++].until_ms = w->ref.who[i].rest_until_ms;
    }
    return n;
}

/* A person's party in the round, when it is in a pair that stands; NULL. */
static struct match_party *paired_party(struct drive *d, unsigned a)
{
    uint32_t party = match_round_party(&d->round, d->w->ref.id[a]);
    if (party == MATCH_NO_SLOT || d->round.parties[party].state != MATCH_MATCHED)
        return NULL;
    return &d->round.parties[party];
}

static unsigned partner_of(struct drive *d, unsigned a)
{
    const struct match_party *p = paired_party(d, a);
    if (!p)
        return REF_NOBODY;
    const struct match_pairing *pair = &d->round.pairings[p->pair];
    const char *x = d->round.parties[pair->party[0]].id, *y = d->round.parties[pair->party[1]].id;
    return person_of(d->w, strcmp(x, d->w->ref.id[a]) == 0 ? y : x);
}

/* Nobody in two places, no half pair, nobody lost; and every one where the reference has it. */
static bool same_people(struct drive *d)
{
    const struct ref_pool *p = &d->w->ref;
    unsigned waiting = 0;
    for (unsigned a = 0; a < p->n; a++) {
        const struct ref_person *who = &p->who[a];
        uint32_t slot = match_index_find(d->w->ix, p->id[a]);
        unsigned partner = partner_of(d, a);
        waiting += who->state == REF_WAITING;
        DEMAND(d, (slot != MATCH_NO_SLOT) == (who->state == REF_WAITING));
        DEMAND(d, partner == (who->state == REF_MATCHED ? who->partner : REF_NOBODY));
        DEMAND(d, who->state != REF_MATCHED || p->who[partner].partner == a);
        if (slot == MATCH_NO_SLOT)
            continue;
        const struct match_waiter *w = match_index_at(d->w->ix, slot);
        DEMAND(d, w->key_ms == who->key_ms && w->p.created_ms == who->created_ms && w->fairness == who->fairness);
        DEMAND(d, w->p.gone_ms == who->gone_ms);
    }
    DEMAND(d, match_index_count(d->w->ix) == waiting);
    return true;
}

/* -- operations -------------------------------------------------------------------------------------------------------
 */

static void draw_ticket(struct drive *d, struct ref_ticket *t)
{
    const struct ref_pool *p = &d->w->ref;
    *t = (struct ref_ticket){.gender = rnd(d, 3),
                             .age = 18 + rnd(d, 20),
                             .relax = rnd(d, 2),
                             .has_level = rnd(d, 2),
                             .level = (int)rnd(d, 4)};
    t->seeking = rnd(d, 2) ? 1u << rnd(d, 3) : 1 + rnd(d, GENDER_ALL);
    t->age_min = t->age - rnd(d, MIN_OF(10u, t->age - 17));
    t->age_max = t->age + rnd(d, 10);
    if (rnd(d, 4) == 0) {
        t->age_min = 18;
        t->age_max = 120;
    } else if (rnd(d, 60) == 0) {
        t->age_max = t->age_min - (t->age_min > 18);
    }
    t->placed = rnd(d, 8) > 0;
    t->lat = (rnd(d, 2) ? 51 : 89.9) + rnd(d, 1000) / 1000.0 * (rnd(d, 2) ? 1 : -0.1);
    t->lat = MIN_OF(t->lat, 90);
    t->lon = (rnd(d, 2) ? 0 : 179.5) + rnd(d, 500) / 1000.0;
    t->max_km = t->placed && rnd(d, 2) ? 1 + rnd(d, 120) : 0;
    t->n_regions = rnd(d, 3) ? 0 : 1 + rnd(d, REF_REGIONS);
    for (unsigned i = 0; i < t->n_regions; i++)
        t->regions[i] = rnd(d, 4);
    t->n_blocked = rnd(d, 3) ? 0 : 1 + rnd(d, REF_BLOCKED);
    for (unsigned i = 0; i < t->n_blocked; i++)
        t->blocked[i] = rnd(d, p->n);
    t->fairness = rnd(d, 5) ? 0 : rnd(d, 21);
    t->has_created = rnd(d, 4) == 0;
    t->created_ms = p->now_ms - rnd(d, 200000) + 5000;
    t->presence_ms = rnd(d, 4) ? 0 : 1000 + rnd(d, 60000);
    t->expires_ms = rnd(d, 4) ? 0 : 1000 + rnd(d, 600000);
}

static void put(json_t *o, const char *name, int64_t value)
{
    (void)json_object_set_new(o, name, json_integer(value));
}

static json_t *ticket_json(const struct ref_pool *p, unsigned who, const struct ref_ticket *t)
{
    json_t *o = json_object(), *seeking = json_array(), *regions = json_array(),
           *blocked[2] = {json_array(), json_array()};
    (void)json_object_set_new(o, "id", json_string(p->id[who]));
    (void)json_object_set_new(o, "gender", json_string(gender_name(t->gender)));
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        if (t->seeking >> g & 1)
            (void)json_array_append_new(seeking, json_string(gender_name(g)));
    (void)json_object_set_new(o, "seeking", seeking);
    put(o, "age", t->age);
    put(o, "age_min", t->age_min);
    put(o, "age_max", t->age_max);
    if (t->placed) {
        (void)json_object_set_new(o, "lat", json_real(t->lat));
        (void)json_object_set_new(o, "lon", json_real(t->lon));
    }
    if (t->max_km > 0)
        (void)json_object_set_new(o, "max_km", json_real(t->max_km));
    for (unsigned i = 0; i < t->n_regions; i++)
        (void)json_array_append_new(regions, json_sprintf("region %u", t->regions[i]));
    (void)json_object_set_new(o, "regions", regions);
    for (unsigned i = 0; i < t->n_blocked; i++)
        (void)json_array_append_new(blocked[i % 2], json_string(p->id[t->blocked[i]]));
    (void)json_object_set_new(o, "blocked", blocked[0]);
    (void)json_object_set_new(o, "recent", blocked[1]);
    if (t->has_level)
        put(o, "level", t->level);
    if (t->has_created)
        put(o, "created_ms", t->created_ms);
    if (t->presence_ms)
        put(o, "presence_ms", t->presence_ms);
    if (t->expires_ms)
        put(o, "expires_ms", t->expires_ms);
    put(o, "fairness", t->fairness);
    json_t *consent = json_object();
    (void)json_object_set_new(consent, "relax", json_boolean(t->relax));
    (void)json_object_set_new(o, "consent", consent);
    return o;
}

/* The pair the engine chose where it looks at few people only: any that may be. */
static bool take_over(struct drive *d, unsigned a)
{
    unsigned b = partner_of(d, a);
    if (b == REF_NOBODY || d->w->ref.who[a].state == REF_MATCHED)
        return true;
    DEMAND(d, b != a && d->w->ref.who[b].state == REF_WAITING && ref_fits(&d->w->ref, a, b));
    ref_pair(&d->w->ref, a, b);
    return true;
}

static bool play_submit(struct drive *d, unsigned a, struct match_op *op, struct match_reply *reply)
{
    struct ref_pool *p = &d->w->ref;
    struct ref_ticket t;
    unsigned partner;
    draw_ticket(d, &t);
    op->root = ticket_json(p, a, &t);
    op->ticket = op->root;
    int rc = match_round_apply(&d->round, op, 0, p->now_ms, reply);
    match_op_fini(op);
    DEMAND(d, rc == 0);
    const char *refused = ref_submit(p, a, &t, &partner);
    d->t.submits++;
    if (refused) {
        d->t.refused++;
        DEMAND(d, reply->verdict == MATCH_V_DROPPED && strcmp(reply->reason, refused) == 0);
        return true;
    }
    DEMAND(d, reply->verdict == MATCH_V_PARTY);
    uint32_t slot = match_index_find(d->w->ix, p->id[a]);
    const struct match_waiter *w =
        slot != MATCH_NO_SLOT ? match_index_at(d->w->ix, slot) : &d->round.parties[reply->party].w;
    p->who[a].key_ms = w->key_ms;
    DEMAND(d, rnd(d, 8) || w->key_ms == ref_key_ms(p, &p->who[a]));
    ref_arrival(p, &p->who[a]);
    if (p->rules.bounded)
        return take_over(d, a);
    DEMAND(d, partner_of(d, a) == partner);
    return true;
}

static bool play_end(struct drive *d, unsigned a, struct match_op *op, struct match_reply *reply)
{
    struct ref_pool *p = &d->w->ref;
    unsigned b = p->who[a].partner;
    bool stands = p->who[a].state == REF_MATCHED && !p->who[a].fresh;
    int votes[2] = {(int)rnd(d, 4), (int)rnd(d, 4)};
    strcpy(op->pair, stands ? d->w->pair_of[a] : "no-such-pair");
    for (int i = 0; i < 2; i++)
        if (votes[i]) {
            strcpy(op->votes[op->n_votes].id, p->id[i ? b : a]);
            op->votes[op->n_votes++].vote = (enum match_vote)votes[i];
        }
    DEMAND(d, match_round_apply(&d->round, op, 0, p->now_ms, reply) == 0);
    DEMAND(d, reply->verdict == (stands ? MATCH_V_DONE : MATCH_V_ABSENT));
    if (!stands)
        return true;
    if (op->type == MATCH_CONFIRM) {
        ref_confirm(p, a, votes[0] == 1 && votes[1] == 1);
        d->t.confirmed++;
    } else {
        ref_release(p, a, votes[0], votes[1]);
        d->t.released++;
    }
    return true;
}

static bool play_cycle(struct drive *d, struct match_op *op, struct match_reply *reply)
{
    struct ref_pool *p = &d->w->ref;
    d->round.watch_from_ms = rnd(d, 4) ? 0 : p->now_ms + (int64_t)rnd(d, 2);
    DEMAND(d, match_round_apply(&d->round, op, 0, p->now_ms, reply) == 0);
    DEMAND(d, reply->verdict == MATCH_V_CYCLED);
    ref_pass_time(p, d->round.watch_from_ms);
    d->t.expired += reply->expired;
    d->t.released += reply->released;
    if (p->n <= MATCH_FIRST && !p->rules.bounded) {
        ref_try_all(p);
    } else { /* in turn rather than by key: whoever is paired may be, and nobody who could be is left */
        for (unsigned a = 0; a < p->n; a++)
            if (!take_over(d, a))
                return false;
        for (unsigned a = 0; a < p->n && !p->rules.bounded; a++)
            DEMAND(d, p->who[a].state != REF_WAITING || ref_best(p, a) == REF_NOBODY);
    }
    for (uint32_t i = 0; i < d->round.n_pairings; i++)
        d->t.relaxed += !d->round.pairings[i].stored && !d->round.pairings[i].dropped && d->round.pairings[i].stage > 0;
    return true;
}

static bool play(struct drive *d, const struct plan *plan)
{
    struct ref_pool *p = &d->w->ref;
    struct match_op op = {.type = plan->type, .pool = "p"};
    struct match_reply reply;
    const char *left;
    strcpy(op.id, p->id[plan->who]);
    switch (plan->type) {
    case MATCH_SUBMIT:
        return play_submit(d, plan->who, &op, &reply);
    case MATCH_CYCLE:
        return play_cycle(d, &op, &reply);
    case MATCH_CONFIRM:
    case MATCH_RELEASE:
        return play_end(d, plan->who, &op, &reply);
    case MATCH_LEAVE:
        op.disconnected = rnd(d, 3) == 0;
        DEMAND(d, match_round_apply(&d->round, &op, 0, p->now_ms, &reply) == 0);
        left = ref_leave(p, plan->who, op.disconnected);
        DEMAND(d, left ? reply.verdict == MATCH_V_DONE && strcmp(reply.reason, left) == 0
                       : reply.verdict == MATCH_V_ABSENT);
        return true;
    case MATCH_TOUCH: {
        int64_t asked = p->now_ms + 2000 - rnd(d, 6000);
        DEMAND(d, match_round_apply(&d->round, &op, 0, asked, &reply) == 0);
        DEMAND(d, reply.verdict == (p->who[plan->who].state == REF_WAITING   ? MATCH_V_DONE
                                    : p->who[plan->who].state == REF_MATCHED ? MATCH_V_MATCHED
                                                                             : MATCH_V_ABSENT));
        ref_touch(p, plan->who, asked);
        return true;
    }
    case MATCH_OP_COUNT:
        break;
    }
    return true;
}

/* -- the end of a round -----------------------------------------------------------------------------------------------
 */

/* Policy max may have exchanged partners: all that were paired still are, all pairs may be, and none is lost. */
static bool take_over_finish(struct drive *d)
{
    struct ref_pool *p = &d->w->ref;
    unsigned before = 0, after = 0;
    for (unsigned a = 0; a < p->n; a++) {
        if (p->who[a].state != REF_MATCHED || !p->who[a].fresh)
            continue;
        DEMAND(d, partner_of(d, a) != REF_NOBODY);
        p->who[a].state = REF_WAITING;
        before++;
    }
    for (unsigned a = 0; a < p->n; a++) {
        if (!take_over(d, a))
            return false;
        after += p->who[a].state == REF_MATCHED && p->who[a].fresh;
    }
    d->t.augmented += (after - before) / 2;
    DEMAND(d, after >= before);
    DEMAND(d, p->rules.bounded || !ref_loses_pair(p));
    return true;
}

/* What PostgreSQL would hold after the commit: pairs that stand, and their people. */
static bool round_keep(struct drive *d)
{
    struct world *w = d->w;
    for (unsigned a = 0; a < w->ref.n; a++) {
        struct match_party *party = paired_party(d, a);
        if (!party)
            continue;
        const struct match_pairing *pair = &d->round.pairings[party->pair];
        DEMAND(d, !pair->dropped && pair->end == MATCH_PENDING);
        strcpy(w->pair_of[a], pair->id);
        w->held[a] = party->w;
        party->w = (struct match_waiter){0};
        d->t.pairs += !pair->stored && w->ref.who[a].partner > a;
    }
    for (size_t i = 0; i < d->round.n_new_rests; i++)
        DEMAND(d, w->ref.who[person_of(w, d->round.new_rests[i].id)].rest_until_ms == d->round.new_rests[i].until_ms);
    return true;
}

static unsigned draw_plan(struct drive *d, struct plan plan[])
{
    static const enum match_op_type types[] = {MATCH_SUBMIT,  MATCH_SUBMIT,  MATCH_SUBMIT,  MATCH_SUBMIT, MATCH_SUBMIT,
                                               MATCH_TOUCH,   MATCH_TOUCH,   MATCH_TOUCH,   MATCH_LEAVE,  MATCH_LEAVE,
                                               MATCH_CONFIRM, MATCH_RELEASE, MATCH_RELEASE, MATCH_CYCLE};
    unsigned n = 1 + rnd(d, OPS_MAX);
    for (unsigned i = 0; i < n; i++)
        plan[i] = (struct plan){types[rnd(d, ARRAY_LEN(types))], rnd(d, d->w->ref.n)};
    return n;
}

static bool play_round(struct drive *d, struct match_met *met, struct match_rest *rests)
{
    struct world *w = d->w;
    struct plan plan[OPS_MAX];
    unsigned n = draw_plan(d, plan);
    w->ref.now_ms += rnd(d, 50) ? rnd(d, 4000) : rnd(d, 300000);
    if (match_round_init(&d->round, &w->rules, w->ix, &w->supply, "p", w->ref.now_ms, d->random) < 0)
        abort();
    d->round.sweep = w->sweep;
    d->round.met = met;
    d->round.n_met = gather_met(d, plan, n, met);
    d->round.rests = rests;
    d->round.n_rests = gather_rests(w, rests);
    bool same = hand_over_pairs(d);
    for (unsigned i = 0; same && i < n; i++, d->t.events++)
        same = play(d, &plan[i]);
    if (same && match_round_finish(&d->round) < 0)
        same = differs(d, "match_round_finish succeeds");
    same = same && (w->rules.policy != MATCH_MAX || take_over_finish(d)) && same_people(d) && round_keep(d);
    ref_round_over(&w->ref);
    w->sweep = d->round.sweep;
    match_round_fini(&d->round);
    d->t.rounds++;
    return same;
}

bool drive(uint64_t seed, uint64_t events, struct drive_totals *ret)
{
    struct drive *d = calloc(1, sizeof *d);
    struct match_met *met = calloc((size_t)REF_PEOPLE * REF_PEOPLE / 2, sizeof *met);
    struct match_rest *rests = calloc(REF_PEOPLE, sizeof *rests);
    if (!d || !met || !rests)
        abort();
    bool same = true;
    d->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    while (same && d->t.events < events) {
        d->w = &d->pools[rnd(d, POOLS)];
        if (d->w->until <= d->t.events)
            world_open(d, d->w);
        if (rnd(d, 500) == 0)
            same = rebuild(d);
        same = same && play_round(d, met, rests);
    }
    if (!same)
        (void)fprintf(stderr, "the engine and the reference differ at event %llu of seed %llu: not so: %s\n",
                      (unsigned long long)d->t.events, (unsigned long long)seed, d->difference);
    *ret = d->t;
    for (size_t i = 0; i < POOLS; i++)
        world_close(&d->pools[i]);
    free(met);
    free(rests);
    free(d);
    return same;
}
