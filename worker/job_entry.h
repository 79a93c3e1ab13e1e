/*
 * job_entry - a job as its stream entry says it, for a worker that reads a band by Redis' own command.
 *
 * Runs in: worker (and tests). Pure.
 * Reads what common/functions/25_job.lua reads of an entry that is in its first run and carries nothing but kind,
 * payload, id and h; test_job_entry holds the two against each other. Everything else is left to the Function
 * stint_adopt.
 */
#pragma once

#include "job.h"

enum { QUEUE_TAG_MAX = 16 }; /* 15 hex digits and the NUL */

/* The job of an entry, an array of its id and its fields; payload copied. tag: the queue's, by which an entry with the
 * id `*` has its name (docs/protocol.md §1); "": not known. False: an entry that a Function has to look at (options, an
 * earlier run, a payload elsewhere, a name that takes the tag when that is not known, anything that can never run); j
 * is unchanged then. */
bool job_entry_read(struct job *j, enum band band, const char *tag, const struct redisReply *entry);
