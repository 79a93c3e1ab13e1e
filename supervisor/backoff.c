/*
 * backoff - see backoff.h. A restart is free while failures are rare, and slow when they are not; it refuses to sleep
 * or to look at a clock itself.
 */
#include "backoff.h"

uint64_t backoff_next_ms(struct backoff *b, uint64_t base_ms, uint64_t max_ms, uint64_t now_ms)
{
    assert(base_ms >= 1 && max_ms >= 1);
    if (b->failures > 0 && now_ms - b->last_fail_ms > 2 * max_ms)
        b->failures = 0;
    uint64_t delay = MIN_OF(base_ms, max_ms);
    for (uint32_t i = 0; i < b->failures && delay < max_ms; i++)
        delay = delay > max_ms / 2 ? max_ms : delay * 2;
    if (b->failures < UINT32_MAX)
        b->failures++;
    b->last_fail_ms = now_ms;
    return delay;
}

void backoff_reset(struct backoff *b)
{
    *b = (struct backoff){0};
}

bool restart_budget_take(struct restart_budget *r, uint32_t max, uint64_t window_ms, uint64_t now_ms)
{
    assert(max >= 1 && window_ms >= 1);
    double leaked = (double)(now_ms - r->as_of_ms) * (double)max / (double)window_ms;
    r->level = r->level > leaked ? r->level - leaked : 0.0;
    r->as_of_ms = now_ms;
    if (r->level + 1.0 > (double)max)
        return false;
    r->level += 1.0;
    return true;
}

uint32_t backoff_boot_failures_max(uint32_t desired)
{
    return desired + 4;
}
