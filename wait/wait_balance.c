/*
 * wait_balance - which gender lacks which, of about the last hour (docs/wait-model.md §2, "Balance of several
 * genders").
 *
 * No class is enumerated: who finds whom and who fits whom is looked up at arrivals of that hour, both ways, whatever
 * they seek. It refuses to advise on fewer than WAIT_GROUP_MIN people.
 */
#include "wait_model_impl.h"

#include <math.h>

#define LATELY_TAU_S     3600.0
#define OVERLOADED_SHARE 0.6
#define LITTLE           1e-9
enum {
    LOOKS_PER_SIDE = 64, /* probes a refresh */
    PAIRS_PER_SIDE = 8,  /* arrivals compared a refresh, for each two genders */
};

/* Narrower than those of patience: first come, first served, all are matched at nearly the same age. */
static const double band_ends_s[LATELY_BANDS] = {5,   10,  20,  30,  45,  60,  75,  90,  105, 120,
                                                 140, 160, 180, 210, 240, 300, 360, 480, 720, 1e9};

/* -- what is remembered ----------------------------------------------------------------------------------------------
 */

static void fade(struct lately *l, double by)
{
    l->seconds *= by;
    l->arrivals *= by;
    l->matched *= by;
    l->left *= by;
    l->at_once *= by;
    l->waiting *= by;
    for (int i = 0; i < LATELY_BANDS; i++) {
        l->met[i] *= by;
        l->waited_s[i] *= by;
    }
    for (int g = 0; g < GENDER_COUNT; g++) {
        l->finds[g] *= by;
        l->fits[g] *= by;
    }
}

void wait_lately_end(struct lately *l, double wait_s, bool matched, bool at_once)
{
    double low = 0;
    *(matched ? &l->matched : &l->left) += 1;
    l->at_once += at_once;
    for (int i = 0; i < LATELY_BANDS && !at_once && wait_s > low; i++) {
        double high = band_ends_s[i];
        l->waited_s[i] += fmin(wait_s, high) - low;
        l->met[i] += matched && wait_s <= high;
        low = high;
    }
}

/* Whom an arrival of this gender finds: the first who waits and fits; and how many do. */
static void look_at(struct wait_model *m, struct side *s, double dt)
{
    uint32_t n = MIN_OF(s->n_probes, (uint32_t)LOOKS_PER_SIDE);
    for (uint32_t i = 0; i < n; i++) {
        const struct probe *b = &s->probes[(uint64_t)i * s->n_probes / n];
        bool found = false;
        for (uint32_t e = 0; e < b->n; e++) {
            const struct competitor *c = &m->field[m->edges[b->first + e].person];
            if (c->probe != NULL)
                continue;
            s->lately.finds[c->who.gender] += found ? 0 : dt / n;
            s->lately.waiting += (double)c->weight * dt / n;
            found = true;
        }
    }
}

/* Which part of the arrivals of each gender fits those of this one: a few of each, others every time. */
static void compare(struct wait_model *m, struct side *s, double dt)
{
    for (int g = 0; g < GENDER_COUNT; g++) {
        const struct side *o = &m->sides[g];
        for (uint64_t i = 0; i < PAIRS_PER_SIDE && o->n_recent > 0; i++) {
            uint64_t at = m->refreshes * PAIRS_PER_SIDE + i;
            const struct wait_person *a = &s->recent[at % s->n_recent],
                                     *b = &o->recent[at * UINT64_C(2654435761) % o->n_recent];
            s->lately.fits[g] += a->hash != b->hash && wait_fits(a, b) ? dt / PAIRS_PER_SIDE : 0;
        }
    }
}

void wait_lately_refresh(struct wait_model *m, int64_t now_ms)
{
    double dt = m->refreshes > 0 ? fmax(0, (double)(now_ms - m->refreshed_ms) / 1000) : 0;
    for (int g = 0; g < GENDER_COUNT; g++) {
        struct side *s = &m->sides[g];
        fade(&s->lately, exp(-dt / LATELY_TAU_S));
        s->lately.seconds += dt;
        if (s->n_recent > 0) {
            look_at(m, s, dt);
            compare(m, s, dt);
        }
    }
}

/* -- what follows ----------------------------------------------------------------------------------------------------
 */

/* The wait half of them are matched within if they stay: at once, or by the hazards of being matched. */
static double median_of(const struct lately *l)
{
    double ended = l->matched + l->left, waits = 1 - l->at_once / fmax(LITTLE, ended), low = 0;
    double left = log(fmax(LITTLE, waits) / 0.5);
    for (int i = 0; i < LATELY_BANDS && left > 0; i++) {
        double hazard = l->met[i] / fmax(1, l->waited_s[i]), span = band_ends_s[i] - low;
        if (hazard * span >= left)
            return fmin(WAIT_HORIZON_S, low + left / hazard);
        left -= hazard * span;
        low = band_ends_s[i];
    }
    return left > 0 ? WAIT_HORIZON_S : 0;
}

static double staying(const struct side *s, double wait_s)
{
    return exp(-patience_cumulative(&s->patience, wait_s));
}

/* People of g a second who are matched with somebody of h: an arrival of one finds the other waiting. */
static double flow(const struct wait_model *m, const struct wait_class classes[], int g, int h)
{
    const struct lately *a = &m->sides[g].lately, *b = &m->sides[h].lately;
    return classes[g].told && classes[h].told ? classes[g].rate_per_s * a->finds[h] / fmax(1, a->seconds) +
                                                    classes[h].rate_per_s * b->finds[g] / fmax(1, b->seconds)
                                              : 0;
}

/* Matches of g that one more of h brings: P(it is matched) P(with one of g). */
static double brings(const struct wait_model *m, const struct wait_class classes[], int h, int g)
{
    double all = 0;
    for (int k = 0; k < GENDER_COUNT; k++)
        all += flow(m, classes, h, k);
    return all > LITTLE && classes[h].share > 0 ? classes[h].share * flow(m, classes, h, g) / all : 0;
}

/* More of h a second for the median of g to be target_s; INFINITY: they cannot. */
static double needed(const struct wait_model *m, const struct wait_class classes[], int g, int h, double target_s)
{
    const struct wait_class *c = &classes[g];
    double each = brings(m, classes, h, g);
    if (each < 0.01)
        return INFINITY;
    if (h == g) /* they wait as well: all find each other faster, nobody is served instead of another */
        return c->rate_per_s * (c->median_s / target_s - 1) * c->share / each;
    const struct side *s = &m->sides[g];
    return c->rate_per_s * c->share * (staying(s, target_s) / staying(s, c->median_s) - 1) / each;
}

static void advise(const struct wait_model *m, struct wait_class classes[], int g, double target_s)
{
    struct wait_class *c = &classes[g];
    double most = 0.01, least = INFINITY;
    for (int h = 0; h < GENDER_COUNT; h++) {
        double each = brings(m, classes, h, g);
        if (h != g && each > most && classes[h].at_once > c->at_once) {
            c->scarce = h;
            most = each;
        }
    }
    if (c->share <= 0)
        return;
    c->extra_per_s = c->median_s <= target_s ? 0 : -1;
    for (int h = 0; h < GENDER_COUNT && c->extra_per_s < 0; h++) {
        double more = needed(m, classes, g, h, target_s);
        if (more < least) {
            c->helps = h;
            least = more;
        }
    }
    c->extra_per_s = c->helps >= 0 ? least : c->extra_per_s;
}

static void describe(const struct side *s, struct wait_class *ret)
{
    const struct lately *l = &s->lately;
    double ended = l->matched + l->left;
    *ret = (struct wait_class){.told = s->arrivals + s->arrivals_kept >= WAIT_GROUP_MIN && l->seconds > 0,
                               .rate_per_s = l->arrivals / fmax(1, l->seconds),
                               .share = -1,
                               .at_once = -1,
                               .median_s = -1,
                               .fluid_wait_s = -1,
                               .seekers_waiting = l->waiting / fmax(1, l->seconds),
                               .extra_per_s = -1,
                               .scarce = -1,
                               .helps = -1};
    if (ended < WAIT_GROUP_MIN)
        return;
    ret->share = l->matched / ended;
    ret->at_once = l->at_once / ended;
    ret->median_s = median_of(l);
    if (ret->share > 0 && ret->share <= OVERLOADED_SHARE)
        ret->fluid_wait_s = fmin(WAIT_HORIZON_S, patience_inverse(&s->patience, ret->share));
}

void wait_model_classes(const struct wait_model *m, double target_wait_s, struct wait_class ret[static GENDER_COUNT])
{
    for (int g = 0; g < GENDER_COUNT; g++)
        describe(&m->sides[g], &ret[g]);
    for (int g = 0; g < GENDER_COUNT; g++) {
        const struct lately *l = &m->sides[g].lately;
        for (int h = 0; h < GENDER_COUNT && ret[g].told; h++)
            ret[g].seekers_per_s += ret[h].told ? ret[h].rate_per_s * l->fits[h] / fmax(1, l->seconds) : 0;
    }
    for (int g = 0; g < GENDER_COUNT; g++)
        if (ret[g].told)
            advise(m, ret, g, target_wait_s);
}
