/*
 * stores - the two stores an operator's program works on, each opened when first asked for, and who is acting.
 *
 * Runs in: ctl, console. Owner: the caller's struct stores. One thread at a time; everything blocks with the configured
 * timeouts.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include "redis_sync.h"
#include <jansson.h>
#include <libpq-fe.h>

enum { ACTOR_MAX = 256 };

struct stores {
    char actor[ACTOR_MAX];   /* who is said to have changed something */
    const struct conf *conf; /* borrowed; NULL until load filled it in */
    /* Finds the configuration when it is first needed. NULL where conf is set from the start. */
    int (*load)(void *arg, const struct conf **ret_conf, struct err *e);
    void *arg;
    const char *application; /* our name in PostgreSQL's lists; borrowed; NULL: "stint" */
    struct redis_sync redis;
    bool redis_open;
    PGconn *pg; /* owned; NULL until stores_pg */
};

/* Closes what was opened; NULL-safe, twice-safe. */
void stores_fini(struct stores *s);
/* The configuration. Borrowed. */
int stores_conf(struct stores *s, const struct conf **ret_conf, struct err *e);
/* The connection, with the Functions library made sure of; one that was lost is made again. Borrowed. */
int stores_redis(struct stores *s, struct redis_sync **ret_redis, struct err *e);
/* The connection, with statement_timeout set; one that was lost is made again. Borrowed. ERR_STORE_UNAVAILABLE names
 * the reason, never the password. */
int stores_pg(struct stores *s, PGconn **ret_pg, struct err *e);
/* Redis' clock: ms since 1970. Its own, for what it dates; a host's may differ. */
int stores_redis_now(struct stores *s, int64_t *ret_ms, struct err *e);
/* Runs a statement with text parameters. *ret_rows is the caller's (PQclear). ERR_STORE_REFUSED with the server's
 * words. */
int stores_sql(struct stores *s, const char *sql, int n_params, const char *const params[], PGresult **ret_rows,
               struct err *e);
