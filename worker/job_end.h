/*
 * job_end - how a run's end becomes what Redis is told: one op of stint_finish, the counters, and the log line.
 *
 * Runs in: worker. Thread: loop only. Fills the item's op, a, b (or hand-back) and moves it to JOB_ENDED (or JOB_RETURNED).
 * Used by job_run.c for handlers' terminal calls, and by fetch.c for jobs that never start.
 */
#pragma once

#include "job_batch.h"

/* result_json: borrowed; NULL: none. */
void job_end_done(struct job_core *item, const char *result_json);
/* cause NULL: follows from e->code. detail_json may be NULL. */
void job_end_fail(struct job_core *item, const struct err *e, const char *cause, const char *detail_json);
void job_end_snooze(struct job_core *item, int64_t delay_ms, const char *reason);
void job_end_cancelled(struct job_core *item);
/* The store failed the run: handed back at no cost, and true; false when the job has had its share of that. */
bool job_end_free(struct job_core *item, const struct err *e);
/* Handed back, at no cost to the job. reason: a literal. */
void job_end_return(struct job_core *item, int64_t delay_ms, const char *reason);
/* The kind's counters, once Redis accepted the end. */
void job_end_count(const struct job_core *item, bool fenced);
