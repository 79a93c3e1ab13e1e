/*
 * sandbox - the last steps of a child that will touch foreign bytes: seccomp allow-list and what goes with it.
 *
 * Runs in: parser cell, worker, stint-backtrace. The list of system calls is an argument: each program states its own, by measured need.
 */
#pragma once

#include "base.h"
#include "err.h"

/* Closes every descriptor but those in keep (n of them, any order). async-signal-safe. 0 or -errno. */
int sandbox_close_fds(const int *keep, size_t n);
/* Allows only the named system calls (NULL-terminated list); any other kills the process with SIGSYS. Sets no_new_privs first.
 * ERR_SANDBOX… as ERR_BOOT_FAILURE with e naming the call that could not be added. */
int sandbox_seccomp(const char *const allowed[], struct err *e);
/* The same, but a refused call raises SIGSYS with its number (siginfo's si_syscall) instead of killing at once, so that the
 * process can say which it was; it is not carried out either way. */
int sandbox_seccomp_trap(const char *const allowed[], struct err *e);
/* The other way round: allows all but the named calls, which raise SIGSYS as above and are not carried out. For programs whose
 * libraries' needs cannot be listed. A name this machine does not have is passed over. */
int sandbox_seccomp_deny(const char *const denied[], struct err *e);
/* Enters a new, empty user+network+ipc namespace where the kernel allows it. 0: entered; 1: the kernel refused (not fatal:
 * seccomp stands on its own), with e saying why. */
int sandbox_namespaces(struct err *e);
/* Name of a system call by number ("openat"), static or in buf; for SIGSYS evidence. */
const char *sandbox_syscall_name(int nr, char *buf, size_t size);
