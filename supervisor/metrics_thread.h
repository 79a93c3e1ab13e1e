/*
 * metrics_thread - metrics, health and queue numbers over HTTP and in Redis, in a thread of the supervisor's process.
 *
 * Runs in: supervisor. The functions are called from the supervisor's loop; all else happens in the thread, on its
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
 * to run_dir/metrics.port and starts the thread. conf is copied; board is borrowed until metrics_thread_stop. listen_fd: -1, or a listening
 * socket that another supervisor still serves (taken, also on failure): where it is bound as configured, it is used, and
 * nobody is served before metrics_thread_serve. NULL with e: the port is taken, the folder cannot be written, out of
 * memory. */
struct metrics_thread *metrics_thread_start(const struct conf *conf, const struct scoreboard *board,
                                            const char *instance, int listen_fd, struct err *e);
/* The socket that was taken is ours now: serves it, writes the port. Does not wait. */
void metrics_thread_serve(struct metrics_thread *t);
/* Another supervisor serves the socket from now on: connections we have are served, none is accepted, the port's file is
 * its. Does not wait. */
void metrics_thread_yield(struct metrics_thread *t);
/* The listening socket, for a successor; borrowed, -1: nothing is served. */
int metrics_thread_listen_fd(const struct metrics_thread *t);
/* Hands over another configuration (copied); address and port stay. Does not wait. */
void metrics_thread_reload(struct metrics_thread *t, const struct conf *conf);
/* Ends the thread and frees all; blocks until it ended (milliseconds: nothing in it blocks). NULL-safe. */
void metrics_thread_stop(struct metrics_thread *t);
/* The port that is served, 0 when none. */
int metrics_thread_port(const struct metrics_thread *t);
