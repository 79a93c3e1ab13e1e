/*
 * load_estimate - see load_estimate.h. Keeps sums; refuses to say more than they hold.
 */
#include "load_estimate.h"

#include <math.h>

static double fade(uint64_t from_ms, uint64_t to_ms, int tau_ms)
{
    return to_ms > from_ms ? exp(-(double)(to_ms - from_ms) / tau_ms) : 1;
}

void load_rate_note(struct load_rate *r, int64_t counter, uint64_t now_ms)
{
    if (r->at_ms == 0 || counter < r->counter) {
        *r = (struct load_rate){.at_ms = now_ms, .counter = counter};
        return;
    }
    double keep = fade(r->at_ms, now_ms, LOAD_ARRIVAL_FADE_MS);
    r->jobs = r->jobs * keep + (double)(counter - r->counter);
    r->seconds = r->seconds * keep + (double)(MAX_OF(now_ms, r->at_ms) - r->at_ms) / 1e3;
    r->counter = counter;
    r->at_ms = MAX_OF(now_ms, r->at_ms);
}

double load_rate_per_s(const struct load_rate *r)
{
    return r->jobs / fmax(r->seconds, LOAD_ARRIVAL_FADE_MS / 2e3);
}

void load_service_note(struct load_service *s, uint64_t busy_us, uint64_t runs, uint32_t running, double running_s,
                       uint64_t now_ms)
{
    if (s->at_ms != 0 && busy_us >= s->busy_us && runs >= s->runs) {
        double keep = fade(s->at_ms, now_ms, LOAD_SERVICE_FADE_MS);
        s->busy_s = s->busy_s * keep + (double)(busy_us - s->busy_us) / 1e6;
        s->ended = s->ended * keep + (double)(runs - s->runs);
    }
    s->busy_us = busy_us;
    s->runs = runs;
    s->running = running;
    s->running_s = running_s;
    s->at_ms = now_ms;
}

struct load_sum load_service_sum(const struct load_service *s)
{
    double up = s->ended > 0 && s->ended < 1 ? 1 / s->ended : 1;
    return (struct load_sum){.busy_s = s->busy_s * up + s->running_s, .jobs = s->ended * up, .running = s->running};
}

void load_sum_add(struct load_sum *a, const struct load_sum *b)
{
    a->busy_s += b->busy_s;
    a->jobs += b->jobs;
    a->running += b->running;
}

double load_sum_service_s(const struct load_sum *sum)
{
    double jobs = sum->jobs > 0 ? sum->jobs : sum->running;
    return jobs > 0 && sum->busy_s > 0 ? sum->busy_s / jobs : -1;
}
