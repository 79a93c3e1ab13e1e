/*
 * job_usage - what a finished job used, kept with its status: time, processor time, the peak of memory.
 *
 * Runs in: worker. Thread: the loop's. Blocks for reads of the cgroup file system only, at most three a millisecond.
 * Owns: the open folder of the worker's own cgroup, where it has one: then parser and cells are counted too.
 */
#pragma once

#include "base.h"

enum { JOB_USAGE_MAX = 128, JOB_USAGE_FRESH_US = 1000, JOB_USAGE_PEAK_US = 100000 };

struct job_core;

struct job_usage {
    int leaf_fd;        /* -1: no cgroup of its own; the process alone is measured */
    int64_t cpu_us;     /* of the cgroup when the job under way began; -1: unknown */
    uint64_t cpu_at_us; /* monotonic: when that was read */
    int64_t peak_bytes; /* as last read */
    uint64_t peak_at_us;
};

/* Looks for the worker's own cgroup. */
void job_usage_open(struct job_usage *u);
void job_usage_close(struct job_usage *u);
/* A job begins that runs alone; counted: its status will be kept. */
void job_usage_begin(struct job_usage *u, bool counted);
/* What one job used; -1: not known. */
struct job_used {
    int64_t wall_ms, cpu_ms, peak_bytes;
    bool group; /* its worker's cgroup was measured, else the process */
};

/* Of the job that ends. The peak is that of the worker's life so far (the kernel cannot begin it anew before
 * Linux 6.12); memory of earlier jobs that was given back does not lower it. alone: nothing else ran beside the job, so
 * that the time is its own. A number read from the kernel serves for JOB_USAGE_FRESH_US: jobs shorter than that are
 * told by the number of before. */
struct job_used job_usage_of(struct job_usage *u, const struct job_core *item, bool alone);
/* {"wall_ms":…,"cpu_ms":…,"memory_peak_bytes":…,"of":"cgroup"|"process"}; what is not known is left out. */
void job_used_json(const struct job_used *used, char ret[static JOB_USAGE_MAX]);
/* The same as "<wall_ms> <cpu_ms> <memory_peak_bytes> <of>", - for what is not known. At most 64 bytes as long as no
 * number is out of the world: a longer one would cost the job's hash its small form. */
void job_used_words(const struct job_used *used, char ret[static JOB_USAGE_MAX]);
