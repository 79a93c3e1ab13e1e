/*
 * sandbox - the last steps of a child that will touch foreign bytes: descriptors, calls, namespaces.
 *
 * Runs in: parser cell, worker, stint-backtrace. The list of system calls is an argument: each program states its own, by measured need.
 */
#pragma once

#include "base.h"
#include "err.h"

/* Closes every descriptor but those in keep (n of them, any order). async-signal-safe. 0 or -errno. */
int sandbox_close_fds(const int *keep, size_t n);
/* Allows all but the named system calls (NULL-terminated list), which raise SIGSYS with their number and are not carried out. Sets no_new_privs
 * first. For programs whose libraries' needs cannot be listed; those that can be have sandbox_filter.h. A name this machine does not have
 * is passed over. 0, or ERR_BOOT_FAILURE with e naming the call that could not be added. */
int sandbox_seccomp_deny(const char *const denied[], struct err *e);
/* Enters a new, empty user+network+ipc namespace where the kernel allows it. 0: entered; 1: the kernel refused (not fatal:
 * seccomp stands on its own), with e saying why. */
int sandbox_namespaces(struct err *e);
/* Name of a system call by number ("openat"), static or in buf; for SIGSYS evidence. */
const char *sandbox_syscall_name(int nr, char *buf, size_t size);
