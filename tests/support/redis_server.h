/*
 * redis_server - a private, real Redis for one test program.
 *
 * Runs in: tests and benches. Blocks, always with a deadline.
 * Owns: a folder made by mkdtemp (removed by redis_server_close) and the server process, which dies with the thread
 * that started it (PR_SET_PDEATHSIG), so an aborted test leaves no server behind.
 */
#pragma once

#include "base.h"
#include <hiredis/hiredis.h>
#include <sys/types.h>

enum { REDIS_SERVER_DEADLINE_MS = 60000 };

struct redis_server_options {
    bool aof;              /* appendonly yes, appendfsync everysec: a restart finds its data again */
    const char *maxmemory; /* "20mb" with noeviction, or NULL: none */
};

struct redis_server {
    struct redis_server_options options;
    pid_t pid;       /* 0: not running */
    char dir[64];    /* "" before the first start and after close */
    char socket[96]; /* path of the Unix socket in dir */
    char url[112];   /* "unix:///…", for STINT_REDIS_URL and struct conf_redis */
};

/* Makes the folder, starts redis-server on a Unix socket in it and waits until it answers PONG. options may be NULL: no
 * AOF, no memory limit. 0, -ETIMEDOUT when it is not ready within REDIS_SERVER_DEADLINE_MS, else -errno; nothing is
 * left running then. The log is <dir>/redis.log. */
int redis_server_start(struct redis_server *s, const struct redis_server_options *options);
/* Ends it with SIGTERM (the AOF is flushed), SIGKILL past the deadline. The folder stays. Nothing when not running. */
void redis_server_stop(struct redis_server *s);
/* SIGKILL, and waits until the process is gone. The folder stays. Nothing when not running. */
void redis_server_kill(struct redis_server *s);
/* Stops it when it runs, then starts it again on the same folder, socket and options. As redis_server_start. */
int redis_server_restart(struct redis_server *s);
/* Stops it and removes the folder. NULL-safe, twice-safe, safe on a zeroed struct. */
void redis_server_close(struct redis_server *s);
/* A new blocking connection whose commands time out after REDIS_SERVER_DEADLINE_MS, the caller's to redisFree; NULL
 * when it cannot connect. */
redisContext *redis_server_connect(const struct redis_server *s);
/* As redis_server_connect, with the Functions library of this source tree loaded; NULL when the server refuses it (the
 * reason is printed to standard error). */
redisContext *redis_server_connect_functions(const struct redis_server *s);
