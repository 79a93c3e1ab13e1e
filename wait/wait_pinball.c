/*
 * wait_pinball - is what we say better than the plainest honest answer? Pinball loss of p50 + p90, ours and a rolling
 * Kaplan-Meier's over the last 200 who waited, on the same people.
 *
 * Who leaves has no wait to judge by. Those who are matched after w stand for them, with weight 1/G(w), G the survival
 * of the gender's patience; the wait counts up to L, where G = 0.15 (Robins and Rotnitzky 1992: inverse probability of
 * censoring). It refuses to say anything of fewer than 20.
 */
#include "wait_model_impl.h"

#include <math.h>

#define LEAST_SURVIVAL 0.15
#define FORGETS        0.995 /* about the last 200 */
#define MARGIN_S       30.0  /* seconds without an end, before anything is known */

struct past {
    float wait_s;
    bool matched;
};

static int by_wait(const void *pa, const void *pb)
{
    const struct past *a = pa, *b = pb;
    if (a->wait_s != b->wait_s)
        return a->wait_s < b->wait_s ? -1 : 1;
    return (int)b->matched - (int)a->matched;
}

/* Beyond the last match the curve goes on with its mean hazard. */
static double km_quantile(const struct past sorted[], uint32_t n, double p)
{
    double stays = 1, last = 0, waited = 0, events = 0;
    for (uint32_t i = 0; i < n; i++) {
        waited += (double)sorted[i].wait_s;
        if (!sorted[i].matched)
            continue;
        events++;
        stays *= 1 - 1.0 / (n - i);
        last = (double)sorted[i].wait_s;
        if (stays <= 1 - p)
            return last;
    }
    return fmin(WAIT_HORIZON_S, last + log(stays / (1 - p)) * (waited + MARGIN_S) / (events + 0.5));
}

void wait_pinball_refresh(struct side *s)
{
    const struct rival *r = &s->rival;
    struct past sorted[RIVAL_LAST];
    for (uint32_t i = 0; i < r->n; i++)
        sorted[i] = (struct past){r->wait_s[i], r->matched[i]};
    qsort(sorted, r->n, sizeof sorted[0], by_wait);
    bool known = r->n >= CALIBRATE_MIN;
    s->rival.p50_s = known ? (float)km_quantile(sorted, r->n, 0.5) : -1;
    s->rival.p90_s = known ? (float)km_quantile(sorted, r->n, 0.9) : -1;
}

void wait_pinball_told(const struct side *s, struct told *t)
{
    t->said50_s = (float)fmin(WAIT_HORIZON_S, curve_quantile(&t->curve, s->level50));
    t->said90_s = (float)fmin(WAIT_HORIZON_S, curve_quantile(&t->curve, s->level90));
    t->rival50_s = s->rival.p50_s;
    t->rival90_s = s->rival.p90_s;
}

static double pinball(double p, double said, double was)
{
    return was >= said ? p * (was - said) : (1 - p) * (said - was);
}

static double both(double p50, double p90, double was, double most)
{
    return pinball(0.5, fmin(p50, most), was) + pinball(0.9, fmin(p90, most), was);
}

static void judge(struct side *s, const struct told *t, double wait_s, bool matched)
{
    double most = fmin(WAIT_HORIZON_S, patience_inverse(&s->patience, LEAST_SURVIVAL)), was = fmin(wait_s, most);
    if (t->rival50_s < 0 || (!matched && wait_s < most))
        return;
    struct score *k = &s->score;
    double weight = exp(patience_cumulative(&s->patience, was));
    k->n = k->n * FORGETS + 1;
    k->weight = k->weight * FORGETS + weight;
    k->ours = k->ours * FORGETS + weight * both((double)t->said50_s, (double)t->said90_s, was, most);
    k->rival = k->rival * FORGETS + weight * both((double)t->rival50_s, (double)t->rival90_s, was, most);
}

void wait_pinball_end(struct side *s, const struct told *t, double wait_s, bool matched)
{
    struct rival *r = &s->rival;
    r->wait_s[r->next] = (float)wait_s;
    r->matched[r->next] = matched;
    r->next = (r->next + 1) % RIVAL_LAST;
    r->n = MIN_OF(r->n + 1, (uint32_t)RIVAL_LAST);
    if (t)
        judge(s, t, wait_s, matched);
}

void wait_pinball_of(const struct side *s, double *ret_ours, double *ret_rival)
{
    bool known = s->score.n >= CALIBRATE_MIN;
    *ret_ours = known ? s->score.ours / s->score.weight : -1;
    *ret_rival = known ? s->score.rival / s->score.weight : -1;
}
