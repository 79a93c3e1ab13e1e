/*
 * wait_clear - how the present queue clears: the mean-field look-ahead of docs/wait-model.md §2.
 *
 * x_j(s): the probability that competitor j, who stands for w_j people, is not there at s. On the grid s_k = 1200
 * (k/24)²: C_bj = Π x_i^w_i over the i who go before j at probe b        nobody who goes before j wants b l_j  = Σ_b
 * r_b C_bj (1 − x_j^w_j)/(w_j (1 − x_j))             matching rate of j p_j  ← p_j exp(−l_j ds − ΔH), p = 1 − x ΔH from
 * the patience of j's gender at j's age in queue by Heun's method: the rate of a step is the mean of those at both its
 * ends. With the rate at its beginning alone those far behind wait too long by a tenth, for they move up only when the
 * step is over.
 */
#include "wait_model_impl.h"

#include <math.h>

#define CLEAR_MIN   1e-4 /* a probe so surely taken is no chance for those behind */
#define CLEAR_MIN_F 1e-4F
#define TURNS_MAX   2.0 /* of one person, in a step that keeps the order */

struct flow {
    double rate[FIELD_MAX]; /* matching rate of a competitor, 1/s */
    double open[FIELD_MAX]; /* of one who will come: P(it finds nobody at once) */
};

struct clearing {
    struct wait_model *m;
    double absent[FIELD_MAX], tried[FIELD_MAX];   /* x now; at the end of a step that is tried */
    double taken[FIELD_MAX], share[FIELD_MAX];    /* x^w, (1 − x^w)/(w (1 − x)) */
    double stays[FIELD_MAX], patience[FIELD_MAX]; /* e^−ΔH of this step; H so far */
    struct flow now, then;
    bool shared; /* this step is too long for an order */
};

/* For whole people (weight 1) the powers are x itself. */
static void weigh(struct clearing *c, const double absent[static FIELD_MAX])
{
    for (uint32_t j = 0; j < c->m->n_field; j++) {
        double x = absent[j], w = (double)c->m->field[j].weight;
        bool one = fabs(w - 1) < 1e-6;
        c->taken[j] = one ? x : pow(x, w);
        c->share[j] = one || x > 1 - 1e-9 ? 1 : fmin(1, (1 - c->taken[j]) / (w * (1 - x)));
    }
}

static void ask_probe(struct clearing *c, struct probe *b, double rate, struct flow *f)
{
    const struct edge *edges = c->m->edges + b->first;
    double clear = 1;
    for (uint32_t e = 0; e < b->n && clear > CLEAR_MIN; e++) {
        uint32_t j = edges[e].person;
        f->rate[j] += rate * clear * c->share[j];
        clear *= c->taken[j];
    }
    b->open = clear;
}

/* The same without an order: everybody a probe fits has an equal chance. */
static void ask_probe_shared(struct clearing *c, struct probe *b, double rate, const double absent[], struct flow *f)
{
    const struct edge *edges = c->m->edges + b->first;
    double there = 0;
    for (uint32_t e = 0; e < b->n; e++)
        there += (1 - absent[edges[e].person]) * (double)c->m->field[edges[e].person].weight;
    b->open = exp(-there);
    double each = rate * (there > 1e-9 ? (1 - b->open) / there : 1);
    for (uint32_t e = 0; e < b->n; e++)
        f->rate[edges[e].person] += each;
}

/* The rates at point k of the grid. */
static void flow_of(struct clearing *c, int k, const double absent[], struct flow *f)
{
    memset(f->rate, 0, c->m->n_field * sizeof f->rate[0]);
    for (int g = 0; g < GENDER_COUNT; g++)
        for (uint32_t i = 0; i < c->m->sides[g].n_probes; i++) {
            struct probe *b = &c->m->sides[g].probes[i];
            double rate = b->rate * c->m->sides[g].ahead.ratio[k];
            c->shared ? ask_probe_shared(c, b, rate, absent, f) : ask_probe(c, b, rate, f);
        }
    for (uint32_t j = 0; j < c->m->n_field; j++)
        f->open[j] = c->m->field[j].probe ? c->m->field[j].probe->open : 1;
}

/* In order, the next one's turn comes when the one before is gone: a step in which several would go must not let one go
 * only. Where all fit each other and many come, what a newcomer needs
 * to know is when all before it are gone, and that needs no order. */
static bool too_long(const struct clearing *c, int k)
{
    double fastest = 0, ds = curve_grid(k + 1) - curve_grid(k);
    for (uint32_t j = 0; j < c->m->n_field; j++)
        fastest = fmax(fastest, c->now.rate[j] * (1 - c->absent[j]));
    return fastest * ds > TURNS_MAX;
}

static void mean_flow(struct clearing *c)
{
    for (uint32_t j = 0; j < c->m->n_field; j++) {
        c->now.rate[j] = (c->now.rate[j] + c->then.rate[j]) / 2;
        c->now.open[j] = (c->now.open[j] + c->then.open[j]) / 2;
    }
}

/* Who of those present leaves within a step; those who come begin when they come. */
static void lose_patience(struct clearing *c, int k)
{
    for (uint32_t j = 0; j < c->m->n_field; j++) {
        const struct competitor *f = &c->m->field[j];
        double age = (double)(c->m->field_ms - f->who.joined_ms) / 1000 + curve_grid(k + 1);
        double patience = age > 0 ? patience_cumulative(&c->m->sides[f->who.gender].patience, age) : 0;
        c->stays[j] = exp(c->patience[j] - patience);
        c->patience[j] = patience;
    }
}

static void advance(const struct clearing *c, int k, const struct flow *f, double ret_absent[static FIELD_MAX])
{
    double from = curve_grid(k), to = curve_grid(k + 1);
    for (uint32_t j = 0; j < c->m->n_field; j++) {
        double comes = (double)c->m->field[j].from_s;
        bool comes_now = c->m->field[j].probe && comes >= from && comes < to;
        double p = comes_now ? f->open[j] : 1 - c->absent[j];
        ret_absent[j] = 1 - p * c->stays[j] * exp(-f->rate[j] * (to - (comes_now ? comes : from)));
    }
}

static void keep(const struct clearing *c, int k)
{
    for (uint32_t j = 0; j < c->m->n_field; j++)
        c->m->absent[j][k] = (float)c->taken[j];
}

static void begin(struct clearing *c)
{
    for (uint32_t j = 0; j < c->m->n_field; j++) {
        const struct competitor *f = &c->m->field[j];
        double age = (double)(c->m->field_ms - f->who.joined_ms) / 1000;
        c->absent[j] = f->probe ? 1 : 0;
        c->patience[j] = age > 0 ? patience_cumulative(&c->m->sides[f->who.gender].patience, age) : 0;
    }
}

void wait_clear(struct wait_model *m)
{
    struct clearing *c = malloc(sizeof *c);
    if (!c) {
        m->n_edges = 0; /* nobody is before anybody: no field is better than half of one */
        for (int g = 0; g < GENDER_COUNT; g++)
            m->sides[g].n_probes = 0;
        return;
    }
    c->m = m;
    begin(c);
    for (int k = 0; k < CURVE_STEPS; k++) {
        weigh(c, c->absent);
        keep(c, k);
        c->shared = false;
        flow_of(c, k, c->absent, &c->now);
        c->shared = too_long(c, k);
        if (c->shared)
            flow_of(c, k, c->absent, &c->now);
        lose_patience(c, k);
        advance(c, k, &c->now, c->tried);
        weigh(c, c->tried);
        flow_of(c, k + 1, c->tried, &c->then);
        mean_flow(c);
        advance(c, k, &c->now, c->absent);
    }
    weigh(c, c->absent);
    keep(c, CURVE_STEPS);
    free(c);
}

void wait_clear_before(const struct wait_model *m, const struct probe *b, uint64_t self, float score,
                       struct wait_before *ret)
{
    const struct edge *edges = m->edges + b->first;
    float clear[CURVE_POINTS];
    *ret = (struct wait_before){0};
    for (int k = 0; k < CURVE_POINTS; k++)
        clear[k] = 1;
    for (uint32_t e = 0; e < b->n && edges[e].score < score; e++) {
        const struct competitor *f = &m->field[edges[e].person];
        if (self && f->who.hash == self)
            continue;
        ret->sampled += 1;
        ret->people += (double)f->weight;
        const float *x = m->absent[edges[e].person];
        if (clear[CURVE_STEPS] < CLEAR_MIN_F) /* behind so many that no more matter */
            continue;
        for (int k = 0; k < CURVE_POINTS; k++)
            clear[k] *= x[k];
    }
    for (int k = 1; k <= CURVE_STEPS; k++)
        ret->clear[k] = ret->clear[k - 1] + (clear[k - 1] + clear[k]) / 2 * (float)(curve_grid(k) - curve_grid(k - 1));
}
