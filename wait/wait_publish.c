/*
 * wait_publish - what is told about groups: cells, the two sides' balance, and the seed's statistics.
 *
 * It refuses to speak of fewer than WAIT_GROUP_MIN people: a smaller group is left out, and is part of its whole gender
 * only.
 */
#include "wait_model_impl.h"

#include <math.h>

#define OVERLOADED_SHARE 0.6

/* -- cells -----------------------------------------------------------------------------------------------------------
 */

struct group {
    uint8_t gender, seeking; /* seeking 0: all */
};

static bool belongs(const struct group *g, const struct wait_person *p)
{
    return p->gender == g->gender && (g->seeking == 0 || p->seeking == g->seeking);
}

/* Last CELL_AVERAGE arrivals of the group, newest first. Returns how many; *ret_all: all it has in the ring. */
static uint32_t last_of(const struct wait_model *m, const struct group *g,
                        const struct wait_person *ret[static CELL_AVERAGE], uint32_t *ret_all)
{
    const struct side *s = &m->sides[g->gender];
    uint32_t n = 0, all = 0;
    for (uint32_t i = 0; i < s->n_recent; i++) {
        const struct wait_person *p = &s->recent[(s->next_recent + WAIT_RECENT_MAX - 1 - i) % WAIT_RECENT_MAX];
        if (!belongs(g, p))
            continue;
        all++;
        if (n < CELL_AVERAGE)
            ret[n++] = p;
    }
    *ret_all = all;
    return n;
}

static double inverse(const double f[static CURVE_STEPS + 1], double p)
{
    if (f[0] >= p)
        return 0;
    for (int k = 1; k <= CURVE_STEPS; k++)
        if (f[k] >= p)
            return curve_grid(k - 1) +
                   (curve_grid(k) - curve_grid(k - 1)) * (p - f[k - 1]) / fmax(1e-9, f[k] - f[k - 1]);
    return WAIT_HORIZON_S;
}

static double at(const double f[static CURVE_STEPS + 1], double t_s)
{
    int k = (int)(CURVE_STEPS * sqrt(t_s / WAIT_HORIZON_S));
    double low = curve_grid(k), high = curve_grid(k + 1);
    return f[k] + (t_s - low) / (high - low) * (f[k + 1] - f[k]);
}

static void summarise(const struct side *s, const double f[static CURVE_STEPS + 1], struct wait_curve_summary *ret)
{
    double alive = 1, waits = 1 - f[0];
    *ret = (struct wait_curve_summary){.p50_s = inverse(f, 0.5), .p90_s = inverse(f, 0.9)};
    for (int k = 1; k <= CURVE_STEPS; k++) {
        double survives = exp(-patience_cumulative(&s->patience, curve_grid(k)));
        ret->mean_s += (2 - f[k - 1] - f[k]) / 2 * (curve_grid(k) - curve_grid(k - 1));
        ret->matched += (f[k] - f[k - 1]) * (alive + survives) / 2;
        alive = survives;
    }
    ret->matched = waits > 1e-6 ? f[0] + waits * wait_kept_level(s, fmin(1, ret->matched / waits)) : 1;
    for (int i = 0; i < WAIT_WITHIN; i++)
        ret->within[i] = at(f, wait_within_s[i]);
}

/* The mean F of the group's last arrivals; who would find somebody at once counts as matched at 0. */
static void average(const struct wait_model *m, const struct wait_person *const people[], uint32_t n, double now_s,
                    double f[static CURVE_STEPS + 1])
{
    memset(f, 0, (CURVE_STEPS + 1) * sizeof *f);
    for (uint32_t i = 0; i < n; i++) {
        struct wait_curve c = {0};
        struct curve_look look;
        const struct wait_person who =
            wait_newcomer(m, people[i], (double)(people[i]->joined_ms - people[i]->key_ms) / 1000);
        bool now = wait_fits_now(m, &who);
        if (!now)
            wait_curve_of(m, &who, now_s, &c);
        curve_prepare(&c, &look);
        for (int k = 0; k <= CURVE_STEPS; k++)
            f[k] += now ? 1.0 / n : wait_calibrated(&m->sides[people[i]->gender], curve_at(&look, curve_grid(k))) / n;
    }
}

static uint64_t counted(const struct side *s, const uint64_t by_set[], const struct group *g, uint64_t all)
{
    (void)s;
    return g->seeking ? by_set[g->seeking] : all;
}

static bool make_cell(const struct wait_model *m, const struct group *g, double now_s, struct wait_cell *ret)
{
    const struct wait_person *people[CELL_AVERAGE];
    const struct side *s = &m->sides[g->gender];
    double f[CURVE_STEPS + 1];
    uint32_t all, n = last_of(m, g, people, &all);
    if (all < WAIT_GROUP_MIN)
        return false;
    average(m, people, n, now_s, f);
    uint64_t matched = counted(s, s->set_matched, g, s->matched), left = counted(s, s->set_left, g, s->left);
    *ret =
        (struct wait_cell){.gender = g->gender,
                           .seeking = g->seeking,
                           .arrivals = all,
                           .share = matched + left >= WAIT_GROUP_MIN ? (double)matched / (double)(matched + left) : -1};
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < m->n_people; i++)
        waiting += belongs(g, &m->people[i].who);
    ret->waiting = waiting;
    summarise(s, f, &ret->wait);
    ret->wait.confidence = wait_confidence_of(m, g->gender, g->seeking ? g->seeking : GENDER_ALL);
    return true;
}

static size_t groups_of(const struct wait_model *m, struct group out[static WAIT_CELL_MAX])
{
    size_t n = 0;
    for (uint8_t g = 0; g < GENDER_COUNT; g++)
        if (m->sides[g].n_recent >= WAIT_GROUP_MIN)
            out[n++] = (struct group){g, 0};
    for (uint8_t g = 0; g < GENDER_COUNT; g++) {
        uint32_t counts[SEEKING_SETS] = {0};
        for (uint32_t i = 0; i < m->sides[g].n_recent; i++)
            counts[m->sides[g].recent[i].seeking % SEEKING_SETS]++;
        for (int set = 1; set < SEEKING_SETS; set++)
            if (counts[set] >= WAIT_GROUP_MIN && n < WAIT_CELL_MAX)
                out[n++] = (struct group){g, (uint8_t)set};
    }
    return n;
}

static const struct wait_cell *cell_of(const struct wait_model *m, const struct group *g)
{
    for (size_t i = 0; i < m->n_cells; i++)
        if (m->cells[i].gender == g->gender && m->cells[i].seeking == g->seeking)
            return &m->cells[i];
    return NULL;
}

/* A few groups are renewed each time, in turn; new groups at once. */
void wait_publish(struct wait_model *m, int64_t now_ms)
{
    struct group groups[WAIT_CELL_MAX];
    struct wait_cell cells[WAIT_CELL_MAX];
    size_t n = groups_of(m, groups), kept = 0;
    for (size_t i = 0; i < n; i++) {
        const struct wait_cell *old = cell_of(m, &groups[i]);
        bool turn = (i + n - m->next_cell % n) % n < CELLS_PER_REFRESH;
        if (old && !turn)
            cells[kept++] = *old;
        else if (make_cell(m, &groups[i], (double)now_ms / 1000, &cells[kept]))
            kept++;
    }
    m->next_cell = n ? (m->next_cell + CELLS_PER_REFRESH) % n : 0;
    memcpy(m->cells, cells, kept * sizeof cells[0]);
    m->n_cells = kept;
}

size_t wait_model_cells(const struct wait_model *m, struct wait_cell ret_cells[], size_t max)
{
    size_t n = MIN_OF(m->n_cells, max);
    memcpy(ret_cells, m->cells, n * sizeof ret_cells[0]);
    return n;
}

/* -- balance ---------------------------------------------------------------------------------------------------------
 */

static double share_of(const struct side *s)
{
    return s->matched + s->left >= WAIT_GROUP_MIN ? (double)s->matched / (double)(s->matched + s->left) : -1;
}

void wait_model_balance(const struct wait_model *m, int64_t now_ms, double target_wait_s, struct wait_balance *ret)
{
    *ret = (struct wait_balance){
        .female_per_male = -1, .scarce = -1, .target_wait_s = target_wait_s, .recommended_per_s = -1};
    for (int g = 0; g < GENDER_COUNT; g++) {
        const struct side *s = &m->sides[g];
        bool few = s->arrivals + s->arrivals_kept < WAIT_GROUP_MIN;
        ret->rate_per_s[g] = few ? -1 : rate_now(&s->rate, (double)now_ms / 1000, NULL);
        ret->share[g] = share_of(s);
        bool overloaded = ret->share[g] > 0 && ret->share[g] <= OVERLOADED_SHARE;
        ret->fluid_wait_s[g] = overloaded ? fmin(WAIT_HORIZON_S, patience_inverse(&s->patience, ret->share[g])) : -1;
    }
    double male = ret->rate_per_s[GENDER_MALE], female = ret->rate_per_s[GENDER_FEMALE];
    if (male <= 0 || female <= 0)
        return;
    ret->female_per_male = female / male;
    int scarce = female < male ? GENDER_FEMALE : GENDER_MALE, many = female < male ? GENDER_MALE : GENDER_FEMALE;
    ret->scarce = scarce;
    if (ret->share[scarce] > 0)
        ret->recommended_per_s = ret->rate_per_s[many] *
                                 exp(-patience_cumulative(&m->sides[many].patience, target_wait_s)) /
                                 ret->share[scarce];
}

/* -- statistics ------------------------------------------------------------------------------------------------------
 */

static int minutes_of(const struct wait_model *m, uint8_t gender)
{
    const struct group g = {gender, 0};
    const struct wait_cell *cell = cell_of(m, &g);
    return cell ? (int)fmin(240, fmax(1, ceil(cell->wait.p50_s / 60))) : -1;
}

static void count_waits(const struct wait_model *m, int64_t now_ms, struct wait_stats *ret)
{
    double sum = 0;
    for (uint32_t i = 0; i < m->n_people; i++) {
        const struct wait_person *p = &m->people[i].who;
        double waited = fmax(0, (double)(now_ms - p->joined_ms) / 1000);
        ret->waiting[p->gender]++;
        ret->over_60s += waited > 60;
        ret->max_wait_s = fmax(ret->max_wait_s, waited);
        sum += waited;
    }
    ret->waiting_total = m->n_people;
    ret->average_wait_s = m->n_people ? sum / m->n_people : 0;
}

void wait_model_stats(const struct wait_model *m, int64_t now_ms, struct wait_stats *ret)
{
    *ret = (struct wait_stats){.resynced = m->resynced,
                               .dropped = m->dropped,
                               .refreshes = m->refreshes,
                               .refreshed_ms = m->refreshed_ms,
                               .minutes_male = minutes_of(m, GENDER_MALE),
                               .minutes_female = minutes_of(m, GENDER_FEMALE)};
    count_waits(m, now_ms, ret);
    uint64_t hour = 0, ten = 0;
    for (int k = 0; k < MINUTES; k++) {
        int64_t age = now_ms / 60000 - (m->minute - k);
        uint64_t n = m->minute - k >= 0 ? m->minute_matches[(m->minute - k) % MINUTES] : 0;
        hour += age < MINUTES ? n : 0;
        ten += age < 10 ? n : 0;
    }
    ret->matches_last_hour = hour / 2;
    ret->matches_per_minute = (double)ten / 2 / 10;
    for (int g = 0; g < GENDER_COUNT; g++) {
        const struct side *s = &m->sides[g];
        ret->arrivals[g] = s->arrivals;
        ret->came[g] = s->arrivals + s->arrivals_kept;
        ret->matched[g] = s->matched;
        ret->left[g] = s->left;
        ret->cover50[g] = s->cover50;
        ret->cover90[g] = s->cover90;
        ret->resolved[g] = s->resolved;
        wait_pinball_of(s, &ret->pinball[g], &ret->pinball_km[g]);
    }
}
