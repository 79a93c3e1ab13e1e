/*
 * handover_fsm - where a supervisor is in a hand-over: picture, states, events and the table of moves, from one list
 * each.
 *
 * Runs in: supervisor. Pure.
 *
 *   the one that hands over                         the one that takes over
 *
 *     NONE ◄──────────── gone ───────────┐            RISING ──ready──► OFFERED ──take──► TAKEN
 *      │ begin                           │              │  │             │  │              │
 *      ▼                                 │              │  └──── gone ───┼──┼──── gone ────┴──► NONE
 *     STARTING ── fail ──────────────► ENDING           │ fail           │ fail
 *      │ ready                           ▲              ▼                ▼
 *      ▼                                 │             LEAVING ◄─────────┘
 *     GIVING ──── fail ──────────────────┘
 *      │ taken                               (TAKEN fails only by the predecessor's "end", which crossed its "taken")
 *      ▼
 *     GIVEN ──── gone ──► NONE        gone leads to NONE from every state of the left side: the other end is no more
 *
 * A supervisor that took over and whose predecessor is gone is in NONE again, and may hand over in its turn.
 */
#pragma once

#include "base.h"

/* X(state, name in status) */
#define HANDOVER_STATES(X)                                                                                             \
    X(NONE, "none")         /* nobody beside us */                                                                     \
    X(STARTING, "starting") /* a successor starts its workers; we work on */                                           \
    X(GIVING, "giving")     /* its workers are ready; it takes over the sockets; we work on */                         \
    X(GIVEN, "given")       /* it has taken over; we drain */                                                          \
    X(ENDING, "ending")     /* it failed and is being ended; we work on */                                             \
    X(RISING, "rising")     /* we are a successor and start our workers */                                             \
    X(OFFERED, "offered")   /* they are ready, and our predecessor knows */                                            \
    X(TAKEN, "taken")       /* we have taken over; our predecessor drains */                                           \
    X(LEAVING, "leaving")   /* we are a successor that failed, and leave */

/* X(event): BEGIN is an order; READY, TAKE and TAKEN are a side's word; FAIL is either's decision; GONE is the kernel's
 * word that the other end is closed. */
#define HANDOVER_EVENTS(X) X(BEGIN) X(READY) X(TAKE) X(TAKEN) X(FAIL) X(GONE)

/* X(from, event, to); what is not listed is refused. Words that come late change nothing. */
#define HANDOVER_MOVES(X)                                                                                              \
    X(NONE, BEGIN, STARTING)                                                                                           \
    X(STARTING, READY, GIVING)                                                                                         \
    X(STARTING, FAIL, ENDING)                                                                                          \
    X(STARTING, GONE, NONE)                                                                                            \
    X(GIVING, TAKEN, GIVEN)                                                                                            \
    X(GIVING, FAIL, ENDING)                                                                                            \
    X(GIVING, GONE, NONE)                                                                                              \
    X(GIVEN, GONE, NONE)                                                                                               \
    X(ENDING, READY, ENDING)                                                                                           \
    X(ENDING, TAKEN, ENDING)                                                                                           \
    X(ENDING, FAIL, ENDING)                                                                                            \
    X(ENDING, GONE, NONE)                                                                                              \
    X(RISING, READY, OFFERED)                                                                                          \
    X(RISING, FAIL, LEAVING)                                                                                           \
    X(RISING, GONE, NONE)                                                                                              \
    X(OFFERED, TAKE, TAKEN)                                                                                            \
    X(OFFERED, FAIL, LEAVING)                                                                                          \
    X(OFFERED, GONE, NONE)                                                                                             \
    X(TAKEN, FAIL, LEAVING)                                                                                            \
    X(TAKEN, GONE, NONE)                                                                                               \
    X(LEAVING, TAKE, LEAVING)                                                                                          \
    X(LEAVING, FAIL, LEAVING)                                                                                          \
    X(LEAVING, GONE, LEAVING)

enum handover_state {
#define X(state, name) HANDOVER_##state,
    HANDOVER_STATES(X)
#undef X
        HANDOVER_STATE_COUNT
};

enum handover_event {
#define X(event) HANDOVER_EVENT_##event,
    HANDOVER_EVENTS(X)
#undef X
        HANDOVER_EVENT_COUNT
};

/* The state after event. 0 and *ret_next, or -EPROTO when the table has no such move (*ret_next untouched). */
int handover_fsm_next(enum handover_state state, enum handover_event event, enum handover_state *ret_next);
/* "starting", …; "unknown" out of range. Static storage. */
const char *handover_state_name(enum handover_state state);
/* "READY", …; static storage. */
const char *handover_event_name(enum handover_event event);
