/*
 * simulate_score - see simulate_score.h. It refuses to give a coverage where fewer than four in five of the foretold
 * times lie within what can be judged: the rest would decide.
 */
#include "simulate_score.h"

#include "alloc.h"

#include <math.h>

#define CURVE_LEAST  0.15 /* of the leaving curve: beyond, weights explode */
#define JUDGED_LEAST 0.8
#define NORMAL_975   1.959964

/* One time of a Kaplan-Meier estimate. */
struct moment {
    double at_s;
    bool event;
};

static int by_time(const void *pa, const void *pb)
{
    const struct moment *a = pa, *b = pb;
    if (a->at_s != b->at_s)
        return a->at_s < b->at_s ? -1 : 1;
    return a->event - b->event;
}

/* The moments of a gender; event says which end counts as one. *ret is the caller's. */
static size_t moments_of(const struct simulate_case cases[], size_t n, unsigned gender, enum simulate_how_ended event,
                         bool judged, struct moment **ret)
{
    size_t found = 0;
    struct moment *m = alloc_zero(n + 1, sizeof *m);
    for (size_t i = 0; i < n; i++)
        if (cases[i].gender == gender && cases[i].queued && (cases[i].judged || !judged))
            m[found++] = (struct moment){cases[i].wait_s, cases[i].ended == event};
    qsort(m, found, sizeof *m, by_time);
    *ret = m;
    return found;
}

void simulate_censoring_init(struct simulate_censoring *c, const struct simulate_case cases[], size_t n)
{
    *c = (struct simulate_censoring){.n = {0}};
    for (unsigned g = 0; g < GENDER_COUNT; g++) {
        struct moment *m;
        size_t count = moments_of(cases, n, g, SIMULATE_CASE_LEAVE, false, &m);
        double share = 1;
        c->steps[g] = alloc_zero(count + 1, sizeof *c->steps[g]);
        c->limit_s[g] = INFINITY;
        for (size_t i = 0; i < count; i++) {
            if (!m[i].event)
                continue;
            share *= 1 - 1.0 / (double)(count - i);
            c->steps[g][c->n[g]++] = (struct simulate_step){m[i].at_s, share};
            if (share <= CURVE_LEAST && isinf(c->limit_s[g]))
                c->limit_s[g] = m[i].at_s;
        }
        free(m);
    }
}

void simulate_censoring_fini(struct simulate_censoring *c)
{
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        free(c->steps[g]);
    *c = (struct simulate_censoring){.n = {0}};
}

double simulate_censoring_stays(const struct simulate_censoring *c, unsigned gender, double at_s)
{
    const struct simulate_step *steps = c->steps[gender];
    size_t low = 0, high = c->n[gender]; /* the last step before at_s */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (steps[middle].at_s < at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 1 : steps[low - 1].share;
}

static double pinball(double p, double foretold, double came)
{
    return came >= foretold ? p * (came - foretold) : (1 - p) * (foretold - came);
}

/* A weighted share with what its interval needs. */
struct weighing {
    double weight, squares, hits;
    size_t inside;
};

static struct simulate_coverage coverage(const struct weighing *w, size_t n)
{
    if (w->weight <= 0 || (double)w->inside < JUDGED_LEAST * (double)n)
        return (struct simulate_coverage){NAN, NAN, NAN};
    double share = w->hits / w->weight, many = w->weight * w->weight / w->squares, z2 = NORMAL_975 * NORMAL_975;
    double middle = (share + z2 / (2 * many)) / (1 + z2 / many);
    double half = NORMAL_975 * sqrt(share * (1 - share) / many + z2 / (4 * many * many)) / (1 + z2 / many);
    return (struct simulate_coverage){share, fmax(0, middle - half), fmin(1, middle + half)};
}

struct judging {
    const struct simulate_censoring *censoring;
    double weight, loss50, loss90;
    struct weighing p50, p90;
    size_t n;
};

static void judge_quantile(struct weighing *w, const struct judging *j, const struct simulate_case *who, double after_s,
                           double foretold_s)
{
    double left_s = who->wait_s - after_s, limit_s = j->censoring->limit_s[who->gender] - after_s;
    bool match = who->ended == SIMULATE_CASE_MATCH;
    if (foretold_s > limit_s)
        return;
    w->inside++;
    if (!(match && left_s <= foretold_s) && left_s < foretold_s)
        return; /* left before it could be seen */
    double weight = simulate_censoring_stays(j->censoring, who->gender, after_s) /
                    simulate_censoring_stays(j->censoring, who->gender, after_s + fmin(left_s, foretold_s));
    w->weight += weight;
    w->squares += weight * weight;
    w->hits += match && left_s <= foretold_s ? weight : 0;
}

static void judge(struct judging *j, const struct simulate_case *who, const struct simulate_foretold *f)
{
    double left_s = who->wait_s - f->after_s, limit_s = j->censoring->limit_s[who->gender] - f->after_s;
    if (left_s < 0 || limit_s <= 0)
        return;
    j->n++;
    if (who->ended == SIMULATE_CASE_MATCH || left_s >= limit_s) {
        double came_s = fmin(left_s, limit_s);
        double weight = simulate_censoring_stays(j->censoring, who->gender, f->after_s) /
                        simulate_censoring_stays(j->censoring, who->gender, f->after_s + came_s);
        j->weight += weight;
        j->loss50 += weight * pinball(.5, fmin(f->q.p50, limit_s), came_s);
        j->loss90 += weight * pinball(.9, fmin(f->q.p90, limit_s), came_s);
    }
    judge_quantile(&j->p50, j, who, f->after_s, f->q.p50);
    judge_quantile(&j->p90, j, who, f->after_s, f->q.p90);
}

struct simulate_score simulate_score_of(const struct simulate_censoring *c, const struct simulate_case cases[],
                                        const struct simulate_foretold foretold[], size_t n, unsigned gender)
{
    struct judging j = {.censoring = c};
    for (size_t i = 0; i < n; i++) {
        const struct simulate_case *who = &cases[foretold[i].of];
        bool told = !isnan(foretold[i].q.p50) && !isnan(foretold[i].q.p90);
        if (told && who->queued && who->judged && (gender == GENDER_COUNT || gender == who->gender))
            judge(&j, who, &foretold[i]);
    }
    return (struct simulate_score){.n = j.n,
                                   .pinball50 = j.weight > 0 ? j.loss50 / j.weight : NAN,
                                   .pinball90 = j.weight > 0 ? j.loss90 / j.weight : NAN,
                                   .p50 = coverage(&j.p50, j.n),
                                   .p90 = coverage(&j.p90, j.n)};
}

double simulate_score_quantile(const struct simulate_case cases[], size_t n, unsigned gender, double p)
{
    struct moment *m;
    size_t count = moments_of(cases, n, gender, SIMULATE_CASE_MATCH, true, &m);
    double share = 1, found = INFINITY;
    for (size_t i = 0; i < count && isinf(found); i++) {
        if (m[i].event)
            share *= 1 - 1.0 / (double)(count - i);
        if (share <= 1 - p)
            found = m[i].at_s;
    }
    free(m);
    return found;
}
