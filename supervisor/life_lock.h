/*
 * life_lock - proof that a supervisor of this machine, and every worker of it, is gone.
 *
 * Runs in: supervisor. Thread: loop only. Blocks for a few file operations.
 * Owns: the file state_dir/instances/<instance> and a descriptor that holds its lock.
 *
 * The lock (flock) belongs to the open file, which the supervisor shares with its workers as WORKER_FD_LIFE: the kernel
 * lets it go when the last of them has ended, however it ended. Whoever gets the lock has the proof; no process number
 * is trusted. A file of an earlier boot, or of another Redis, proves nothing for us.
 */
#pragma once

#include "base.h"
#include "err.h"

enum { LIFE_PATH_MAX = 400, LIFE_DEAD_MAX = 16 };

struct life_lock {
    int fd;                   /* holds the lock; -1: none */
    char path[LIFE_PATH_MAX]; /* "" none */
};

/* A supervisor that is gone. */
struct life_dead {
    char instance[INSTANCE_MAX];
    struct life_lock lock; /* ours now, so that nobody else takes it for another's */
};

struct life_scan {
    struct life_dead dead[LIFE_DEAD_MAX];
    size_t n;      /* of them; kept over scans */
    size_t dying;  /* files whose supervisor's process is gone while the lock is still held: look again soon */
    size_t living; /* files of supervisors that live */
};

/* Makes our file and takes its lock; makes the folder (mode 0700) when it is missing. redis: where our Redis is, without
 * a secret. 0, or -errno with e naming the path; *ret_life holds nothing then. */
int life_lock_open(struct life_lock *ret_life, const char *state_dir, const char *instance, const char *redis,
                   struct err *e);
/* Lets go; remove: nobody needs to end this instance any more. Safe on what was never opened. */
void life_lock_close(struct life_lock *life, bool remove);
/* Looks at every file but own: those whose lock is free are added to scan->dead, up to LIFE_DEAD_MAX in all; those of an
 * earlier boot are removed (their lease ended long ago). A folder that cannot be read holds nobody. */
void life_lock_scan(struct life_scan *scan, const char *state_dir, const char *own, const char *redis);
/* Removes the i-th of the dead and its file: it was ended. */
void life_lock_forget(struct life_scan *scan, size_t i);
