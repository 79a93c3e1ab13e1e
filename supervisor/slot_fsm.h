/*
 * slot_fsm - the life of one worker slot: picture, states, events and the table of moves, from one list each.
 *
 * Runs in: supervisor (its loop moves), metrics thread (reads the state's number from the scoreboard). Pure.
 *
 *              spawned            ready              exited
 *     EMPTY ───────────► STARTING ──────► READY ──────────────► EMPTY ──defer──► BACKOFF ──spawned──► STARTING
 *       ▲                   │  │            │  │                                    │
 *       │             stop  │  │ term  stop │  │ term                               │ vacate
 *       │                   ▼  │            ▼  │                                    ▼
 *       │              STOPPING ◄───────────┘  │                                  EMPTY
 *       │                   │ term             │
 *       │                   ▼                  │
 *       │              TERMINATING ◄───────────┘
 *       │                   │ kill (also from STARTING, READY, STOPPING)
 *       │   exited          ▼
 *       └──────────────── KILLED             exited leads to EMPTY from every state that has a process
 */
#pragma once

#include "base.h"

/* X(state, name in status and metrics, has a process) */
#define SLOT_STATES(X)                                                                                                 \
    X(EMPTY, "empty", false)             /* nothing runs, nothing is planned */                                        \
    X(STARTING, "starting", true)        /* executed, has not said READY */                                            \
    X(READY, "ready", true)              /* fetches and runs jobs, or waits for the doorbell */                        \
    X(STOPPING, "stopping", true)        /* was asked to finish its job and exit */                                    \
    X(TERMINATING, "terminating", true)  /* was sent SIGTERM; SIGKILL follows after the grace */                       \
    X(KILLED, "killed", true)            /* was sent SIGKILL; waits to be reaped */                                    \
    X(BACKOFF, "backoff", false)         /* failed; starts again at a known time */

/* X(event): SPAWNED and EXITED are facts, READY is the worker's word, the others are our decisions. */
#define SLOT_EVENTS(X) X(SPAWNED) X(READY) X(STOP) X(TERM) X(KILL) X(EXITED) X(DEFER) X(VACATE)

/* X(from, event, to); what is not listed is refused. A late READY changes nothing in a slot that is being ended. */
#define SLOT_MOVES(X)                                                                                                  \
    X(EMPTY, SPAWNED, STARTING)                                                                                        \
    X(EMPTY, DEFER, BACKOFF)                                                                                           \
    X(BACKOFF, SPAWNED, STARTING)                                                                                      \
    X(BACKOFF, DEFER, BACKOFF)                                                                                         \
    X(BACKOFF, VACATE, EMPTY)                                                                                          \
    X(STARTING, READY, READY)                                                                                          \
    X(STARTING, STOP, STOPPING)                                                                                        \
    X(STARTING, TERM, TERMINATING)                                                                                     \
    X(STARTING, KILL, KILLED)                                                                                          \
    X(STARTING, EXITED, EMPTY)                                                                                         \
    X(READY, STOP, STOPPING)                                                                                           \
    X(READY, TERM, TERMINATING)                                                                                        \
    X(READY, KILL, KILLED)                                                                                             \
    X(READY, EXITED, EMPTY)                                                                                            \
    X(STOPPING, READY, STOPPING)                                                                                       \
    X(STOPPING, TERM, TERMINATING)                                                                                     \
    X(STOPPING, KILL, KILLED)                                                                                          \
    X(STOPPING, EXITED, EMPTY)                                                                                         \
    X(TERMINATING, READY, TERMINATING)                                                                                 \
    X(TERMINATING, KILL, KILLED)                                                                                       \
    X(TERMINATING, EXITED, EMPTY)                                                                                      \
    X(KILLED, READY, KILLED)                                                                                           \
    X(KILLED, EXITED, EMPTY)

enum slot_state {
#define X(state, name, live) SLOT_##state,
    SLOT_STATES(X)
#undef X
        SLOT_STATE_COUNT
};

enum slot_event {
#define X(event) SLOT_EVENT_##event,
    SLOT_EVENTS(X)
#undef X
        SLOT_EVENT_COUNT
};

/* The state after event. 0 and *ret_next, or -EPROTO when the table has no such move (*ret_next untouched): for READY
 * that is the worker's fault and is only worth a log line; for every other event it is ours. */
int slot_fsm_next(enum slot_state state, enum slot_event event, enum slot_state *ret_next);
/* True for states in which a process exists and must be reaped. */
bool slot_state_live(enum slot_state state);
/* "ready", …; "unknown" out of range. Static storage. */
const char *slot_state_name(enum slot_state state);
/* "READY", …; static storage. */
const char *slot_event_name(enum slot_event event);
