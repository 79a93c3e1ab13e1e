/*
 * limits - resource limits of a child, set between fork and exec.
 *
 * Runs in: the forked child only (supervisor's for a worker, worker's for the parser, the parser's for a cell).
 * limits_apply is async-signal-safe: system calls only.
 */
#pragma once

#include "base.h"

/* 0 in any field: leave as inherited. */
struct limits {
    uint64_t address_space_bytes; /* RLIMIT_AS */
    uint64_t cpu_s;               /* RLIMIT_CPU, soft; the hard limit is one second more */
    uint64_t files;               /* RLIMIT_NOFILE */
    uint64_t processes;           /* RLIMIT_NPROC; counts the whole user's, not enforced for root */
    uint64_t core_bytes_set;      /* 1: apply core_bytes (0 means no core) */
    uint64_t core_bytes;          /* RLIMIT_CORE */
    uint64_t file_size_bytes;     /* RLIMIT_FSIZE */
    int nice;                     /* added to the inherited niceness */
    bool no_new_privs;            /* PR_SET_NO_NEW_PRIVS */
    int parent_death_signal;      /* PR_SET_PDEATHSIG; 0: none */
};

/* Applies all; 0 or -errno of the first that failed, its name in *ret_what (static storage). The child must exit then. */
int limits_apply(const struct limits *l, const char **ret_what);
