/*
 * slot_start - what a worker is born with: arguments, descriptors, limits, environment, a process group of its own.
 *
 * Runs in: supervisor. Thread: loop only. Blocks until exec succeeded or failed (milliseconds).
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include <sys/types.h>

enum { START_ENV_MAX = 32 };

/* All borrowed for the call. */
struct slot_start {
    const char *program; /* absolute path of stint-worker */
    const char *repro;   /* value of the worker's --repro; NULL: none */
    const char *wrap;    /* absolute path of a program that is given the worker's command line; NULL: none */
    const char *instance;
    const struct conf *conf;
    const struct conf_pool *pool;
    uint32_t slot, generation;
    int log_fd, board_fd;
    int life_fd;   /* of the supervisor's lock (life_lock.h); -1: it has none */
    int crash_fd;  /* its crash page; -1: it leaves none */
    int cgroup_fd; /* folder of the cgroup it is born in; -1: the supervisor's own */
};

/* Starts it. 0 with *ret_pid and *ret_control_fd (the caller's; non-blocking, close-on-exec), or a negative code with e
 * naming the step that failed; nothing is left behind then. */
int slot_start(const struct slot_start *in, pid_t *ret_pid, int *ret_control_fd, struct err *e);

/* "NAME=value" strings of the environment a child may see, ended by NULL; the strings are the caller's to free, also on
 * failure (-ENOMEM). */
int slot_start_environment(char *ret_env[static START_ENV_MAX]);
/* A sealed memfd (close-on-exec) that holds the configuration, secrets included. Each worker gets its own, because a
 * shared one would share its read position. */
int slot_start_config(const struct conf *conf, int *ret_fd, struct err *e);
