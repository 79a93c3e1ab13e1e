/*
 * autoscale - see autoscale.h. Refuses to answer a crash, a pause or ignorance with more workers.
 */
#include "autoscale.h"

#include <math.h>
#include <stdio.h>

static const struct {
    const char *word, *sentence;
} reasons[AUTOSCALE_REASON_COUNT] = {
#define X(name, word, sentence) [AUTOSCALE_##name] = {word, sentence},
    AUTOSCALE_REASONS(X)
#undef X
};

static int by_id(const void *a, const void *b)
{
    const struct autoscale_member *x = a, *y = b;
    return strcmp(x->id, y->id);
}

void autoscale_sort(struct autoscale_member *members, size_t n)
{
    qsort(members, n, sizeof *members, by_id);
}

uint32_t autoscale_share(const struct autoscale_member *members, size_t n, size_t self, uint32_t demand)
{
    uint32_t given[AUTOSCALE_MEMBERS_MAX], sum = 0;
    assert(self < n && n <= AUTOSCALE_MEMBERS_MAX);
    for (size_t i = 0; i < n; i++)
        sum += given[i] = members[i].min;
    for (; sum < demand; sum++) {
        size_t next = n;
        for (size_t i = 0; i < n; i++)
            if (given[i] < members[i].max && (next == n || given[i] < given[next]))
                next = i;
        if (next == n)
            break;
        given[next]++;
    }
    return given[self];
}

/* -- what the queue needs --------------------------------------------------------------------------------------------
 */

static uint32_t workers_of_all(const struct autoscale_view *v)
{
    uint32_t n = 0;
    for (size_t i = 0; i < v->n_members; i++)
        n += v->members[i].workers;
    return n;
}

/* The load as those see it who run it: a worker may have claimed more jobs than the one it runs. */
static struct queueing_load load_of(const struct autoscale_view *v, uint32_t workers)
{
    struct queueing_load q = v->load;
    q.active = fmin(q.active, workers);
    return q;
}

static uint32_t demand_of(const struct autoscale_view *v, uint32_t workers, double arrivals_percent)
{
    struct queueing_load q = load_of(v, workers);
    uint32_t needed = 0;
    q.arrivals_per_s *= arrivals_percent / 100;
    if (q.service_s > 0)
        needed = queueing_servers(&q, v->target_s);
    else if (q.ready > 0)
        needed = MAX_OF(workers, 1U); /* what they take shows when the first of them runs */
    bool late = q.ready > 0 && v->oldest_s > v->target_s && q.active >= workers;
    if (late)
        needed = MAX_OF(needed, workers + 1);
    return needed;
}

static double wait_of(const struct autoscale_view *v, uint32_t workers)
{
    struct queueing_load q = load_of(v, workers);
    if (!v->known || v->paused)
        return -1;
    if (q.service_s <= 0)
        return q.ready > 0 || workers == 0 ? -1 : 0;
    return queueing_wait_s(&q, workers, v->target_s);
}

/* -- what this pool does ---------------------------------------------------------------------------------------------
 */

/* A reason not to change anything, or AUTOSCALE_REASON_COUNT. */
static enum autoscale_reason hold_of(const struct autoscale_view *v)
{
    if (v->manual)
        return AUTOSCALE_MANUAL;
    if (v->failing)
        return AUTOSCALE_FAILING;
    if (!v->known)
        return AUTOSCALE_UNKNOWN;
    if (v->paused)
        return AUTOSCALE_PAUSED;
    return v->quiet ? AUTOSCALE_QUIET : AUTOSCALE_REASON_COUNT;
}

static void go_up(struct autoscale_decision *d, const struct autoscale_view *v, uint32_t share)
{
    if (v->ready < v->desired)
        d->reason = AUTOSCALE_STARTING;
    else if (v->idle > 0)
        d->reason = AUTOSCALE_IDLE;
    else {
        d->reason = AUTOSCALE_UP;
        d->desired = MIN_OF(share, MAX_OF(2 * v->desired, 1U));
    }
}

static void go_down(struct autoscale_state *s, struct autoscale_decision *d, const struct autoscale_view *v)
{
    if (s->low_since_ms == 0)
        s->low_since_ms = MAX_OF(v->now_ms, UINT64_C(1));
    d->reason = AUTOSCALE_COOLING;
    if ((double)(v->now_ms - s->low_since_ms) < v->down_after_s * 1e3)
        return;
    d->reason = AUTOSCALE_BUSY;
    if (v->idle == 0)
        return;
    d->reason = AUTOSCALE_DOWN;
    d->desired = v->desired - 1;
    s->low_since_ms = v->now_ms;
}

/* Nobody else may start what this pool lacks either: who needs more is told why there is no more. */
static void stay(struct autoscale_decision *d, const struct autoscale_view *v, uint32_t demand)
{
    uint32_t most = 0;
    for (size_t i = 0; i < v->n_members; i++)
        most += v->members[i].max;
    d->short_of_workers = demand > most && v->desired >= v->members[v->self].max;
    d->reason = AUTOSCALE_STEADY;
    if (d->short_of_workers)
        d->reason = v->no_cpu ? AUTOSCALE_CPU : v->no_memory ? AUTOSCALE_MEMORY : AUTOSCALE_AT_MAX;
}

struct autoscale_decision autoscale_decide(struct autoscale_state *s, const struct autoscale_view *v)
{
    const struct autoscale_member *own = &v->members[v->self];
    uint32_t workers = workers_of_all(v), demand = v->known && !v->paused ? demand_of(v, workers, 100) : workers;
    struct autoscale_decision d = {
        .desired = v->desired, .demand = MAX_OF(demand, own->min), .wait_s = wait_of(v, workers)};
    d.reason = hold_of(v);
    if (d.reason != AUTOSCALE_REASON_COUNT) {
        s->low_since_ms = 0;
        return d;
    }
    uint32_t share = autoscale_share(v->members, v->n_members, v->self, demand);
    uint32_t keep = autoscale_share(v->members, v->n_members, v->self, demand_of(v, workers, AUTOSCALE_KEEP_PERCENT));
    d.reason = AUTOSCALE_BOUNDS;
    if (v->desired < own->min || v->desired > v->max) {
        d.desired = v->desired < own->min ? own->min : v->max;
    } else if (share > v->desired) {
        go_up(&d, v, share);
    } else if (MAX_OF(share, keep) < v->desired) {
        go_down(s, &d, v);
        return d;
    } else {
        stay(&d, v, demand);
    }
    s->low_since_ms = 0;
    return d;
}

/* -- words -----------------------------------------------------------------------------------------------------------
 */

const char *autoscale_reason_name(enum autoscale_reason reason)
{
    assert(reason < AUTOSCALE_REASON_COUNT);
    return reasons[reason].word;
}

/* "8.2 s", "12 ms", "?". */
static const char *seconds(double s, char ret[static 24])
{
    if (s < 0 || isinf(s))
        (void)snprintf(ret, 24, "%s", s < 0 ? "?" : "for ever");
    else if (s < 1)
        (void)snprintf(ret, 24, "%.0f ms", s * 1e3);
    else
        (void)snprintf(ret, 24, "%.*f s", s < 10 ? 1 : 0, s);
    return ret;
}

const char *autoscale_text(const struct autoscale_decision *d, const struct autoscale_view *v,
                           char ret[static AUTOSCALE_TEXT_MAX])
{
    char wait[24], target[24], service[24], oldest[24];
    if (!v->known) {
        (void)snprintf(ret, AUTOSCALE_TEXT_MAX, "%s", reasons[d->reason].sentence);
        return ret;
    }
    (void)snprintf(ret, AUTOSCALE_TEXT_MAX,
                   "%s (%.0f ready, oldest %s, %.2f/s arriving, %s each: wait %s, target %s, the queue needs %u)",
                   reasons[d->reason].sentence, v->load.ready, seconds(v->oldest_s, oldest), v->load.arrivals_per_s,
                   seconds(v->load.service_s, service), seconds(d->wait_s, wait), seconds(v->target_s, target),
                   d->demand);
    return ret;
}
