/*
 * simulate_score - how good foretold waits were, with people who left counted for what they are: censored.
 *
 * Runs in: ctl. Pure. All times in seconds.
 *
 * Nobody knows how long those who left would have waited. Each match stands for those who left before it could happen
 * (inverse probability of censoring weights, Robins and Rotnitzky 1992): weight 1/G(t), G the Kaplan-Meier curve of
 * leaving, by gender; what lies beyond the time where G falls to 0.15 is not judged. A foretelling after A seconds of
 * waiting is of the wait that is left, and weighed by G(A)/G(A + t).
 */
#pragma once

#include "base.h"
#include "gender.h"

enum simulate_how_ended { SIMULATE_CASE_MATCH, SIMULATE_CASE_LEAVE, SIMULATE_CASE_END };

/* What became of one person who joined. */
struct simulate_case {
    double join_s, wait_s;
    enum simulate_how_ended ended; /* END: still waiting when the run ended */
    uint8_t gender, seeking;
    bool queued; /* not matched at once */
    bool judged; /* joined while it counts */
};

/* Half are matched within p50, nine in ten within p90. NAN: nothing was foretold. */
struct simulate_quantiles {
    double p50, p90;
};

/* One foretelling: of case `of`, when it had waited after_s. */
struct simulate_foretold {
    size_t of;
    double after_s;
    struct simulate_quantiles q;
};

struct simulate_coverage {
    double share, low, high; /* with the 95 % interval (Wilson 1927, of Kish's effective number); NAN: cannot be told */
};

struct simulate_score {
    size_t n;                    /* judged */
    double pinball50, pinball90; /* NAN without any */
    struct simulate_coverage p50, p90;
};

/* The leaving curves of everybody who was queued. Freed by simulate_censoring_fini. */
struct simulate_censoring {
    struct simulate_step {
        double at_s, share;
    } * steps[GENDER_COUNT]; /* owned */
    size_t n[GENDER_COUNT];
    double limit_s[GENDER_COUNT];
};

/* Ends the process when memory is short. */
void simulate_censoring_init(struct simulate_censoring *c, const struct simulate_case cases[], size_t n);
void simulate_censoring_fini(struct simulate_censoring *c);
/* The share of a gender that has not left after so long, if nobody were matched. */
double simulate_censoring_stays(const struct simulate_censoring *c, unsigned gender, double at_s);

/* Judges what was foretold. gender: of whom alone; GENDER_COUNT: all. */
struct simulate_score simulate_score_of(const struct simulate_censoring *c, const struct simulate_case cases[],
                                        const struct simulate_foretold foretold[], size_t n, unsigned gender);
/* The p-quantile of the wait by Kaplan-Meier, of people of this gender who were queued and judged; INFINITY when it is
 * not reached. */
double simulate_score_quantile(const struct simulate_case cases[], size_t n, unsigned gender, double p);
