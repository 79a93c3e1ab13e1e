/*
 * people - made-up people of one pool, by a seed: who waits in a benchmark, and who arrives.
 *
 * Runs in: stint-bench-match. Pure: the generator's state is in the struct.
 * Owner: a waiter made here is the caller's (match_waiter_fini).
 */
#pragma once

#include "match_index.h"

/* Who they are. */
enum people_mix {
    PEOPLE_BALANCED,  /* as many women as men, each seeking the other */
    PEOPLE_LOPSIDED,  /* of those who wait 1 in 33 is a woman, of those who arrive 1 in 10 */
    PEOPLE_STRANGERS, /* everybody who waits wants another age than anybody has; who arrives wants anybody */
    PEOPLE_EXCLUDED,  /* everybody who waits has met everybody who arrives, who has met 1,024 of them */
    PEOPLE_MIX_COUNT
};

struct people {
    enum people_mix mix;
    bool narrow; /* tastes: ± 3 years and 5 to 25 km; else any age and distance */
    bool city;   /* all within 30 km of one another; else in 200 places around the Earth */
    bool relax;  /* all consent to relaxation */
    uint64_t random, next_id;
};

const char *people_mix_name(enum people_mix mix);
/* The number of a mix's name, or -1. */
int people_mix_find(const char *name);
/* The next number of the seed, 0 to n - 1. */
uint32_t people_draw(struct people *p, uint32_t n);
/* Somebody who waits since up to ten minutes before now; key and created are set. Aborts without memory. */
struct match_waiter people_waiting(struct people *p, int64_t now_ms);
/* Somebody who arrives now. */
struct match_waiter people_arriving(struct people *p, int64_t now_ms);
