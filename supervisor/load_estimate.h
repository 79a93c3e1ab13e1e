/*
 * load_estimate - arrival rate and service time out of counters that only grow, the recent counting more.
 *
 * Runs in: supervisor. Pure: time is an argument. Owner: the caller embeds it.
 *
 * Both are ratios of exponentially faded sums (weight e^(−age/τ)). The rate's time is counted as at least half of τ, so
 * that a burst in the first seconds is no rate. The service time is (time in which servers had a job in hand, jobs
 * still running included) / (jobs that ended): the maximum-likelihood mean of exponential times of which some are cut
 * off by the look (Lawless, Statistical Models and Methods for Lifetime Data, 2nd ed. 2003, ch. 4), and right for jobs
 * that one server runs together.
 */
#pragma once

#include "base.h"

enum { LOAD_ARRIVAL_FADE_MS = 60000, LOAD_SERVICE_FADE_MS = 120000 };

struct load_rate {
    uint64_t at_ms; /* of the last note; 0: none */
    int64_t counter;
    double jobs, seconds; /* faded */
};

struct load_service {
    uint64_t at_ms;
    uint64_t busy_us, runs; /* as noted last */
    double busy_s, ended;   /* faded */
    double running_s;       /* that the jobs in hand have run for; not faded */
    uint32_t running;       /* servers with a job in hand */
};

/* What a job takes, in a form that adds up over hosts: Σ busy_s / Σ jobs. jobs 0: nothing has ended; busy_s / running
 * is then a lower bound. */
struct load_sum {
    double busy_s, jobs;
    uint32_t running;
};

/* The counter of jobs that became ready is `counter` now. A counter below the last (Redis lost its data) begins anew.
 */
void load_rate_note(struct load_rate *r, int64_t counter, uint64_t now_ms);
/* Jobs a second; 0 before the second note. */
double load_rate_per_s(const struct load_rate *r);
/* Servers have been busy for busy_us in all and ended `runs` jobs; `running` of them have one in hand since running_s,
 * together. */
void load_service_note(struct load_service *s, uint64_t busy_us, uint64_t runs, uint32_t running, double running_s,
                       uint64_t now_ms);
/* What is known, however long ago: what was learnt before an idle night counts as one job at least. */
struct load_sum load_service_sum(const struct load_service *s);
/* Adds b to a. */
void load_sum_add(struct load_sum *a, const struct load_sum *b);
/* Seconds a job takes; -1: nothing is known. */
double load_sum_service_s(const struct load_sum *sum);
