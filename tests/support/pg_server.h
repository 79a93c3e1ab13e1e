/*
 * pg_server - a private, real PostgreSQL for one test program.
 *
 * Runs in: tests and benches. Blocks, always with a deadline.
 * Owns: a folder made by mkdtemp (removed by pg_server_close) and the server process, which dies with the thread that
 * started it (PR_SET_PDEATHSIG). As root the server runs as user postgres, since it refuses to be root.
 * initdb runs once a machine, not once a test: its result is kept in $STINT_TEST_CACHE, else
 * /tmp/stint-test-cache-<uid>.
 */
#pragma once

#include "base.h"
#include <libpq-fe.h>
#include <sys/types.h>

enum { PG_SERVER_DEADLINE_MS = 60000 };

struct pg_server {
    pid_t pid;     /* of the postmaster; 0: not running */
    char dir[64];  /* holds data, the Unix socket and log; "" before the first start and after close */
    char url[192]; /* for STINT_POSTGRES_URL and struct conf_postgres; superuser "postgres" */
};

/* Makes the folder, starts PostgreSQL (Unix socket only, fsync off) and waits until it answers. 0, -ENOENT when
 * PostgreSQL is not installed, -ETIMEDOUT, else -errno; the reason is printed to standard error and nothing is left
 * running. */
int pg_server_start(struct pg_server *s);
/* Fast shutdown: sessions are ended, data is kept. Nothing when not running. */
void pg_server_stop(struct pg_server *s);
/* SIGKILL to the postmaster, and waits until it is gone: a crash. Nothing when not running. */
void pg_server_kill(struct pg_server *s);
/* Stops it when it runs, then starts it on the same folder. As pg_server_start. */
int pg_server_restart(struct pg_server *s);
/* SIGSTOP or SIGCONT to the postmaster and all its sessions. */
void pg_server_signal_all(const struct pg_server *s, int signo);
/* Stops it and removes the folder. NULL-safe, twice-safe, safe on a zeroed struct. */
void pg_server_close(struct pg_server *s);
/* A new blocking connection, the caller's to PQfinish; NULL when it cannot connect. */
PGconn *pg_server_connect(const struct pg_server *s);
/* Runs one statement (or several, separated by ';') on a connection of its own; the first column of the first row goes
 * to ret_text (size bytes, "" when there is none; NULL: not wanted). False when it failed; why is printed. */
bool pg_server_query(const struct pg_server *s, const char *sql, char *ret_text, size_t size);
