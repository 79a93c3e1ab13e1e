/*
 * container_limits - how much memory and CPU the cgroups we run in leave us: those of a container, a systemd unit, a
 * slice.
 *
 * Runs in: supervisor, ctl. Reads files below /proc and /sys/fs/cgroup only; blocks for that long.
 *
 * The limit of a group holds for everything below it, so the nearest to being reached decides: our own group and all
 * above it that can be seen are read, in cgroup v2 and in the v1 hierarchies of memory and cpu, and the least limit is
 * taken. In a container the file system often begins at the container's own group; v1's hierarchical_memory_limit then
 * still tells of those above. A memory limit at or above the machine's memory binds nobody and counts as none, as v1's
 * way to write "unlimited" (2^63 in pages). What cannot be read or understood counts as no limit: a supervisor must
 * start where the kernel shows it nothing.
 */
#pragma once

#include "base.h"
#include "cgroup.h"

enum { CONTAINER_FROM_MAX = CGROUP_PATH_MAX + 64, CONTAINER_TEXT_MAX = 2 * CONTAINER_FROM_MAX + 128 };

struct container_limits {
    int64_t memory_bytes;      /* least memory limit; 0: none */
    int64_t memory_free_bytes; /* before the first of those limits, or the machine's own memory, is full; page cache
                                  that can be dropped counts as free; -1: unknown */
    int64_t machine_bytes;     /* MemTotal; 0: unknown */
    int64_t cpu_percent;       /* least CPU quota, in percent of one CPU; 0: none */
    int64_t cpu_used_us;       /* CPU time the group with that quota has used so far; -1: unknown, or no quota */
    int64_t cpus;              /* CPUs this process may run on (affinity, cpusets); at least 1 */
    char memory_from[CONTAINER_FROM_MAX]; /* the file that says so; "" without a limit */
    char cpu_from[CONTAINER_FROM_MAX];    /* as above */
};

/* Reads all of it now. root goes before every path: "" but in tests, where it is a folder with proc/ and sys/ of its
 * own. Never fails. */
void container_limits_read(struct container_limits *ret, const char *root);
/* CPU time that may be used, in percent of one CPU: the quota, or all CPUs this process may run on, whichever is less;
 * at least 1. */
int64_t container_limits_cpu(const struct container_limits *l);
/* Whole CPUs of it, rounded up; at least 1: as many processes as can compute at once. */
int64_t container_limits_cpus(const struct container_limits *l);
/* One line for people: which limits there are and where they come from. Returns ret. */
const char *container_limits_text(const struct container_limits *l, char ret[static CONTAINER_TEXT_MAX]);
