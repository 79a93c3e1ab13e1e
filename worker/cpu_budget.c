/*
 * cpu_budget - why: a job that spins must die by its own limit, not by its successors'. Refuses to lower a hard limit.
 */
#include "cpu_budget.h"

#include <sys/resource.h>
#include <time.h>

/* Fast jobs share one setting: within so long the process cannot have used more CPU than the rounding gives away. */
enum { REARM_EVERY_MS = 400 };

uint64_t cpu_used_us(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t cpu_used_lately_us(struct cpu_reading *r, uint64_t now_us)
{
    if (r->at_us == 0 || now_us - r->at_us >= CPU_FRESH_US)
        *r = (struct cpu_reading){.used_us = cpu_used_us(), .at_us = now_us};
    return r->used_us;
}

int cpu_budget_arm(struct cpu_budget *b, uint64_t budget_ms, uint64_t now_ms)
{
    if (b->limit_s && b->budget_ms == budget_ms && now_ms - b->set_ms < REARM_EVERY_MS)
        return 0;
    struct rlimit limit;
    if (getrlimit(RLIMIT_CPU, &limit) != 0)
        return -errno;
    uint64_t until_ms = cpu_used_us() / 1000 + budget_ms + REARM_EVERY_MS;
    uint64_t soft_s = until_ms / 1000 + 1;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || soft_s <= limit.rlim_max ? (rlim_t)soft_s : limit.rlim_max;
    if (b->limit_s != soft_s && setrlimit(RLIMIT_CPU, &limit) != 0)
        return -errno;
    *b = (struct cpu_budget){.limit_s = soft_s, .budget_ms = budget_ms, .set_ms = now_ms};
    return 0;
}
