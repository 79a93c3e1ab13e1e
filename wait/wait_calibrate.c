/*
 * wait_calibrate - where to read F so that what is said comes true: Kaplan-Meier on the scale of F itself.
 *
 * A ticket that was matched is an event at u = F(its wait); one that left or still waits is censored at its u. If the
 * estimates were right the curve of u would be the diagonal; p* = p + w (KM⁻¹(p) − p), w = events/(events + 400). It
 * refuses to move a level on fewer than 20 tickets, or outside 0.1 to 0.985.
 */
#include "wait_model_impl.h"

#include <math.h>

#define KEPT_PRIOR   10.0
#define KEPT_FORGETS 0.995

struct seen {
    float u;
    bool event;
};

static int by_u(const void *pa, const void *pb)
{
    const struct seen *a = pa, *b = pb;
    if (a->u != b->u)
        return a->u < b->u ? -1 : 1;
    return (int)b->event - (int)a->event;
}

static uint32_t collect(const struct side *s, int64_t now_ms, struct seen out[static CALIBRATE_LAST])
{
    uint32_t kept = (uint32_t)MIN_OF(s->n_told, (uint64_t)CALIBRATE_LAST), n = 0;
    for (uint32_t i = 0; i < kept; i++) {
        const struct told *t = &s->told[i];
        double waited_s = fmax(0, (double)(now_ms - t->from_ms) / 1000);
        if (!t->at_once)
            out[n++] = t->ended ? (struct seen){t->at, t->matched}
                                : (struct seen){(float)curve_cdf(&t->curve, waited_s), false};
    }
    qsort(out, n, sizeof out[0], by_u);
    return n;
}

/* Smallest u where the curve reaches p. Where it never does all that is known is that its last event is below. */
static double km_inverse(const struct seen seen[], uint32_t n, double p)
{
    double stays = 1, last = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!seen[i].event)
            continue;
        stays *= 1 - 1.0 / (n - i);
        last = (double)seen[i].u;
        if (1 - stays >= p)
            return last;
    }
    return fmax(last, p);
}

static double km_at(const struct seen seen[], uint32_t n, double u)
{
    double stays = 1;
    for (uint32_t i = 0; i < n && (double)seen[i].u <= u; i++)
        if (seen[i].event)
            stays *= 1 - 1.0 / (n - i);
    return 1 - stays;
}

static void calibrate_side(struct side *s, int64_t now_ms)
{
    struct seen seen[CALIBRATE_LAST];
    uint32_t n = collect(s, now_ms, seen), events = 0;
    if (n < CALIBRATE_MIN)
        return;
    for (uint32_t i = 0; i < n; i++)
        events += seen[i].event;
    double w = events / (events + CALIBRATE_PRIOR);
    s->resolved = events;
    s->cover50 = km_at(seen, n, s->level50);
    s->cover90 = km_at(seen, n, s->level90);
    s->level50 = fmin(0.985, fmax(0.1, s->base50 + w * (km_inverse(seen, n, 0.5) - s->base50)));
    s->level90 = fmin(0.985, fmax(0.1, s->base90 + w * (km_inverse(seen, n, 0.9) - s->base90)));
    s->level90 = fmax(s->level90, s->level50);
}

double wait_foretold(const struct side *s, const struct wait_curve *c)
{
    double matched = 0, before = 0, alive = 1;
    struct curve_look look;
    curve_prepare(c, &look);
    for (int k = 1; k <= CURVE_STEPS; k++) {
        double f = wait_calibrated(s, curve_at(&look, curve_grid(k)));
        double survives = exp(-patience_cumulative(&s->patience, curve_grid(k)));
        matched += (f - before) * (alive + survives) / 2;
        before = f;
        alive = survives;
    }
    return matched;
}

void wait_kept_add(struct side *s, const struct told *t, bool matched)
{
    struct kept *k = &s->kept;
    k->n = k->n * KEPT_FORGETS + 1;
    k->matched = k->matched * KEPT_FORGETS + matched;
    k->told = k->told * KEPT_FORGETS + (t != NULL);
    k->foretold = k->foretold * KEPT_FORGETS + (t ? (double)t->foretold : 0);
}

/* Who was told nothing counts as foretold what is foretold now: a crowd that came and went before the first refresh
 * must not leave "all are matched" beside a share that says otherwise. */
double wait_kept_level(const struct side *s, double forecast)
{
    const struct kept *k = &s->kept;
    double foretold = k->foretold + (k->n - k->told + KEPT_PRIOR) * forecast;
    return foretold > 1e-9 ? fmin(1, forecast * (k->matched + KEPT_PRIOR * forecast) / foretold) : forecast;
}

void wait_calibrate(struct wait_model *m, int64_t now_ms)
{
    for (int g = 0; g < GENDER_COUNT; g++) {
        calibrate_side(&m->sides[g], now_ms);
        wait_pinball_refresh(&m->sides[g]);
    }
}
