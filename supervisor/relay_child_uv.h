/*
 * relay_child_uv - the life of the one stint-relay: started, watched by its heartbeats, ended, started again.
 *
 * Runs in: supervisor. Thread: the loop's only.
 * Owns: the relay's process and the descriptor to it. Knows its exit status and what it says of itself, never a store.
 */
#pragma once

#include "backoff.h"
#include "base.h"
#include "conf.h"
#include <jansson.h>
#include <sys/types.h>
#include <uv.h>

/* X(state, name in status, has a process). What a relay in RUNNING does is its own word: active, standby, away. */
#define RELAY_CHILD_STATES(X)                                                                                          \
    X(OFF, "off", false)           /* not wanted */                                                                    \
    X(STARTING, "starting", true)  /* executed, has not said anything */                                               \
    X(RUNNING, "running", true)    /* its heartbeats come */                                                           \
    X(STOPPING, "stopping", true)  /* was sent SIGTERM; SIGKILL follows after kill_grace */                            \
    X(KILLED, "killed", true)      /* was sent SIGKILL; waits to be reaped */                                          \
    X(BACKOFF, "backoff", false)   /* failed; starts again at a known time */

enum relay_child_state {
#define X(state, name, live) RELAY_CHILD_##state,
    RELAY_CHILD_STATES(X)
#undef X
};

enum { RELAY_WORDS_MAX = 256 };

struct relay_child {
    uv_loop_t *loop;         /* NULL: never initialised */
    const struct conf *conf; /* borrowed; its values change on reload */
    const char *instance;    /* borrowed */
    int log_fd;              /* borrowed */
    char program[512];
    enum relay_child_state state;
    bool ending; /* the supervisor drains: it is not started again */
    pid_t pid;
    int control_fd; /* owned; -1: none */
    uv_poll_t *poll; /* freed by the loop */
    uv_timer_t timer;
    struct backoff backoff;
    uint64_t started_ms, heard_ms, due_ms; /* monotonic; due: when the timer's next decision is */
    int64_t restarts;
    char says[RELAY_WORDS_MAX];  /* its last heartbeat: "active pdf, match" */
    char error[RELAY_WORDS_MAX]; /* why it does not run, or its last end; "" */
};

/* Ready to be applied; starts nothing. c must not move. */
void relay_child_init(struct relay_child *c, uv_loop_t *loop, const struct conf *conf, const char *instance, int log_fd);
/* Starts or stops it, as [relay] enabled says; with restart, a running one is replaced (its configuration is old). */
void relay_child_apply(struct relay_child *c, bool restart);
/* A child that is no worker ended: true when it was the relay. */
bool relay_child_reaped(struct relay_child *c, pid_t pid, int wait_status);
/* It ends and is not started again. */
void relay_child_end(struct relay_child *c);
/* A process exists. */
bool relay_child_live(const struct relay_child *c);
/* Its part of the status: {"state","pid","says","restarts","error"}. */
json_t *relay_child_status(const struct relay_child *c);
/* Closes its handles; the process must be gone. Safe when never initialised. */
void relay_child_close(struct relay_child *c);
