/*
 * relay_link - the relay's end of its supervisor's socket, and its waiting.
 *
 * Runs in: relay. The socket is WORKER_FD_CONTROL (ipc.h). EOF means that the supervisor died: the relay ends, for another
 * host's takes over.
 */
#pragma once

#include "relay.h"

/* SIGTERM and SIGINT ask to stop; a step that does not return within RELAY_STOP_MS of that is left where it is (the
 * process ends: every step may be). Call once. 0 or -errno. */
int relay_link_init(void);
/* Reads what the supervisor says, without waiting. True: go on. False: stop, r->stopping is set. */
bool relay_link_listen(struct relay *r);
/* "active", "standby" or "away" and words for people, as a heartbeat. */
void relay_link_say(struct relay *r, const char *state, const char *words);
/* Waits until the supervisor speaks, PostgreSQL notifies, a signal comes, or ms have passed. */
void relay_link_wait(struct relay *r, int64_t ms);
/* True when the supervisor is gone. */
bool relay_link_orphaned(void);
