/*
 * match_result - replies as JSON, written as text: a tree of values for each cost more than playing the operation.
 *
 * `pairs` and `dropped` are always there, empty or not: no pair is a normal answer, never a failure. It refuses to tell
 * anything about a partner but the id, the distance and the waits. Ids and pools are of characters that JSON takes as
 * they are; of texts others chose there are the names of wrong fields alone.
 */
#include "match_result.h"

#include "buf.h"

#include <math.h>

#define ESTIMATE_MAX_S 1200.0

enum { RESULT_MAX_BYTES = 1 << 20 };

/* What goes into the three members that are always there, and what the operation adds. */
struct result {
    struct buf pairs, queued, dropped, more;
};

/* A comma between this element and one before it. */
static const char *comma(const struct buf *list)
{
    return list->len ? "," : "";
}

static void add_pair(struct result *out, const struct match_round *r, uint32_t pair)
{
    const struct match_pairing *p = &r->pairings[pair];
    const struct match_party *a = &r->parties[p->party[0]], *b = &r->parties[p->party[1]];
    (void)buf_addf(&out->pairs,
                   "%s{\"pair\":\"%s\",\"tickets\":[{\"id\":\"%s\",\"wait_ms\":%lld},{\"id\":\"%s\",\"wait_ms\":%lld}],"
                   "\"km\":%.1f,\"stage\":%u",
                   comma(&out->pairs), p->id, a->id, (long long)p->wait_ms[0], b->id, (long long)p->wait_ms[1], p->km,
                   p->stage);
    if (p->confirm_by_ms != INT64_MAX)
        (void)buf_addf(&out->pairs, ",\"confirm_by_ms\":%lld", (long long)p->confirm_by_ms);
    (void)buf_adds(&out->pairs, "}");
}

/* The reason may name a field as the caller spelt it, cut where it was too long. */
static void add_dropped(struct result *out, const char *id, const char *reason)
{
    json_t *text = json_string(reason);
    char *quoted = json_dumps(text, JSON_ENCODE_ANY);
    (void)buf_addf(&out->dropped, "%s{\"id\":\"%s\",\"reason\":%s}", comma(&out->dropped), id,
                   quoted ? quoted : "\"invalid:ticket\"");
    free(quoted);
    json_decref(text);
}

static void add_state(struct result *out, const char *state)
{
    (void)buf_addf(&out->more, ",\"state\":\"%s\"", state);
}

static void add_id(struct result *out, const char *id)
{
    (void)buf_addf(&out->more, ",\"id\":\"%s\"", id);
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
static void add_estimate(struct buf *b, const struct match_cell *cell, double gap_s, uint32_t ahead)
{
    double p50 = cell ? cell->p50_s : fmin(ESTIMATE_MAX_S, gap_s * (ahead + M_LN2));
    double p90 = cell ? cell->p90_s : fmin(ESTIMATE_MAX_S, gap_s * (ahead + M_LN10));
    (void)buf_addf(b, "\"estimate\":{\"p50_s\":%.6g,\"p90_s\":%.6g,\"confidence\":\"%s\",\"from\":\"%s\"}", p50, p90,
                   cell ? cell->confidence : "low", cell ? "model" : "supply");
}

static void add_queued(struct buf *b, struct match_round *r, const struct match_published *published, const char *id)
{
    uint32_t slot = match_index_find(r->ix, id);
    if (slot == MATCH_NO_SLOT)
        return;
    const struct match_waiter *w = match_index_at(r->ix, slot);
    uint32_t ahead = match_index_ahead(r->ix, &w->p, w->key_ms, MATCH_AHEAD_MAX);
    int64_t gap_ms = match_supply_gap_ms(r->supply, r->rules, &w->p, r->now_ms);
    const struct match_cell *cell = match_published_find(published, w->p.gender, w->p.seeking, r->now_ms);
    (void)buf_addf(b, "{\"id\":\"%s\",\"created_ms\":%lld,\"position\":%lld,", id, (long long)w->p.created_ms,
                   (long long)ahead + 1);
    add_estimate(b, cell, (double)gap_ms / 1000, ahead);
    (void)buf_addf(b, ",\"reason\":\"%s\"}", waiting_reason(r, w, gap_ms));
}

static void render_party(struct result *out, struct match_round *r, const struct match_published *published,
                         uint32_t party)
{
    const struct match_party *p = &r->parties[party];
    switch (p->state) {
    case MATCH_WAITING:
        add_queued(&out->queued, r, published, p->id);
        break;
    case MATCH_MATCHED:
        add_pair(out, r, p->pair);
        break;
    case MATCH_GONE:
        add_dropped(out, p->id, strcmp(p->reason, "left") == 0 ? "cancelled" : p->reason);
        break;
    }
}

static void render_cycle(struct result *out, const struct match_round *r, uint32_t number,
                         const struct match_reply *reply)
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
    add_state(out, "cycled");
    (void)buf_addf(&out->more, ",\"expired\":%u,\"released\":%u,\"tried\":%u,\"waiting\":%u", reply->expired,
                   reply->released, reply->tried, match_index_count(r->ix));
}

static bool voted(const struct match_op *op, const char *id, enum match_vote vote)
{
    for (size_t i = 0; i < op->n_votes; i++)
        if (strcmp(op->votes[i].id, id) == 0)
            return op->votes[i].vote == vote;
    return false;
}

/* A yes that met a no, at the end of a confirmed pair: the seniority to give with the next ticket. */
static void render_fairness(struct result *out, const struct match_round *r, const struct match_op *op, uint32_t pair)
{
    const struct match_pairing *p = &r->pairings[pair];
    for (int i = 0; i < 2; i++) {
        const char *me = r->parties[p->party[i]].id, *other = r->parties[p->party[1 - i]].id;
        if (voted(op, me, MATCH_VOTE_YES) && !voted(op, other, MATCH_VOTE_YES) && op->n_votes == 2)
            (void)buf_addf(&out->more, ",\"fairness\":{\"id\":\"%s\",\"add\":%d}", me, (int)r->rules->fairness_step);
    }
}

static void render(struct result *out, struct match_round *r, const struct match_published *published,
                   const struct match_op *op, uint32_t number, const struct match_reply *reply)
{
    switch (reply->verdict) {
    case MATCH_V_PARTY:
        render_party(out, r, published, reply->party);
        if (reply->replaced)
            (void)buf_adds(&out->more, ",\"replaced\":true");
        return;
    case MATCH_V_DROPPED:
        add_dropped(out, reply->id, reply->reason);
        return;
    case MATCH_V_DONE:
        add_id(out, reply->id);
        add_state(out, reply->reason);
        if (op->type == MATCH_CONFIRM)
            render_fairness(out, r, op, reply->pair);
        return;
    case MATCH_V_ABSENT:
        add_id(out, reply->id);
        add_state(out, "absent");
        return;
    case MATCH_V_MATCHED:
        add_state(out, "matched");
        add_pair(out, r, reply->pair);
        return;
    case MATCH_V_STALE:
        add_state(out, "stale");
        return;
    case MATCH_V_CYCLED:
        render_cycle(out, r, number, reply);
        return;
    }
}

/* "" for what nothing was added to. */
static const char *text_of(const struct buf *b)
{
    return b->data ? b->data : "";
}

char *match_result_json(struct match_round *r, const struct match_published *published, const struct match_op *op,
                        uint32_t number, const struct match_reply *reply)
{
    struct result out;
    struct buf whole, *const parts[] = {&out.pairs, &out.queued, &out.dropped, &out.more};
    bool failed = false;
    buf_init(&whole, RESULT_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        buf_init(parts[i], RESULT_MAX_BYTES);
    render(&out, r, published, op, number, reply);
    (void)buf_addf(&whole, "{\"v\":1,\"op\":\"%s\",\"pool\":\"%s\",\"pairs\":[%s],\"queued\":%s,\"dropped\":[%s]%s}",
                   match_op_name(op->type), r->pool, text_of(&out.pairs), out.queued.len ? out.queued.data : "null",
                   text_of(&out.dropped), text_of(&out.more));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        failed = failed || parts[i]->failed;
        buf_fini(parts[i]);
    }
    if (failed)
        buf_fini(&whole);
    return buf_take(&whole);
}
