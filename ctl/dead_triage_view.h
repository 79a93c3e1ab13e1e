/*
 * dead_triage_view - the problems that dead letters fall into, for a person or as records.
 *
 * Runs in: ctl. Prints only.
 */
#pragma once

#include "dead_triage.h"
#include "session.h"

/* Prints a block (or a JSON record) a problem, the largest first, with an example and the next step. archived: the
 * letters are in PostgreSQL. */
void dead_triage_view_print(struct dead_triage *t, struct session *s, bool archived);
