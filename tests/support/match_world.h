/*
 * match_world - a pool without servers: rounds are played on the engine, and a small memory stands in for PostgreSQL.
 *
 * For tests of the matcher. Everything is static: include it in one test program.
 */
#pragma once

#include "match_result.h"
#include "match_round.h"
#include "ticket_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { WORLD_MAX = 4096 };

struct world_pair {
    char id[MATCH_PAIR_ID_MAX], a[MATCH_ID_MAX], b[MATCH_ID_MAX];
    int64_t matched_ms, confirm_by_ms;
    bool live;
};

struct world {
    struct match_rules rules;
    struct match_index *ix;
    struct match_supply supply;
    int64_t now_ms;
    uint64_t random;
    uint32_t sweep;
    struct world_pair pairs[WORLD_MAX];
    size_t n_pairs;
    struct match_met met[WORLD_MAX];
    size_t n_met;
    struct match_rest rests[64];
    size_t n_rests;
    struct {
        char id[MATCH_ID_MAX];
        char *body;
        int64_t created_ms, key_ms, touched_ms;
    } rows[WORLD_MAX];
    size_t n_rows;
    struct match_round round; /* between world_begin and world_end */
    struct match_op ops[512];
    struct match_reply replies[512];
    uint32_t n_ops;
};

static void world_init(struct world *w, enum match_policy policy)
{
    struct conf_match conf = {.preset = "speed",
                              .policy = "greedy",
                              .duplicate = "replace",
                              .presence = 30000,
                              .pending_release = 60000,
                              .round_deadline = 5000,
                              .relax_after = 60000,
                              .relax_every = 30000,
                              .relax_stages = 5,
                              .relax_years = 1,
                              .relax_percent = 10,
                              .relax_regions_stage = 5,
                              .candidates_max = 4096};
    struct err e;
    *w = (struct world){.now_ms = 1000000000, .random = 7};
    assert_int_equal(match_rules_load(&w->rules, &conf, &e), 0);
    w->rules.policy = policy;
    w->rules.ms_per_km = policy == MATCH_FCFS ? 0 : 1000;
    w->ix = match_index_new(&w->rules);
    assert_non_null(w->ix);
}

static void world_fini(struct world *w)
{
    match_index_free(w->ix);
    for (size_t i = 0; i < w->n_rows; i++)
        free(w->rows[i].body);
}

static void world_row(struct world *w, const struct match_party *p)
{
    size_t i = 0;
    while (i < w->n_rows && strcmp(w->rows[i].id, p->id) != 0)
        i++;
    if (i == w->n_rows) {
        assert_true(w->n_rows < WORLD_MAX);
        (void)snprintf(w->rows[w->n_rows++].id, MATCH_ID_MAX, "%s", p->id);
    }
    if (p->whole) {
        free(w->rows[i].body);
        w->rows[i].body = strdup(p->body);
    }
    if (p->w.id) {
        w->rows[i].created_ms = p->w.p.created_ms;
        w->rows[i].key_ms = p->w.key_ms;
        w->rows[i].touched_ms = p->w.touched_ms;
    }
}

static struct match_waiter world_waiter(struct world *w, const char *id)
{
    struct match_ticket t = {0};
    char field[MATCH_FIELD_MAX];
    for (size_t i = 0; i < w->n_rows; i++) {
        if (strcmp(w->rows[i].id, id) != 0)
            continue;
        json_t *body = json_loads(w->rows[i].body, 0, NULL);
        assert_int_equal(match_ticket_parse(body, &w->rules, "p", w->now_ms, &t, field), 0);
        json_decref(body);
        t.w.p.created_ms = w->rows[i].created_ms;
        t.w.key_ms = w->rows[i].key_ms;
        t.w.touched_ms = w->rows[i].touched_ms;
        match_waiter_gone(&t.w);
        t.w.version = 1;
    }
    assert_non_null(t.w.id);
    return t.w;
}

static void world_begin(struct world *w)
{
    assert_int_equal(match_round_init(&w->round, &w->rules, w->ix, &w->supply, "p", w->now_ms, w->random++), 0);
    w->round.met = w->met;
    w->round.n_met = w->n_met;
    w->round.rests = w->rests;
    w->round.n_rests = w->n_rests;
    w->round.sweep = w->sweep;
    w->n_ops = 0;
    for (size_t i = 0; i < w->n_pairs; i++) {
        const struct world_pair *p = &w->pairs[i];
        if (!p->live)
            continue;
        struct match_waiter two[2] = {world_waiter(w, p->a), world_waiter(w, p->b)};
        struct match_pairing pair = {.matched_ms = p->matched_ms, .confirm_by_ms = p->confirm_by_ms, .op = MATCH_NO_OP};
        memcpy(pair.id, p->id, sizeof pair.id);
        assert_int_equal(match_round_stored(&w->round, &pair, two), 0);
    }
}

static struct match_reply *world_op(struct world *w, const char *payload)
{
    struct err e;
    struct match_reply *reply = &w->replies[w->n_ops];
    assert_true(w->n_ops < ARRAY_LEN(w->ops));
    assert_int_equal(match_op_parse(payload, strlen(payload), &w->ops[w->n_ops], &e), 0);
    assert_int_equal(match_round_apply(&w->round, &w->ops[w->n_ops], w->n_ops, w->now_ms, reply), 0);
    w->n_ops++;
    return reply;
}

/* Ends the round: what PostgreSQL would hold after COMMIT. */
static void world_end(struct world *w)
{
    const struct match_round *r = &w->round;
    assert_int_equal(match_round_finish(&w->round), 0);
    for (uint32_t i = 0; i < r->n_parties; i++)
        world_row(w, &r->parties[i]);
    for (uint32_t i = 0; i < r->n_pairings; i++) {
        const struct match_pairing *p = &r->pairings[i];
        const char *a = r->parties[p->party[0]].id, *b = r->parties[p->party[1]].id;
        if (p->dropped)
            continue;
        if (p->stored) {
            for (size_t k = 0; k < w->n_pairs; k++)
                if (strcmp(w->pairs[k].id, p->id) == 0)
                    w->pairs[k].live = p->end == MATCH_PENDING;
            continue;
        }
        assert_true(w->n_pairs < WORLD_MAX && w->n_met < WORLD_MAX);
        struct world_pair *n = &w->pairs[w->n_pairs++];
        (void)snprintf(n->id, sizeof n->id, "%s", p->id);
        (void)snprintf(n->a, sizeof n->a, "%s", a);
        (void)snprintf(n->b, sizeof n->b, "%s", b);
        n->matched_ms = p->matched_ms;
        n->confirm_by_ms = p->confirm_by_ms;
        n->live = true;
        struct match_met *m = &w->met[w->n_met++];
        (void)snprintf(m->a, sizeof m->a, "%s", a);
        (void)snprintf(m->b, sizeof m->b, "%s", b);
        m->until_ms = w->now_ms + w->rules.rematch_ms;
    }
    for (size_t i = 0; i < r->n_new_rests; i++)
        w->rests[w->n_rests++] = r->new_rests[i];
    w->sweep = r->sweep;
    for (uint32_t i = 0; i < w->n_ops; i++)
        match_op_fini(&w->ops[i]);
    match_round_fini(&w->round);
}

UNUSED static char *world_result(struct world *w, uint32_t op)
{
    return match_result_json(&w->round, NULL, &w->ops[op], op, &w->replies[op]);
}
