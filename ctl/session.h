/*
 * session - what a verb works with: options, output, and the services, each opened when first asked for.
 *
 * Runs in: ctl. Owner: verb_main's. One thread; everything blocks with the configured timeouts.
 */
#pragma once

#include "args.h"
#include "base.h"
#include "conf.h"
#include "err.h"
#include "out.h"
#include "stores.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 3,
    EXIT_UNREACHABLE = 4,
    EXIT_REFUSED = 5,
};

struct session {
    struct out out;
    struct args args;  /* of the verb and the global options */
    const char *verb;  /* its words, borrowed; for messages */
    struct conf *conf; /* owned; NULL until session_conf */
    struct stores stores;
};

/* Nothing is opened yet; the actor is found. */
void session_init(struct session *s);
/* Closes what was opened; NULL-safe. */
void session_fini(struct session *s);

/* The configuration by --config, --dir and conf_find(); its run_dir by --run-dir. Borrowed until session_fini. */
int session_conf(struct session *s, const struct conf **ret_conf, struct err *e);
/* The folder --dir names, else conf_default_dir(). */
void session_dir(const struct session *s, char ret_dir[static CONF_STR_MAX]);
/* stores_redis, stores_pg and stores_sql on s->stores. */
int session_redis(struct session *s, struct redis_sync **ret_redis, struct err *e);
int session_pg(struct session *s, PGconn **ret_pg, struct err *e);
int session_sql(struct session *s, const char *sql, int n_params, const char *const params[], PGresult **ret_rows,
                struct err *e);

/* Says the error on standard error (a JSON object under --json) and returns the exit code for it. */
int session_fail(struct session *s, const struct err *e);
/* The exit code alone. */
enum exit_code session_exit_code(int code);
/* Asks "question [y/N]" on the terminal. True for yes. False at once when standard input is no terminal. */
bool session_confirm(struct session *s, const char *question);
