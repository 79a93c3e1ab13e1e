/*
 * wait_curve - the distribution of one person's wait: F(s) = 1 − E exp(−H(s/Z)), ln Z normal.
 *
 * Runs in: supervisor's metrics thread. Pure. Seconds.
 * H is kept on the grid s_k = 1200 (k/24)²; the mean over Z is 7-point Gauss-Hermite.
 */
#pragma once

#include "base.h"

enum { CURVE_STEPS = 24 };

struct wait_curve {
    float hazard[CURVE_STEPS + 1]; /* H at the grid */
    float tail;                    /* hazard rate beyond the grid, 1/s */
    float sigma;                   /* of ln Z */
};

/* Grid point k, seconds. */
double curve_grid(int k);
/* P(matched within t_s | stays). */
double curve_cdf(const struct wait_curve *c, double t_s);
/* The t_s with F(t_s) = p, at most 1e5. */
double curve_quantile(const struct wait_curve *c, double p);
