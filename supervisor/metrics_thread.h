/*
 * metrics_thread - metrics, health and queue numbers over HTTP and in Redis, in a thread of the supervisor's process.
 *
 * Runs in: supervisor. The four functions are called from the supervisor's loop; all else happens in the thread, on its
 * own loop with its own connection to Redis. The thread reads the scoreboard's atomics and never touches the
 * supervisor's state: all it shares with it is the scoreboard, a stop flag, and copies of the configuration handed over
 * whole.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include "scoreboard.h"

struct metrics_thread;

/* Binds [metrics] listen and port (unless [metrics] enabled = no: queue numbers are published still), writes the port
 * to run_dir/metrics.port and starts the thread. conf is copied; board is borrowed until metrics_thread_stop. NULL with
 * e: the port is taken, the folder cannot be written, out of memory. */
struct metrics_thread *metrics_thread_start(const struct conf *conf, const struct scoreboard *board,
                                            const char *instance, struct err *e);
/* Hands over another configuration (copied); address and port stay. Does not wait. */
void metrics_thread_reload(struct metrics_thread *t, const struct conf *conf);
/* Ends the thread and frees all; blocks until it ended (milliseconds: nothing in it blocks). NULL-safe. */
void metrics_thread_stop(struct metrics_thread *t);
/* The port that is served, 0 when none. */
int metrics_thread_port(const struct metrics_thread *t);
