/*
 * replay_summary - counting and two quantiles.
 */
#include "replay_summary.h"

static void count(struct replay_group *g, const struct replay_outcome *o)
{
    g->joined++;
    g->matched += o->end == REPLAY_MATCHED;
    g->at_once += o->end == REPLAY_MATCHED && !o->queued;
    g->left += o->end == REPLAY_LEFT;
    g->waiting += o->end == REPLAY_STILL_WAITS;
}

static int by_wait(const void *pa, const void *pb)
{
    const int64_t *a = pa, *b = pb;
    return (*a > *b) - (*a < *b);
}

/* Waits of the matched of one gender, or (gender GENDER_COUNT) of everybody. */
static void set_waits(struct replay_group *g, const struct trace *t, const struct replay_result *r, unsigned gender,
                      int64_t waits[])
{
    size_t n = 0;
    for (uint32_t i = 0; i < r->n; i++)
        if (r->outcomes[i].end == REPLAY_MATCHED && (gender == GENDER_COUNT || t->persons[i].gender == gender))
            waits[n++] = r->outcomes[i].wait_ms;
    qsort(waits, n, sizeof waits[0], by_wait);
    g->wait_p50_s = n ? (double)waits[n / 2] / 1000 : -1;
    g->wait_p90_s = n ? (double)waits[n * 9 / 10] / 1000 : -1;
}

int replay_summarise(const struct trace *t, const struct replay_result *r, struct replay_summary *ret)
{
    double km = 0;
    AUTO_FREE int64_t *waits = calloc((size_t)r->n + 1, sizeof *waits);
    *ret = (struct replay_summary){0};
    if (!waits)
        return ERR_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < r->n; i++) {
        count(&ret->all, &r->outcomes[i]);
        count(&ret->by_gender[t->persons[i].gender], &r->outcomes[i]);
        km += r->outcomes[i].km;
    }
    ret->km_mean = ret->all.matched ? km / ret->all.matched : -1;
    set_waits(&ret->all, t, r, GENDER_COUNT, waits);
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        set_waits(&ret->by_gender[g], t, r, g, waits);
    return 0;
}
