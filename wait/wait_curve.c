/*
 * wait_curve - evaluating and inverting one curve.
 *
 * It refuses to return anything but finite numbers.
 */
#include "wait_curve.h"

#include <math.h>

#define HORIZON 1200.0

static const struct {
    double z, w;
} hermite[] = {
    {-3.750440, .000548269}, {-2.366760, .0307571}, {-1.154405, .240123},   {0.0, .457143},
    {1.154405, .240123},     {2.366760, .0307571},  {3.750440, .000548269},
};

double curve_grid(int k)
{
    double f = (double)k / CURVE_STEPS;
    return HORIZON * f * f;
}

static double hazard_at(const struct wait_curve *c, double s)
{
    if (s >= HORIZON)
        return (double)c->hazard[CURVE_STEPS] + (s - HORIZON) * (double)c->tail;
    int k = (int)(CURVE_STEPS * sqrt(s / HORIZON));
    k = k >= CURVE_STEPS ? CURVE_STEPS - 1 : k;
    double low = curve_grid(k), high = curve_grid(k + 1);
    return (double)c->hazard[k] + (s - low) / (high - low) * ((double)c->hazard[k + 1] - (double)c->hazard[k]);
}

double curve_cdf(const struct wait_curve *c, double t_s)
{
    if (c->sigma < 0.02F)
        return 1 - exp(-fmin(60, hazard_at(c, t_s)));
    double stays = 0, sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(hermite); i++) {
        stays += hermite[i].w * exp(-fmin(60, hazard_at(c, t_s / exp((double)c->sigma * hermite[i].z))));
        sum += hermite[i].w;
    }
    return fmax(0, 1 - stays / sum);
}

double curve_quantile(const struct wait_curve *c, double p)
{
    double low = 0, high = 30;
    while (curve_cdf(c, high) < p && high < 1e5) {
        low = high;
        high *= 2;
    }
    for (int i = 0; i < 16; i++) {
        double mid = (low + high) / 2;
        if (curve_cdf(c, mid) < p)
            low = mid;
        else
            high = mid;
    }
    return (low + high) / 2;
}
