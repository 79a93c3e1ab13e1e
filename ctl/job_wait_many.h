/*
 * job_wait_many - waits until many jobs have ended: a round trip asks for hundreds, not one for each.
 *
 * Runs in: ctl. Blocks. Owner: the caller's struct job_wait_many; ids are copied, at most JOB_WAIT_MANY_MAX.
 */
#pragma once

#include "session.h"

enum { JOB_WAIT_MANY_MAX = 1000000 };

/* Told of each job that ended; result is borrowed, NULL when the job left none or none was asked for. */
typedef void (*job_wait_many_fn)(void *arg, const char *id, const char *state, const json_t *result);

struct job_wait_many {
    struct job_wait_item {
        char *id; /* owned; NULL: ended */
        uint16_t queue;
    } *items; /* owned, in order of sending */
    size_t n, cap, first; /* first: all before it have ended */
    char (*queues)[QUEUE_MAX]; /* owned */
    size_t n_queues, ended;
    size_t done, dead, cancelled, expired, gone; /* how they ended; gone: its kind keeps no status */
    bool results;                                /* fetch what each job left */
    job_wait_many_fn on_end;                     /* may be NULL */
    void *arg;
};

/* Remembers a job. 0, ERR_OUT_OF_MEMORY, or ERR_REFUSED beyond JOB_WAIT_MANY_MAX. */
int job_wait_many_add(struct job_wait_many *w, const char *queue, const char *id, struct err *e);
/* Waits for all, with a progress bar on a terminal. ERR_TIMEOUT when timeout_ms (0: for ever) passed, or when no job
 * ended for stall_ms (0: for ever): the counts say how far it came. A Redis that goes away is an error. */
int job_wait_many_run(struct session *s, struct job_wait_many *w, int64_t timeout_ms, int64_t stall_ms, struct err *e);
/* Frees; twice-safe. */
void job_wait_many_fini(struct job_wait_many *w);
/* "3 done, 1 dead, …" to the results, and where to look when any is dead. Returns EXIT_DONE when each is done or gone,
 * else EXIT_FAILED. */
int job_wait_many_report(struct session *s, const struct job_wait_many *w);
