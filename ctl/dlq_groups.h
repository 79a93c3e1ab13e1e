/*
 * dlq_groups - dead letters by fingerprint: few problems instead of many letters.
 *
 * Runs in: ctl. Prints only.
 */
#pragma once

#include "dead_letters.h"

/* Prints one block (or one JSON record) per fingerprint, the largest first, with an example and the next step. Reorders
 * the letters. */
int dlq_groups_print(struct session *s, struct dead_letters *letters, struct err *e);
