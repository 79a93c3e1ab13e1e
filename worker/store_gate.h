/*
 * store_gate - no job is claimed while PostgreSQL cannot be reached.
 *
 * Runs in: worker. Thread: loop only. Owner: struct worker.
 * A job that fails because the store is away costs one attempt of that job. The gate then closes, and the worker tries the
 * store itself, with backoff, until it answers: an outage costs each worker's job in hand one attempt, not the whole queue.
 * Always open when no kind of this worker stores.
 */
#pragma once

#include "kind.h"

struct worker;

struct store_gate {
    bool open;
    bool trying;        /* an acquire is under way */
    uint32_t failures;  /* in a row */
    uv_timer_t timer;   /* until the next try */
};

enum { STORE_GATE_FIRST_MS = 100, STORE_GATE_MAX_MS = 5000 };

/* Closed at first when some kind stores: the first try opens it. */
void store_gate_init(struct worker *w);
void store_gate_close(struct worker *w);
bool store_gate_is_open(const struct worker *w);
/* A run failed because the store was away. */
void store_gate_shut(struct worker *w);
