/*
 * pg_tools - PostgreSQL's own programs, found and given the connection of postgres.url without a secret among their
 * arguments.
 *
 * Runs in: ctl. Blocks on the disk only.
 */
#pragma once

#include "conf.h"
#include "tool_run.h"
#include <linux/limits.h>

/* Environment variables of libpq for a connection: "PGHOST=…", with the password; only this user and root can read
 * them. */
struct pg_env {
    char *vars[TOOL_ENV_MAX + 1]; /* owned; ends with NULL */
    size_t n;
    char database[256]; /* pg_restore wants it named; no secret */
};

/* From a connection URL or string, above what the caller's own PG… variables say. ERR_BAD_CONFIG when it is none. */
int pg_env_make(struct pg_env *env, const char *url, struct err *e);
void pg_env_fini(struct pg_env *env); /* twice-safe */

/* The newest installed "pg_dump" or "pg_restore". ERR_REFUSED with the Debian package to install when there is none, or
 * when it is older than server_major (0: any will do). */
int pg_tools_find(const char *name, int server_major, char ret_path[static PATH_MAX], struct err *e);
/* tool_run; root, where PostgreSQL takes the service's user alone (peer), runs it as that user (pg_dial.h). */
int pg_tools_run(const struct tool *t, struct err *e);
