/*
 * top_rates - how many jobs a second a queue takes in and gets done, from its counters looked at again and again.
 *
 * Runs in: ctl. Pure: times are those of the counters (Redis' clock). Owner: the caller's struct top_rates.
 */
#pragma once

#include "base.h"
#include <jansson.h>

enum { TOP_RATES_LOOKS = 128, TOP_RATES_OVER_MS = 10000 };

struct top_look {
    int64_t at_ms, in, done;
};

struct top_rates {
    char queue[QUEUE_MAX];
    struct top_look looks[TOP_RATES_LOOKS]; /* ring */
    size_t n, newest;
};

/* Nothing looked at. */
void top_rates_init(struct top_rates *r, const char *queue);
/* Looks at one answer of stint_stats. Counters that went back (another Redis, an older copy) begin anew. Returns how
 * many were done since the look before; 0 at the first. */
int64_t top_rates_look(struct top_rates *r, const json_t *stats);
/* {"in":12.5,"done":11.0,"over_ms":10000}, per second, over the last TOP_RATES_OVER_MS or as long as there are looks;
 * null before two of them. A new reference. */
json_t *top_rates_json(const struct top_rates *r);
