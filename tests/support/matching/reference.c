/*
 * reference - no index, no early end, no cleverness.
 *
 * It refuses to include a header of match/.
 */
#include "reference.h"

#include "place.h"
#include "ticket_hash.h"
#include <math.h>

static unsigned stage_of(const struct ref_pool *p, const struct ref_person *a)
{
    int64_t waited = p->now_ms - a->created_ms;
    if (!a->t.relax || waited < p->rules.relax_after_ms)
        return 0;
    int64_t stage = 1 + (waited - p->rules.relax_after_ms) / p->rules.relax_every_ms;
    return stage < p->rules.stages ? (unsigned)stage : p->rules.stages;
}

static bool age_within(const struct ref_person *a, const struct ref_person *b, int years)
{
    int low = (int)a->t.age_min - years < 18 ? 18 : (int)a->t.age_min - years;
    return (int)b->t.age >= low && (int)b->t.age <= (int)a->t.age_max + years;
}

static double reach_chord(const struct ref_pool *p, const struct ref_person *a)
{
    double km = a->t.max_km > 0 ? a->t.max_km : p->rules.max_km;
    return km > 0 ? (double)(float)place_chord_km(km) : INFINITY;
}

static bool region_shared(const struct ref_ticket *a, const struct ref_ticket *b)
{
    for (unsigned i = 0; i < a->n_regions; i++)
        for (unsigned k = 0; k < b->n_regions; k++)
            if (a->regions[i] == b->regions[k])
                return true;
    return a->n_regions == 0 || b->n_regions == 0;
}

static bool soft_rules(const struct ref_pool *p, const struct ref_person *a, const struct ref_person *b, unsigned stage)
{
    int years = (int)(stage * p->rules.years);
    double wider = 100 + (double)stage * p->rules.percent;
    if (!age_within(a, b, years) || !age_within(b, a, years))
        return false;
    if (a->t.placed && b->t.placed) {
        double d2 = place_chord2(a->pos, b->pos) * 1e4, ra = reach_chord(p, a), rb = reach_chord(p, b);
        if (d2 > ra * ra * wider * wider || d2 > rb * rb * wider * wider)
            return false;
    }
    return region_shared(&a->t, &b->t) || (p->rules.regions_stage && stage >= p->rules.regions_stage);
}

/* All but history and presence: what also counts between arrivals of the past. */
static bool suits(const struct ref_pool *p, const struct ref_person *a, const struct ref_person *b)
{
    if (!(a->t.seeking >> b->t.gender & 1) || !(b->t.seeking >> a->t.gender & 1))
        return false;
    if (p->rules.level_span >= 0 && a->t.has_level && b->t.has_level &&
        abs(a->t.level - b->t.level) > p->rules.level_span)
        return false;
    unsigned sa = stage_of(p, a), sb = stage_of(p, b), stage = sa < sb ? sa : sb;
    return soft_rules(p, a, b, 0) || (stage > 0 && soft_rules(p, a, b, stage));
}

static bool blocks(const struct ref_ticket *t, unsigned other)
{
    for (unsigned i = 0; i < t->n_blocked; i++)
        if (t->blocked[i] == other)
            return true;
    return false;
}

bool ref_fits(const struct ref_pool *p, unsigned a, unsigned b)
{
    const struct ref_person *pa = &p->who[a], *pb = &p->who[b];
    return a != b && pa->gone_ms > p->now_ms && pb->gone_ms > p->now_ms && !blocks(&pa->t, b) && !blocks(&pb->t, a) &&
           p->met_until[a][b] <= p->now_ms && suits(p, pa, pb);
}

static int64_t score(const struct ref_pool *p, unsigned a, unsigned w)
{
    const struct ref_person *pa = &p->who[a], *pw = &p->who[w];
    if (p->rules.policy == REF_FCFS)
        return pw->created_ms;
    double km = pa->t.placed && pw->t.placed ? place_ground_km(sqrt(place_chord2(pa->pos, pw->pos))) : 0;
    return pw->key_ms + (int64_t)(1000 * km);
}

static bool goes_first(const struct ref_pool *p, unsigned a, unsigned x, unsigned y)
{
    int64_t sx = score(p, a, x), sy = score(p, a, y);
    if (sx != sy)
        return sx < sy;
    if (p->who[x].created_ms != p->who[y].created_ms)
        return p->who[x].created_ms < p->who[y].created_ms;
    return strcmp(p->id[x], p->id[y]) < 0;
}

unsigned ref_best(const struct ref_pool *p, unsigned a)
{
    unsigned best = REF_NOBODY;
    for (unsigned w = 0; w < p->n; w++)
        if (p->who[w].state == REF_WAITING && ref_fits(p, a, w) && (best == REF_NOBODY || goes_first(p, a, w, best)))
            best = w;
    return best;
}

int64_t ref_key_ms(const struct ref_pool *p, const struct ref_person *who)
{
    int64_t gap = 600000, kept = (int64_t)(p->n_arrivals < REF_ARRIVALS ? p->n_arrivals : REF_ARRIVALS), fit = 0;
    if (p->rules.policy == REF_FCFS)
        return who->created_ms - (int64_t)who->fairness * 1000;
    for (int64_t i = 0; i < kept; i++) {
        unsigned other = p->arrivals[i].self;
        fit += other != who->self && !blocks(&who->t, other) && p->met_until[who->self][other] <= p->now_ms &&
               suits(p, who, &p->arrivals[i]);
    }
    if (kept >= 2 && fit > 0) {
        uint64_t newest = (p->n_arrivals - 1) % REF_ARRIVALS,
                 oldest = p->n_arrivals < REF_ARRIVALS ? 0 : p->n_arrivals % REF_ARRIVALS;
        int64_t span = p->arrived_ms[newest] - p->arrived_ms[oldest] + 30000;
        gap = span * 2 / (2 * fit + 1);
    }
    return who->created_ms - (gap < 600000 ? gap : 600000) - (int64_t)who->fairness * 1000;
}

void ref_arrival(struct ref_pool *p, const struct ref_person *who)
{
    struct ref_person *kept = &p->arrivals[p->n_arrivals % REF_ARRIVALS];
    *kept = *who;
    kept->t.n_regions = 0; /* lists are not kept */
    p->arrived_ms[p->n_arrivals++ % REF_ARRIVALS] = p->now_ms;
}

static void set_gone(struct ref_person *w)
{
    w->gone_ms = w->presence_ms ? MIN_OF(w->touched_ms + w->presence_ms, w->expires_ms) : w->expires_ms;
}

void ref_pair(struct ref_pool *p, unsigned a, unsigned b)
{
    for (int i = 0; i < 2; i++) {
        struct ref_person *me = &p->who[i ? b : a];
        me->state = REF_MATCHED;
        me->partner = i ? a : b;
        me->fresh = true;
        me->matched_ms = p->now_ms;
        me->confirm_by_ms = p->rules.pending_ms ? p->now_ms + p->rules.pending_ms : INT64_MAX;
    }
}

const char *ref_submit(struct ref_pool *p, unsigned a, const struct ref_ticket *t, unsigned *ret_partner)
{
    struct ref_person *w = &p->who[a];
    *ret_partner = REF_NOBODY;
    if (t->age_max < t->age_min)
        return "invalid:age_max";
    if (w->rest_until_ms > p->now_ms)
        return "cooldown";
    if (w->state == REF_MATCHED)
        return "already_matched";
    if (w->state == REF_WAITING && !p->rules.replace)
        return "duplicate";
    int64_t created = t->has_created            ? MIN_OF(t->created_ms, p->now_ms)
                      : w->state == REF_WAITING ? w->created_ms
                                                : p->now_ms;
    *w = (struct ref_person){.t = *t,
                             .created_ms = created,
                             .touched_ms = p->now_ms,
                             .presence_ms = t->presence_ms ? t->presence_ms : p->rules.presence_ms,
                             .fairness = t->fairness,
                             .self = a,
                             .submitted = true};
    w->expires_ms = p->now_ms + (t->expires_ms ? MIN_OF(t->expires_ms, p->rules.expires_ms) : p->rules.expires_ms);
    set_gone(w);
    if (t->placed)
        place_of(t->lat, t->lon, w->pos);
    *ret_partner = ref_best(p, a);
    w->state = REF_WAITING;
    if (*ret_partner != REF_NOBODY && !p->rules.bounded)
        ref_pair(p, a, *ret_partner);
    return NULL;
}

static void part(struct ref_pool *p, unsigned a, bool a_stays, bool b_stays)
{
    unsigned b = p->who[a].partner;
    if (!p->who[a].fresh) {
        int64_t until = MAX_OF(p->met_until[a][b], p->now_ms + p->rules.rematch_ms);
        p->met_until[a][b] = p->met_until[b][a] = until;
    }
    p->who[a].state = a_stays ? REF_WAITING : REF_NONE;
    p->who[b].state = b_stays ? REF_WAITING : REF_NONE;
    p->who[a].fresh = p->who[b].fresh = false;
}

const char *ref_leave(struct ref_pool *p, unsigned a, bool disconnected)
{
    struct ref_person *w = &p->who[a];
    if (w->state == REF_MATCHED) {
        part(p, a, false, true);
        return "left";
    }
    if (w->state == REF_NONE)
        return NULL;
    if (!disconnected) {
        w->state = REF_NONE;
        return "left";
    }
    if (!w->presence_ms)
        w->presence_ms = p->rules.grace_ms;
    w->touched_ms = p->now_ms + p->rules.grace_ms - w->presence_ms;
    set_gone(w);
    return "grace";
}

void ref_touch(struct ref_pool *p, unsigned a, int64_t asked_ms)
{
    struct ref_person *w = &p->who[a];
    int64_t at = MIN_OF(asked_ms, p->now_ms);
    if (w->state == REF_NONE || at - w->touched_ms < w->presence_ms / 8)
        return;
    w->touched_ms = at;
    set_gone(w);
}

void ref_confirm(struct ref_pool *p, unsigned a, bool mutual)
{
    unsigned b = p->who[a].partner;
    part(p, a, false, false);
    if (mutual)
        p->met_until[a][b] = p->met_until[b][a] = INT64_MAX;
}

/* Whether this side stays. */
static bool judge(struct ref_pool *p, unsigned a, int mine, int other)
{
    struct ref_person *w = &p->who[a];
    if (mine == 3) {
        w->rest_until_ms = p->now_ms + p->rules.cooldown_ms;
        return false;
    }
    unsigned more = mine == 1 && other != 1 ? MIN_OF(10u, 20 - w->fairness) : 0;
    w->fairness += more;
    w->key_ms -= (int64_t)more * 1000;
    return true;
}

void ref_release(struct ref_pool *p, unsigned a, int vote_a, int vote_b)
{
    unsigned b = p->who[a].partner;
    bool a_stays = judge(p, a, vote_a, vote_b), b_stays = judge(p, b, vote_b, vote_a);
    part(p, a, a_stays, b_stays);
}

void ref_pass_time(struct ref_pool *p, int64_t watch_from_ms)
{
    for (unsigned a = 0; a < p->n; a++) {
        struct ref_person *w = &p->who[a];
        bool over = w->expires_ms <= p->now_ms, silent = w->gone_ms <= p->now_ms && p->now_ms >= watch_from_ms;
        if (w->state == REF_WAITING && (over || silent))
            w->state = REF_NONE;
    }
    for (unsigned a = 0; a < p->n; a++)
        if (p->who[a].state == REF_MATCHED && !p->who[a].fresh && p->who[a].confirm_by_ms <= p->now_ms)
            part(p, a, true, true);
}

static bool tried_before(const struct ref_pool *p, unsigned x, unsigned y)
{
    if (p->who[x].key_ms != p->who[y].key_ms)
        return p->who[x].key_ms < p->who[y].key_ms;
    if (p->who[x].created_ms != p->who[y].created_ms)
        return p->who[x].created_ms < p->who[y].created_ms;
    return p->hash[x] < p->hash[y];
}

void ref_try_all(struct ref_pool *p)
{
    unsigned turn[REF_PEOPLE], n = 0;
    for (unsigned a = 0; a < p->n; a++) {
        if (p->who[a].state != REF_WAITING)
            continue;
        unsigned i = n++;
        for (; i > 0 && tried_before(p, a, turn[i - 1]); i--)
            turn[i] = turn[i - 1];
        turn[i] = a;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned b = p->who[turn[i]].state == REF_WAITING ? ref_best(p, turn[i]) : REF_NOBODY;
        if (b != REF_NOBODY)
            ref_pair(p, turn[i], b);
    }
}

/* Whether an alternating path from a ends at somebody alone. */
static bool path_ends_free(const struct ref_pool *p, unsigned a, bool on_path[])
{
    for (unsigned b = 0; b < p->n; b++) {
        const struct ref_person *w = &p->who[b];
        if (on_path[b] || w->state == REF_NONE || (w->state == REF_MATCHED && !w->fresh) || !ref_fits(p, a, b))
            continue;
        if (w->state == REF_WAITING)
            return true;
        on_path[b] = on_path[w->partner] = true;
        bool ends = path_ends_free(p, w->partner, on_path);
        on_path[b] = on_path[w->partner] = false;
        if (ends)
            return true;
    }
    return false;
}

bool ref_loses_pair(const struct ref_pool *p)
{
    for (unsigned a = 0; a < p->n; a++) {
        bool on_path[REF_PEOPLE] = {false};
        on_path[a] = true;
        if (p->who[a].state == REF_WAITING && p->who[a].submitted && path_ends_free(p, a, on_path))
            return true;
    }
    return false;
}

void ref_round_over(struct ref_pool *p)
{
    for (unsigned a = 0; a < p->n; a++) {
        struct ref_person *w = &p->who[a];
        if (w->state == REF_MATCHED && w->fresh)
            p->met_until[a][w->partner] = MAX_OF(p->met_until[a][w->partner], p->now_ms + p->rules.rematch_ms);
        w->fresh = w->submitted = false;
    }
}
