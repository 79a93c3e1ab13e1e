/*
 * enqueue_bulk - `stint enqueue --bulk FILE`: a file of jobs, sent in order in batches of at most 100.
 *
 * Runs in: ctl. Blocks. Memory: one batch.
 */
#pragma once

#include "job_wait_many.h"
#include "session.h"

/* Makes a line of the enqueue form ({"kind","payload",…}) out of another. *ret_line is the caller's. An error refuses
 * the line. */
typedef int (*enqueue_bulk_fn)(struct session *s, const json_t *line, json_t **ret_line, struct err *e);

/* Sends every line from --from-line on. Refused lines are named and do not stop the rest; a lost service stops it and
 * says with which line to go on. transform: NULL when lines are of that form already. wait: gets every job that
 * is there now, a duplicate's first one too; NULL when nobody will wait. Returns the exit code: EXIT_FAILED when any line
 * was refused. */
int enqueue_bulk_run(struct session *s, const char *path, enqueue_bulk_fn transform, struct job_wait_many *wait);
