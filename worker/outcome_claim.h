/*
 * outcome_claim - the outcome row's other half: claiming it before a redelivered job runs, and reading it back.
 *
 * Runs in: worker. Thread: the loop's only. Asynchronous on the worker's PostgreSQL pool.
 */
#pragma once

#include "job_batch.h"

/* Claims the outcomes of the group's jobs with epoch > 1 (all JOB_SETTLING). Ends those whose effect is applied already as done with
 * the stored result, hands on those another owner has claimed, then calls job_runner_settled for the rest. */
void outcome_claim(struct worker *w, struct job_core *const group[], size_t n);
