/*
 * cgroup - one cgroup v2 leaf for each worker, inside a subtree that was delegated to us.
 *
 * Runs in: supervisor; worker (its own leaf, read only). Thread: loop only. Blocks for system calls on the cgroup file system only.
 *
 *   <our group>                 delegated by systemd (Delegate=yes) or the root of a container's own cgroup namespace
 *     ├─ supervisor             every process that was in our group: a group with children must hold none itself
 *     ├─ worker-1a2b3c4d-0.7    slot 0, its 7th process: memory.max, memory.high, cpu.max, pids.max, memory.oom.group=1
 *     └─ worker-1a2b3c4d-1.3    1a2b3c4d: the supervisor's life; during a hand-over there are two
 *
 * A leaf lives as long as one process and is made anew for the next, so that its counters and its peak are that
 * process's alone. Two supervisors at once in a delegated group: only while one hands over to the other.
 */
#pragma once

#include "base.h"
#include "err.h"

enum { CGROUP_PATH_MAX = 512, CGROUP_NAME_MAX = 48, CGROUP_WHY_MAX = 256, CGROUP_TAG_MAX = 16 };

/* The controllers a leaf is limited by. X(enum suffix, name in cgroup.controllers) */
#define CGROUP_CONTROLLERS(X) X(MEMORY, memory) X(PIDS, pids) X(CPU, cpu)
enum cgroup_controller {
#define X(suffix, name) CGROUP_##suffix,
    CGROUP_CONTROLLERS(X)
#undef X
        CGROUP_CONTROLLER_COUNT
};

struct cgroup_tree {
    int fd;                            /* owned: our group's folder; -1: limits come from rlimits alone */
    bool has[CGROUP_CONTROLLER_COUNT]; /* enabled for leaves; memory always when fd is open */
    char path[CGROUP_PATH_MAX];        /* as in /proc/self/cgroup; "" when unknown */
    char tag[CGROUP_TAG_MAX];          /* of our leaves' names: the supervisor's life; the caller's to set */
    char why[CGROUP_WHY_MAX];          /* which limits apply and why, one line for people */
};

/* 0 in any field: no limit. */
struct cgroup_limits {
    int64_t memory_max_bytes;  /* the kernel ends the whole leaf past it */
    int64_t memory_high_bytes; /* slowed down past it */
    int64_t cpu_percent;       /* of one CPU; 150: one and a half */
    int64_t tasks;             /* processes and threads together */
};

/* What the kernel counted for a leaf; -1: unknown. */
struct cgroup_usage {
    int64_t memory_bytes, memory_peak_bytes, memory_max_bytes;
    int64_t oom_kills;     /* processes of the leaf the kernel ended for want of memory */
    int64_t tasks_refused; /* forks refused by the limit of tasks */
    int64_t cpu_us, throttled_us;
};

/* Finds our group by proc_self ("/proc/self"), checks that it is delegated, moves every process in it to the leaf
 * `supervisor` and enables the controllers. t is the caller's; its why is set in any case. 0, or a negative code with e
 * (why there is no delegation, and the remedy); t->fd is -1 then. Call before there are threads that start processes.
 */
int cgroup_open(struct cgroup_tree *t, const char *proc_self, struct err *e);
/* A tree that is not used, for the reason given. */
void cgroup_none(struct cgroup_tree *t, const char *why);
/* NULL-safe, twice-safe. Our group and its leaves stay. */
void cgroup_close(struct cgroup_tree *t);

/* Makes the leaf (anew when an empty one is left) and limits it. 0 and *ret_fd, its folder, the caller's to close; or a
 * negative code with e naming the file that refused; the leaf is removed then. */
int cgroup_leaf_make(const struct cgroup_tree *t, const char *name, const struct cgroup_limits *l, int *ret_fd,
                     struct err *e);
/* Writes the limits into the leaf's files; 0, or -errno with *ret_file naming the one that refused (static storage). */
int cgroup_leaf_limit(const struct cgroup_tree *t, int leaf_fd, const struct cgroup_limits *l, const char **ret_file);
/* What was counted in the leaf so far. Never fails: what cannot be read is -1. */
void cgroup_leaf_read(int leaf_fd, struct cgroup_usage *ret);
/* CPU time of the leaf in microseconds, the most memory it ever had in bytes; -1: unknown. Cheaper than cgroup_leaf_read. */
int64_t cgroup_leaf_cpu_us(int leaf_fd);
int64_t cgroup_leaf_peak_bytes(int leaf_fd);
/* For a worker: the folder of the leaf it was born in, by proc_self ("/proc/self"). 0 and *ret_fd, the caller's to close; -ENOENT when it
 * is in none. */
int cgroup_own_leaf(const char *proc_self, int *ret_fd);
/* Ends what may still live in the leaf and removes it; one that is not yet empty is removed by a later sweep. */
void cgroup_leaf_drop(const struct cgroup_tree *t, const char *name, int leaf_fd);
/* Removes every worker leaf that is empty and whose name begins with `prefix` ("": all); returns how many. A leaf of zombies is
 * empty, and its counters go with it: while workers run, sweep only what is known to be reaped. */
uint32_t cgroup_sweep(const struct cgroup_tree *t, const char *prefix);

/* -- parsing, pure -- */
/* The v2 path ("0::/…") of /proc/PID/cgroup's text, without a trailing "/supervisor" of an earlier cgroup_open. 0,
 * -ENOENT without a v2 line, -EINVAL for a path outside our cgroup namespace or too long. */
int cgroup_parse_self(const char *text, char ret_path[static CGROUP_PATH_MAX]);
/* Where mountinfo's text says that the path's folder is. 0, or -ENOENT when no cgroup2 file system shows it. */
int cgroup_parse_mount(const char *mountinfo, const char *path, char ret_folder[static CGROUP_PATH_MAX]);
/* Where a cgroup file system shows a group: top is the mount's own folder, rest the group below it ("": the top itself). */
struct cgroup_place {
    char top[CGROUP_PATH_MAX], rest[CGROUP_PATH_MAX];
};
/* The same for the v1 hierarchy of a controller ("memory"; NULL: v2). elsewhere: a path that lies outside the mount is taken
 * for the mount's top, which is what a container is shown of itself when its paths are the host's. 0 or -ENOENT. */
int cgroup_parse_mount_of(const char *mountinfo, const char *controller, const char *path, bool elsewhere,
                          struct cgroup_place *ret);
/* The path of the v1 hierarchy that has the controller, of /proc/PID/cgroup's text. 0 or -ENOENT. */
int cgroup_parse_v1(const char *text, const char *controller, char ret_path[static CGROUP_PATH_MAX]);
/* The number after "key " in a flat keyed file ("oom_kill 3\n"); -1 when absent. */
int64_t cgroup_parse_key(const char *text, const char *key);
/* A file of one number; "max" and anything else is -1. */
int64_t cgroup_parse_number(const char *text);
/* True when the word is one of the space-separated words. */
bool cgroup_parse_has_word(const char *text, const char *word);
