/*
 * stack_services - the private Redis and PostgreSQL of a stack: where they are, how they are started, when they are
 * ready.
 *
 * Runs in: ctl. Pure command lines, and probes that block for at most a second.
 */
#pragma once

#include "conf.h"
#include "stack_child.h"

/* URLs of the private services; a configuration that names another one uses that instead. out: CONF_STR_MAX bytes. */
char *stack_redis_url(const struct stack_dir *d, char out[static CONF_STR_MAX]);
char *stack_postgres_url(const struct stack_dir *d, char out[static CONF_STR_MAX]);

/* Prepare the child's command line. -ENOENT with e naming the Debian package when the program is not installed. */
int stack_redis_init(struct stack_child *c, const struct stack_dir *d, struct err *e);
int stack_postgres_init(struct stack_child *c, const struct stack_dir *d, struct err *e);
int stack_supervisor_init(struct stack_child *c, const struct stack_dir *d, const char *conf_path, struct err *e);
/* The command line of initdb into DIR/postgres.new, which stack_postgres_adopt renames once it is complete. False:
 * there is a database already. */
bool stack_initdb_needed(const struct stack_dir *d);
int stack_initdb_init(struct stack_child *c, const struct stack_dir *d, struct err *e);
int stack_postgres_adopt(const struct stack_dir *d, struct err *e);
/* Makes the database "stint" when there is none. */
int stack_postgres_database(const struct stack_dir *d, struct err *e);

enum stack_probe {
    STACK_PROBE_READY,
    STACK_PROBE_WORKING, /* alive and busy getting ready: replays its log, recovers */
    STACK_PROBE_SILENT,
};

/* One look; e says what was seen when not ready. The supervisor is ready when it has Redis, no pool is still booting
 * and at least one has workers; e then names a pool that was stopped for good, if there is one (else its code stays as
 * it was). */
enum stack_probe stack_redis_probe(const struct conf *conf, struct err *e);
enum stack_probe stack_postgres_probe(const char *url, struct err *e);
enum stack_probe stack_supervisor_probe(const struct conf *conf, struct err *e);
/* The process that answers on the control socket; 0: none does. */
pid_t stack_supervisor_pid(const struct conf *conf);
