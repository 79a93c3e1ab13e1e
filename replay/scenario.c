/*
 * scenario - see scenario.h. Arrivals are a Poisson process of changing rate, by thinning (Lewis and Shedler 1979).
 * It refuses to look at a clock: the same seed gives the same people.
 */
#include "scenario.h"

#include <math.h>
#include <stdio.h>

enum { GENDERS = 3, RECENT = 400, MET_MOST = 6, RATE_STEPS = 2000 };

struct draw {
    uint64_t state;
};

/* splitmix64 (Steele, Lea, Flood 2014): small, and good enough to make people up. */
static uint64_t draw_bits(struct draw *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* [0, 1) */
static double draw_unit(struct draw *d)
{
    return (double)(draw_bits(d) >> 11) * 0x1p-53;
}

static double draw_exponential(struct draw *d, double mean)
{
    return -mean * log1p(-draw_unit(d));
}

static double draw_normal(struct draw *d, double mean, double deviation)
{
    double radius = sqrt(-2 * log1p(-draw_unit(d))); /* Box and Muller 1958 */
    return mean + deviation * radius * cos(2 * M_PI * draw_unit(d));
}

struct share {
    int value;
    double share;
};

static int draw_one(struct draw *d, const struct share *table, size_t n)
{
    double z = draw_unit(d), sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += table[i].share;
        if (z < sum)
            return table[i].value;
    }
    return table[n - 1].value;
}

/* -- traffic ---------------------------------------------------------------------------------------------------------
 */

enum kind { BALANCED, MALE70, MALE90, MIXED, PEAK, BURST, DROP, THIN, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {"balanced", "male70", "male90", "mixed",
                                                   "peak",     "burst",  "drop",   "thin"};

static double bell(double x, double middle, double width)
{
    double z = (x - middle) / width;
    return exp(-z * z);
}

/* Arrivals by gender at second t of T, in units of the ordinary rate. */
static void rates_at(enum kind kind, double t, double T, double ret[static GENDERS])
{
    static const double steady[KIND_COUNT][GENDERS] = {
        [BALANCED] = {.5, .5, 0}, [MALE70] = {.7, .3, 0},  [MALE90] = {.9, .1, 0}, [MIXED] = {.52, .38, .10},
        [PEAK] = {.50, .40, 0},   [BURST] = {.55, .45, 0}, [DROP] = {.52, .48, 0}, [THIN] = {.11, .076, .014},
    };
    double x = t / T;
    memcpy(ret, steady[kind], sizeof steady[kind]);
    if (kind == PEAK) { /* men first, women some minutes later */
        ret[GENDER_MALE] = (.50 + 1.6 * bell(x, .45, .14)) / 1.6;
        ret[GENDER_FEMALE] = (.40 + 1.3 * bell(x, .53, .14)) / 1.6;
    } else if (kind == BURST) { /* four minutes each */
        ret[GENDER_MALE] *= t >= .30 * T && t < .30 * T + 240 ? 5 : 1;
        ret[GENDER_FEMALE] *= t >= .60 * T && t < .60 * T + 240 ? 5 : 1;
    } else if (kind == DROP) {
        ret[GENDER_FEMALE] *= x >= .45 && x < .75 ? .3 : 1;
    }
}

static double sum_of(const double rates[static GENDERS])
{
    return rates[0] + rates[1] + rates[2];
}

static double highest_rate(enum kind kind, double T)
{
    double highest = 0, rates[GENDERS];
    for (int i = 0; i <= RATE_STEPS; i++) {
        rates_at(kind, T * i / RATE_STEPS, T, rates);
        highest = fmax(highest, sum_of(rates));
    }
    return highest * 1.02; /* between two steps */
}

/* -- people ----------------------------------------------------------------------------------------------------------
 */

static const struct city {
    double x_hm, y_hm, spread_hm;
} cities[] = {{0, 0, 90}, {3000, 500, 70}, {-2500, 1800, 60}, {800, -2600, 60}, {-1500, -3000, 50}};
static const struct share city_shares[] = {{0, .40}, {1, .25}, {2, .15}, {3, .12}, {4, .08}};
static const struct share radii_hm[] = {{100, .15}, {250, .40}, {500, .35}, {5000, .10}};

enum { M = 1 << GENDER_MALE, F = 1 << GENDER_FEMALE, N = 1 << GENDER_NONBINARY };
static const struct share mixed_tastes[GENDERS][5] = {
    {{F, .84}, {M, .06}, {M | F, .05}, {M | F | N, .05}, {M | F | N, 0}},
    {{M, .80}, {F, .07}, {M | F, .07}, {M | F | N, .06}, {M | F | N, 0}},
    {{M | F | N, .45}, {F, .15}, {M, .15}, {F | N, .15}, {N, .10}},
};

/* Who came lately, for histories. */
struct recent {
    int64_t id;
    int city;
    uint8_t gender;
};

struct making {
    struct trace *t;
    struct draw draw;
    enum kind kind;
    struct recent recent[RECENT];
    size_t n_recent; /* ever: the ring holds the last RECENT */
};

static uint8_t tastes(struct making *m, unsigned gender)
{
    static const uint8_t plain[GENDERS] = {F, M, M | F | N};
    if (m->kind != MIXED && m->kind != THIN)
        return plain[gender];
    return (uint8_t)draw_one(&m->draw, mixed_tastes[gender], ARRAY_LEN(mixed_tastes[gender]));
}

static void ages(struct making *m, struct trace_person *p)
{
    static const double mean[GENDERS] = {32, 30, 29}, younger[GENDERS] = {7, 4, 7}, older[GENDERS] = {4, 8, 7};
    int age = (int)fmax(18, fmin(75, draw_normal(&m->draw, mean[p->gender], 8)));
    double low = fabs(draw_normal(&m->draw, younger[p->gender], 3)) + 1;
    double high = fabs(draw_normal(&m->draw, older[p->gender], 3)) + 1;
    p->age = (uint8_t)age;
    p->age_min = (uint8_t)MAX_OF(18, (int)(age - low));
    p->age_max = (uint8_t)(int)(age + high);
}

static double patience_s(struct making *m, unsigned gender)
{
    static const double median[GENDERS] = {200, 150, 180};
    if (draw_unit(&m->draw) < .12)
        return 2 + draw_exponential(&m->draw, 18);
    return fmax(3, fmin(3000, median[gender] * exp(draw_normal(&m->draw, 0, .7))));
}

static void *room(void **array, size_t n, size_t *cap, size_t size)
{
    if (n == *cap) {
        size_t more = *cap == 0 ? 1024 : *cap * 2;
        void *grown = reallocarray(*array, more, size);
        if (grown == NULL)
            return NULL;
        *array = grown;
        *cap = more;
    }
    return *array;
}

static bool has_met(const struct trace *t, const struct trace_person *p, int64_t id)
{
    for (uint32_t i = 0; i < p->n_met; i++)
        if (t->met[p->first_met + i] == id)
            return true;
    return false;
}

static int add_met(struct trace *t, struct trace_person *p, int64_t id)
{
    void *met = t->met;
    if (room(&met, t->n_met, &t->cap_met, sizeof *t->met) == NULL)
        return ERR_OUT_OF_MEMORY;
    t->met = met;
    t->met[t->n_met++] = id;
    p->n_met++;
    return 0;
}

/* Three in ten have met up to six of those who came lately from their own city. */
static int history(struct making *m, struct trace_person *p, int city)
{
    size_t known = MIN_OF(m->n_recent, (size_t)RECENT);
    int rc = 0;
    p->first_met = (uint32_t)m->t->n_met;
    if (draw_unit(&m->draw) >= .3 || known == 0)
        return 0;
    uint64_t tries = 1 + draw_bits(&m->draw) % MET_MOST;
    for (uint64_t i = 0; rc == 0 && i < tries; i++) {
        const struct recent *r = &m->recent[draw_bits(&m->draw) % known];
        if (r->city == city && (p->seeking >> r->gender & 1) && !has_met(m->t, p, r->id))
            rc = add_met(m->t, p, r->id);
    }
    return rc;
}

static int add_person(struct making *m, double at_s, unsigned gender)
{
    struct trace *t = m->t;
    struct trace_person p = {.id = t->n_persons, .join_ms = (int64_t)(at_s * 1000), .gender = (uint8_t)gender};
    p.seeking = tastes(m, gender);
    ages(m, &p);
    int city = draw_one(&m->draw, city_shares, ARRAY_LEN(city_shares));
    p.x_hm = (int32_t)draw_normal(&m->draw, cities[city].x_hm, cities[city].spread_hm);
    p.y_hm = (int32_t)draw_normal(&m->draw, cities[city].y_hm, cities[city].spread_hm);
    p.max_hm = draw_one(&m->draw, radii_hm, ARRAY_LEN(radii_hm));
    if (history(m, &p, city) < 0)
        return ERR_OUT_OF_MEMORY;
    int64_t leave_ms = p.join_ms + (int64_t)(patience_s(m, gender) * 1000);
    p.leave_ms = leave_ms < t->horizon_ms ? leave_ms : TRACE_STAYS;
    m->recent[m->n_recent++ % RECENT] = (struct recent){p.id, city, p.gender};
    void *persons = t->persons;
    size_t cap = t->cap_persons;
    if (room(&persons, t->n_persons, &cap, sizeof p) == NULL)
        return ERR_OUT_OF_MEMORY;
    t->persons = persons;
    t->cap_persons = (uint32_t)cap;
    t->persons[t->n_persons++] = p;
    return 0;
}

/* -- events ----------------------------------------------------------------------------------------------------------
 */

static int by_time(const void *pa, const void *pb)
{
    const struct trace_event *a = pa, *b = pb;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if (a->type != b->type)
        return a->type == TRACE_LEAVE ? -1 : 1;
    return (a->person > b->person) - (a->person < b->person);
}

static int add_events(struct trace *t)
{
    t->events = calloc(2 * (size_t)t->n_persons + 1, sizeof *t->events);
    if (t->events == NULL)
        return ERR_OUT_OF_MEMORY;
    t->cap_events = 2 * (size_t)t->n_persons + 1;
    for (uint32_t i = 0; i < t->n_persons; i++) {
        const struct trace_person *p = &t->persons[i];
        t->events[t->n_events++] = (struct trace_event){p->join_ms, i, TRACE_JOIN};
        if (p->leave_ms != TRACE_STAYS)
            t->events[t->n_events++] = (struct trace_event){p->leave_ms, i, TRACE_LEAVE};
    }
    qsort(t->events, t->n_events, sizeof *t->events, by_time);
    return 0;
}

static int fill(struct making *m, double rate_per_s)
{
    double T = (double)m->t->horizon_ms / 1000, top = highest_rate(m->kind, T), rates[GENDERS];
    int rc = 0;
    for (double t = draw_exponential(&m->draw, 1 / (top * rate_per_s)); rc == 0 && t < T;
         t += draw_exponential(&m->draw, 1 / (top * rate_per_s))) {
        rates_at(m->kind, t, T, rates);
        double z = draw_unit(&m->draw) * top;
        if (z >= sum_of(rates))
            continue;
        rc = add_person(m, t, z < rates[0] ? GENDER_MALE : z < rates[0] + rates[1] ? GENDER_FEMALE : GENDER_NONBINARY);
    }
    return rc < 0 ? rc : add_events(m->t);
}

int scenario_make(const char *name, uint64_t seed, double rate_per_s, int64_t horizon_ms, struct trace *ret,
                  struct err *e)
{
    enum kind kind = BALANCED;
    while (kind < KIND_COUNT && strcmp(kind_names[kind], name) != 0)
        kind++;
    if (kind == KIND_COUNT)
        return err_set(e, ERR_BAD_ARGUMENT, "no scenario is called %.64s; there are " SCENARIO_NAMES, name);
    double expected = highest_rate(kind, (double)horizon_ms / 1000) * rate_per_s * (double)horizon_ms / 1000;
    if (expected > TRACE_PERSONS_MAX / 2.0)
        return err_set(e, ERR_BAD_ARGUMENT, "up to %.0f people would come; at most %d: lower the rate or the horizon",
                       expected, TRACE_PERSONS_MAX / 2);
    AUTO_FREE struct making *m = calloc(1, sizeof *m);
    struct trace t = {.seed = (int64_t)seed,
                      .horizon_ms = horizon_ms,
                      .score_from_ms = horizon_ms * 15 / 100,
                      .score_to_ms = horizon_ms * 82 / 100};
    (void)snprintf(t.scenario, sizeof t.scenario, "%s", name);
    int rc = ERR_OUT_OF_MEMORY;
    if (m != NULL) {
        *m = (struct making){.t = &t, .draw = {seed * KIND_COUNT + kind}, .kind = kind};
        rc = fill(m, rate_per_s);
    }
    if (rc < 0) {
        trace_fini(&t);
        return err_set(e, rc, "no memory for the scenario's people");
    }
    *ret = t;
    return 0;
}
