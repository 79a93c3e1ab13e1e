/*
 * job_pages - the jobs of a queue by state, a page at a time: what waits, what runs, what is put off.
 *
 * Runs in: console. Blocks. Reads only. Each call asks Redis for a bounded number of entries, however long the queue
 * is: a page goes on where the last one ended, by a cursor that is a place in the stream rather than a count.
 */
#pragma once

#include "request.h"

enum { JOB_PAGES_LOOK_MAX = 1000 }; /* entries looked at for one page */

/* A page of `state` ("ready", "active", "scheduled") of a band (all of them when NULL; not for scheduled), after the
 * cursor ("" : the beginning). *ret: {"jobs":[…],"next":cursor or null}. */
int job_pages_read(struct request *r, const char *queue, const char *state, const char *band, const char *after,
                   size_t limit, json_t **ret, struct err *e);
