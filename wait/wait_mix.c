/*
 * wait_mix - one person's curve out of the field, for its own wishes and wider ones together (docs/wait-model.md §2,
 * "A ticket").
 *
 * Who goes before somebody at a probe does not depend on how wide it wishes: each probe is looked at once, for all
 * wishes that chose it. It refuses a curve without supply: somebody nobody fits waits long, not for ever.
 */
#include "wait_model_impl.h"

#include <math.h>

#define SIGMA_MAX 1.2
enum {
    PROBES_MAX = 64, /* probes one curve looks at */
    PROBES_MIN = 16,
    LOOKS_MAX = 4096, /* people it looks at, about */
};

struct mixing {
    double hazard[CURVE_POINTS];    /* H on the grid */
    double supply, variance, noise; /* μ, Σ (variance of each gender's supply), rate-weighted noise */
    double competing;               /* rate-weighted people before on a fitting probe */
};

/* Probes of a gender that each wish looks at. */
struct choice {
    uint8_t by[FIELD_PROBES]; /* set of wishes */
    uint32_t n[WISHES];
};

void wait_mix_prepare(struct wait_model *m)
{
    crowd_clear(&m->crowd);
    for (uint32_t j = 0; j < m->n_field; j++)
        if (!m->field[j].probe)
            crowd_put(&m->crowd, m->crowd.n, &m->field[j].who);
    for (int g = 0; g < GENDER_COUNT; g++) {
        struct side *s = &m->sides[g];
        crowd_clear(&s->probe_crowd);
        for (uint32_t i = 0; i < s->n_probes; i++)
            crowd_put(&s->probe_crowd, i, &s->probes[i].who);
    }
}

static unsigned fit_now(const struct wait_model *m, const struct wishes *ws)
{
    uint8_t sets[CROWD_MAX];
    unsigned found = 0;
    crowd_match(&m->crowd, ws, sets);
    for (uint32_t i = 0; i < m->crowd.n && found != ws->set; i++)
        if (sets[i] & ~found && m->crowd.hash[i] != ws->who->hash)
            found |= crowd_meets(&m->crowd, ws, i, sets[i]);
    return found;
}

/* How many of those that fit a wish are looked at: fewer where many compete for each. */
static uint32_t wanted(uint32_t fit, uint32_t edges, uint32_t all)
{
    uint32_t most = edges ? MAX_OF(LOOKS_MAX * fit / edges, PROBES_MIN) : PROBES_MAX;
    return MIN_OF(fit ? fit : all, MIN_OF(most, (uint32_t)PROBES_MAX));
}

static void choose_probes(const struct side *s, const struct wishes *ws, unsigned set, struct choice *ret)
{
    uint8_t sets[CROWD_MAX];
    uint16_t fit[WISHES][FIELD_PROBES + 1]; /* room for one who does not fit and is overwritten */
    uint32_t n[WISHES] = {0}, edges[WISHES] = {0};
    crowd_match(&s->probe_crowd, ws, sets);
    for (uint32_t i = 0; i < s->n_probes; i++) {
        unsigned fits = sets[i] ? crowd_meets(&s->probe_crowd, ws, i, sets[i]) : 0;
        for (int w = 0; fits && w < WISHES; w++) {
            fit[w][n[w]] = (uint16_t)i;
            n[w] += fits >> w & 1;
            edges[w] += fits >> w & 1 ? s->probes[i].n : 0;
        }
    }
    *ret = (struct choice){0};
    for (int w = 0; w < WISHES; w++) {
        uint32_t from = n[w] ? n[w] : s->n_probes, want = set >> w & 1 ? wanted(n[w], edges[w], s->n_probes) : 0;
        for (uint32_t i = 0; i < want; i++) { /* evenly spread over all that fit; arbitrary ones when none does */
            uint32_t at = i * from / want;
            ret->by[n[w] ? fit[w][at] : at] |= (uint8_t)(1U << w);
        }
        ret->n[w] = want;
    }
}

static void mix_probe(struct mixing *restrict x, const struct wait_before *restrict before, double noise, double rate)
{
    for (int k = 0; k < CURVE_POINTS; k++)
        x->hazard[k] += rate * (double)before->clear[k];
    x->noise += rate * noise;
    x->competing += rate * before->people;
}

static void mix_probes(struct mixing x[static WISHES], const struct wait_model *m, const struct side *s,
                       const struct wait_person *who, const struct choice *c, const double rate[static WISHES])
{
    struct wait_before before;
    for (uint32_t i = 0; i < s->n_probes; i++) {
        const struct probe *b = &s->probes[i];
        if (!c->by[i])
            continue;
        wait_clear_before(m, b, who->hash, wait_score(m, who, &b->who), &before);
        double noise = fmax(0, before.people - 0.5) / ((before.people + 1) * (before.people + 1)) +
                       1.5 * (1 - 1 / m->scale) / (1 + before.sampled);
        for (int w = 0; w < WISHES; w++)
            if (c->by[i] >> w & 1)
                mix_probe(&x[w], &before, noise, rate[w] / c->n[w]);
    }
}

/* Adds the supply of one gender to the wishes of the set. */
static void mix_side(struct mixing x[static WISHES], const struct wait_model *m, int gender, const struct wishes *ws,
                     unsigned set, double now_s)
{
    const struct side *s = &m->sides[gender];
    struct wait_share shares[WISHES];
    struct choice chosen;
    double before[WISHES][CURVE_POINTS], came, rate[WISHES] = {0}, all = rate_now(&s->rate, now_s, &came);
    wait_shares(s, gender, ws, set, shares);
    choose_probes(s, ws, set, &chosen);
    for (int w = 0; w < WISHES; w++) {
        if (!(set >> w & 1))
            continue;
        memcpy(before[w], x[w].hazard, sizeof before[w]);
        rate[w] = all * shares[w].part;
        x[w].supply += rate[w];
        x[w].variance += rate[w] * rate[w] * (1 / came + 1 / (shares[w].events + 0.5));
        for (int k = 0; chosen.n[w] == 0 && k <= CURVE_STEPS; k++)
            x[w].hazard[k] += rate[w] * curve_grid(k);
    }
    mix_probes(x, m, s, ws->who, &chosen, rate);
    for (int w = 0; s->ahead.known && w < WISHES; w++)
        if (set >> w & 1)
            wait_ahead_bend(&s->ahead, before[w], x[w].hazard);
}

static void finish(struct mixing *x, struct wait_prospect *ret)
{
    ret->supply = x->supply;
    ret->competing = x->supply > 0 ? x->competing / x->supply : 0;
    if (x->supply <= 0) {
        x->supply = 1e-4;
        x->variance = x->supply * x->supply;
        for (int k = 0; k <= CURVE_STEPS; k++)
            x->hazard[k] = x->supply * curve_grid(k);
    }
    double last = curve_grid(CURVE_STEPS) - curve_grid(CURVE_STEPS - 1);
    double tail = (x->hazard[CURVE_STEPS] - x->hazard[CURVE_STEPS - 1]) / last;
    double variance = 0.5 * x->variance / (x->supply * x->supply) + 0.25 * x->noise / x->supply;
    for (int k = 0; k <= CURVE_STEPS; k++)
        ret->curve.hazard[k] = (float)x->hazard[k];
    ret->curve.tail = (float)fmax(fmax(tail, 0.2 * x->supply), 1e-6);
    ret->curve.sigma = (float)fmin(SIGMA_MAX, sqrt(variance));
}

static void curves_of(const struct wait_model *m, const struct wishes *ws, double now_s,
                      struct wait_prospect ret[static WISHES])
{
    struct mixing x[WISHES] = {0};
    for (int g = 0; g < GENDER_COUNT; g++) {
        unsigned set = wishes_seeking(ws, g);
        if (set && m->sides[g].n_recent > 0)
            mix_side(x, m, g, ws, set, now_s);
    }
    for (int w = 0; w < WISHES; w++)
        if (ws->set >> w & 1)
            finish(&x[w], &ret[w]);
}

void wait_prospects_of(const struct wait_model *m, const struct wishes *ws, double now_s,
                       struct wait_prospect ret[static WISHES])
{
    unsigned at_once = fit_now(m, ws);
    struct wishes left = *ws;
    left.set = WISH_OWN | (at_once & WISH_OWN ? 0 : ws->set & ~at_once);
    curves_of(m, &left, now_s, ret);
    for (int w = 0; w < WISHES; w++)
        ret[w].at_once = at_once >> w & 1;
}

void wait_curve_of(const struct wait_model *m, const struct wait_person *who, double now_s, struct wait_curve *ret)
{
    struct wishes ws;
    struct wait_prospect own[WISHES];
    wishes_of(who, 0, &ws);
    curves_of(m, &ws, now_s, own);
    *ret = own[WAIT_REASON_NONE].curve;
}

bool wait_fits_now(const struct wait_model *m, const struct wait_person *who)
{
    struct wishes ws;
    wishes_of(who, 0, &ws);
    return fit_now(m, &ws) != 0;
}
