/*
 * job_usage - see job_usage.h. Refuses to tell a number that is not the job's: of a batch no processor time is told.
 */
#include "job_usage.h"

#include "cgroup.h"
#include "clock.h"
#include "cpu_budget.h"
#include "job_batch.h"

#include <stdio.h>
#include <sys/resource.h>

void job_usage_open(struct job_usage *u)
{
    *u = (struct job_usage){.leaf_fd = -1, .cpu_us = -1};
    if (cgroup_own_leaf("/proc/self", &u->leaf_fd) < 0)
        u->leaf_fd = -1;
}

void job_usage_close(struct job_usage *u)
{
    base_close_fd(&u->leaf_fd);
}

void job_usage_begin(struct job_usage *u, bool counted)
{
    u->cpu_us = counted && u->leaf_fd >= 0 ? cgroup_leaf_cpu_us(u->leaf_fd) : -1;
}

/* Adds ,"name":n unless n is unknown. */
static void put(char text[static JOB_USAGE_MAX], const char *name, int64_t n)
{
    size_t len = strlen(text);
    if (n >= 0)
        (void)snprintf(text + len, JOB_USAGE_MAX - len, "%s\"%s\":%lld", len > 1 ? "," : "", name, (long long)n);
}

void job_usage_text(const struct job_usage *u, const struct job_core *item, bool alone, char ret[static JOB_USAGE_MAX])
{
    struct rusage own = {0};
    bool ran = item->started_us != 0, group = u->leaf_fd >= 0;
    (void)getrusage(RUSAGE_SELF, &own);
    int64_t peak = group ? cgroup_leaf_peak_bytes(u->leaf_fd) : -1, cpu_us = -1;
    if (ran && alone && group && u->cpu_us >= 0)
        cpu_us = cgroup_leaf_cpu_us(u->leaf_fd) - u->cpu_us;
    else if (ran && alone && !group)
        cpu_us = (int64_t)(cpu_used_us() - item->cpu_at_start_us);
    (void)snprintf(ret, JOB_USAGE_MAX, "{");
    put(ret, "wall_ms", ran ? (int64_t)((clock_mono_ns() / 1000 - item->started_us) / 1000) : -1);
    put(ret, "cpu_ms", cpu_us < 0 ? -1 : cpu_us / 1000);
    put(ret, "memory_peak_bytes", peak >= 0 ? peak : (int64_t)own.ru_maxrss * 1024);
    size_t len = strlen(ret);
    (void)snprintf(ret + len, JOB_USAGE_MAX - len, ",\"of\":\"%s\"}", group ? "cgroup" : "process");
}
