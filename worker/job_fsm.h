/*
 * job_fsm - the life of one claimed job inside a worker, from the fetch that claimed it to the answer that it is over.
 *
 * Runs in: worker. Thread: loop only. Pure: no I/O, no clock.
 *
 *                       ┌───────────── RETURN (drain, unknown kind, slow batch, fatal) ──────────┐
 *                       │                                                                        ▼
 *   fetch ──► CLAIMED ──┼─ SETTLE ──► SETTLING ──────────┐                      ┌─ ASK ── RETURNED ◄─ LOST ┐
 *                │      │                │ START         │ END                  ▼                          │
 *                │      └─ START ──► RUNNING ── CANCEL ──┼──► STOPPING      RETURNING ─────────────────────┘
 *                │ END                   │ END           │       │ END          │ ANSWER
 *                │                       ▼               ▼       │              ▼
 *                └──────────────────► ENDED ◄────────────────────┘            GONE
 *                                       │ ▲                                     ▲
 *                                  ASK  ▼ │ LOST (no answer: ask again)         │
 *                                     TELLING ────────── ANSWER ────────────────┘
 *
 * SETTLING: redelivered job of a storing kind, its outcome is being claimed in PostgreSQL. TELLING: a finish with this job's end
 * is under way. A job leaves the worker's hands only by an answer of Redis.
 */
#pragma once

#include "base.h"

/* X(state, name) */
#define JOB_STATES(X)                                                                                                  \
    X(JOB_CLAIMED, "claimed")                                                                                          \
    X(JOB_SETTLING, "settling")                                                                                        \
    X(JOB_RUNNING, "running")                                                                                          \
    X(JOB_STOPPING, "stopping")                                                                                        \
    X(JOB_ENDED, "ended")                                                                                              \
    X(JOB_TELLING, "telling")                                                                                          \
    X(JOB_RETURNED, "returned")                                                                                        \
    X(JOB_RETURNING, "returning")                                                                                      \
    X(JOB_GONE, "gone")

enum job_state {
#define X(state, name) state,
    JOB_STATES(X)
#undef X
        JOB_STATE_COUNT
};

enum job_event {
    JOB_EV_SETTLE, /* claim its outcome first */
    JOB_EV_START,  /* the handler has it */
    JOB_EV_CANCEL, /* the handler is asked to stop */
    JOB_EV_END,    /* its end is known */
    JOB_EV_RETURN, /* it shall be handed back */
    JOB_EV_ASK,    /* Redis is being told */
    JOB_EV_LOST,   /* … but did not answer */
    JOB_EV_ANSWER, /* Redis answered */
    JOB_EVENT_COUNT
};

/* X(from, event, to): every legal move; all others are our own bug. */
#define JOB_MOVES(X)                                                                                                   \
    X(JOB_CLAIMED, JOB_EV_SETTLE, JOB_SETTLING)                                                                        \
    X(JOB_CLAIMED, JOB_EV_START, JOB_RUNNING)                                                                          \
    X(JOB_CLAIMED, JOB_EV_END, JOB_ENDED)                                                                              \
    X(JOB_CLAIMED, JOB_EV_RETURN, JOB_RETURNED)                                                                        \
    X(JOB_SETTLING, JOB_EV_START, JOB_RUNNING)                                                                         \
    X(JOB_SETTLING, JOB_EV_END, JOB_ENDED)                                                                             \
    X(JOB_SETTLING, JOB_EV_RETURN, JOB_RETURNED)                                                                       \
    X(JOB_RUNNING, JOB_EV_CANCEL, JOB_STOPPING)                                                                        \
    X(JOB_RUNNING, JOB_EV_END, JOB_ENDED)                                                                              \
    X(JOB_RUNNING, JOB_EV_RETURN, JOB_RETURNED)                                                                        \
    X(JOB_STOPPING, JOB_EV_END, JOB_ENDED)                                                                             \
    X(JOB_STOPPING, JOB_EV_RETURN, JOB_RETURNED)                                                                       \
    X(JOB_ENDED, JOB_EV_ASK, JOB_TELLING)                                                                              \
    X(JOB_TELLING, JOB_EV_LOST, JOB_ENDED)                                                                             \
    X(JOB_TELLING, JOB_EV_ANSWER, JOB_GONE)                                                                            \
    X(JOB_RETURNED, JOB_EV_ASK, JOB_RETURNING)                                                                         \
    X(JOB_RETURNING, JOB_EV_LOST, JOB_RETURNED)                                                                        \
    X(JOB_RETURNING, JOB_EV_ANSWER, JOB_GONE)

/* The state after event, or -EINVAL when the table has no such move. */
int job_fsm_next(enum job_state from, enum job_event event);
/* "running", …; static storage. */
const char *job_state_name(enum job_state state);
