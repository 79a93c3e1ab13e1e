/*
 * wait_share - which part of a gender's arrivals fits somebody (docs/wait-model.md §2, "Compatibility share").
 *
 * Those of the last arrivals who fit are few for somebody choosy, and their number alone misleads. It is drawn towards
 * what the single wishes say: p = P(gender) P(ages | gender) P(place | gender), as if a wish of one kind said nothing
 * about another. K fits are worth as much as that:  π = (n + K)/(M + K/p).
 *
 * Places come rounded (match_feed.h), so near the edge of a radius a place fits by a probability.
 */
#include "wait_model_impl.h"

#include "place.h"
#include <math.h>

#define PRIOR_FITS 20.0 /* K */
#define ROUNDED_KM 1.5  /* scale of the logistic around a radius: two places rounded to 0.05 degrees */
#define CERTAIN_KM 9.0  /* so far from the edge there is no doubt */

struct tally {
    double sought, aged, near, all; /* of those sought both ways: ages fit, place fits, both */
};

static double near_enough(const struct wait_person *a, const struct wait_person *b)
{
    if (!wait_regions_meet(a, b))
        return 0;
    double ra = (double)a->max_chord, rb = (double)b->max_chord, r = ra > 0 && rb > 0 ? fmin(ra, rb) : fmax(ra, rb);
    if (!a->placed || !b->placed || r <= 0)
        return 1;
    double d2 = place_chord2(a->pos, b->pos), in = r - CERTAIN_KM, out = r + CERTAIN_KM;
    if (d2 >= out * out)
        return 0;
    return in > 0 && d2 <= in * in ? 1 : 1 / (1 + exp((sqrt(d2) - r) / ROUNDED_KM));
}

static bool ages_fit(const struct wait_person *a, const struct wait_person *b)
{
    return b->age >= a->age_min && b->age <= a->age_max && a->age >= b->age_min && a->age <= b->age_max;
}

static void count(const struct side *s, const struct wait_person *who, struct tally *ret)
{
    for (uint32_t i = 0; i < s->n_recent; i++) {
        const struct wait_person *b = &s->recent[i];
        if (!(who->seeking >> b->gender & 1) || !(b->seeking >> who->gender & 1) || b->hash == who->hash)
            continue;
        double near = near_enough(who, b);
        bool aged = ages_fit(who, b);
        ret->sought++;
        ret->aged += aged;
        ret->near += near;
        ret->all += aged ? near : 0;
    }
}

double wait_share(const struct side *s, const struct wait_person *who, double *ret_events)
{
    struct tally t = {0};
    count(s, who, &t);
    /* Small numbers everywhere, so that nobody is hopeless for want of evidence. */
    double p = (t.sought + 0.1) / (s->n_recent + 1) * (t.aged + 1) / (t.sought + 4) * (t.near + 1) / (t.sought + 4);
    *ret_events = t.all + PRIOR_FITS;
    return fmin(1, (t.all + PRIOR_FITS) / (s->n_recent + PRIOR_FITS / p));
}
