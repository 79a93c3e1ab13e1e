/*
 * wait_ticket - one person's curve, its summary, and what would help (docs/wait-model.md §5 and §7).
 *
 * It refuses infinite or disordered answers: 0 <= p50 <= p90 <= 1200 s whatever the field says.
 */
#include "wait_model_impl.h"

#include <math.h>

#define SAVES_MIN_S 15.0
#define QUIET_PER_S (1.0 / 120)

double wait_calibrated(const struct side *s, double f)
{
    double a = s->level50, b = s->level90;
    if (f <= a)
        return 0.5 * f / a;
    if (f <= b)
        return 0.5 + 0.4 * (f - a) / fmax(1e-6, b - a);
    return 0.9 + 0.1 * (f - b) / fmax(1e-6, 1 - b);
}

/* The same backwards. */
static double uncalibrated(const struct side *s, double f)
{
    double a = s->level50, b = s->level90;
    if (f <= 0.5)
        return f * a / 0.5;
    if (f <= 0.9)
        return a + (f - 0.5) / 0.4 * fmax(1e-6, b - a);
    return b + (f - 0.9) / 0.1 * fmax(1e-6, 1 - b);
}

/* What is left of a curve, on the recalibrated scale. */
struct rest {
    const struct side *s;
    struct curve_look look;
    double since_s, gone; /* since the curve was reckoned; F of that */
};

/* F of the wait that remains. */
static double remaining(const struct rest *r, double t_s)
{
    double f = (wait_calibrated(r->s, curve_at(&r->look, r->since_s + t_s)) - r->gone) / fmax(1e-6, 1 - r->gone);
    return fmin(1, fmax(0, f));
}

static double quantile(const struct rest *r, double p)
{
    double f = r->gone + p * fmax(1e-6, 1 - r->gone);
    if (f >= 1)
        return WAIT_HORIZON_S;
    return fmin(WAIT_HORIZON_S, fmax(0, curve_inverse(&r->look, uncalibrated(r->s, f)) - r->since_s));
}

void wait_summarise(const struct wait_model *m, unsigned gender, const struct wait_curve *c, double waited_s,
                    double since_s, struct wait_curve_summary *ret)
{
    const struct side *s = &m->sides[gender];
    struct rest r = {.s = s, .since_s = since_s};
    double stays = 1, before = 0, alive = 1, patience = patience_cumulative(&s->patience, waited_s);
    curve_prepare(c, &r.look);
    r.gone = since_s > 0 ? wait_calibrated(s, curve_at(&r.look, since_s)) : 0;
    ret->p50_s = quantile(&r, 0.5);
    ret->p90_s = fmin(WAIT_HORIZON_S, fmax(ret->p50_s * 1.02, quantile(&r, 0.9)));
    ret->mean_s = ret->matched = 0;
    for (int k = 1; k <= CURVE_STEPS; k++) {
        double f = remaining(&r, curve_grid(k));
        double survives = exp(patience - patience_cumulative(&s->patience, waited_s + curve_grid(k)));
        ret->mean_s += (stays + 1 - f) / 2 * (curve_grid(k) - curve_grid(k - 1));
        ret->matched += (alive - survives) * (before + f) / 2;
        stays = 1 - f;
        before = f;
        alive = survives;
    }
    ret->matched = wait_kept_level(s, fmin(1, ret->matched + alive * before));
    for (int i = 0; i < WAIT_WITHIN; i++)
        ret->within[i] = remaining(&r, wait_within_s[i]);
}

enum wait_confidence wait_confidence_of(const struct wait_model *m, unsigned gender, unsigned seeking)
{
    const struct side *s = &m->sides[gender];
    bool known = false;
    for (int g = 0; g < GENDER_COUNT; g++)
        known = known || (seeking >> g & 1 && m->sides[g].n_recent >= WAIT_GROUP_MIN);
    return known && s->matched + s->left >= 100 ? WAIT_CONFIDENCE_OK : WAIT_CONFIDENCE_LOW;
}

/* -- what would help -------------------------------------------------------------------------------------------------
 */

static double median(const struct side *s, const struct wait_curve *c)
{
    return fmin(WAIT_HORIZON_S, curve_quantile(c, s->level50));
}

static double rate_of_set(const struct wait_model *m, unsigned set, double now_s)
{
    double rate = 0;
    for (int g = 0; g < GENDER_COUNT; g++)
        if (set >> g & 1)
            rate += rate_now(&m->sides[g].rate, now_s, NULL);
    return rate;
}

/* base: median with one's own wishes; curves: with those of the set. Who fits somebody now would not wait. */
static void find_savings(const struct side *s, const struct wishes *ws, double base,
                         const struct wait_prospect with[static WISHES], struct wait_estimate *ret)
{
    for (enum wait_reason how = WAIT_REASON_DISTANCE; base >= SAVES_MIN_S && how <= WAIT_REASON_GENDERS; how++) {
        if (!(ws->set >> how & 1))
            continue;
        double saves = base - (with[how].at_once ? 0 : median(s, &with[how].curve));
        ret->saves_by_s[how] = saves >= SAVES_MIN_S ? saves : 0;
        if (saves >= SAVES_MIN_S && saves > ret->saves_s) {
            ret->reason = how;
            ret->saves_s = saves;
        }
    }
}

static void find_reason(const struct wait_model *m, const struct wishes *ws,
                        const struct wait_prospect with[static WISHES], double now_s, struct wait_estimate *ret)
{
    const struct wait_person *who = ws->who;
    const struct wait_prospect *own = &with[WAIT_REASON_NONE];
    double base = own->at_once ? 0 : median(&m->sides[who->gender], &own->curve);
    find_savings(&m->sides[who->gender], ws, base, with, ret);
    if (ret->reason != WAIT_REASON_NONE || base < 2 * SAVES_MIN_S)
        return;
    double mine = rate_of_set(m, 1U << who->gender, now_s), sought = rate_of_set(m, who->seeking, now_s);
    ret->reason = mine > 1.5 * sought    ? WAIT_REASON_BALANCE
                  : sought < QUIET_PER_S ? WAIT_REASON_QUIET
                                         : WAIT_REASON_NONE;
}

struct wait_person wait_newcomer(const struct wait_model *m, const struct wait_person *like, double lead_s)
{
    struct wait_person who = *like;
    who.joined_ms = m->field_ms;
    who.key_ms = m->field_ms - (int64_t)(lead_s * 1000);
    return who;
}

void wait_model_ticket(struct wait_model *m, const struct wait_person *asked, int64_t now_ms, int64_t waited_ms,
                       struct wait_estimate *ret)
{
    struct wishes ws;
    struct wait_prospect with[WISHES];
    double now_s = (double)now_ms / 1000;
    *ret = (struct wait_estimate){.reason = WAIT_REASON_NONE};
    if (asked->gender >= GENDER_COUNT)
        return;
    /* Attributes alone have no key yet: the matcher will give what it gave their like. */
    struct wait_person like = wait_newcomer(m, asked, m->sides[asked->gender].lead_s);
    const struct wait_person *who = asked->hash ? asked : &like;
    wishes_of(who, WISHES_WIDER, &ws);
    wait_prospects_of(m, &ws, now_s, with);
    struct wait_curve c = with[WAIT_REASON_NONE].curve;
    ret->supply_per_min = with[WAIT_REASON_NONE].supply * 60;
    ret->competing = with[WAIT_REASON_NONE].competing;
    uint32_t known = who->hash ? wait_find(m, who->hash) : UINT32_MAX;
    const struct side *s = &m->sides[who->gender];
    uint64_t told = known == UINT32_MAX ? 0 : m->people[known].told;
    double since_s = 0;
    /* Somebody who waits is told what is left of what was said first: the stored curve, not a new one. Where that is
     * no longer kept, the new one begins now: nothing of it has passed. */
    if (waited_ms > 0 && told && told + CALIBRATE_LAST > s->n_told) {
        const struct told *t = &s->told[(told - 1) % CALIBRATE_LAST];
        c = t->curve;
        since_s = fmax(0, (double)(now_ms - t->from_ms) / 1000);
    }
    wait_summarise(m, who->gender, &c, (double)waited_ms / 1000, since_s, &ret->wait);
    ret->wait.confidence = wait_confidence_of(m, who->gender, who->seeking);
    find_reason(m, &ws, with, now_s, ret);
}
