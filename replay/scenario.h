/*
 * scenario - made-up people of a pool, as a trace: eight kinds of traffic that real pools meet.
 *
 * Runs in: ctl, tests. Thread: any. Pure: the seed decides everything. Owner: whoever called scenario_make owns the
 * trace.
 *
 * People differ in gender, whom they seek, age, age range, city, radius, whom they have met and patience (12 % look in
 * for some seconds, the others stay for a log-normal time around 150 to 200 s). The distributions are those of
 * bench/waits' generator; the random numbers are not, so the same seed gives other people there.
 */
#pragma once

#include "trace.h"

#define SCENARIO_NAMES "balanced|male70|male90|mixed|peak|burst|drop|thin"

/* balanced: as many men as women; male70, male90: that share of men; mixed: all genders and orientations; peak: an
 * evening peak, men first; burst: two advertisements, one for men, one for women; drop: most women stay away for a
 * while; thin: a fifth of the traffic, narrow tastes. rate_per_s: arrivals a second where the scenario is at its
 * ordinary level. Who joined between 15 % and 82 % of the horizon is judged. ERR_BAD_ARGUMENT for an unknown name, or
 * when more than TRACE_PERSONS_MAX would come; ERR_OUT_OF_MEMORY. */
int scenario_make(const char *name, uint64_t seed, double rate_per_s, int64_t horizon_ms, struct trace *ret,
                  struct err *e);
