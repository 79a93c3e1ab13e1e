/*
 * relay_lock - one relay a queue, whatever the number of hosts: session-level advisory locks of PostgreSQL.
 *
 * Runs in: relay. Blocks. A lock ends with its session, so a dead relay's queues are free at once, and a lost host's when
 * the server notices (pg_dial.h: within PG_DIAL_LOST_MS). Two at once would do no harm, only work in vain: every step is
 * safe to be done twice.
 */
#pragma once

#include "relay.h"

/* Tries the locks of all queues not held. 0 or an error of PostgreSQL with e (the session may be gone then). */
int relay_lock_take(struct relay *r, struct err *e);
/* Forgets every lock; for a session that ended. */
void relay_lock_forget(struct relay *r);
/* Queues held. */
size_t relay_lock_count(const struct relay *r);
