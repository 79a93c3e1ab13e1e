/*
 * simulate_run - see simulate_run.h. A wait is the pool's own where it told one, else what the person saw; it refuses
 * to take a match that came after somebody asked to leave for a leave: the pool had matched them first.
 */
#include "simulate_run.h"

#include "alloc.h"
#include "ticket_hash.h"

#include <math.h>

static const struct simulate_told nothing = {.p50 = NAN, .p90 = NAN, .mean = NAN, .matched = NAN};

int simulate_run_init(struct simulate_run *r, const struct trace *trace, const char *run, struct err *e)
{
    uint32_t n = trace->n_persons;
    int rc = simulate_crowd_init(&r->crowd, trace, run, e);
    if (rc == 0)
        rc = simulate_books_init(&r->books, &r->crowd, e);
    r->lives = calloc((size_t)n + 1, sizeof *r->lives);
    bool memory = r->lives != NULL;
    for (size_t s = 0; s < SIMULATE_SOURCE_COUNT; s++) {
        r->told[s] = calloc((size_t)n + 1, sizeof *r->told[s]);
        memory = memory && r->told[s] != NULL;
        for (uint32_t i = 0; memory && i < n; i++)
            r->told[s][i] = nothing;
    }
    return rc < 0 ? rc : memory ? 0 : err_set(e, ERR_OUT_OF_MEMORY, "no memory for %u people", n);
}

void simulate_run_fini(struct simulate_run *r)
{
    simulate_books_fini(&r->books);
    simulate_crowd_fini(&r->crowd);
    free(r->lives);
    for (size_t s = 0; s < SIMULATE_SOURCE_COUNT; s++)
        free(r->told[s]);
    free(r->notices);
    free(r->join_ms.values);
    free(r->match_ms.values);
    free(r->late_ms.values);
    *r = (struct simulate_run){.phase = SIMULATE_OVER};
}

void simulate_numbers_add(struct simulate_numbers *n, double value)
{
    if (n->n == n->cap) {
        n->cap = n->cap == 0 ? 1024 : 2 * n->cap;
        n->values = alloc_must(reallocarray(n->values, n->cap, sizeof *n->values));
    }
    n->values[n->n++] = (float)value;
}

static int by_value(const void *pa, const void *pb)
{
    const float *a = pa, *b = pb;
    return (*a > *b) - (*a < *b);
}

double simulate_numbers_quantile(struct simulate_numbers *n, double p)
{
    if (n->n == 0)
        return NAN;
    qsort(n->values, n->n, sizeof *n->values, by_value);
    return n->values[(size_t)(p * (double)(n->n - 1) + .5)];
}

double simulate_run_draw(const struct simulate_run *r, uint32_t person, unsigned purpose)
{
    uint64_t bits = ticket_hash_mix(r->setup.seed ^ ticket_hash_mix(((uint64_t)purpose << 32 | person) + 1));
    return (double)(bits >> 11) * 0x1p-53;
}

/* Who joined early met an empty pool, who joined late may have no end; a run cut short has its own early and late. */
static bool judged(const struct simulate_run *r, const struct trace_person *p)
{
    const struct trace *t = r->crowd.trace;
    double lived = (double)r->horizon_ms * r->setup.speed, share = r->interrupted ? lived / (double)t->horizon_ms : 1;
    return (double)p->join_ms >= (double)t->score_from_ms * share &&
           (double)p->join_ms < (double)t->score_to_ms * share;
}

static struct simulate_case case_of(const struct simulate_run *r, uint32_t person)
{
    const struct simulate_record *record = &r->books.records[person];
    const struct trace *t = r->crowd.trace;
    const struct trace_person *p = &t->persons[person];
    int64_t until_ms = record->left_ms != SIMULATE_NOBODY ? record->left_ms : r->took_ms,
            wait_ms = until_ms - record->joined_ms;
    struct simulate_case c = {.join_s = (double)record->joined_ms * r->setup.speed / 1000,
                              .ended = SIMULATE_CASE_END,
                              .gender = p->gender,
                              .seeking = p->seeking,
                              .queued = record->answer != SIMULATE_AT_ONCE,
                              .judged = judged(r, p)};
    if (record->first_wait_ms != SIMULATE_NOBODY) {
        c.ended = SIMULATE_CASE_MATCH;
        wait_ms = record->first_wait_ms;
        c.queued = c.queued && (record->answer != SIMULATE_MUTE || wait_ms > 0);
    } else if (record->left_ms != SIMULATE_NOBODY && (record->left_ms < r->horizon_ms || record->expired)) {
        c.ended = SIMULATE_CASE_LEAVE;
    }
    c.wait_s = (double)MAX_OF(wait_ms, c.queued ? INT64_C(1) : INT64_C(0)) * r->setup.speed / 1000;
    return c;
}

size_t simulate_run_cases(const struct simulate_run *r, struct simulate_case **ret, uint32_t **ret_of)
{
    size_t n = 0;
    *ret = alloc_zero((size_t)r->crowd.trace->n_persons + 1, sizeof **ret);
    *ret_of = alloc_zero((size_t)r->crowd.trace->n_persons + 1, sizeof **ret_of);
    for (uint32_t i = 0; i < r->crowd.trace->n_persons; i++) {
        const struct simulate_record *record = &r->books.records[i];
        if (record->joined_ms == SIMULATE_NOBODY || record->answer == SIMULATE_REFUSED ||
            record->answer == SIMULATE_UNANSWERED)
            continue;
        (*ret)[n] = case_of(r, i);
        (*ret_of)[n++] = i;
    }
    return n;
}
