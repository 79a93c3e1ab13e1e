/*
 * match_result - replies as JSON.
 *
 * `pairs` and `dropped` are always there, empty or not: no pair is a normal answer, never a failure. It refuses to tell
 * anything about a partner but the id, the distance and the waits.
 */
#include "match_result.h"

#include <math.h>

#define ESTIMATE_MAX_S 1200.0

static json_t *pair_json(const struct match_round *r, const struct match_pairing *p)
{
    const struct match_party *a = &r->parties[p->party[0]], *b = &r->parties[p->party[1]];
    json_t *j = json_pack("{s:s, s:[{s:s, s:I}, {s:s, s:I}], s:f, s:i}", "pair", p->id, "tickets", "id", a->id,
                          "wait_ms", (json_int_t)p->wait_ms[0], "id", b->id, "wait_ms", (json_int_t)p->wait_ms[1], "km",
                          round(p->km * 10) / 10, "stage", (int)p->stage);
    if (j && p->confirm_by_ms != INT64_MAX)
        (void)json_object_set_new(j, "confirm_by_ms", json_integer((json_int_t)p->confirm_by_ms));
    return j;
}

static void add_dropped(json_t *out, const char *id, const char *reason)
{
    (void)json_array_append_new(json_object_get(out, "dropped"), json_pack("{s:s, s:s}", "id", id, "reason", reason));
}

static void add_pair(json_t *out, const struct match_round *r, uint32_t pair)
{
    (void)json_array_append_new(json_object_get(out, "pairs"), pair_json(r, &r->pairings[pair]));
}

static const char *waiting_reason(struct match_round *r, const struct match_waiter *w, int64_t gap_ms)
{
    uint32_t sought = 0;
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        if (w->p.seeking >> g & 1)
            sought += match_index_count_gender(r->ix, g);
    if (sought == 0)
        return "nobody_sought_waits";
    return gap_ms >= MATCH_SCARCE_MAX_MS ? "few_fit" : "nobody_fits_yet";
}

/* The wait model's figure for the person's group; without one, a first guess from the supply alone: those ahead are
 * served one an arrival. */
static json_t *estimate_json(const struct match_cell *cell, double gap_s, uint32_t ahead)
{
    double p50 = cell ? cell->p50_s : fmin(ESTIMATE_MAX_S, gap_s * (ahead + M_LN2));
    double p90 = cell ? cell->p90_s : fmin(ESTIMATE_MAX_S, gap_s * (ahead + M_LN10));
    return json_pack("{s:f, s:f, s:s, s:s}", "p50_s", p50, "p90_s", p90, "confidence", cell ? cell->confidence : "low",
                     "from", cell ? "model" : "supply");
}

static json_t *queued_json(struct match_round *r, const struct match_published *published, const char *id)
{
    uint32_t slot = match_index_find(r->ix, id);
    if (slot == MATCH_NO_SLOT)
        return json_null();
    const struct match_waiter *w = match_index_at(r->ix, slot);
    uint32_t ahead = match_index_ahead(r->ix, &w->p, w->key_ms, MATCH_AHEAD_MAX);
    int64_t gap_ms = match_supply_gap_ms(r->supply, r->rules, &w->p, r->now_ms);
    const struct match_cell *cell = match_published_find(published, w->p.gender, w->p.seeking, r->now_ms);
    return json_pack("{s:s, s:I, s:I, s:o, s:s}", "id", id, "created_ms", (json_int_t)w->p.created_ms, "position",
                     (json_int_t)ahead + 1, "estimate", estimate_json(cell, (double)gap_ms / 1000, ahead), "reason",
                     waiting_reason(r, w, gap_ms));
}

static void render_party(json_t *out, struct match_round *r, const struct match_published *published, uint32_t party)
{
    const struct match_party *p = &r->parties[party];
    switch (p->state) {
    case MATCH_WAITING:
        (void)json_object_set_new(out, "queued", queued_json(r, published, p->id));
        break;
    case MATCH_MATCHED:
        add_pair(out, r, p->pair);
        break;
    case MATCH_GONE:
        add_dropped(out, p->id, strcmp(p->reason, "left") == 0 ? "cancelled" : p->reason);
        break;
    }
}

static void render_cycle(json_t *out, const struct match_round *r, uint32_t number, const struct match_reply *reply)
{
    for (uint32_t i = 0; i < r->n_pairings; i++)
        if (!r->pairings[i].stored && !r->pairings[i].dropped && r->pairings[i].op == number)
            add_pair(out, r, i);
    for (uint32_t i = 0, n = 0; i < r->n_parties && n < MATCH_RESULT_LIST_MAX; i++) {
        const struct match_party *p = &r->parties[i];
        if (p->state != MATCH_GONE || (strcmp(p->reason, "expired") != 0 && strcmp(p->reason, "offline") != 0))
            continue;
        add_dropped(out, p->id, p->reason);
        n++;
    }
    (void)json_object_set_new(out, "state", json_string("cycled"));
    (void)json_object_set_new(out, "expired", json_integer((json_int_t)reply->expired));
    (void)json_object_set_new(out, "released", json_integer((json_int_t)reply->released));
    (void)json_object_set_new(out, "tried", json_integer((json_int_t)reply->tried));
    (void)json_object_set_new(out, "waiting", json_integer((json_int_t)match_index_count(r->ix)));
}

static bool voted(const struct match_op *op, const char *id, enum match_vote vote)
{
    for (size_t i = 0; i < op->n_votes; i++)
        if (strcmp(op->votes[i].id, id) == 0)
            return op->votes[i].vote == vote;
    return false;
}

/* A yes that met a no, at the end of a confirmed pair: the seniority to give with the next ticket. */
static void render_fairness(json_t *out, const struct match_round *r, const struct match_op *op, uint32_t pair)
{
    const struct match_pairing *p = &r->pairings[pair];
    for (int i = 0; i < 2; i++) {
        const char *me = r->parties[p->party[i]].id, *other = r->parties[p->party[1 - i]].id;
        if (voted(op, me, MATCH_VOTE_YES) && !voted(op, other, MATCH_VOTE_YES) && op->n_votes == 2)
            (void)json_object_set_new(out, "fairness",
                                      json_pack("{s:s, s:i}", "id", me, "add", (int)r->rules->fairness_step));
    }
}

static void render(json_t *out, struct match_round *r, const struct match_published *published,
                   const struct match_op *op, uint32_t number, const struct match_reply *reply)
{
    switch (reply->verdict) {
    case MATCH_V_PARTY:
        render_party(out, r, published, reply->party);
        if (reply->replaced)
            (void)json_object_set_new(out, "replaced", json_true());
        return;
    case MATCH_V_DROPPED:
        add_dropped(out, reply->id, reply->reason);
        return;
    case MATCH_V_DONE:
        (void)json_object_set_new(out, "id", json_string(reply->id));
        (void)json_object_set_new(out, "state", json_string(reply->reason));
        if (op->type == MATCH_CONFIRM)
            render_fairness(out, r, op, reply->pair);
        return;
    case MATCH_V_ABSENT:
        (void)json_object_set_new(out, "id", json_string(reply->id));
        (void)json_object_set_new(out, "state", json_string("absent"));
        return;
    case MATCH_V_MATCHED:
        (void)json_object_set_new(out, "state", json_string("matched"));
        add_pair(out, r, reply->pair);
        return;
    case MATCH_V_STALE:
        (void)json_object_set_new(out, "state", json_string("stale"));
        return;
    case MATCH_V_CYCLED:
        render_cycle(out, r, number, reply);
        return;
    }
}

char *match_result_json(struct match_round *r, const struct match_published *published, const struct match_op *op,
                        uint32_t number, const struct match_reply *reply)
{
    json_t *out = json_pack("{s:i, s:s, s:s, s:[], s:n, s:[]}", "v", 1, "op", match_op_name(op->type), "pool", r->pool,
                            "pairs", "queued", "dropped");
    if (!out)
        return NULL;
    render(out, r, published, op, number, reply);
    char *text = json_dumps(out, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(out);
    return text;
}
