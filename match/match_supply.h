/*
 * match_supply - how often somebody arrives whom a person could be paired with: the scarce are served first.
 *
 * Runs in: worker (loop thread), tools that replay traces. Pure.
 * Priority of a person: key = created − min(600 s, 1/μ) − fairness, where 1/μ = (span + 30 s)/(n + ½): n of the last
 * MATCH_SUPPLY arrivals, which came within span seconds, fit; 600 s when none does. Static: computed once, when the
 * ticket enters, and kept in PostgreSQL.
 */
#pragma once

#include "base.h"
#include "match_index.h"

enum { MATCH_SUPPLY = 400, MATCH_SCARCE_MAX_MS = 600000, MATCH_SUPPLY_PRIOR_MS = 30000 };

struct match_supply {
    struct match_profile recent[MATCH_SUPPLY]; /* ring; without lists */
    int64_t at_ms[MATCH_SUPPLY];
    uint32_t n, next;
};

/* Notes an arrival. */
void match_supply_add(struct match_supply *s, const struct match_profile *p, int64_t now_ms);
/* Mean milliseconds between arrivals who fit p; MATCH_SCARCE_MAX_MS at most, also while nothing is known. */
int64_t match_supply_gap_ms(const struct match_supply *s, const struct match_rules *r, const struct match_profile *p,
                            int64_t now_ms);
/* The person's key. */
int64_t match_supply_key_ms(const struct match_supply *s, const struct match_rules *r, const struct match_waiter *w,
                            int64_t now_ms);
