/*
 * dead_triage - dead letters by fingerprint: few problems instead of many letters.
 *
 * Runs in: ctl. Owner: the caller. Memory is bounded: DEAD_TRIAGE_GROUPS problems, DEAD_TRIAGE_NAMES builds and hosts of
 * each; what is beyond is counted and said.
 */
#pragma once

#include "dead_letters.h"

enum { DEAD_TRIAGE_GROUPS = 10000, DEAD_TRIAGE_NAMES = 8 };

struct dead_triage; /* heap */

struct dead_triage *dead_triage_new(void);    /* NULL without memory */
void dead_triage_free(struct dead_triage *t); /* NULL-safe */
/* Counts a letter, in order of death (oldest first). Borrows. */
void dead_triage_add(struct dead_triage *t, const struct dead_letter *letter);
/* Prints a block (or a JSON record) a problem, the largest first, with an example and the next step. archived: the letters
 * are in PostgreSQL. */
void dead_triage_print(struct dead_triage *t, struct session *s, bool archived);
