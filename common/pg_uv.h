/*
 * pg_uv - a bounded pool of PostgreSQL connections on a libuv loop, with pipelined batches of statements.
 *
 * Runs in: worker. Thread: the loop's only. Never blocks.
 * A handler acquires a connection, sends batches on it (each batch is one round trip: libpq pipeline mode, one sync),
 * and releases it. Put BEGIN first and COMMIT last in a batch for a one-round-trip transaction, or spread a transaction
 * over several batches; a connection released inside a transaction is rolled back first. statement_timeout and
 * application_name are set on connect. Lost connections are made again on the next acquire.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include "pg_batch.h"
#include "pg_error.h"
#include <libpq-fe.h>
#include <uv.h>

struct pg_pool;
struct pg_conn;

/* Connects only when first asked for a connection. Copies conf. NULL when memory is short. */
struct pg_pool *pg_pool_new(uv_loop_t *loop, const struct conf_postgres *conf, const char *application_name);
/* From now on nothing is kept: whatever a caller does between acquire and release is one transaction that is rolled back
 * at the release, with savepoints where the caller says BEGIN and COMMIT. What it locks stays locked until then. For
 * running a job again without its effects. Call it before the first acquire. */
void pg_pool_discard(struct pg_pool *p);
/* Pending acquires fail with ERR_STORE_UNAVAILABLE, batches under way too, before this returns. */
void pg_pool_close(struct pg_pool *p, void (*on_closed)(void *arg), void *arg);

/* on_conn gets a connection (yours until pg_pool_release) or NULL with e (ERR_STORE_UNAVAILABLE: message names the
 * remedy). Waits its turn when all are taken, and for a server that is restarting, together at most connect_timeout;
 * refused at once when PG_WAITERS_MAX wait already. Never called from inside pg_pool_acquire. */
enum { PG_WAITERS_MAX = 256 };
void pg_pool_acquire(struct pg_pool *p, void (*on_conn)(void *arg, struct pg_conn *conn, const struct err *e),
                     void *arg);
/* Gives it back. In a transaction: it is rolled back first. With a batch under way: the session is ended, which rolls
 * back, and on_done is not called. */
void pg_pool_release(struct pg_pool *p, struct pg_conn *conn);

/* Sends the batch (takes it) in one pipeline. on_done: results[i] belongs to statement i (borrowed for the call); on
 * the first failed statement e is set (code by SQLSTATE, the table of pg_error: ERR_STORE_UNAVAILABLE, ERR_STORE_LOST,
 * ERR_STORE_CONFLICT are transient, ERR_STORE_REFUSED is not), the sqlstate is in e's message, results after it are NULL, and the
 * transaction, if one is open, must be ended by the caller (release does it). A lost connection is
 * ERR_STORE_LOST: whether the batch was committed is unknown. One batch at a time on a connection, of at least
 * one statement. on_done is never called from inside pg_conn_send. */
typedef void (*pg_done_fn)(void *arg, PGresult *const results[], size_t n, const struct err *e);
void pg_conn_send(struct pg_conn *conn, struct pg_batch *b, pg_done_fn on_done, void *arg);
/* on_idle_lost is called from the loop when a session nobody holds has ended by itself. */
void pg_pool_on_idle_lost(struct pg_pool *p, void (*on_idle_lost)(void *arg), void *arg);
/* What the last connections and batches met: PG_FINE, or what is wrong with the server. */
enum pg_condition pg_pool_condition(const struct pg_pool *p);
/* Ends every wait now: batches under way and askers fail with e, sessions are dropped, and until pg_pool_resume new
 * askers are refused on the loop's next turn. For a job whose time is up while the server says nothing. False: nothing
 * was waiting, and nothing changes. */
bool pg_pool_give_up(struct pg_pool *p, const struct err *e);
void pg_pool_resume(struct pg_pool *p);
