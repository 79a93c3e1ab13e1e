/*
 * tool_run - somebody else's program, run to its end: tar, pg_dump, pg_restore.
 *
 * Runs in: ctl. Blocks until it ended. It gets a plain environment and what is given, no descriptors but its own, and
 * dies with us. Nothing secret may be in its arguments: they are for everybody to read.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <sys/types.h>

enum { TOOL_ENV_MAX = 64, TOOL_ARG_MAX = 32 };

/* Borrowed for the call. */
struct tool {
    const char *const *argv; /* argv[0] is its absolute path; ends with NULL */
    char *const *env;        /* "NAME=value", ends with NULL; may be NULL. Added to the plain environment */
    /* Takes its standard output; NULL: dropped. */
    int (*take)(void *arg, const char *bytes, size_t len, struct err *e);
    void *arg;
    int in;    /* its standard input; 0: none */
    uid_t uid; /* as whom; 0: as we are */
    gid_t gid;
    bool (*stopped)(void); /* asked now and then: true ends it with ERR_CANCELLED; NULL: never */
};

/* 0 when it ended with exit status 0. ERR_REFUSED with the last words of its standard error when it failed; -ENOENT
 * when it is not there; the error of take. */
int tool_run(const struct tool *t, struct err *e);
