/*
 * fsck_postgres - what Redis and PostgreSQL must agree on: a job that is done has its outcome, a claim has its job.
 *
 * Runs in: ctl. Blocks on both services.
 */
#pragma once

#include "fsck_walk.h"

/* Of a page of the queue's keys (names longer than `skip`, "j:<id>" after it): jobs of kinds with an effect that Redis calls
 * done must have their outcome row. Adds what is wrong to f. */
int fsck_postgres_keys(struct fsck_walk *w, const redisReply *keys, size_t skip, struct fsck_findings *f,
                       struct err *e);
/* Claims older than an hour whose job Redis does not know and nobody archived. Adds them to f. */
int fsck_postgres_claims(struct fsck_walk *w, struct fsck_findings *f, struct err *e);
/* Deletes a claim found so, if it is the same claim and the job is still unknown. ret_text: what was done. 1 when it was
 * deleted, 0 when it was not, or an error. */
int fsck_postgres_mend(struct session *s, const struct fsck_finding *it, const char **ret_text, struct err *e);
