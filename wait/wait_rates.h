/*
 * wait_rates - arrival rates and patience, from counts that forget.
 *
 * Runs in: supervisor's metrics thread. Pure. All times here are seconds.
 * Sources: forward decay, Cormode et al. 2009; occurrence/exposure hazards with censoring by competing matches.
 */
#pragma once

#include "base.h"

enum { PATIENCE_BANDS = 7 };
#define RATE_TAU_SLOW 900.0
#define RATE_TAU_FAST 90.0
#define RATE_PRIOR    8.0 /* k: events the slow rate is worth against the fast one */

/* Ends of the wait-age bands: 10, 30, 60, 120, 240, 480 s, for ever. */
extern const double patience_ends_s[PATIENCE_BANDS];

/* A rate in two memories. Zero-initialised: nothing known. */
struct rate {
    double slow, fast; /* decayed counts at `at_s` */
    double at_s, since_s;
    bool started;
};

struct patience {
    double leaves[PATIENCE_BANDS], seconds[PATIENCE_BANDS]; /* of those who are gone */
    double waiting_s[PATIENCE_BANDS];                       /* seconds of those who still wait, as of the last look */
};

/* One arrival at t. */
void rate_add(struct rate *r, double t_s);
/* Events a second now, slow memory as the prior of the fast one; ret_n (may be NULL): what it is worth in events. */
double rate_now(const struct rate *r, double t_s, double *ret_n);
/* A wait that ended after wait_s, by leaving or otherwise (censored). */
void patience_add(struct patience *p, double wait_s, bool left);
/* Begins a new look at those who still wait: nobody does. */
void patience_look(struct patience *p);
/* Of them, `people` who have waited wait_s so far. */
void patience_add_waiting(struct patience *p, double wait_s, double people);
/* Hazard of leaving in a band, 1/s. */
double patience_hazard(const struct patience *p, int band);
/* Cumulative hazard up to wait_s; survival is e to its negative. */
double patience_cumulative(const struct patience *p, double wait_s);
/* The wait at which survival is down to s (0 < s <= 1). */
double patience_inverse(const struct patience *p, double s);
