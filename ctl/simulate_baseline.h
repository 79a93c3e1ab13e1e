/*
 * simulate_baseline - what simple rules would have foretold at each join, from what was known at that moment: the
 * measure for anything better.
 *
 * Runs in: ctl. Pure. All times in seconds.
 */
#pragma once

#include "simulate_score.h"

/* X(id, name) naive: those waiting of one's gender over its pairs a second; average: of the last 50 waits of matched
 * people of one's gender and tastes; kaplan_meier: of the last 200 who were matched or left. */
#define SIMULATE_BASELINES(X)                                                                                          \
    X(NAIVE, "naive")                                                                                                  \
    X(AVERAGE, "rolling average")                                                                                      \
    X(KAPLAN_MEIER, "rolling Kaplan-Meier")

enum simulate_baseline {
#define X(id, name) SIMULATE_BASELINE_##id,
    SIMULATE_BASELINES(X)
#undef X
        SIMULATE_BASELINE_COUNT
};

/* "naive", … */
const char *simulate_baseline_name(enum simulate_baseline baseline);
/* Fills ret[baseline][case] for all cases; NAN for who was not queued. Arrays of n. Ends the process when memory is
 * short. */
void simulate_baseline_run(const struct simulate_case cases[], size_t n,
                           struct simulate_quantiles *const ret[SIMULATE_BASELINE_COUNT]);
