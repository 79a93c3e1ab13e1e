/*
 * store_gate - no job is claimed while PostgreSQL cannot take its effect.
 *
 * Runs in: worker. Thread: loop only. Owner: struct worker.
 *
 *                     a look fails, or a run's store failed
 *          open ─────────────────────────────────────────► shut ◄─┐
 *           ▲  ▲                                            │     │ not yet: again after 100 ms … 5 s
 *           │  └──────────── a probe committed ─────────────┤     │
 *     a job's effect committed, or 30 s well                ▼     │
 *           └──────────────────────────────── on trial ◄── probe ─┘
 *                                             (one job at a time; shut again, and longer, when its store fails too)
 *
 * A job that fails because the store is away is handed back and pays nothing (retry_policy_free). The gate then shuts, and the
 * worker tries the store itself: it reads what its kinds' newest migrations made, and commits a row of its own and its removal, so
 * read-only servers, full disks, held locks and missing schemas are found by the gate and not by one job after the other. While it
 * is open it looks now and then, and at once when an idle session ends: readiness tells of an outage before a job meets it.
 * Always open when no kind of this worker stores.
 */
#pragma once

#include "kind.h"

struct worker;

struct store_gate {
    bool open, trial;
    bool asking;                 /* a look or probe is under way */
    bool hurt;                   /* shut by a job's failure: open on trial first */
    uint32_t failures;           /* in a row */
    uint64_t trial_until_ms;     /* monotonic */
    enum pg_condition condition; /* why it is shut; PG_FINE: not known yet */
    struct pg_conn *conn;        /* while asking */
    uv_timer_t timer;            /* until the next try or look */
};

enum { STORE_GATE_FIRST_MS = 100, STORE_GATE_MAX_MS = 5000, STORE_GATE_LOOK_MS = 10000, STORE_GATE_TRIAL_MS = 30000 };

/* Closed at first when some kind stores: the first probe opens it. */
void store_gate_init(struct worker *w);
void store_gate_close(struct worker *w);
bool store_gate_is_open(const struct worker *w);
/* True while one job at a time shall show whether the store is well again. */
bool store_gate_on_trial(const struct worker *w);
/* A run failed because the store was away: e says why. */
void store_gate_shut(struct worker *w, const struct err *e);
/* A run's effect was committed. */
void store_gate_proved(struct worker *w);
