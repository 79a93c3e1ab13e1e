/*
 * simulate_baseline - see simulate_baseline.h. It goes through the run in order of time and refuses to look ahead.
 */
#include "simulate_baseline.h"

#include "alloc.h"

#include <math.h>

enum { AVERAGE_KEEP = 50, KM_KEEP = 200, AVERAGE_OWN = 5, KM_OWN = 20, SETS = 1 << GENDER_COUNT };
#define WINDOW_S 300.0 /* over which pairs a second are counted */
#define GUESS_S  60.0  /* before anything is known */

const char *simulate_baseline_name(enum simulate_baseline baseline)
{
    static const char *const names[SIMULATE_BASELINE_COUNT] = {
#define X(id, name) name,
        SIMULATE_BASELINES(X)
#undef X
    };
    return names[baseline];
}

/* Two kinds of moment: somebody joins, somebody ends. */
struct happening {
    double at_s;
    size_t of;
    bool ends;
};

struct observed {
    double wait_s;
    bool match;
};

/* The latest of a group. */
struct memory {
    struct observed matched[AVERAGE_KEEP], ended[KM_KEEP];
    size_t n_matched, n_ended; /* ever */
};

struct state {
    const struct simulate_case *cases;
    struct memory by_gender[GENDER_COUNT], by_taste[GENDER_COUNT][SETS];
    size_t waiting[GENDER_COUNT], matches[GENDER_COUNT];
    double *match_times[GENDER_COUNT]; /* owned, in order */
    size_t first[GENDER_COUNT];        /* of match_times within the window */
    double start_s;
};

static int in_time(const void *pa, const void *pb)
{
    const struct happening *a = pa, *b = pb;
    if (a->at_s != b->at_s)
        return a->at_s < b->at_s ? -1 : 1;
    if (a->ends != b->ends)
        return a->ends ? -1 : 1;
    return (a->of > b->of) - (a->of < b->of);
}

static struct simulate_quantiles exponential(double mean_s)
{
    double mean = fmax(mean_s, 1e-3);
    return (struct simulate_quantiles){mean * M_LN2, mean * M_LN10};
}

static struct simulate_quantiles naive(struct state *s, unsigned g, double now_s)
{
    size_t *first = &s->first[g], n = s->matches[g];
    while (*first < n && s->match_times[g][*first] < now_s - WINDOW_S)
        ++*first;
    size_t lately = n - *first;
    double over_s = fmax(now_s - s->start_s, 1);
    double rate = lately > 0 ? (double)lately / fmin(WINDOW_S, over_s) : fmax((double)n, .5) / over_s;
    return exponential((double)(s->waiting[g] + 1) / rate);
}

static struct simulate_quantiles average(const struct state *s, const struct simulate_case *c)
{
    const struct memory *own = &s->by_taste[c->gender][c->seeking % SETS],
                        *m = own->n_matched >= AVERAGE_OWN ? own : &s->by_gender[c->gender];
    size_t n = MIN_OF(m->n_matched, (size_t)AVERAGE_KEEP);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += m->matched[i].wait_s;
    return exponential(n > 0 ? sum / (double)n : GUESS_S);
}

static int by_wait(const void *pa, const void *pb)
{
    const struct observed *a = pa, *b = pb;
    if (a->wait_s != b->wait_s)
        return a->wait_s < b->wait_s ? -1 : 1;
    return a->match - b->match;
}

/* A quantile of the curve; beyond its last match the curve goes on with its mean hazard. */
static double curve_quantile(const struct observed seen[], size_t n, double p, double hazard)
{
    double share = 1, last_s = 0;
    for (size_t i = 0; i < n; i++) {
        if (!seen[i].match)
            continue;
        share *= 1 - 1.0 / (double)(n - i);
        last_s = seen[i].wait_s;
        if (share <= 1 - p)
            return last_s;
    }
    return last_s + log(fmax(share, 1e-9) / (1 - p)) / hazard;
}

static struct simulate_quantiles kaplan_meier(const struct state *s, const struct simulate_case *c)
{
    const struct memory *own = &s->by_taste[c->gender][c->seeking % SETS],
                        *m = own->n_ended >= KM_OWN ? own : &s->by_gender[c->gender];
    struct observed seen[KM_KEEP];
    size_t n = MIN_OF(m->n_ended, (size_t)KM_KEEP);
    double matches = 0, seconds = 0;
    if (n == 0)
        return exponential(GUESS_S);
    memcpy(seen, m->ended, n * sizeof *seen);
    qsort(seen, n, sizeof *seen, by_wait);
    for (size_t i = 0; i < n; i++) {
        matches += seen[i].match;
        seconds += seen[i].wait_s;
    }
    double hazard = (matches + .5) / (seconds + 30);
    return (struct simulate_quantiles){curve_quantile(seen, n, .5, hazard), curve_quantile(seen, n, .9, hazard)};
}

static void remember(struct memory *m, struct observed o)
{
    m->ended[m->n_ended++ % KM_KEEP] = o;
    if (o.match)
        m->matched[m->n_matched++ % AVERAGE_KEEP] = o;
}

static void end_of(struct state *s, const struct simulate_case *c, double now_s)
{
    if (c->ended == SIMULATE_CASE_MATCH)
        s->match_times[c->gender][s->matches[c->gender]++] = now_s;
    if (!c->queued)
        return;
    s->waiting[c->gender]--;
    if (c->ended == SIMULATE_CASE_END)
        return;
    struct observed o = {c->wait_s, c->ended == SIMULATE_CASE_MATCH};
    remember(&s->by_gender[c->gender], o);
    remember(&s->by_taste[c->gender][c->seeking % SETS], o);
}

void simulate_baseline_run(const struct simulate_case cases[], size_t n,
                           struct simulate_quantiles *const ret[SIMULATE_BASELINE_COUNT])
{
    struct happening *order = alloc_zero(2 * n + 1, sizeof *order);
    struct state *s = alloc_zero(1, sizeof *s);
    s->cases = cases;
    for (size_t i = 0; i < n; i++) {
        order[2 * i] = (struct happening){cases[i].join_s, i, false};
        order[2 * i + 1] = (struct happening){cases[i].join_s + cases[i].wait_s, i, true};
    }
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        s->match_times[g] = alloc_zero(n + 1, sizeof(double));
    qsort(order, 2 * n, sizeof *order, in_time);
    s->start_s = n > 0 ? order[0].at_s - 1 : 0;
    for (size_t k = 0; k < 2 * n; k++) {
        const struct simulate_case *c = &cases[order[k].of];
        if (order[k].ends) {
            end_of(s, c, order[k].at_s);
            continue;
        }
        struct simulate_quantiles none = {NAN, NAN};
        ret[SIMULATE_BASELINE_NAIVE][order[k].of] = c->queued ? naive(s, c->gender, order[k].at_s) : none;
        ret[SIMULATE_BASELINE_AVERAGE][order[k].of] = c->queued ? average(s, c) : none;
        ret[SIMULATE_BASELINE_KAPLAN_MEIER][order[k].of] = c->queued ? kaplan_meier(s, c) : none;
        s->waiting[c->gender] += c->queued;
    }
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        free(s->match_times[g]);
    free(s);
    free(order);
}
