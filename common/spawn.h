/*
 * spawn - fork then exec, with exactly the descriptors named.
 *
 * Runs in: supervisor, worker, ctl. Safe with threads: the child makes async-signal-safe calls only and then execs.
 */
#pragma once

#include "base.h"
#include "err.h"
#include "limits.h"
#include <sys/types.h>

/* What the child gets. Borrowed for the call. */
struct spawn {
    const char *path;          /* absolute */
    char *const *argv;         /* NULL-terminated */
    char *const *envp;         /* NULL-terminated; NULL: inherit */
    const int *fds;            /* fds[i] becomes descriptor i in the child; -1: /dev/null; all others are closed */
    size_t n_fds;
    const struct limits *limits; /* NULL: none */
    int cgroup_fd;             /* folder of the cgroup v2 group it is born in; 0: the parent's */
    bool new_process_group;
    uid_t uid;                 /* 0: keep; else setgroups(0), setgid(gid), setuid(uid) */
    gid_t gid;
};

/* Starts the child. Blocks until exec succeeded or failed (milliseconds). 0 and the pid, or a negative code with e naming
 * the step that failed; the child is reaped then. */
int spawn_exec(const struct spawn *s, pid_t *ret_pid, struct err *e);

/* Absolute path of a sibling program ("stint-worker"): beside the running executable, else in ../libexec/stint from there,
 * else the configured libexec and bin folders, else $PATH. 0 or -ENOENT with e listing where it looked. */
int spawn_find_program(const char *name, char *ret_path, size_t size, struct err *e);
