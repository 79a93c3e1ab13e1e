/*
 * job_result - a finished job's whole result, wherever the worker kept it.
 *
 * Runs in: ctl. Blocks on PostgreSQL when the result is there. Owns nothing.
 */
#pragma once

#include "session.h"

/* A result too large for Redis is in PostgreSQL, and the job says only that: puts the whole one in its place. A job without
 * such a note stays as it is. 0; ERR_NOT_FOUND when PostgreSQL does not hold it, or session_sql's errors: the job is
 * unchanged then. */
int job_result_complete(struct session *s, const char *queue, json_t *job, struct err *e);
/* The same for showing: what cannot be read is a remark, not a failure. */
void job_result_show(struct session *s, const char *queue, json_t *job);
