/*
 * job_run - running claimed jobs: start, time limits, cancellation, and the handlers' side of kind.h.
 *
 * Runs in: worker. Thread: loop only. Owner: struct worker. At most one group of runs is active: one job, or one round of a
 * batch_whole kind.
 */
#pragma once

#include "cpu_budget.h"
#include "job_batch.h"

struct job_runner {
    struct job_core **group; /* scratch, cap of the batch */
    struct job_run **runs;   /* scratch, same size */
    uv_timer_t timer;        /* the nearest soft deadline of the active runs */
    struct cpu_budget cpu;
    struct cpu_reading used; /* of this process, when a run began */
    unsigned short seed[3];  /* erand48 state, for jitter */
    bool alone;               /* the active group is one job */
    uint64_t active_since_ms; /* monotonic; when the active group was started */
};

/* The batch must be there. */
void job_runner_init(struct worker *w);
/* Stops and closes the timer. */
void job_runner_close(struct worker *w);
/* Frees the scratch arrays, once the loop has ended. */
void job_runner_fini(struct worker *w);

/* Starts the next claimed job or round. It may have ended when this returns. */
void job_runner_start(struct worker *w);
/* Arms the soft timeout of what is still active; stops it when nothing is. Call when control returns to the loop. */
void job_runner_watch(struct worker *w);
/* Asks the run with this stream entry ("<band>:<entry id>") to stop; a job not started yet ends as cancelled. False: no such job in hand. */
bool job_runner_cancel(struct worker *w, const char *which);
/* For outcome.c: the claims of a redelivered group are in; starts those still JOB_SETTLING. */
void job_runner_settled(struct worker *w, struct job_core *const group[], size_t n);
