/*
 * wait_rates - decayed counters and banded hazards.
 *
 * It refuses infinite answers: priors keep every rate and hazard positive and finite.
 */
#include "wait_rates.h"

#include <math.h>
#include <string.h>

const double patience_ends_s[PATIENCE_BANDS] = {10, 30, 60, 120, 240, 480, 1e9};
/* Leaving without any evidence: quick in the first seconds, then patient. Worth four leavers. */
static const double prior_hazard[PATIENCE_BANDS] = {1.0 / 120, 1.0 / 150, 1.0 / 240, 1.0 / 240,
                                                    1.0 / 240, 1.0 / 240, 1.0 / 240};
#define PRIOR_LEAVES 4.0

static double faded(double n, double dt_s, double tau)
{
    return n * exp(-fmax(dt_s, 0) / tau);
}

void rate_add(struct rate *r, double t_s)
{
    if (!r->started) {
        *r = (struct rate){.at_s = t_s, .since_s = t_s, .started = true};
    }
    double dt = t_s - r->at_s;
    r->slow = faded(r->slow, dt, RATE_TAU_SLOW) + 1;
    r->fast = faded(r->fast, dt, RATE_TAU_FAST) + 1;
    r->at_s = fmax(r->at_s, t_s);
}

static double exposure(const struct rate *r, double t_s, double tau)
{
    return tau * (1 - exp(-fmax(t_s - r->since_s, 0) / tau));
}

double rate_now(const struct rate *r, double t_s, double *ret_n)
{
    double dt = t_s - r->at_s, fast = r->started ? faded(r->fast, dt, RATE_TAU_FAST) : 0;
    if (ret_n)
        *ret_n = fast + RATE_PRIOR;
    if (!r->started)
        return 0;
    double slow = (faded(r->slow, dt, RATE_TAU_SLOW) + 0.5) / (exposure(r, t_s, RATE_TAU_SLOW) + 5);
    return (fast + RATE_PRIOR) / (exposure(r, t_s, RATE_TAU_FAST) + RATE_PRIOR / slow);
}

void patience_add(struct patience *p, double wait_s, bool left)
{
    double low = 0;
    for (int i = 0; i < PATIENCE_BANDS; i++) {
        double high = patience_ends_s[i];
        p->seconds[i] += fmax(fmin(wait_s, high) - low, 0);
        if (wait_s <= high) {
            p->leaves[i] += left;
            return;
        }
        low = high;
    }
}

void patience_look(struct patience *p)
{
    memset(p->waiting_s, 0, sizeof p->waiting_s);
}

void patience_add_waiting(struct patience *p, double wait_s, double people)
{
    double low = 0;
    for (int i = 0; i < PATIENCE_BANDS && wait_s > low; i++) {
        p->waiting_s[i] += people * (fmin(wait_s, patience_ends_s[i]) - low);
        low = patience_ends_s[i];
    }
}

/* Without the seconds of those who still wait a queue that has just grown would seem to be left far too fast: who left
 * it early is known, who stays is not. */
double patience_hazard(const struct patience *p, int band)
{
    double seconds = p->seconds[band] + p->waiting_s[band];
    return (p->leaves[band] + PRIOR_LEAVES) / (seconds + PRIOR_LEAVES / prior_hazard[band]);
}

double patience_cumulative(const struct patience *p, double wait_s)
{
    double low = 0, sum = 0;
    for (int i = 0; i < PATIENCE_BANDS; i++) {
        double high = patience_ends_s[i];
        sum += patience_hazard(p, i) * (fmin(wait_s, high) - low);
        if (wait_s <= high)
            break;
        low = high;
    }
    return sum;
}

double patience_inverse(const struct patience *p, double s)
{
    double left = -log(fmax(s, 1e-9)), low = 0;
    for (int i = 0; i < PATIENCE_BANDS; i++) {
        double h = patience_hazard(p, i), span = patience_ends_s[i] - low;
        if (left <= h * span)
            return low + left / h;
        left -= h * span;
        low = patience_ends_s[i];
    }
    return low;
}
