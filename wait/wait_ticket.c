/*
 * wait_ticket - one person's curve, its summary, and what would help (docs/wait-model.md §5 and §7).
 *
 * It refuses infinite or disordered answers: 0 <= p50 <= p90 <= 1200 s whatever the field says.
 */
#include "wait_model_impl.h"

#include "place.h"
#include <math.h>

#define SIGMA_MAX   1.2
#define SAVES_MIN_S 15.0
#define QUIET_PER_S (1.0 / 120)
enum {
    PROBES_MAX = 64, /* probes one curve looks at */
    PROBES_MIN = 16,
    LOOKS_MAX = 4096, /* people it looks at, about */
};

struct mixing {
    double hazard[CURVE_STEPS + 1]; /* H on the grid */
    double supply, variance, noise; /* μ, Σ (variance of each gender's supply), rate-weighted noise */
    double competing;               /* rate-weighted people before on a fitting probe */
};

static void mix_probe(struct mixing *x, const struct wait_model *m, const struct probe *b,
                      const struct wait_person *who, double rate)
{
    struct wait_before before;
    wait_clear_before(m, b, who->hash, wait_score(m, who, &b->who), &before);
    for (int k = 0; k <= CURVE_STEPS; k++)
        x->hazard[k] += rate * (double)before.clear[k];
    x->noise += rate * (fmax(0, before.people - 0.5) / ((before.people + 1) * (before.people + 1)) +
                        1.5 * (1 - 1 / m->scale) / (1 + before.sampled));
    x->competing += rate * before.people;
}

/* Probes who fit, evenly spread over all that do, fewer where many compete for each; some arbitrary ones when none
 * does. */
static uint32_t choose_probes(const struct side *s, const struct wait_person *who, uint16_t ret[static PROBES_MAX])
{
    uint16_t fit[FIELD_PROBES];
    uint32_t n = 0, edges = 0;
    for (uint32_t i = 0; i < s->n_probes; i++)
        if (wait_fits(who, &s->probes[i].who)) {
            fit[n++] = (uint16_t)i;
            edges += s->probes[i].n;
        }
    uint32_t from = n ? n : s->n_probes, most = edges ? MAX_OF(LOOKS_MAX * n / edges, PROBES_MIN) : PROBES_MAX,
             want = MIN_OF(from, MIN_OF(most, (uint32_t)PROBES_MAX));
    for (uint32_t i = 0; i < want; i++) {
        uint32_t at = (uint32_t)((uint64_t)i * from / want);
        ret[i] = n ? fit[at] : (uint16_t)at;
    }
    return want;
}

/* Adds the supply of one gender. */
static void mix_side(struct mixing *x, const struct wait_model *m, const struct side *s, const struct wait_person *who,
                     double now_s)
{
    uint16_t chosen[PROBES_MAX];
    double before[CURVE_STEPS + 1];
    memcpy(before, x->hazard, sizeof before);
    double came, fit, rate = rate_now(&s->rate, now_s, &came) * wait_share(s, who, &fit);
    uint32_t n = choose_probes(s, who, chosen);
    x->supply += rate;
    x->variance += rate * rate * (1 / came + 1 / (fit + 0.5));
    for (uint32_t i = 0; i < n; i++)
        mix_probe(x, m, &s->probes[chosen[i]], who, rate / n);
    for (int k = 0; n == 0 && k <= CURVE_STEPS; k++)
        x->hazard[k] += rate * curve_grid(k);
    if (s->ahead.known)
        wait_ahead_bend(&s->ahead, before, x->hazard);
}

void wait_curve_of(const struct wait_model *m, const struct wait_person *who, double now_s, struct wait_curve *ret,
                   double *ret_supply, double *ret_competing)
{
    struct mixing x = {0};
    for (int g = 0; g < GENDER_COUNT; g++)
        if (who->seeking >> g & 1 && m->sides[g].n_recent > 0)
            mix_side(&x, m, &m->sides[g], who, now_s);
    if (ret_supply)
        *ret_supply = x.supply;
    if (ret_competing)
        *ret_competing = x.supply > 0 ? x.competing / x.supply : 0;
    if (x.supply <= 0) {
        x.supply = 1e-4;
        x.variance = x.supply * x.supply;
        for (int k = 0; k <= CURVE_STEPS; k++)
            x.hazard[k] = x.supply * curve_grid(k);
    }
    double last = curve_grid(CURVE_STEPS) - curve_grid(CURVE_STEPS - 1);
    double tail = (x.hazard[CURVE_STEPS] - x.hazard[CURVE_STEPS - 1]) / last;
    double variance = 0.5 * x.variance / (x.supply * x.supply) + 0.25 * x.noise / x.supply;
    for (int k = 0; k <= CURVE_STEPS; k++)
        ret->hazard[k] = (float)x.hazard[k];
    ret->tail = (float)fmax(fmax(tail, 0.2 * x.supply), 1e-6);
    ret->sigma = (float)fmin(SIGMA_MAX, sqrt(variance));
}

bool wait_fits_now(const struct wait_model *m, const struct wait_person *who)
{
    for (uint32_t i = 0; i < m->n_field; i++)
        if (!m->field[i].probe && m->field[i].who.hash != who->hash && wait_fits(who, &m->field[i].who))
            return true;
    return false;
}

double wait_calibrated(const struct side *s, double f)
{
    double a = s->level50, b = s->level90;
    if (f <= a)
        return 0.5 * f / a;
    if (f <= b)
        return 0.5 + 0.4 * (f - a) / fmax(1e-6, b - a);
    return 0.9 + 0.1 * (f - b) / fmax(1e-6, 1 - b);
}

/* F of the wait that remains `since_s` after the curve was reckoned, on the recalibrated scale. */
static double remaining(const struct side *s, const struct wait_curve *c, double gone, double since_s, double t_s)
{
    double f = (wait_calibrated(s, curve_cdf(c, since_s + t_s)) - gone) / fmax(1e-6, 1 - gone);
    return fmin(1, fmax(0, f));
}

static double quantile(const struct side *s, const struct wait_curve *c, double gone, double since_s, double level,
                       double p)
{
    if (since_s <= 0)
        return fmin(WAIT_HORIZON_S, curve_quantile(c, level));
    double low = 0, high = WAIT_HORIZON_S;
    for (int i = 0; i < 16; i++) {
        double mid = (low + high) / 2;
        if (remaining(s, c, gone, since_s, mid) < p)
            low = mid;
        else
            high = mid;
    }
    return (low + high) / 2;
}

void wait_summarise(const struct wait_model *m, unsigned gender, const struct wait_curve *c, double waited_s,
                    double since_s, struct wait_curve_summary *ret)
{
    const struct side *s = &m->sides[gender];
    double gone = since_s > 0 ? wait_calibrated(s, curve_cdf(c, since_s)) : 0, stays = 1, before = 0, alive = 1;
    double patience = patience_cumulative(&s->patience, waited_s);
    ret->p50_s = quantile(s, c, gone, since_s, s->level50, 0.5);
    ret->p90_s = fmin(WAIT_HORIZON_S, fmax(ret->p50_s * 1.02, quantile(s, c, gone, since_s, s->level90, 0.9)));
    ret->mean_s = ret->matched = 0;
    for (int k = 1; k <= CURVE_STEPS; k++) {
        double f = remaining(s, c, gone, since_s, curve_grid(k));
        double survives = exp(patience - patience_cumulative(&s->patience, waited_s + curve_grid(k)));
        ret->mean_s += (stays + 1 - f) / 2 * (curve_grid(k) - curve_grid(k - 1));
        ret->matched += (alive - survives) * (before + f) / 2;
        stays = 1 - f;
        before = f;
        alive = survives;
    }
    ret->matched = wait_kept_level(s, fmin(1, ret->matched + alive * before));
    for (int i = 0; i < WAIT_WITHIN; i++)
        ret->within[i] = remaining(s, c, gone, since_s, wait_within_s[i]);
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

static double p50_of(const struct wait_model *m, const struct wait_person *who, double now_s)
{
    struct wait_curve c;
    if (wait_fits_now(m, who))
        return 0;
    wait_curve_of(m, who, now_s, &c, NULL, NULL);
    return fmin(WAIT_HORIZON_S, curve_quantile(&c, m->sides[who->gender].level50));
}

static struct wait_person widened(const struct wait_person *who, enum wait_reason how)
{
    struct wait_person w = *who;
    if (how == WAIT_REASON_DISTANCE)
        w.max_chord *= 2;
    if (how == WAIT_REASON_AGE) {
        w.age_min = (uint8_t)MAX_OF(18, w.age_min - 5);
        w.age_max = (uint8_t)MIN_OF(120, w.age_max + 5);
    }
    if (how == WAIT_REASON_GENDERS)
        w.seeking = GENDER_ALL;
    return w;
}

static double rate_of_set(const struct wait_model *m, unsigned set, double now_s)
{
    double rate = 0;
    for (int g = 0; g < GENDER_COUNT; g++)
        if (set >> g & 1)
            rate += rate_now(&m->sides[g].rate, now_s, NULL);
    return rate;
}

static void find_reason(const struct wait_model *m, const struct wait_person *who, double now_s,
                        struct wait_estimate *ret)
{
    double base = p50_of(m, who, now_s);
    for (enum wait_reason how = WAIT_REASON_DISTANCE; how <= WAIT_REASON_GENDERS; how++) {
        bool moot = (how == WAIT_REASON_DISTANCE && (!who->placed || who->max_chord == 0)) ||
                    (how == WAIT_REASON_GENDERS && who->seeking == GENDER_ALL);
        struct wait_person w = widened(who, how);
        double saves = moot ? 0 : base - p50_of(m, &w, now_s);
        ret->saves_by_s[how] = saves >= SAVES_MIN_S ? saves : 0;
        if (saves >= SAVES_MIN_S && saves > ret->saves_s) {
            ret->reason = how;
            ret->saves_s = saves;
        }
    }
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
    struct wait_curve c;
    double now_s = (double)now_ms / 1000;
    *ret = (struct wait_estimate){.reason = WAIT_REASON_NONE};
    if (asked->gender >= GENDER_COUNT)
        return;
    /* Attributes alone have no key yet: the matcher will give what it gave their like. */
    struct wait_person like = wait_newcomer(m, asked, m->sides[asked->gender].lead_s);
    const struct wait_person *who = asked->hash ? asked : &like;
    wait_curve_of(m, who, now_s, &c, &ret->supply_per_min, &ret->competing);
    ret->supply_per_min *= 60;
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
    find_reason(m, who, now_s, ret);
}
