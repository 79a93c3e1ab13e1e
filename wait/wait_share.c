/*
 * wait_share - which part of a gender's arrivals fits somebody (docs/wait-model.md §2, "Compatibility share").
 *
 * Those of the last arrivals who fit are few for somebody choosy, and their number alone misleads. It is drawn towards
 * what the single wishes say: p = P(gender) P(ages | gender) P(place | gender), as if a wish of one kind said nothing
 * about another. K fits are worth as much as that:  π = (n + K)/(M + K/p).
 *
 * Places come rounded (match_feed.h), so near the edge of a radius a place fits by a probability.
 *
 * One pass counts for one's own wishes and all wider ones. Who is surely near or surely far is told in single
 * precision, four people at a time, with a margin; the others are looked at one by one, exactly.
 */
#include "wait_model_impl.h"

#include "place.h"
#include <math.h>

#define PRIOR_FITS 20.0  /* K */
#define ROUNDED_KM 1.5   /* scale of the logistic around a radius: two places rounded to 0.05 degrees */
#define CERTAIN_KM 9.0   /* so far from the edge there is no doubt */
#define SURELY_KM  9.02F /* the same in single precision */

enum { OWN, WIDE, BOTH }; /* wishes of one kind */

/* Of those sought both ways: ages fit, place fits, both: by own wishes, the wider place, the wider ages. */
struct tally {
    double sought, aged[BOTH], near[BOTH], all[WISHES];
};

/* A block of arrivals, 0 or 1 each. */
struct look {
    uint8_t sought[CROWD_BLOCK], aged[BOTH][CROWD_BLOCK], near[BOTH][CROWD_BLOCK], doubt[BOTH][CROWD_BLOCK];
};

/* 1/(1 + e^x) for |x| <= 6 by Lambert's continued fraction of tanh(x/2), within 2e-8. */
static double logistic(double x)
{
    double y = x / 2, q = y * y;
    double top = 2027025 + q * (270270 + q * (6930 + q * 36)),
           bottom = 2027025 + q * (945945 + q * (51975 + q * (630 + q)));
    return 0.5 - 0.5 * y * top / bottom;
}

static double near_enough(double d2, double r)
{
    double in = r - CERTAIN_KM, out = r + CERTAIN_KM;
    if (d2 >= out * out)
        return 0;
    return in > 0 && d2 <= in * in ? 1 : logistic((sqrt(d2) - r) / ROUNDED_KM);
}

static void look_at_ages(const struct crowd *c, uint32_t at, const struct wishes *ws, struct look *restrict l)
{
    const uint8_t *restrict seeking = c->seeking + at, *restrict age = c->age + at, *restrict min = c->age_min + at,
                            *restrict max = c->age_max + at;
    uint8_t me = (uint8_t)(1U << ws->who->gender), mine = ws->who->age, lowest = ws->age_min[OWN],
            highest = ws->age_max[OWN], low = ws->age_min[WIDE], high = ws->age_max[WIDE];
    for (int i = 0; i < CROWD_BLOCK; i++) {
        uint8_t sought = (seeking[i] & me) != 0, theirs = sought & (mine >= min[i]) & (mine <= max[i]);
        l->sought[i] = sought;
        l->aged[OWN][i] = theirs & (age[i] >= lowest) & (age[i] <= highest);
        l->aged[WIDE][i] = theirs & (age[i] >= low) & (age[i] <= high);
    }
}

static void look_at_places(const struct crowd *c, uint32_t at, const struct wishes *ws, int kind,
                           struct look *restrict l)
{
    const float *restrict x = c->x + at, *restrict y = c->y + at, *restrict z = c->z + at,
                          *restrict reach = c->reach + at;
    const uint8_t *restrict anywhere = c->anywhere + at;
    float px = ws->who->pos[0], py = ws->who->pos[1], pz = ws->who->pos[2], mine = ws->reach[kind];
    uint8_t me_anywhere = !ws->who->placed;
    for (int i = 0; i < CROWD_BLOCK; i++) {
        float dx = x[i] - px, dy = y[i] - py, dz = z[i] - pz, d2 = dx * dx + dy * dy + dz * dz;
        float r = reach[i] < mine ? reach[i] : mine, in = r - SURELY_KM, out = r + SURELY_KM;
        uint8_t near = ((in > 0) & (d2 < in * in)) | anywhere[i] | me_anywhere, far = d2 > out * out;
        l->near[kind][i] = near & l->sought[i];
        l->doubt[kind][i] = !near & !far & l->sought[i];
    }
}

static unsigned count(const uint8_t a[restrict static CROWD_BLOCK])
{
    uint8_t n = 0;
    for (int i = 0; i < CROWD_BLOCK; i++)
        n = (uint8_t)(n + a[i]);
    return n;
}

static unsigned count_both(const uint8_t a[restrict static CROWD_BLOCK], const uint8_t b[restrict static CROWD_BLOCK])
{
    uint8_t n = 0;
    for (int i = 0; i < CROWD_BLOCK; i++)
        n = (uint8_t)(n + (a[i] & b[i]));
    return n;
}

/* Nobody is its own arrival. */
static void leave_out(const struct crowd *c, uint32_t at, uint64_t hash, struct look *l)
{
    for (int i = 0; i < CROWD_BLOCK; i++)
        if (c->hash[at + (uint32_t)i] == hash)
            l->sought[i] = l->aged[OWN][i] = l->aged[WIDE][i] = 0;
}

static void leave_out_regions(const struct crowd *c, uint32_t at, const struct wishes *ws, struct look *l)
{
    for (int i = 0; i < CROWD_BLOCK; i++)
        if (l->sought[i] && !wait_regions_meet(ws->who, c->who[at + (uint32_t)i]))
            l->near[OWN][i] = l->near[WIDE][i] = l->doubt[OWN][i] = l->doubt[WIDE][i] = 0;
}

/* Those near the edge of a radius, one by one. */
static void resolve(const struct crowd *c, uint32_t at, const struct wishes *ws, const struct look *l, struct tally *t)
{
    uint8_t doubtful[CROWD_BLOCK];
    int n = 0;
    for (int i = 0; i < CROWD_BLOCK; i++) {
        doubtful[n] = (uint8_t)i;
        n += l->doubt[OWN][i] | l->doubt[WIDE][i];
    }
    for (int k = 0; k < n; k++) {
        uint32_t i = doubtful[k];
        const float there[3] = {c->x[at + i], c->y[at + i], c->z[at + i]};
        double d2 = place_chord2(ws->who->pos, there), theirs = (double)c->reach[at + i];
        if (l->doubt[OWN][i]) {
            double near = near_enough(d2, fmin(theirs, (double)ws->reach[OWN]));
            t->near[OWN] += near;
            t->all[WAIT_REASON_NONE] += l->aged[OWN][i] ? near : 0;
            t->all[WAIT_REASON_AGE] += l->aged[WIDE][i] ? near : 0;
        }
        if (l->doubt[WIDE][i]) {
            double near = near_enough(d2, fmin(theirs, (double)ws->reach[WIDE]));
            t->near[WIDE] += near;
            t->all[WAIT_REASON_DISTANCE] += l->aged[OWN][i] ? near : 0;
        }
    }
}

static void add(const struct look *l, bool wide, struct tally *t)
{
    t->sought += count(l->sought);
    t->aged[OWN] += count(l->aged[OWN]);
    t->aged[WIDE] += count(l->aged[WIDE]);
    t->near[OWN] += count(l->near[OWN]);
    t->all[WAIT_REASON_NONE] += count_both(l->aged[OWN], l->near[OWN]);
    t->all[WAIT_REASON_AGE] += count_both(l->aged[WIDE], l->near[OWN]);
    if (wide) {
        t->near[WIDE] += count(l->near[WIDE]);
        t->all[WAIT_REASON_DISTANCE] += count_both(l->aged[OWN], l->near[WIDE]);
    }
}

static void take_down(const struct crowd *c, const struct wishes *ws, bool wide, bool same_gender, struct tally *ret)
{
    *ret = (struct tally){0};
    struct look l;
    memset(l.near[WIDE], 0, sizeof l.near[WIDE]);
    memset(l.doubt[WIDE], 0, sizeof l.doubt[WIDE]);
    for (uint32_t at = 0; at < c->n; at += CROWD_BLOCK) {
        look_at_ages(c, at, ws, &l);
        if (same_gender)
            leave_out(c, at, ws->who->hash, &l);
        look_at_places(c, at, ws, OWN, &l);
        if (wide)
            look_at_places(c, at, ws, WIDE, &l);
        if (ws->who->n_regions > 0)
            leave_out_regions(c, at, ws, &l);
        add(&l, wide, ret);
        resolve(c, at, ws, &l, ret);
    }
    ret->all[WAIT_REASON_GENDERS] = ret->all[WAIT_REASON_NONE];
}

void wait_shares(const struct side *s, int gender, const struct wishes *ws, unsigned set, struct wait_share ret[WISHES])
{
    struct tally t;
    take_down(&s->crowd, ws, set & WISH_DISTANCE, ws->who->gender == gender, &t);
    for (int w = 0; w < WISHES; w++) {
        double aged = t.aged[w == WAIT_REASON_AGE ? WIDE : OWN], near = t.near[w == WAIT_REASON_DISTANCE ? WIDE : OWN];
        /* Small numbers everywhere, so that nobody is hopeless for want of evidence. */
        double p = (t.sought + 0.1) / (s->n_recent + 1) * (aged + 1) / (t.sought + 4) * (near + 1) / (t.sought + 4);
        ret[w].events = t.all[w] + PRIOR_FITS;
        ret[w].part = fmin(1, (t.all[w] + PRIOR_FITS) / (s->n_recent + PRIOR_FITS / p));
    }
}
