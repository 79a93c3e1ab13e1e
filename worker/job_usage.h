/*
 * job_usage - what a finished job used, kept with its status: time, processor time, the peak of memory.
 *
 * Runs in: worker. Thread: the loop's. Blocks for reads of the cgroup file system only, twice a tracked job.
 * Owns: the open folder of the worker's own cgroup, where it has one: then parser and cells are counted too.
 */
#pragma once

#include "base.h"

enum { JOB_USAGE_MAX = 128 };

struct job_core;

struct job_usage {
    int leaf_fd;        /* -1: no cgroup of its own; the process alone is measured */
    int64_t cpu_us;     /* of the cgroup when the job under way began; -1: unknown */
};

/* Looks for the worker's own cgroup. */
void job_usage_open(struct job_usage *u);
void job_usage_close(struct job_usage *u);
/* A job begins that runs alone; counted: its status will be kept. */
void job_usage_begin(struct job_usage *u, bool counted);
/* {"wall_ms":…,"cpu_ms":…,"memory_peak_bytes":…,"of":"cgroup"|"process"} of the job that ends; what is not known is left out. The peak is that of
 * the worker's life so far (the kernel cannot begin it anew before Linux 6.12); memory of earlier jobs that was given back does not
 * lower it. Times in milliseconds. alone: nothing else ran beside the job, so that the cgroup's time is its own. */
void job_usage_text(const struct job_usage *u, const struct job_core *item, bool alone, char ret[static JOB_USAGE_MAX]);
