/*
 * sandbox_filter - a list of allowed system calls, compiled once and entered by every child.
 *
 * Runs in: parser zygote (makes it), parser cell (enters it). One thread. Owns: its compiled program, on the heap.
 */
#pragma once

#include "base.h"
#include "err.h"

enum {
    SANDBOX_ARGS_MAX = 3,
    SANDBOX_OWN_PID = 0x53544f50, /* as a wanted value: the pid of whoever enters the filter */
};

struct sandbox_arg {
    unsigned index;        /* of the argument, from 0 */
    uint32_t mask, wanted; /* (argument & mask) == wanted, over its low 32 bits: all that the kernel takes of these arguments */
};

/* One line of a list. A call may have several: it is allowed when all conditions of one of them hold. */
struct sandbox_rule {
    const char *call;
    int refuse; /* 0: allowed; else the errno it fails with, without being carried out */
    size_t n_args;
    struct sandbox_arg args[SANDBOX_ARGS_MAX];
};

struct sandbox_filter;

/* Compiles the n rules. Any call not listed raises SIGSYS with its number (siginfo's si_syscall) and is not carried out, so that the process
 * can say which it was; a call by another architecture's or ABI's numbers kills at once. 0 and *ret_filter (the caller's), or
 * ERR_BOOT_FAILURE with e naming the call that could not be added. */
int sandbox_filter_make(const struct sandbox_rule rules[], size_t n, struct sandbox_filter **ret_filter, struct err *e);
/* Locks the calling process into it for good; sets no_new_privs first. System calls only. 0 or -errno. */
int sandbox_filter_enter(struct sandbox_filter *filter);
/* Accepts NULL. */
void sandbox_filter_free(struct sandbox_filter *filter);
