/*
 * companion_uv - a program of ours at the other end of a seqpacket socket: started, watched, sent packets to, ended.
 *
 * Runs in: worker, ctl. Thread: the loop's only. Never blocks, but for the start of the program (milliseconds).
 */
#pragma once

#include "err.h"
#include "limits.h"
#include <uv.h>

/* One that runs, or COMPANION_NONE. The owner holds it by value. */
struct companion {
    uv_poll_t *poll; /* heap: outlives the program until its close callback */
    int fd;          /* its socket, non-blocking; -1: none runs */
    pid_t pid;       /* 0: none runs */
};
#define COMPANION_NONE ((struct companion){.poll = NULL, .fd = -1, .pid = 0})

/* What is started. Borrowed for the call. */
struct companion_program {
    const char *name;            /* "stint-parser": found as spawn_find_program does */
    char *const *options;        /* its arguments, NULL-terminated; NULL: none */
    const struct limits *limits; /* NULL: none */
    int code;                    /* of every error but ERR_NO_DESCRIPTORS */
};

/* Starts the program with the other end of a new socket as descriptor 3, the standard error of this one and a bare
 * environment, and calls on_readable with `arg` in the handle's data whenever there is something to receive (or the
 * end). c must be COMPANION_NONE. 0, or a negative code with e, whose message is "NAME …: why"; nothing runs then. */
int companion_start(struct companion *c, uv_loop_t *loop, const struct companion_program *program,
                    uv_poll_cb on_readable, void *arg, struct err *e);
/* Ends the program, if any is left, and waits for it (SIGKILL; its own end first, if that has come). waitpid's status;
 * 0 when none ran. */
int companion_end(struct companion *c);
