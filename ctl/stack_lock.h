/*
 * stack_lock - who runs the stack of a folder: a lock that dies with its process, and a pid that can be checked.
 *
 * Runs in: ctl. The lock (DIR/stack.lock) is the truth; DIR/stack.pid names the process by pid and start time, so that a
 * number used again by somebody else is never signalled. The parts of the stack inherit the lock's descriptor: while
 * one of a killed stack is still ending, the folder is not free.
 */
#pragma once

#include "stack_dir.h"

/* Takes the lock and writes stack.pid. *ret_fd holds the lock until the last copy of it is closed. ERR_REFUSED when
 * another stack runs. Waits, at most wait_ms, for the parts of a stack that is gone (ERR_TIMED_OUT); on_wait (may be
 * NULL) is called once when it does. */
int stack_lock_take(const struct stack_dir *d, int64_t wait_ms, void (*on_wait)(void *arg), void *arg, int *ret_fd,
                    struct err *e);
/* The process that runs the stack, as a pidfd (the caller's) and a pid. ERR_NOT_FOUND when none does. */
int stack_lock_holder(const struct stack_dir *d, int *ret_pidfd, pid_t *ret_pid, struct err *e);
