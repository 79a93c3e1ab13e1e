/*
 * wait_curve - evaluating and inverting one curve.
 *
 * Inverting is Newton's method on ln(1 − F), which is straight where the hazard is constant, from where H alone would
 * have it; a step that leaves the bracket halves it instead. It refuses to return anything but finite numbers.
 */
#include "wait_curve.h"

#include <math.h>

#define HORIZON      1200.0
#define FARTHEST     1e5
#define HAZARD_MAX   60.0
#define CERTAIN      0.02F /* sigma below which Z is 1 */
#define NEWTON_STEPS 12    /* then halving: where the hazard is flat for long, steps may run in circles */
#define STEPS_MAX    60
#define NEAR_ENOUGH  1e-9

#define GRID(k)  (HORIZON * ((double)(k) / CURVE_STEPS) * ((double)(k) / CURVE_STEPS))
#define GRID4(k) GRID(k), GRID((k) + 1), GRID((k) + 2), GRID((k) + 3)
const double curve_grid_s[CURVE_STEPS + 1] = {GRID4(0), GRID4(4), GRID4(8), GRID4(12), GRID4(16), GRID4(20), GRID(24)};

static const struct {
    double z, w;
} hermite[CURVE_NODES] = {
    {-3.750440, .000548269}, {-2.366760, .0307571}, {-1.154405, .240123},   {0.0, .457143},
    {1.154405, .240123},     {2.366760, .0307571},  {3.750440, .000548269},
};
#define HERMITE_SUM (2 * (.000548269 + .0307571 + .240123) + .457143)

/* H at s; *ret_rate: its slope there. */
static inline double hazard_at(const struct wait_curve *c, double s, double *ret_rate)
{
    if (s >= HORIZON) {
        *ret_rate = (double)c->tail;
        return (double)c->hazard[CURVE_STEPS] + (s - HORIZON) * (double)c->tail;
    }
    int k = (int)(CURVE_STEPS * sqrt(s / HORIZON));
    k = k >= CURVE_STEPS ? CURVE_STEPS - 1 : k;
    *ret_rate = ((double)c->hazard[k + 1] - (double)c->hazard[k]) / (curve_grid_s[k + 1] - curve_grid_s[k]);
    return (double)c->hazard[k] + (s - curve_grid_s[k]) * *ret_rate;
}

void curve_prepare(const struct wait_curve *c, struct curve_look *ret)
{
    *ret = (struct curve_look){.c = c, .n = c->sigma < CERTAIN ? 1 : CURVE_NODES, .by = {1}};
    for (int i = 0; ret->n > 1 && i <= CURVE_NODES / 2; i++) {
        ret->by[i] = exp(-(double)c->sigma * hermite[i].z);
        ret->by[CURVE_NODES - 1 - i] = 1 / ret->by[i];
    }
}

/* P(not matched within t); *ret_density: how fast that falls. */
static double stays(const struct curve_look *l, double t_s, double *ret_density)
{
    double sum = 0, density = 0;
    for (int i = 0; i < l->n; i++) {
        double rate, hazard = hazard_at(l->c, t_s * l->by[i], &rate), w = l->n > 1 ? hermite[i].w / HERMITE_SUM : 1;
        double stay = w * exp(-fmin(HAZARD_MAX, hazard));
        sum += stay;
        density += stay * rate * l->by[i];
    }
    *ret_density = density;
    return sum;
}

double curve_at(const struct curve_look *l, double t_s)
{
    double density;
    return fmax(0, 1 - stays(l, t_s, &density));
}

/* Where H reaches h. */
static double hazard_inverse(const struct wait_curve *c, double h)
{
    for (int k = 1; k <= CURVE_STEPS; k++) {
        double low = (double)c->hazard[k - 1], high = (double)c->hazard[k];
        if (high >= h && high > low)
            return curve_grid_s[k - 1] + (curve_grid_s[k] - curve_grid_s[k - 1]) * (h - low) / (high - low);
    }
    return fmin(FARTHEST, HORIZON + (h - (double)c->hazard[CURVE_STEPS]) / fmax(1e-9, (double)c->tail));
}

double curve_inverse(const struct curve_look *l, double p)
{
    double left = fmax(1e-12, 1 - p), low = 0, high = FARTHEST, t = hazard_inverse(l->c, -log(left));
    for (int i = 0; i < STEPS_MAX; i++) {
        double density, now = stays(l, t, &density);
        *(now > left ? &low : &high) = t;
        double next = t + now * log(now / left) / fmax(1e-300, density);
        if (!(next >= low && next <= high) || i >= NEWTON_STEPS)
            next = high < FARTHEST || low > FARTHEST / 2 ? (low + high) / 2 : 2 * low;
        if (fabs(next - t) <= NEAR_ENOUGH * (1 + t))
            return next;
        t = next;
    }
    return t;
}

double curve_cdf(const struct wait_curve *c, double t_s)
{
    struct curve_look l;
    curve_prepare(c, &l);
    return curve_at(&l, t_s);
}

double curve_quantile(const struct wait_curve *c, double p)
{
    struct curve_look l;
    curve_prepare(c, &l);
    return curve_inverse(&l, p);
}
