/*
 * wait_desk_uv - publishes what a pool's model says, if this supervisor is the one to do so (docs/protocol.md, §11).
 *
 * Runs in: supervisor's metrics thread. Thread: its loop's only. Never blocks.
 * Owns: nothing; it fills the desks of a wait_watch and sends on its publisher's connection.
 *
 *   every [metrics] interval, per pool:  FCALL stint_publish  ─►  ours: hash stint:{q}:stats, field pool:<name>, and
 * the channel another's: what it published, to be served here too every minute, if ours:               with it the
 * model's memory for the next start (hash stint:{q}:keep) after each refresh, if ours:         FCALL stint_notice:
 * changes for people who asked to be told
 */
#pragma once

#include "wait_watch_uv.h"

/* How long a lease lasts that is renewed every interval: a missed renewal and a half are forgiven. */
uint64_t wait_desk_lease_ms(const struct conf *conf);
/* Publishes the pool when its time has come, or asks who does. */
void wait_desk_turn(struct wait_watch *w, struct wait_queue *q, size_t pool, uint64_t mono_ms);
/* Tells people of this pool who asked what changed for them, if it is ours. Returns how many were looked at. */
size_t wait_desk_notices(struct wait_watch *w, struct wait_queue *q, size_t pool, int64_t now_ms, size_t looks);
/* Gives up what is ours of this queue, with the models' memory. Answers are counted in w->byes. */
void wait_desk_bye(struct wait_watch *w, struct wait_queue *q);
/* Frees what the desks own. */
void wait_desk_fini(struct wait_queue *q);
