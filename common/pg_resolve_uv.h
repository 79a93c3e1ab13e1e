/*
 * pg_resolve_uv - the addresses behind the host names of a libpq URL, looked up off the loop's thread.
 *
 * Runs in: worker. Thread: the loop's; the look-up itself runs in libuv's thread pool. Never blocks. Owner: pg_pool.
 * libpq looks names up inside PQconnectStart, and a name server that does not answer would hold the loop up for many
 * seconds, its heartbeats and time limits with it. So libpq is given `hostaddr`, and `host` only as the name to check a
 * certificate against. Addresses and Unix sockets need no look-up; one is made before every connection otherwise, for a
 * failover may have changed what the name means.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <uv.h>

struct pg_resolve;

enum { PG_HOSTS_MAX = 8, PG_ADDRESSES_MAX = 16, PG_ADDRESSES_TEXT_MAX = 4096 };

/* What to add to the URL: comma-separated lists of equal length, or NULL where the URL needs nothing added. Owned by
 * the resolver, valid until the next ask. */
struct pg_addresses {
    const char *host, *hostaddr, *port;
};

/* Copies what it needs of url. on_done is called once for each pg_resolve_ask, from the loop: with the addresses, or
 * with e when no name could be resolved. NULL when memory is short. */
struct pg_resolve *pg_resolve_new(uv_loop_t *loop, const char *url,
                                  void (*on_done)(void *arg, const struct pg_addresses *found, const struct err *e),
                                  void *arg);
/* True when the URL has names to look up; else there is nothing to ask. */
bool pg_resolve_needed(const struct pg_resolve *r);
/* Starts a look-up unless one is under way: a name server that hangs costs one thread of the pool, never more. */
void pg_resolve_ask(struct pg_resolve *r);
/* True while a look-up is under way. */
bool pg_resolve_busy(const struct pg_resolve *r);
/* The names asked for, for messages: "db1, db2". */
const char *pg_resolve_names(const struct pg_resolve *r);
/* on_done is not called any more; freed at once, or when the look-up under way returns. NULL-safe. */
void pg_resolve_free(struct pg_resolve *r);
