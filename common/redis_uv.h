/*
 * redis_uv - an asynchronous Redis connection on a libuv loop that comes back by itself.
 *
 * Runs in: supervisor (loop and metrics thread, one each), worker. Thread: the loop's only. Never blocks.
 * On every (re)connection it AUTHs, SELECTs, makes sure the Functions library is there and that changes are taken, and
 * only then reports ready. Between connections it waits with capped exponential backoff and full jitter. A server that
 * answers what redis_trouble_table.h calls NOT_READY (LOADING, READONLY, MISCONF, …) or that it lost the library is a
 * lost connection: the command (which did nothing) gets a NULL reply.
 * With conf->cluster it is as many connections, to the masters of a Redis Cluster that have a slot of somebody's queue: each
 * command goes where the slot of its key is. It is ready as soon as one of them is, and says so again with every other one.
 * No callback comes from inside redis_uv_new or redis_uv_argv. The process must ignore SIGPIPE (libuv writes with it
 * on).
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include <hiredis/hiredis.h>
#include <uv.h>

struct redis_uv; /* opaque */

/* The answer to one command. reply is borrowed for the call; NULL when the connection was lost or timed out (e says
 * why). An error reply arrives as a reply of type REDIS_REPLY_ERROR. Called exactly once per accepted command. */
typedef void (*redis_uv_reply_fn)(void *arg, const redisReply *reply, const struct err *e);
/* ready: true when commands are accepted, false when the connection was lost or could not be made (e says why). */
typedef void (*redis_uv_state_fn)(void *arg, bool ready, const struct err *e);

/* name: for CLIENT SETNAME. block_ms: the longest BLOCK its commands will ask for, which the command timeout then comes
 * on top of; 0: none. Copies conf. Connects at once. */
struct redis_uv *redis_uv_new(uv_loop_t *loop, const struct conf_redis *conf, const char *name, int64_t block_ms,
                              redis_uv_state_fn on_state, void *arg);
/* Closes; pending callbacks get NULL replies before this returns; on_closed (may be NULL) when its handles are gone. */
void redis_uv_close(struct redis_uv *r, void (*on_closed)(void *arg), void *arg);
bool redis_uv_ready(const struct redis_uv *r);
/* The connection will be used for the queue (a cluster: connects to its node). True when commands about it are accepted. */
bool redis_uv_reaches(struct redis_uv *r, const char *queue);
/* Sends; arguments are copied. 0: on_reply will be called once. -ENOTCONN: not ready; -ENOBUFS: 65,536 commands or 128
 * MiB wait already; -ENOMEM: in these cases on_reply will not be called. on_reply may be NULL; lens may be NULL for
 * texts. */
int redis_uv_argv(struct redis_uv *r, redis_uv_reply_fn on_reply, void *arg, int argc, const char *const argv[],
                  const size_t lens[]);
/* Writes now what was sent in this turn of the loop, as far as the socket takes it; the rest goes at the turn's end.
 * For who is about to keep the loop busy. Calls nobody back. */
void redis_uv_flush(struct redis_uv *r);
/* The same for a command without a key (CLIENT …): to the server that has the queue. */
int redis_uv_argv_at(struct redis_uv *r, const char *queue, redis_uv_reply_fn on_reply, void *arg, int argc,
                     const char *const argv[], const size_t lens[]);
/* Drops the connection and connects anew (a server that answers READONLY or LOADING; tests). */
void redis_uv_reset(struct redis_uv *r);
/* Version of the Functions library on the server (a cluster: the oldest); -1: none or not known yet. Newer than ours is kept. */
long long redis_uv_library(const struct redis_uv *r);
/* Commands sent, and the last round trip in µs; for the scoreboard. */
void redis_uv_stats(const struct redis_uv *r, uint64_t *ret_commands, uint64_t *ret_last_rtt_us);
/* Hook for round trips: called with each answered command's µs. */
void redis_uv_on_rtt(struct redis_uv *r, void (*on_rtt)(void *arg, uint64_t us), void *arg);
