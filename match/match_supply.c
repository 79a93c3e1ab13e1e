/*
 * match_supply - a ring of the latest arrivals and the gap between those who fit.
 *
 * It refuses to know history and regions of past arrivals: lists are not kept, so μ is a little high for pools of
 * regions.
 */
#include "match_supply.h"

void match_supply_add(struct match_supply *s, const struct match_profile *p, int64_t now_ms)
{
    s->recent[s->next] = *p;
    s->recent[s->next].lists = NULL;
    s->recent[s->next].gone_ms = INT64_MAX;
    s->at_ms[s->next] = now_ms;
    s->next = (s->next + 1) % MATCH_SUPPLY;
    s->n = MIN_OF(s->n + 1, (uint32_t)MATCH_SUPPLY);
}

int64_t match_supply_gap_ms(const struct match_supply *s, const struct match_rules *r, const struct match_profile *p,
                            int64_t now_ms)
{
    if (s->n < 2)
        return MATCH_SCARCE_MAX_MS;
    uint32_t oldest = s->n == MATCH_SUPPLY ? s->next : 0, newest = (s->next + MATCH_SUPPLY - 1) % MATCH_SUPPLY;
    struct match_profile who = *p;
    uint32_t fit = 0;
    who.gone_ms = INT64_MAX;
    for (uint32_t i = 0; i < s->n; i++)
        fit += match_rules_fit(r, &who, &s->recent[i], now_ms, NULL);
    if (fit ==
        0) /* unknown and hopeless are told apart by time only: both come first, so that a new pool serves in order */
        return MATCH_SCARCE_MAX_MS;
    int64_t span = s->at_ms[newest] - s->at_ms[oldest] + MATCH_SUPPLY_PRIOR_MS, gap = span * 2 / (2 * (int64_t)fit + 1);
    return MIN_OF(MAX_OF(gap, 0), (int64_t)MATCH_SCARCE_MAX_MS);
}

int64_t match_supply_key_ms(const struct match_supply *s, const struct match_rules *r, const struct match_waiter *w,
                            int64_t now_ms)
{
    if (r->policy == MATCH_FCFS)
        return w->p.created_ms - (int64_t)w->fairness * 1000;
    return w->p.created_ms - match_supply_gap_ms(s, r, &w->p, now_ms) - (int64_t)w->fairness * 1000;
}
