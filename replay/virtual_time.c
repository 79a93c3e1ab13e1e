/*
 * virtual_time - see virtual_time.h: the trace's events and the clock's own, in one order.
 *
 * Published groups take three quarters of a refresh and no ticket stands on them, so one refresh in WHOLE_REFRESH
 * renews them. It refuses to decide anything: who is paired is the engine's word, what is foretold the model's; this
 * file carries events from one to the other and notes what became of whom.
 */
#include "virtual_time.h"

#include "ghosts.h"
#include "match_feed.h"
#include "match_round.h"
#include "ticket_hash.h"
#include "wait_feed.h"
#include "wishes.h"
#include <stdio.h>

enum { CYCLE_MS = 5000, PROGRESS_STEPS = 100, WHOLE_REFRESH = 60 };
#define POOL "replay"
/* Monday, 2026-01-05, 00:00 UTC: when every trace begins, so that a model that knows the hour of the week repeats
 * itself. */
#define EPOCH_MS INT64_C(1767571200000)

const int replay_targets_s[REPLAY_TARGETS] = {60, 90, 120, 180};

struct replay {
    const struct trace *t;
    const struct replay_options *o;
    struct replay_result *ret;
    struct match_index *ix;
    struct match_supply *supply;
    struct wait_model *model;     /* NULL: none asked for */
    struct ghosts *ghosts;        /* NULL: none asked for */
    struct wishes *wishes;        /* NULL: none asked for */
    int64_t cycle_ms, refresh_ms; /* when the next is due */
    uint32_t again;               /* next person to be foretold the rest */
    uint32_t sweep, here;         /* cursors of the engine's cycle and of its repetitions */
    int64_t version;              /* rounds played */
    uint32_t refreshed;
    bool balanced, feed_refused;
};

/* -- costs -----------------------------------------------------------------------------------------------------------
 */

static uint64_t started(const struct replay *r)
{
    return r->o->clock_ns ? r->o->clock_ns() : 0;
}

/* Without memory the cost is not noted: a measurement less. */
static void ended(const struct replay *r, struct replay_costs *c, uint64_t start)
{
    if (!r->o->clock_ns)
        return;
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 4096;
        uint32_t *ns = reallocarray(c->ns, cap, sizeof *ns);
        if (!ns)
            return;
        c->ns = ns;
        c->cap = cap;
    }
    c->ns[c->n++] = (uint32_t)MIN_OF(r->o->clock_ns() - start, (uint64_t)UINT32_MAX);
}

static int by_cost(const void *pa, const void *pb)
{
    const uint32_t *a = pa, *b = pb;
    return (*a > *b) - (*a < *b);
}

uint32_t replay_costs_at(struct replay_costs *c, double p)
{
    if (c->n == 0)
        return 0;
    qsort(c->ns, c->n, sizeof c->ns[0], by_cost);
    size_t i = (size_t)(p * (double)c->n);
    return c->ns[MIN_OF(i, c->n - 1)];
}

/* -- from the engine to the model ------------------------------------------------------------------------------------
 */

static void feed(void *arg, size_t n, const char *const fields[])
{
    struct replay *r = arg;
    size_t lens[FEED_FIELDS_MAX];
    struct wait_event ev;
    for (size_t i = 0; i < n; i++)
        lens[i] = strlen(fields[i]);
    if (wait_feed_parse(n, fields, lens, &ev) == 0)
        wait_model_event(r->model, &ev);
    else
        r->feed_refused = true;
}

/* -- what became of whom ---------------------------------------------------------------------------------------------
 */

static uint32_t person_of(const struct replay *r, const char *id)
{
    return trace_find(r->t, strtoll(id, NULL, 10));
}

static void note_pairs(struct replay *r, const struct match_round *round)
{
    for (uint32_t i = 0; i < round->n_pairings; i++) {
        const struct match_pairing *p = &round->pairings[i];
        uint32_t who[2];
        for (int k = 0; k < 2; k++)
            who[k] = person_of(r, round->parties[p->party[k]].id);
        for (int k = 0; k < 2 && !p->dropped; k++) {
            struct replay_outcome *out = &r->ret->outcomes[who[k]];
            out->end = REPLAY_MATCHED;
            out->partner = who[1 - k];
            out->wait_ms = out->virtual_ms = p->wait_ms[k];
            out->km = p->km;
        }
    }
}

struct arrival {
    struct replay *r;
    int64_t now_ms;
};

static void ghost_taken(void *arg, const char *id, int64_t created_ms)
{
    const struct arrival *taken = arg;
    taken->r->ret->outcomes[person_of(taken->r, id)].virtual_ms = taken->now_ms - created_ms;
}

static void wish_true(void *arg, const char *id, int wish, int64_t created_ms)
{
    const struct arrival *taken = arg;
    taken->r->ret->outcomes[person_of(taken->r, id)].would_ms[wish] = taken->now_ms - created_ms;
}

/* The arrival and whom it got, as the round holds them now. */
static void meet_ghosts(struct replay *r, struct match_round *round, uint32_t party)
{
    struct arrival taken = {r, round->now_ms};
    const struct match_party *p = &round->parties[party];
    const struct match_waiter *who = &p->w, *partner = NULL;
    if (p->state == MATCH_MATCHED) {
        const struct match_pairing *pair = &round->pairings[p->pair];
        partner = &round->parties[pair->party[pair->party[0] == party ? 1 : 0]].w;
    } else {
        who = match_index_at(round->ix, match_index_find(round->ix, p->id));
    }
    if (r->ghosts)
        ghosts_arrival(r->ghosts, &who->p, partner, round->now_ms, ghost_taken, &taken);
    if (r->wishes)
        wishes_arrival(r->wishes, &who->p, partner, round->now_ms, wish_true, &taken);
}

static void foretell(struct replay *r, uint32_t person, int64_t now_ms)
{
    char id[TRACE_TICKET_ID_MAX];
    struct replay_prediction *p = &r->ret->predictions[person];
    trace_ticket_id(r->t->persons[person].id, id);
    const struct wait_person *known = wait_model_person(r->model, ticket_hash(POOL, id));
    if (!known)
        return;
    struct wait_person who = *known;
    uint64_t start = started(r);
    wait_model_ticket(r->model, &who, EPOCH_MS + now_ms, 0, &p->told);
    ended(r, &r->ret->tickets, start);
    p->made = true;
}

static void foretell_again(struct replay *r, uint32_t person, int64_t now_ms)
{
    char id[TRACE_TICKET_ID_MAX];
    struct wait_estimate told;
    const struct trace_person *p = &r->t->persons[person];
    trace_ticket_id(p->id, id);
    const struct wait_person *known = wait_model_person(r->model, ticket_hash(POOL, id));
    if (!known || !r->ret->predictions[person].made)
        return;
    struct wait_person who = *known;
    wait_model_ticket(r->model, &who, EPOCH_MS + now_ms, now_ms - p->join_ms, &told);
    r->ret->predictions[person].again = told.wait;
    r->ret->predictions[person].made_again = true;
}

/* -- rounds ----------------------------------------------------------------------------------------------------------
 */

/* Plays one operation as a round and commits it. `person` is who it is about; REPLAY_NOBODY for a cycle. */
static int play(struct replay *r, const struct match_op *op, uint32_t person, int64_t now_ms)
{
    struct match_round round;
    struct match_reply reply;
    uint64_t start = started(r);
    int rc = match_round_init(&round, &r->o->rules, r->ix, r->supply, POOL, EPOCH_MS + now_ms,
                              r->o->seed ^ ticket_hash_mix((uint64_t)++r->version));
    round.sweep = r->sweep;
    if (rc == 0)
        rc = match_round_apply(&round, op, 0, round.now_ms, &reply);
    if (rc == 0)
        rc = match_round_finish(&round);
    if (rc == 0) {
        match_round_committed(&round, r->version);
        ended(r, &r->ret->rounds, start);
        r->sweep = round.sweep;
        note_pairs(r, &round);
        if (r->model)
            match_feed_round(&round, feed, r);
        if (op->type == MATCH_SUBMIT && reply.verdict != MATCH_V_PARTY)
            rc = -EINVAL;
        else if (op->type == MATCH_SUBMIT)
            meet_ghosts(r, &round, reply.party);
        if (op->type == MATCH_SUBMIT && r->ret->outcomes[person].end != REPLAY_MATCHED)
            r->ret->outcomes[person].queued = true;
    }
    match_round_fini(&round);
    return rc;
}

static int cycle(struct replay *r, int64_t now_ms)
{
    const struct match_op op = {.type = MATCH_CYCLE, .pool = POOL};
    int rc = match_index_count(r->ix) > 0 ? play(r, &op, REPLAY_NOBODY, now_ms) : 0;
    if (rc == 0 && r->model && match_index_count(r->ix) > 0) {
        match_feed_here(r->ix, POOL, EPOCH_MS + now_ms, &r->here, feed, r);
        match_feed_mark(r->ix, POOL, EPOCH_MS + now_ms, &(struct match_trouble){0}, feed, r);
    }
    return rc;
}

static void ask_balance(struct replay *r, int64_t now_ms)
{
    r->balanced = true;
    for (int i = 0; i < REPLAY_TARGETS; i++) {
        wait_model_balance(r->model, EPOCH_MS + now_ms, replay_targets_s[i], &r->ret->balance[i]);
        wait_model_classes(r->model, replay_targets_s[i], r->ret->classes[i]);
    }
}

static void refresh(struct replay *r, int64_t now_ms)
{
    uint64_t start = started(r);
    bool whole = r->refreshed++ % WHOLE_REFRESH == 0;
    if (whole)
        wait_model_refresh(r->model, EPOCH_MS + now_ms);
    else
        wait_model_refresh_tickets(r->model, EPOCH_MS + now_ms);
    ended(r, whole ? &r->ret->refreshes : &r->ret->fields, start);
    if (!r->balanced && now_ms >= r->t->score_to_ms)
        ask_balance(r, now_ms);
}

/* -- the clock -------------------------------------------------------------------------------------------------------
 */

/* When the next person has waited long enough to be foretold the rest; INT64_MAX when nobody will have. */
static int64_t again_due_ms(const struct replay *r)
{
    bool any = r->model && r->o->again_ms > 0 && r->again < r->t->n_persons;
    return any ? r->t->persons[r->again].join_ms + r->o->again_ms : INT64_MAX;
}

static void again(struct replay *r, int64_t now_ms)
{
    const struct replay_outcome *out = &r->ret->outcomes[r->again];
    if (out->queued && out->end == REPLAY_STILL_WAITS)
        foretell_again(r, r->again, now_ms);
    r->again++;
}

/* Everything that falls due by itself up to now, in order of time. */
static int pass_time(struct replay *r, int64_t now_ms)
{
    int rc = 0;
    while (rc == 0) {
        int64_t again_ms = again_due_ms(r), next = MIN_OF(MIN_OF(r->cycle_ms, r->refresh_ms), again_ms);
        if (next > now_ms)
            break;
        if (next == r->cycle_ms) {
            rc = cycle(r, next);
            r->cycle_ms += CYCLE_MS;
        } else if (next == r->refresh_ms) {
            refresh(r, next);
            r->refresh_ms += r->o->refresh_ms;
        } else {
            again(r, next);
        }
    }
    return rc;
}

/* -- the trace's events ----------------------------------------------------------------------------------------------
 */

static int wish(struct replay *r, uint32_t person, int64_t now_ms)
{
    char id[TRACE_TICKET_ID_MAX];
    trace_ticket_id(r->t->persons[person].id, id);
    const struct match_waiter *who = match_index_at(r->ix, match_index_find(r->ix, id));
    return wishes_add(r->wishes, r->ix, r->supply, who, EPOCH_MS + now_ms, r->ret->outcomes[person].would_ms);
}

static int join(struct replay *r, uint32_t person, int64_t now_ms)
{
    struct match_op op = {.type = MATCH_SUBMIT, .pool = POOL, .root = trace_ticket(r->t, person)};
    op.ticket = op.root;
    int rc = op.root ? play(r, &op, person, now_ms) : -ENOMEM;
    match_op_fini(&op);
    if (rc < 0 || !r->ret->outcomes[person].queued)
        return rc;
    if (r->model)
        foretell(r, person, now_ms);
    return r->wishes ? wish(r, person, now_ms) : 0;
}

static int leave(struct replay *r, uint32_t person, int64_t now_ms)
{
    struct match_op op = {.type = MATCH_LEAVE, .pool = POOL};
    struct replay_outcome *out = &r->ret->outcomes[person];
    trace_ticket_id(r->t->persons[person].id, op.id);
    uint32_t slot = match_index_find(r->ix, op.id);
    if (slot == MATCH_NO_SLOT)
        return 0;
    out->end = REPLAY_LEFT;
    out->wait_ms = now_ms - r->t->persons[person].join_ms;
    int rc = r->ghosts ? ghosts_add(r->ghosts, match_index_at(r->ix, slot)) : 0;
    return rc < 0 ? rc : play(r, &op, person, now_ms);
}

static int play_all(struct replay *r)
{
    size_t step = r->t->n_events / PROGRESS_STEPS + 1;
    for (size_t i = 0; i < r->t->n_events; i++) {
        const struct trace_event *ev = &r->t->events[i];
        int rc = pass_time(r, ev->at_ms);
        if (rc == 0)
            rc = ev->type == TRACE_JOIN ? join(r, ev->person, ev->at_ms) : leave(r, ev->person, ev->at_ms);
        if (rc < 0)
            return rc;
        if (r->o->progress && i % step == 0)
            r->o->progress(r->o->progress_arg, i, r->t->n_events);
    }
    return pass_time(r, r->t->horizon_ms);
}

/* -- the whole -------------------------------------------------------------------------------------------------------
 */

static int set_up(struct replay *r)
{
    struct replay_result *ret = r->ret;
    ret->n = r->t->n_persons;
    ret->outcomes = calloc(ret->n + 1, sizeof *ret->outcomes);
    ret->predictions = calloc(ret->n + 1, sizeof *ret->predictions);
    r->ix = match_index_new(&r->o->rules);
    r->supply = calloc(1, sizeof *r->supply);
    r->model = r->o->refresh_ms > 0 ? wait_model_new(r->o->seed) : NULL;
    r->ghosts = r->o->no_ghosts ? NULL : ghosts_new(&r->o->rules);
    r->wishes = r->o->would ? wishes_new(&r->o->rules) : NULL;
    if (!ret->outcomes || !ret->predictions || !r->ix || !r->supply || (!r->model && r->o->refresh_ms > 0) ||
        (!r->ghosts && !r->o->no_ghosts) || (!r->wishes && r->o->would))
        return -ENOMEM;
    for (uint32_t i = 0; i < ret->n; i++)
        ret->outcomes[i] = (struct replay_outcome){.partner = REPLAY_NOBODY,
                                                   .wait_ms = r->t->horizon_ms - r->t->persons[i].join_ms,
                                                   .virtual_ms = REPLAY_NO_WAIT,
                                                   .would_ms = {REPLAY_NO_WAIT, REPLAY_NO_WAIT, REPLAY_NO_WAIT}};
    r->cycle_ms = CYCLE_MS;
    r->refresh_ms = r->model ? 0 : INT64_MAX;
    return 0;
}

static int say(const struct replay *r, int rc, struct err *e)
{
    if (rc == -ENOMEM)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory to replay %u people", r->t->n_persons);
    if (rc < 0)
        return err_set(e, ERR_REFUSED, "the engine did not take this trace: %s", strerror(-rc));
    return r->feed_refused ? err_set(e, ERR_REFUSED, "the wait model refused what the engine told it") : 0;
}

int replay_run(const struct trace *t, const struct replay_options *options, struct replay_result *ret, struct err *e)
{
    struct replay r = {.t = t, .o = options, .ret = ret};
    *ret = (struct replay_result){0};
    int rc = set_up(&r);
    if (rc == 0)
        rc = play_all(&r);
    if (rc == 0 && r.model && !r.balanced)
        ask_balance(&r, t->horizon_ms);
    if (rc == 0 && r.model)
        wait_model_stats(r.model, EPOCH_MS + t->horizon_ms, &ret->stats);
    rc = say(&r, rc, e);
    ghosts_free(r.ghosts);
    wishes_free(r.wishes);
    wait_model_free(r.model);
    free(r.supply);
    match_index_free(r.ix);
    if (rc < 0)
        replay_result_fini(ret);
    return rc;
}

void replay_result_fini(struct replay_result *r)
{
    free(r->outcomes);
    free(r->predictions);
    free(r->rounds.ns);
    free(r->fields.ns);
    free(r->refreshes.ns);
    free(r->tickets.ns);
    *r = (struct replay_result){0};
}
