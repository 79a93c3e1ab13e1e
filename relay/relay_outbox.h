/*
 * relay_outbox - the relay's task of turning committed rows of stint.stint_outbox into jobs, each once.
 *
 *   caller's transaction ─ commit ─► row ─► stint_outbox (Redis) ─► sent ─ 3 s on the same connection ─► relayed ─► Redis forgets the id
 *                                     └───────────── again after a death or a lost Redis: the first answer is repeated ─┘
 *
 * Runs in: relay. Blocks.
 *
 * Redis may lose its last second (appendfsync everysec). Which ids it has seen is written together with their jobs, so both are
 * lost or neither; and a row is not called relayed before its job is on disk. So a row sent again becomes a job exactly when Redis has lost it.
 */
#pragma once

#include "relay.h"

/* A relay_step_fn: sends at most 100 rows of the queue, oldest first; marks those sent long enough ago; deletes old ones now and
 * then. */
int relay_outbox_step(struct relay *r, const char *queue, struct err *e);
/* The lock, or Redis, was lost: begins anew at the next step. */
void relay_outbox_forget(struct relay_outbox *o);
