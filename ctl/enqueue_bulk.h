/*
 * enqueue_bulk - `stint enqueue --bulk FILE`: a file of jobs, sent in order in batches of at most 100.
 *
 * Runs in: ctl. Blocks. Memory: one batch.
 */
#pragma once

#include "session.h"

/* Sends every line from --from-line on. Refused lines are named and do not stop the rest; a lost service stops it and
 * says with which line to go on. Returns the exit code: EXIT_FAILED when any line was refused. */
int enqueue_bulk_run(struct session *s, const char *path);
