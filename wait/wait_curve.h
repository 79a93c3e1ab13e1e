/*
 * wait_curve - the distribution of one person's wait: F(s) = 1 − E exp(−H(s/Z)), ln Z normal.
 *
 * Runs in: supervisor's metrics thread. Pure. Seconds.
 * H is kept on the grid s_k = 1200 (k/24)²; the mean over Z is 7-point Gauss-Hermite.
 */
#pragma once

#include "base.h"

enum { CURVE_STEPS = 24, CURVE_NODES = 7 };

struct wait_curve {
    float hazard[CURVE_STEPS + 1]; /* H at the grid */
    float tail;                    /* hazard rate beyond the grid, 1/s */
    float sigma;                   /* of ln Z */
};

/* A curve prepared for many looks. Borrows it. */
struct curve_look {
    const struct wait_curve *c;
    int n;                  /* nodes; one when Z is all but certain */
    double by[CURVE_NODES]; /* 1/Z at each */
};

extern const double curve_grid_s[CURVE_STEPS + 1];

/* Grid point k, seconds. */
static inline double curve_grid(int k)
{
    return curve_grid_s[k];
}

/* Makes the 1/Z once for all looks at a curve. */
void curve_prepare(const struct wait_curve *c, struct curve_look *ret);
/* P(matched within t_s | stays). */
double curve_at(const struct curve_look *l, double t_s);
/* The t_s with F(t_s) = p, at most 1e5. */
double curve_inverse(const struct curve_look *l, double p);
/* The same of a curve that is looked at once. */
double curve_cdf(const struct wait_curve *c, double t_s);
double curve_quantile(const struct wait_curve *c, double p);
