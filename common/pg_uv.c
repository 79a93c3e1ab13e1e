/*
 * pg_uv - the pool: who gets a session next, when one is made, and how long anybody waits.
 * It refuses to grow: more askers than sessions wait in a bounded line, and the line has a deadline.
 */
#include "pg_uv.h"

#include <stdio.h>
#include <sys/random.h>

#include "pg_conn_uv.h"
#include "pg_resolve_uv.h"

enum {
    POOL_MAX = 16,      /* conf_table.h's limit of postgres.pool_max */
    RETRY_BASE_MS = 50, /* between attempts to connect while somebody waits; doubled, full jitter */
    RETRY_MAX_MS = 1000,
    IDLE_TRANSACTION_MS = 60000, /* the server ends a transaction whose worker went silent inside it */
    OPTIONS_MAX = 512,
};

struct waiter {
    void (*on_conn)(void *arg, struct pg_conn *conn, const struct err *e);
    void *arg;
    uint64_t deadline_ms; /* the same wait for all: the first in line is the first to give up */
};

struct pg_pool {
    uv_loop_t *loop;
    struct conf_postgres conf;
    char application_name[64];
    char options[OPTIONS_MAX];
    struct pg_conn conns[POOL_MAX];
    size_t n_conns;
    struct waiter waiters[PG_WAITERS_MAX]; /* a ring */
    size_t first, n_waiters;
    uv_timer_t timer; /* the next thing to do: serve, give up, or try to connect again */
    unsigned attempt; /* failed connections in a row */
    uint64_t retry_at_ms;
    struct err last_error; /* why the last connection failed; code 0: it did not */
    enum pg_condition condition; /* of the server, as last met */
    struct pg_resolve *resolve;  /* owned */
    bool overdue, given_up, closing;
    size_t open_parts; /* sessions and timer whose handles are not gone */
    void (*on_closed)(void *arg);
    void *closed_arg;
    void (*on_idle_lost)(void *arg);
    void *idle_lost_arg;
};

static void on_timer(uv_timer_t *timer);

/* --- the line --- */

static struct waiter pop_waiter(struct pg_pool *p)
{
    struct waiter w = p->waiters[p->first];
    p->first = (p->first + 1) % PG_WAITERS_MAX;
    p->n_waiters--;
    return w;
}

static size_t count_conns(const struct pg_pool *p, enum pg_conn_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_conns; i++)
        n += p->conns[i].state == state && !p->conns[i].taken;
    return n;
}

static struct pg_conn *find_conn(struct pg_pool *p, enum pg_conn_state state)
{
    for (size_t i = 0; i < p->n_conns; i++) {
        if (p->conns[i].state == state && !p->conns[i].taken)
            return &p->conns[i];
    }
    return NULL;
}

/* Looks at the line on the loop's next turn. */
static void schedule(struct pg_pool *p, uint64_t delay_ms)
{
    if (!p->closing)
        (void)uv_timer_start(&p->timer, on_timer, delay_ms, 0);
}

/* found NULL: libpq finds the server by itself, nothing has to be looked up. */
static void connect_one(struct pg_pool *p, struct pg_conn *c, const struct pg_addresses *found)
{
    const char *const keywords[] = {"dbname",          "application_name",   "options", "client_encoding",
                                    "keepalives_idle", "keepalives_interval", found ? "host" : NULL,
                                    "hostaddr",        "port",                NULL};
    const char *const values[] = {p->conf.url, p->application_name, p->options, "UTF8", "15", "5",
                                  found ? found->host : NULL, found ? found->hostaddr : NULL,
                                  found ? found->port : NULL, NULL};
    c->answer_timeout_ms = p->conf.statement_timeout + PG_ANSWER_GRACE_MS;
    pg_conn_connect(c, keywords, values, p->conf.connect_timeout);
}

static void on_begun(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct pg_conn *c = arg;
    (void)results;
    (void)n;
    c->taken = false;
    if (e && c->state == PG_CONN_IDLE)
        pg_conn_drop(c, e);
    schedule(c->arg, 0);
}

/* The transaction a discarded session lives in, before anybody gets it. */
static void begin_discarded(struct pg_conn *c)
{
    struct pg_batch *begin = pg_batch_new();
    if (!begin || pg_batch_add(begin, "BEGIN TRANSACTION", 0, NULL) < 0) {
        pg_batch_free(begin);
        pg_conn_drop(c, NULL); /* no memory: nobody may get a session that would keep what it is told */
        return;
    }
    c->taken = true;
    pg_conn_send(c, begin, on_begun, c);
}

static void serve_waiters(struct pg_pool *p)
{
    while (p->n_waiters > 0 && !p->closing) {
        struct pg_conn *c = find_conn(p, PG_CONN_IDLE);
        if (!c)
            return;
        if (!pg_conn_alive(c))
            continue;
        if (c->discard && !pg_conn_in_transaction(c)) {
            begin_discarded(c);
            continue;
        }
        struct waiter w = pop_waiter(p);
        c->taken = true;
        w.on_conn(w.arg, c, NULL);
    }
}

/* Why nobody got a connection in time, when no attempt to connect has told. */
static void explain_wait(struct pg_pool *p, struct err *e)
{
    if (p->last_error.code) {
        *e = p->last_error;
        return;
    }
    bool resolving = pg_resolve_busy(p->resolve);
    p->condition = resolving ? PG_NAME : PG_BUSY;
    if (resolving)
        (void)err_set(e, ERR_STORE_UNAVAILABLE, "PostgreSQL %s: %s: no answer for %lld ms; %s",
                      pg_condition_text(PG_NAME), pg_resolve_names(p->resolve), (long long)p->conf.connect_timeout,
                      pg_condition_remedy(PG_NAME));
    else
        (void)err_set(
            e, ERR_STORE_UNAVAILABLE,
            "PostgreSQL: all %zu connections of this worker stayed busy for %lld ms; raise postgres.pool_max",
            p->n_conns, (long long)p->conf.connect_timeout);
}

static void refuse_waiters(struct pg_pool *p)
{
    while (p->n_waiters > 0 && !p->closing &&
           (p->given_up || p->waiters[p->first].deadline_ms <= uv_now(p->loop))) {
        struct err e;
        struct waiter w = pop_waiter(p);
        explain_wait(p, &e);
        w.on_conn(w.arg, NULL, &e);
    }
}

/* As many sessions as there are askers without one on its way. */
static void connect_all(struct pg_pool *p, const struct pg_addresses *found)
{
    while (p->n_waiters > count_conns(p, PG_CONN_CONNECTING)) {
        struct pg_conn *c = find_conn(p, PG_CONN_EMPTY);
        if (!c)
            return;
        connect_one(p, c, found);
    }
}

static void connect_for_waiters(struct pg_pool *p)
{
    if (uv_now(p->loop) < p->retry_at_ms || p->n_waiters <= count_conns(p, PG_CONN_CONNECTING) ||
        !find_conn(p, PG_CONN_EMPTY))
        return;
    if (pg_resolve_needed(p->resolve))
        pg_resolve_ask(p->resolve);
    else
        connect_all(p, NULL);
}

static void on_timer(uv_timer_t *timer)
{
    struct pg_pool *p = timer->data;
    serve_waiters(p);
    if (p->closing || p->n_waiters == 0)
        return;
    uint64_t now = uv_now(p->loop), deadline = p->waiters[p->first].deadline_ms;
    if (deadline <= now && !p->overdue && !p->given_up) {
        p->overdue =
            true; /* the loop itself may have been busy: sockets are looked at once before anybody is refused */
        schedule(p, 1);
        return;
    }
    p->overdue = false;
    refuse_waiters(p);
    if (p->closing || p->n_waiters == 0)
        return;
    connect_for_waiters(p);
    uint64_t next = p->waiters[p->first].deadline_ms;
    if (p->retry_at_ms > now)
        next = MIN_OF(next, p->retry_at_ms);
    schedule(p, next > now ? next - now : 0);
}

/* --- what sessions say --- */

static void connecting_failed(struct pg_pool *p, enum pg_condition condition, const struct err *e)
{
    uint32_t random = 0;
    uint64_t limit = MIN_OF((uint64_t)RETRY_BASE_MS << MIN_OF(p->attempt, 8U), (uint64_t)RETRY_MAX_MS);
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint32_t)uv_hrtime();
    p->last_error = *e;
    p->condition = condition;
    p->attempt++;
    p->retry_at_ms = uv_now(p->loop) + 1 + random % limit;
}

static void on_connected(void *arg, struct pg_conn *c, const struct err *e)
{
    struct pg_pool *p = arg;
    if (p->closing)
        return;
    if (e) {
        connecting_failed(p, c->condition, e);
    } else {
        p->attempt = 0;
        p->retry_at_ms = 0;
        p->last_error = (struct err){0};
        p->condition = PG_FINE;
    }
    schedule(p, 0);
}

static void on_resolved(void *arg, const struct pg_addresses *found, const struct err *why)
{
    struct pg_pool *p = arg;
    struct err e;
    if (p->closing)
        return;
    if (found) {
        connect_all(p, found);
    } else {
        (void)err_set(&e, ERR_STORE_UNAVAILABLE, "PostgreSQL %s: %s; %s", pg_condition_text(PG_NAME), why->message,
                      pg_condition_remedy(PG_NAME));
        connecting_failed(p, PG_NAME, &e);
    }
    schedule(p, 0);
}

static void on_lost(void *arg, struct pg_conn *c, const struct err *e)
{
    struct pg_pool *p = arg;
    (void)e; /* the batch's sender was told; an idle session that ended is nobody's failure */
    p->condition = c->condition;
    if (!c->taken && p->on_idle_lost && !p->closing)
        p->on_idle_lost(p->idle_lost_arg);
    schedule(p, 0);
}

static void on_part_gone(void *arg)
{
    struct pg_pool *p = arg;
    if (--p->open_parts > 0)
        return;
    void (*on_closed)(void *) = p->on_closed;
    void *closed_arg = p->closed_arg;
    free(p);
    if (on_closed)
        on_closed(closed_arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_part_gone(handle->data);
}

/* --- public --- */

/* Session settings as a startup option, after those the URL has. False when they do not fit. */
static bool make_options(struct pg_pool *p)
{
    const char *given = NULL;
    PQconninfoOption *parsed =
        PQconninfoParse(p->conf.url, NULL); /* NULL for a wrong URL: connecting says what is wrong */
    for (PQconninfoOption *o = parsed; o && o->keyword; o++) {
        if (strcmp(o->keyword, "options") == 0)
            given = o->val;
    }
    int n = snprintf(p->options, sizeof p->options,
                     "%s -c statement_timeout=%lld -c idle_in_transaction_session_timeout=%lld", given ? given : "",
                     (long long)p->conf.statement_timeout,
                     (long long)MAX_OF(p->conf.statement_timeout, (int64_t)IDLE_TRANSACTION_MS));
    PQconninfoFree(parsed);
    return n > 0 && (size_t)n < sizeof p->options;
}

struct pg_pool *pg_pool_new(uv_loop_t *loop, const struct conf_postgres *conf, const char *application_name)
{
    struct pg_pool *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->loop = loop;
    p->conf = *conf;
    (void)snprintf(p->application_name, sizeof p->application_name, "%.63s", application_name);
    if (!make_options(p)) {
        free(p);
        return NULL;
    }
    p->resolve = pg_resolve_new(loop, conf->url, on_resolved, p);
    if (!p->resolve) {
        free(p);
        return NULL;
    }
    p->n_conns = (size_t)MIN_OF(MAX_OF(conf->pool_max, INT64_C(1)), (int64_t)POOL_MAX);
    p->open_parts = p->n_conns + 1;
    (void)uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    for (size_t i = 0; i < p->n_conns; i++) {
        struct pg_conn *c = &p->conns[i];
        pg_conn_init(c, loop);
        c->arg = p;
        c->on_connected = on_connected;
        c->on_lost = on_lost;
        c->on_gone = on_part_gone;
    }
    return p;
}

void pg_pool_discard(struct pg_pool *p)
{
    for (size_t i = 0; i < p->n_conns; i++)
        p->conns[i].discard = true;
}

void pg_pool_close(struct pg_pool *p, void (*on_closed)(void *arg), void *arg)
{
    struct err e;
    if (!p) {
        if (on_closed)
            on_closed(arg);
        return;
    }
    assert(!p->closing);
    p->closing = true;
    p->on_closed = on_closed;
    p->closed_arg = arg;
    pg_resolve_free(TAKE(p->resolve));
    (void)err_set(&e, ERR_STORE_UNAVAILABLE, "PostgreSQL: the connections were closed, the worker stops");
    while (p->n_waiters > 0) {
        struct waiter w = pop_waiter(p);
        w.on_conn(w.arg, NULL, &e);
    }
    for (size_t i = 0; i < p->n_conns; i++) {
        pg_conn_drop(&p->conns[i], &e);
        if (p->conns[i].batch)
            pg_conn_abandon(&p->conns[i]); /* sent by the very callback that was told of the end */
        pg_conn_fini(&p->conns[i]);
    }
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

void pg_pool_acquire(struct pg_pool *p, void (*on_conn)(void *arg, struct pg_conn *conn, const struct err *e),
                     void *arg)
{
    uint64_t wait_ms = p->n_waiters < PG_WAITERS_MAX ? (uint64_t)p->conf.connect_timeout : 0;
    struct err e;
    if (p->closing || wait_ms == 0) {
        (void)err_set(&e, ERR_STORE_UNAVAILABLE, "PostgreSQL: %d callers wait for a connection already",
                      PG_WAITERS_MAX);
        on_conn(arg, NULL, &e);
        return;
    }
    p->waiters[(p->first + p->n_waiters) % PG_WAITERS_MAX] =
        (struct waiter){.on_conn = on_conn, .arg = arg, .deadline_ms = uv_now(p->loop) + wait_ms};
    p->n_waiters++;
    schedule(p, 0);
}

static void on_rolled_back(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct pg_conn *c = arg;
    struct pg_pool *p = c->arg;
    (void)results;
    (void)n;
    c->taken = false;
    if (e && c->state == PG_CONN_IDLE)
        pg_conn_drop(c, e);
    schedule(p, 0);
}

void pg_pool_release(struct pg_pool *p, struct pg_conn *c)
{
    assert(c->taken);
    p->condition = c->condition;
    if (c->state == PG_CONN_BUSY || (c->state == PG_CONN_EMPTY && c->batch)) {
        pg_conn_abandon(c);
    } else if (c->state == PG_CONN_IDLE && c->spoilt) {
        pg_conn_drop(c, NULL);
    } else if (c->state == PG_CONN_IDLE && pg_conn_in_transaction(c) && !p->closing) {
        struct pg_batch *rollback = pg_batch_new();
        if (rollback && pg_batch_add(rollback, "ROLLBACK", 0, NULL) == 0) {
            pg_conn_send(c, rollback, on_rolled_back, c);
            return;
        }
        pg_batch_free(rollback);
        pg_conn_drop(c, NULL);
    }
    c->taken = false;
    schedule(p, 0);
}

void pg_pool_on_idle_lost(struct pg_pool *p, void (*on_idle_lost)(void *arg), void *arg)
{
    p->on_idle_lost = on_idle_lost;
    p->idle_lost_arg = arg;
}

bool pg_pool_give_up(struct pg_pool *p, const struct err *e)
{
    bool waited = p->n_waiters > 0;
    for (size_t i = 0; i < p->n_conns; i++)
        waited = waited || (p->conns[i].state == PG_CONN_BUSY && p->conns[i].taken);
    if (p->closing || !waited)
        return false;
    p->given_up = true;
    p->condition = PG_SLOW;
    p->last_error = *e;
    for (size_t i = 0; i < p->n_conns && !p->closing; i++) {
        struct pg_conn *c = &p->conns[i];
        if (c->state != PG_CONN_BUSY || !c->taken)
            continue;
        c->condition = PG_SLOW;
        pg_conn_drop(c, e);
    }
    schedule(p, 0);
    return true;
}

void pg_pool_resume(struct pg_pool *p)
{
    if (p->given_up)
        p->last_error = (struct err){0};
    p->given_up = false;
}

enum pg_condition pg_pool_condition(const struct pg_pool *p)
{
    return p->condition;
}
