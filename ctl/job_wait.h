/*
 * job_wait - waits until a job has ended, and shows a job.
 *
 * Runs in: ctl. Blocks. Asks Redis at growing intervals (5 ms to 200 ms): a finished job rings no bell.
 */
#pragma once

#include "session.h"

/* A Redis that goes away in between is waited for up to a minute.
 * Waits until the job is done, dead, cancelled or expired, or timeout_ms (0: for ever) passed. *ret_job is the
 * caller's: the job as stint_job tells it; when its kind keeps no status and it is gone, {"id","state":"gone"}. 0, or
 * ERR_NOT_FOUND when it was never there, ERR_TIMEOUT when it has not ended in time, or a service's error. */
int job_wait_end(struct session *s, const char *queue, const char *id, int64_t timeout_ms, json_t **ret_job,
                 struct err *e);
/* A job waits for longer than it should: remarks when its queue is paused or served by nobody, with what to do. Asks Redis
 * once; says nothing when that fails. */
void job_wait_hint(struct session *s, const char *queue);
/* True when the state is one a job does not leave by itself. */
bool job_wait_ended(const char *state);
/* Prints how it ended: its result, or its last error with the next step. Returns the exit code: EXIT_DONE only for
 * "done". */
int job_wait_report(struct session *s, const json_t *job);
/* Which record err:<index> holds the latest of `total` errors: past half of ERRORS_MAX of functions/00_head.lua they replace one
 * another in the second half. Pure. */
int64_t job_wait_last_error_index(int64_t total);
/* The last error record of a job, borrowed, or NULL. */
const json_t *job_wait_last_error(const json_t *job);
/* What an operator can do about a dead job, by its last error (may be NULL), with the job's id and kind filled in.
 * Returns out. */
enum { NEXT_STEP_MAX = 512 };
char *job_wait_next_step(char out[static NEXT_STEP_MAX], const char *id, const char *kind, const json_t *error);
