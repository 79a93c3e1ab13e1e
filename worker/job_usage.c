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

static uint64_t now_us(void)
{
    return clock_mono_ns() / 1000;
}

/* The group's time is what other jobs of the same millisecond left off at, too: no error that shows in whole
 * milliseconds. */
static int64_t group_cpu_us(struct job_usage *u, uint64_t at_us)
{
    if (u->cpu_us < 0 || at_us - u->cpu_at_us >= JOB_USAGE_FRESH_US) {
        u->cpu_us = cgroup_leaf_cpu_us(u->leaf_fd);
        u->cpu_at_us = at_us;
    }
    return u->cpu_us;
}

void job_usage_begin(struct job_usage *u, bool counted)
{
    if (!counted || u->leaf_fd < 0)
        u->cpu_us = -1;
    else
        (void)group_cpu_us(u, now_us());
}

/* A job that ran for longer than a reading is good for gets one of its own. */
static int64_t peak_bytes(struct job_usage *u, uint64_t at_us, uint64_t run_us)
{
    if (run_us < JOB_USAGE_FRESH_US && u->peak_at_us && at_us - u->peak_at_us < JOB_USAGE_PEAK_US)
        return u->peak_bytes;
    struct rusage own = {0};
    int64_t peak = u->leaf_fd >= 0 ? cgroup_leaf_peak_bytes(u->leaf_fd) : -1;
    (void)getrusage(RUSAGE_SELF, &own);
    u->peak_bytes = peak >= 0 ? peak : (int64_t)own.ru_maxrss * 1024;
    u->peak_at_us = at_us;
    return u->peak_bytes;
}

static int64_t cpu_ms_of(struct job_usage *u, const struct job_core *item, uint64_t run_us, uint64_t at_us)
{
    if (u->leaf_fd < 0)
        return run_us < JOB_USAGE_FRESH_US ? 0 : (int64_t)((cpu_used_us() - item->cpu_at_start_us) / 1000);
    int64_t began_us = u->cpu_us;
    return began_us < 0 ? -1 : (group_cpu_us(u, at_us) - began_us) / 1000;
}

struct job_used job_usage_of(struct job_usage *u, const struct job_core *item, bool alone)
{
    bool ran = item->started_us != 0;
    uint64_t at_us = now_us(), run_us = ran ? at_us - item->started_us : 0;
    return (struct job_used){
        .wall_ms = ran ? (int64_t)(run_us / 1000) : -1,
        .cpu_ms = ran && alone ? cpu_ms_of(u, item, run_us, at_us) : -1,
        .peak_bytes = peak_bytes(u, at_us, run_us),
        .group = u->leaf_fd >= 0,
    };
}

/* Adds ,"name":n unless n is unknown. */
static void put(char text[static JOB_USAGE_MAX], const char *name, int64_t n)
{
    size_t len = strlen(text);
    if (n >= 0)
        (void)snprintf(text + len, JOB_USAGE_MAX - len, "%s\"%s\":%lld", len > 1 ? "," : "", name, (long long)n);
}

static const char *measured(const struct job_used *used)
{
    return used->group ? "cgroup" : "process";
}

void job_used_json(const struct job_used *used, char ret[static JOB_USAGE_MAX])
{
    (void)snprintf(ret, JOB_USAGE_MAX, "{");
    put(ret, "wall_ms", used->wall_ms);
    put(ret, "cpu_ms", used->cpu_ms);
    put(ret, "memory_peak_bytes", used->peak_bytes);
    size_t len = strlen(ret);
    (void)snprintf(ret + len, JOB_USAGE_MAX - len, ",\"of\":\"%s\"}", measured(used));
}

void job_used_words(const struct job_used *used, char ret[static JOB_USAGE_MAX])
{
    const int64_t numbers[] = {used->wall_ms, used->cpu_ms, used->peak_bytes};
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        len += (size_t)(numbers[i] < 0 ? snprintf(ret + len, JOB_USAGE_MAX - len, "- ")
                                       : snprintf(ret + len, JOB_USAGE_MAX - len, "%lld ", (long long)numbers[i]));
    (void)snprintf(ret + len, JOB_USAGE_MAX - len, "%s", measured(used));
}
