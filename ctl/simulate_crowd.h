/*
 * simulate_crowd - the people of a trace as tickets of one run: their ids, their payloads, who of them may be paired.
 *
 * Runs in: ctl. Pure. Owner: the caller's struct; the trace is borrowed.
 *
 * A ticket is called <run>-<id in the trace>: a run's people are never those of another, and whoever else is in the
 * pool is told apart.
 */
#pragma once

#include "trace.h"

enum { SIMULATE_RUN_MAX = 16, SIMULATE_ID_MAX = SIMULATE_RUN_MAX + TRACE_TICKET_ID_MAX, SIMULATE_NOBODY = -1 };

struct simulate_crowd {
    const struct trace *trace;
    char run[SIMULATE_RUN_MAX];
    uint32_t *by_id; /* owned: persons in order of their id */
};

/* What every ticket of the run has beside its person. */
struct simulate_ticket {
    const char *pool;
    int64_t presence_ms;
    bool notify; /* consents to being told of changes */
};

/* run: letters and digits. ERR_OUT_OF_MEMORY. */
int simulate_crowd_init(struct simulate_crowd *c, const struct trace *trace, const char *run, struct err *e);
void simulate_crowd_fini(struct simulate_crowd *c); /* twice-safe */

/* The ticket's id into ret_id; returns it. */
char *simulate_crowd_id(const struct simulate_crowd *c, uint32_t person, char ret_id[static SIMULATE_ID_MAX]);
/* Whose ticket it is, or SIMULATE_NOBODY. */
int64_t simulate_crowd_find(const struct simulate_crowd *c, const char *ticket);
/* The payload of the submit, compact JSON. The caller's; NULL without memory. */
char *simulate_crowd_submit(const struct simulate_crowd *c, uint32_t person, const struct simulate_ticket *how);
/* NULL when the two may be paired, by what their tickets say; else the rule they break ("age", "distance", …). Distance
 * is judged with 20 m and a ten-thousandth of slack: the matcher reckons with chords. */
const char *simulate_crowd_misfit(const struct simulate_crowd *c, uint32_t a, uint32_t b);
