/*
 * sanitized - what a sanitizer's runtime needs so that a cell can run under it.
 *
 * Runs in: parser zygote and cell of builds with a sanitizer (STINT_SANITIZE); in any other build each function does nothing and
 * SANITIZED_CALLS is empty. Such a build is for tests, never for foreign documents in production: its cell has more system
 * calls and no limit of address space.
 */
#pragma once

#include "base.h"

/* System calls that only a sanitizer's runtime makes, as members of a list of struct sandbox_rule. Maps may be anywhere and of any kind;
 * files it would read for a report are not there. */
#ifdef STINT_SANITIZED
#define SANITIZED_RULES                                                                                                                     \
    {.call = "mmap"}, {.call = "mprotect"}, {.call = "madvise"}, {.call = "sigaltstack"}, {.call = "getrusage"}, {.call = "prctl"},         \
        {.call = "sched_getaffinity"}, {.call = "gettid"}, {.call = "open", .refuse = ENOENT}, {.call = "readlink", .refuse = ENOENT},      \
        {.call = "stat", .refuse = ENOENT},
#else
#define SANITIZED_RULES
#endif

/* Zygote, after the warm-up: what the runtime would read from files for a report is read now. */
void sanitized_prepare(void);
/* Cell: reports go to fd (its standard error takes the library's notes), and it ends with PARSER_EXIT_MEM_LIMIT once its allocations hold
 * `bytes` more than now. A sanitizer reserves terabytes of address space, so no RLIMIT_AS serves. */
void sanitized_enter(int fd, uint64_t bytes);
