/*
 * stack_child - one supervised service of a stack: how it is started, that it ended, when it starts again.
 *
 * Runs in: ctl, as the stack process. Owner: struct stack embeds it. One thread; starting blocks for milliseconds.
 * A child has a process group of its own (a terminal's Ctrl-C reaches the stack alone) and dies with the stack.
 */
#pragma once

#include "stack_dir.h"

enum {
    STACK_LOCK_FD = 3, /* in a child: the stack's lock */
    STACK_ARG_MAX = 32,
    STACK_ARG_BYTES = 224,
    STACK_RESTART_BASE_MS = 200, /* doubled a death */
    STACK_RESTART_MAX_MS = 10000,
    STACK_RESTARTS_MAX = 10, /* deaths without STACK_CALM_MS between them: then it is given up */
    STACK_CALM_MS = 60000,
};

struct stack_child {
    const char *name; /* "Redis"; "" : not part of this stack */
    char program[STACK_PATH_MAX];
    char args[STACK_ARG_MAX][STACK_ARG_BYTES]; /* args[0] is the program's name */
    size_t n_args;
    char log_path[STACK_PATH_MAX];
    int death_signal; /* sent to it when the stack dies */
    pid_t pid;        /* 0: not running */
    int pidfd;        /* -1: not running */
    int status;       /* of the last end, as by waitpid */
    uint64_t started_ms;
    unsigned deaths;      /* in a row */
    uint64_t start_at_ms; /* when not running: time of the next start */
};

/* log: file name in DIR/log. program: absolute. */
void stack_child_init(struct stack_child *c, const struct stack_dir *d, const char *name, const char *program,
                      const char *log, int death_signal);
/* Adds an argument. Too long or too many asserts: they are ours. */
void stack_child_arg(struct stack_child *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* Starts it as the services' user, output appended to its log. lock_fd: inherited as descriptor 3. now_ms: monotonic.
 */
int stack_child_start(struct stack_child *c, const struct stack_dir *d, int lock_fd, uint64_t now_ms, struct err *e);
/* Takes another process for it: a child of ours that the one before has handed over to. False when it is none. */
bool stack_child_adopt(struct stack_child *c, pid_t pid, uint64_t now_ms);
/* Collects it when it ended: true, and the next start is planned. */
bool stack_child_ended(struct stack_child *c, uint64_t now_ms);
/* Sends a signal; nothing when it is not running. */
void stack_child_signal(const struct stack_child *c, int signo);
/* "exit status 1", "signal Killed" of its last end. Returns out. */
char *stack_child_how(const struct stack_child *c, char out[static 64]);
/* Calls say for each of the last lines of its log, at most n (up to 16). */
void stack_child_tail(const struct stack_child *c, size_t n, void (*say)(void *arg, const char *line), void *arg);
