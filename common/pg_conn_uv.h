/*
 * pg_conn_uv - one PostgreSQL session of the pool: connecting, one batch at a time, and its loss.
 *
 * Runs in: worker. Thread: the loop's only. Never blocks: the pool gives it addresses, never a name to look up
 * (pg_resolve_uv). Owner: pg_pool, which embeds it. A session that is lost leaves the struct empty; it can be connected
 * again.
 */
#pragma once

#include "pg_error.h"
#include "pg_uv.h"

enum pg_conn_state {
    PG_CONN_EMPTY, /* no session */
    PG_CONN_CONNECTING,
    PG_CONN_IDLE, /* a session, no batch */
    PG_CONN_BUSY, /* a batch is under way */
};

enum {
    PG_PREPARED_MAX = 256,     /* most statements kept prepared in one session; others are sent unprepared */
    PG_ANSWER_GRACE_MS = 2000, /* beyond statement_timeout before a silent server is given up */
};

/* A statement prepared in the session. */
struct pg_prepared {
    uint64_t hash; /* of its text; its name, too */
    bool sure;     /* the server said so; else it is on its way */
};

struct pg_conn {
    uv_loop_t *loop;
    enum pg_conn_state state;
    bool taken;                /* pool: it belongs to a caller */
    enum pg_condition condition; /* what the last connection or batch met */
    bool spoilt;               /* not to be used again: dropped on release */
    bool discard;              /* pg_pool_discard: BEGIN and COMMIT are those of a savepoint */
    PGconn *pg;                /* owned; NULL when empty */
    uv_poll_t *poll;           /* owned; NULL: none. On the heap: libpq may change its socket while connecting */
    int poll_fd, open_handles; /* handles whose close callback has yet to come */
    uv_timer_t timer;
    int64_t answer_timeout_ms;
    bool overdue; /* the timeout passed once: one more look at the socket before giving up */
    struct pg_prepared prepared[PG_PREPARED_MAX];
    size_t n_prepared;
    /* the batch under way */
    struct pg_batch *batch; /* owned */
    PGresult **results;     /* owned; one a statement */
    bool *preparing;        /* owned; one a statement: a Parse goes before it */
    size_t at;              /* statement whose answer comes next */
    bool prepare_answered, null_seen;
    struct err error; /* of the first failed statement; code 0: none */
    pg_done_fn on_done;
    void *done_arg;
    /* to the pool */
    void *arg;
    void (*on_connected)(void *arg, struct pg_conn *c, const struct err *e); /* e NULL: connected */
    void (*on_lost)(void *arg, struct pg_conn *c, const struct err *e);      /* an idle or busy session ended */
    void (*on_gone)(void *arg);                                              /* pg_conn_fini is complete */
    bool finishing;
};

/* Prepares the struct on a loop; arg and callbacks are set by the caller. */
void pg_conn_init(struct pg_conn *c, uv_loop_t *loop);
/* Starts to connect; on_connected is called once from the loop. keywords and values as for PQconnectStartParams,
 * borrowed for the call. */
void pg_conn_connect(struct pg_conn *c, const char *const keywords[], const char *const values[], int64_t timeout_ms);
/* Ends the session. A batch under way is done with e; on_lost is not called. */
void pg_conn_drop(struct pg_conn *c, const struct err *e);
/* Forgets the batch under way without telling anybody, and ends the session: its holder let go of it. */
void pg_conn_abandon(struct pg_conn *c);
/* For an idle session: looks at its socket, and drops it when the server hung up meanwhile. True when it is good to
 * use. */
bool pg_conn_alive(struct pg_conn *c);
/* True while the session is in a transaction, failed or not. */
bool pg_conn_in_transaction(const struct pg_conn *c);
/* Closes the handles; on_gone when they are closed. The session must have been dropped. */
void pg_conn_fini(struct pg_conn *c);
