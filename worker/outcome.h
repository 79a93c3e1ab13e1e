/*
 * outcome - the row that makes an effect happen once: stint.job_outcome(queue, job_id) with the epoch that wrote it.
 *
 * Runs in: worker. Thread: the loop's only. The statements are pure text added to a caller's batch; outcome_resolve talks.
 *
 *            (no row) ──────────────────── done by epoch e ──► done
 *               │ claim by epoch e > 1                            ▲
 *               ▼                                                 │ done by epoch ≥ the claim's
 *            claimed(e) ── claim by a higher epoch ──► claimed(e')┘      a lower epoch's write finds no row to change: refused
 *
 * How a handler applies an effect once (one connection, two round trips; one when the effect is a single statement):
 *
 *   batch 1:  BEGIN · its statements · outcome_add(b, run, result)
 *   then      outcome_applied(that statement's result)?  yes → batch 2: COMMIT, then job_run_done
 *                                                        no  → ROLLBACK (pg_pool_release does it), then outcome_resolve(run)
 *
 * One round trip is possible by making the effect depend on the outcome's row: WITH o AS (outcome statement RETURNING epoch)
 * INSERT … SELECT … FROM o; OUTCOME_DONE_SQL is the statement's text for that, its parameters in outcome_params' order.
 */
#pragma once

#include "base.h"
#include "kind.h"

/* Returns one row (epoch) when this delivery is the one that applies the effect, none when it is already applied or the job was
 * taken from this owner. $1 queue, $2 job id, $3 epoch, $4 kind, $5 result JSON or NULL. */
#define OUTCOME_DONE_SQL                                                                                               \
    "INSERT INTO stint.job_outcome(queue, job_id, epoch, state, kind, result, finished_at)"                            \
    " VALUES($1, $2, $3::bigint, 'done', $4, $5::jsonb, now())"                                                        \
    " ON CONFLICT (queue, job_id) DO UPDATE SET epoch = excluded.epoch, state = 'done', kind = excluded.kind,"         \
    " result = excluded.result, finished_at = excluded.finished_at"                                                    \
    " WHERE job_outcome.state = 'claimed' AND job_outcome.epoch <= excluded.epoch RETURNING epoch"

enum { OUTCOME_PARAMS = 5 };
struct outcome_params {
    const char *at[OUTCOME_PARAMS]; /* $1 … $5; borrowed from run, result_json and epoch */
    char epoch[24];
};

/* Fills p for OUTCOME_DONE_SQL. p borrows from run and result_json until it was used. */
void outcome_params(struct outcome_params *p, const struct job_run *run, const char *result_json);
/* Adds OUTCOME_DONE_SQL to b. result_json may be NULL; any size. 0 or a negative code of pg_batch_add. */
int outcome_add(struct pg_batch *b, const struct job_run *run, const char *result_json);
/* True when the outcome statement's result says: this delivery applies the effect; go on and commit. */
bool outcome_applied(const PGresult *result);
struct outcome_row {
    const struct job_run *run;
    const char *result_json; /* not NULL */
};
/* outcome_add for n > 0 runs of one queue and kind by one statement. fresh: the transaction is tried for the first time, and
 * takes for granted that a first delivery has no outcome yet; where one has, the statement fails (23505) instead of leaving
 * it out, and the transaction is to be tried again without `fresh`. 0, -ENOMEM or a negative code of pg_batch_add. */
int outcome_add_all(struct pg_batch *b, const struct outcome_row rows[], size_t n, bool fresh);
/* outcome_applied for all n runs of outcome_add_all. */
bool outcome_applied_all(const PGresult *result, size_t n);
/* outcome_applied for one run of outcome_add_all, where it was not for all. */
bool outcome_applied_to(const PGresult *result, const struct job_run *run);

/* Terminal call (kind.h) for a run whose outcome statement returned no row, after its transaction was rolled back: reads the
 * stored outcome and ends the run: done with the stored result when it is applied already, handed on when another owner
 * has claimed it. Never fails: if PostgreSQL went away meanwhile the run ends as a transient failure. */
void outcome_resolve(struct job_run *run);
