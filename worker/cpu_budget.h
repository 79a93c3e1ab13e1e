/*
 * cpu_budget - each job's CPU time as a limit of this process: RLIMIT_CPU (soft) moves ahead before every job.
 *
 * Runs in: worker. Thread: loop only. Past it the kernel sends SIGXCPU, which ends the process; the supervisor reads
 * the cause cpu_limit from that. The kernel counts whole seconds, so a budget is never exact: it is at least what was
 * asked, and less than two seconds more.
 */
#pragma once

#include "base.h"

struct cpu_budget {
    uint64_t limit_s;   /* soft limit set last; 0: none yet */
    uint64_t budget_ms; /* budget it was set for */
    uint64_t set_ms;    /* monotonic, when it was set */
};

/* A job with budget_ms of CPU time starts at now_ms (monotonic). 0 or -errno of setrlimit. */
int cpu_budget_arm(struct cpu_budget *b, uint64_t budget_ms, uint64_t now_ms);
/* CPU time this process has used, µs. */
uint64_t cpu_used_us(void);
/* The same as it was less than CPU_FRESH_US ago (now_us: monotonic): a system call less for a short job, and an error
 * that shows in at most one millisecond. */
enum { CPU_FRESH_US = 1000 };
struct cpu_reading {
    uint64_t used_us, at_us; /* at_us: 0: never */
};
uint64_t cpu_used_lately_us(struct cpu_reading *r, uint64_t now_us);
