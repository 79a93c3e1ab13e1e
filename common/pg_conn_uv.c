/*
 * pg_conn_uv - drives libpq's pipeline from a libuv loop. A batch is queued whole, ended with one sync, and read back
 * answer by answer. It refuses to go on with a session whose stream it does not understand: it drops it, and the server
 * rolls back.
 */
#include "pg_conn_uv.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

#include "pg_error.h"

enum { STATEMENT_NAME_MAX = 20, SQL_SHOWN_MAX = 60 };

static void on_poll(uv_poll_t *poll, int status, int events);

/* --- handles --- */

static void free_when_gone(struct pg_conn *c)
{
    if (c->finishing && c->open_handles == 0)
        c->on_gone(c->arg);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct pg_conn *c = handle->data;
    free(handle);
    c->open_handles--;
    free_when_gone(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct pg_conn *c = handle->data;
    c->open_handles--;
    free_when_gone(c);
}

static void unwatch(struct pg_conn *c)
{
    if (c->poll)
        uv_close((uv_handle_t *)c->poll, on_poll_closed);
    c->poll = NULL;
}

/* Waits for events on libpq's present socket. */
static int watch(struct pg_conn *c, int events)
{
    int fd = PQsocket(c->pg);
    if (c->poll && c->poll_fd != fd)
        unwatch(c);
    if (!c->poll) {
        uv_poll_t *poll = calloc(1, sizeof *poll);
        if (!poll)
            return -ENOMEM;
        int rc = uv_poll_init(c->loop, poll, fd);
        if (rc < 0) {
            free(poll);
            return rc;
        }
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        poll->data = c;
        c->poll = poll;
        c->poll_fd = fd;
        c->open_handles++;
    }
    return uv_poll_start(c->poll, events, on_poll);
}

/* --- the end of a session --- */

/* Hands the batch to its sender with e (NULL: all went well). */
static void batch_done(struct pg_conn *c, const struct err *e)
{
    struct pg_batch *batch = TAKE(c->batch);
    PGresult **results = TAKE(c->results);
    free(TAKE(c->preparing));
    pg_done_fn on_done = c->on_done;
    size_t n = batch->n;
    (void)uv_timer_stop(&c->timer);
    on_done(c->done_arg, (PGresult *const *)results, n, e);
    for (size_t i = 0; results && i < n; i++)
        PQclear(results[i]);
    free(results);
    pg_batch_free(batch);
}

static void close_session(struct pg_conn *c)
{
    unwatch(c); /* before libpq closes the socket it watches */
    (void)uv_timer_stop(&c->timer);
    PQfinish(c->pg);
    c->pg = NULL;
    c->state = PG_CONN_EMPTY;
    c->spoilt = false;
    c->n_prepared = 0;
}

void pg_conn_drop(struct pg_conn *c, const struct err *e)
{
    close_session(c);
    if (c->batch)
        batch_done(c, e);
}

void pg_conn_abandon(struct pg_conn *c)
{
    for (size_t i = 0; c->results && i < c->batch->n; i++)
        PQclear(c->results[i]);
    free(TAKE(c->results));
    free(TAKE(c->preparing));
    pg_batch_free(TAKE(c->batch));
    close_session(c);
}

static void connection_error(struct pg_conn *c, enum pg_condition condition, const char *why, struct err *e)
{
    char text[ERR_MESSAGE_MAX];
    if (why && c->state == PG_CONN_CONNECTING)
        (void)snprintf(text, sizeof text, "connection to %.200s, port %.20s: %s", c->pg && PQhost(c->pg) ? PQhost(c->pg) : "",
                       c->pg && PQport(c->pg) ? PQport(c->pg) : "", why);
    else
        (void)snprintf(text, sizeof text, "%s", why ? why : PQerrorMessage(c->pg));
    pg_error_one_line(text);
    c->condition = condition;
    /* whoever got no connection sent nothing: nothing is in doubt, and no job is to be suspected */
    int code = c->state == PG_CONN_CONNECTING ? ERR_STORE_UNAVAILABLE : pg_condition_code(condition);
    (void)err_set(e, code, "PostgreSQL %s: %.600s; %s", pg_condition_text(condition), text, pg_condition_remedy(condition));
}

/* What ended the session, as far as libpq tells. A server that ends sessions one by one says its SQLSTATE first. */
static enum pg_condition loss_condition(const struct pg_conn *c)
{
    if (c->state == PG_CONN_CONNECTING)
        return pg_error_refusal(PQerrorMessage(c->pg));
    char state[PG_STATE_SIZE];
    pg_error_state_in(PQerrorMessage(c->pg), state);
    enum pg_condition condition = pg_error_condition(state);
    return condition == PG_REFUSED ? PG_LOST : condition;
}

/* The session ended by itself. why NULL: libpq says why. */
static void lost(struct pg_conn *c, enum pg_condition condition, const char *why)
{
    struct err e;
    bool connecting = c->state == PG_CONN_CONNECTING;
    if (c->batch && pg_condition_code(c->condition) == ERR_STORE_UNAVAILABLE && c->error.code)
        e = c->error; /* the server said why it hangs up */
    else
        connection_error(c, why ? condition : loss_condition(c), why, &e);
    pg_conn_drop(c, &e);
    if (connecting)
        c->on_connected(c->arg, c, &e);
    else
        c->on_lost(c->arg, c, &e);
}

static void on_timer(uv_timer_t *timer)
{
    struct pg_conn *c = timer->data;
    if (!c->overdue) {
        /* The loop itself may have been busy past the deadline: the answer can lie in the socket, so look once more. */
        c->overdue = true;
        (void)uv_timer_start(timer, on_timer, 1, 0);
        return;
    }
    bool heard = c->pg && PQstatus(c->pg) != CONNECTION_STARTED && PQstatus(c->pg) != CONNECTION_NEEDED;
    if (c->state == PG_CONN_CONNECTING)
        lost(c, heard ? PG_SLOW : PG_AWAY, "no answer in time (postgres.connect_timeout)");
    else
        lost(c, PG_SLOW, "the session is given up");
}

static void arm(struct pg_conn *c, int64_t ms)
{
    c->overdue = false;
    (void)uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
}

/* --- connecting --- */

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static void connected(struct pg_conn *c)
{
    (void)PQsetNoticeProcessor(c->pg, ignore_notice, NULL);
    (void)fcntl(PQsocket(c->pg), F_SETFD, FD_CLOEXEC);
    if (PQsetnonblocking(c->pg, 1) != 0 || PQenterPipelineMode(c->pg) != 1 || watch(c, UV_READABLE) < 0) {
        lost(c, PG_RESOURCES, "no memory or descriptor for the session");
        return;
    }
    (void)uv_timer_stop(&c->timer);
    c->state = PG_CONN_IDLE;
    c->condition = PG_FINE;
    c->on_connected(c->arg, c, NULL);
}

static void advance_connect(struct pg_conn *c)
{
    if (c->poll)
        (void)uv_poll_stop(c->poll); /* libpq may close this socket and open another, even of the same number */
    int rc = 0;
    switch (PQconnectPoll(c->pg)) {
    case PGRES_POLLING_OK:
        connected(c);
        return;
    case PGRES_POLLING_READING:
        rc = watch(c, UV_READABLE);
        break;
    case PGRES_POLLING_WRITING:
        rc = watch(c, UV_WRITABLE);
        break;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
        lost(c, PG_LOST, NULL);
        return;
    }
    if (rc < 0)
        lost(c, PG_RESOURCES, uv_strerror(rc));
}

/* A start that failed at once is told from the loop, as every other failure is. */
static void on_start_failed(uv_timer_t *timer)
{
    struct pg_conn *c = timer->data;
    lost(c, PG_RESOURCES, c->pg ? NULL : "no memory for a connection");
}

void pg_conn_connect(struct pg_conn *c, const char *const keywords[], const char *const values[], int64_t timeout_ms)
{
    assert(c->state == PG_CONN_EMPTY);
    c->state = PG_CONN_CONNECTING;
    c->pg = PQconnectStartParams(keywords, values, 1);
    if (c->pg) /* so that a refused connection tells its SQLSTATE */
        (void)PQsetErrorVerbosity(c->pg, PQERRORS_VERBOSE);
    if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD || watch(c, UV_WRITABLE) < 0) {
        (void)uv_timer_start(&c->timer, on_start_failed, 0, 0);
        return;
    }
    arm(c, timeout_ms);
}

/* --- sending a batch --- */

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static struct pg_prepared *find_prepared(struct pg_conn *c, uint64_t hash)
{
    for (size_t i = 0; i < c->n_prepared; i++) {
        if (c->prepared[i].hash == hash)
            return &c->prepared[i];
    }
    return NULL;
}

/* Queues one statement inside libpq; true when libpq took it. */
static bool queue_statement(struct pg_conn *c, size_t i)
{
    const struct pg_statement *s = &c->batch->statements[i];
    struct pg_values v;
    char name[STATEMENT_NAME_MAX];
    uint64_t hash = hash_text(s->sql);
    pg_batch_values(c->batch, i, &v);
    (void)snprintf(name, sizeof name, "s%016" PRIx64, hash);
    if (!find_prepared(c, hash)) {
        if (c->n_prepared == PG_PREPARED_MAX)
            return PQsendQueryParams(c->pg, s->sql, s->n_params, NULL, v.at, v.lens, v.formats, 0) == 1;
        if (PQsendPrepare(c->pg, name, s->sql, 0, NULL) != 1)
            return false;
        c->prepared[c->n_prepared++] = (struct pg_prepared){.hash = hash};
        c->preparing[i] = true;
    }
    return PQsendQueryPrepared(c->pg, name, s->n_params, v.at, v.lens, v.formats, 0) == 1;
}

/* Sends what libpq holds; reads meanwhile, or both ends could wait for each other with full buffers. */
static bool flush(struct pg_conn *c)
{
    int left = PQflush(c->pg);
    return left >= 0 && watch(c, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE) == 0;
}

static bool queue_batch(struct pg_conn *c)
{
    c->preparing = calloc(c->batch->n, sizeof *c->preparing);
    if (!c->results || !c->preparing)
        return false;
    for (size_t i = 0; i < c->batch->n; i++) {
        if (!queue_statement(c, i))
            return false;
    }
    return PQpipelineSync(c->pg) == 1 && flush(c);
}

static void on_send_failed(uv_timer_t *timer)
{
    struct pg_conn *c = timer->data;
    struct err e;
    if (c->state == PG_CONN_BUSY) {
        lost(c, PG_LOST, NULL);
        return;
    }
    (void)err_set(&e, ERR_STORE_LOST,
                  "PostgreSQL: the session was lost before this batch; run the transaction again");
    batch_done(c, &e);
}

static void make_savepoints(struct pg_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->statements[i].sql, "BEGIN") == 0)
            b->statements[i].sql = "SAVEPOINT discarded";
        else if (strcmp(b->statements[i].sql, "COMMIT") == 0)
            b->statements[i].sql = "RELEASE SAVEPOINT discarded";
    }
}

void pg_conn_send(struct pg_conn *c, struct pg_batch *b, pg_done_fn on_done, void *arg)
{
    assert(!c->batch && b->n > 0 && c->state != PG_CONN_CONNECTING);
    if (c->discard)
        make_savepoints(b);
    c->batch = b;
    c->on_done = on_done;
    c->done_arg = arg;
    c->at = 0;
    c->prepare_answered = c->null_seen = false;
    c->error = (struct err){0};
    c->results = calloc(b->n, sizeof(PGresult *));
    bool sent = false;
    if (c->state == PG_CONN_IDLE) {
        c->state = PG_CONN_BUSY;
        sent = queue_batch(c);
    }
    if (sent)
        arm(c, c->answer_timeout_ms);
    else
        (void)uv_timer_start(&c->timer, on_send_failed, 0, 0);
}

/* --- reading its answers --- */

static void note_failure(struct pg_conn *c, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum pg_condition condition = pg_error_condition(state);
    const char *remedy = pg_condition_remedy(condition);
    if (pg_error_spoils_session(state))
        c->spoilt = true;
    if (c->error.code != 0)
        return;
    c->condition = condition;
    bool at_sync = c->at == c->batch->n; /* statements outside BEGIN are committed there */
    const char *sql = at_sync ? "the commit of all" : c->batch->statements[c->at].sql;
    /* only the primary message: the detail may quote a person's data */
    (void)err_set(&c->error, pg_condition_code(condition), "PostgreSQL, statement %zu of %zu (%.*s...): %s [%s]%s%s",
                  at_sync ? c->at : c->at + 1, c->batch->n, SQL_SHOWN_MAX, sql,
                  text ? text : "the connection was lost", state ? state : "-", remedy[0] ? "; " : "", remedy);
    pg_error_one_line(c->error.message);
}

static bool result_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* One answer that is not the sync: of the Parse or of the statement itself. */
static void take_answer(struct pg_conn *c, PGresult *result)
{
    bool of_prepare = c->preparing[c->at] && !c->prepare_answered;
    if (PQresultStatus(result) == PGRES_FATAL_ERROR)
        note_failure(c, result);
    if (of_prepare && result_good(result)) {
        struct pg_prepared *prepared = find_prepared(c, hash_text(c->batch->statements[c->at].sql));
        assert(prepared && "a statement was prepared that nobody asked for");
        prepared->sure = true;
    }
    if (!of_prepare && PQresultStatus(result) != PGRES_PIPELINE_ABORTED && !c->results[c->at])
        c->results[c->at] = result;
    else
        PQclear(result);
}

/* What was on its way when the pipeline broke was not prepared. */
static void forget_unsure(struct pg_conn *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n_prepared; i++) {
        if (c->prepared[i].sure)
            c->prepared[kept++] = c->prepared[i];
    }
    c->n_prepared = kept;
}

static void batch_answered(struct pg_conn *c)
{
    struct err e = c->error;
    forget_unsure(c);
    c->state = PG_CONN_IDLE;
    if (!e.code)
        c->condition = PG_FINE;
    batch_done(c, e.code ? &e : NULL);
}

/* NULL ends the answers of one Parse or statement. False when the stream makes no sense. */
static bool next_answer(struct pg_conn *c)
{
    if (c->at == c->batch->n && c->error.code)
        return true; /* behind the failure of the commit */
    if (c->null_seen || c->at >= c->batch->n)
        return false;
    c->null_seen = true;
    if (c->preparing[c->at] && !c->prepare_answered) {
        c->prepare_answered = true;
    } else {
        c->prepare_answered = false;
        c->at++;
    }
    return true;
}

/* Reads all answers that are there. */
static void read_answers(struct pg_conn *c)
{
    while (c->state == PG_CONN_BUSY && !PQisBusy(c->pg)) {
        PGresult *result = PQgetResult(c->pg);
        if (PQstatus(c->pg) == CONNECTION_BAD) {
            PQclear(result);
            lost(c, PG_LOST, NULL);
            return;
        }
        bool sense;
        if (!result) {
            sense = next_answer(c);
        } else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            sense = c->at == c->batch->n;
            if (sense)
                batch_answered(c);
        } else if (c->at < c->batch->n) {
            c->null_seen = false;
            take_answer(c, result);
            sense = true;
        } else {
            sense = PQresultStatus(result) == PGRES_FATAL_ERROR;
            if (sense)
                note_failure(c, result);
            PQclear(result);
        }
        if (!sense) {
            lost(c, PG_LOST, "the answers do not fit the statements sent; the session is given up");
            return;
        }
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct pg_conn *c = poll->data;
    if (c->poll != poll)
        return;
    if (c->state == PG_CONN_CONNECTING) {
        advance_connect(c);
        return;
    }
    if (status < 0) {
        lost(c, PG_LOST, uv_strerror(status));
        return;
    }
    if ((events & UV_READABLE) && PQconsumeInput(c->pg) != 1) {
        lost(c, PG_LOST, NULL);
        return;
    }
    if (c->state != PG_CONN_BUSY)
        return;
    arm(c, c->answer_timeout_ms); /* each answer has the whole time: statements run one after the other */
    if ((events & UV_WRITABLE) && !flush(c)) {
        lost(c, PG_LOST, NULL);
        return;
    }
    read_answers(c);
}

/* --- life --- */

bool pg_conn_alive(struct pg_conn *c)
{
    char byte;
    for (int look = 0; look < 2; look++) { /* a server that shuts down says so before it hangs up */
        ssize_t n = recv(PQsocket(c->pg), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n <= 0 || PQconsumeInput(c->pg) != 1)
            break;
        if (look == 1)
            return true;
    }
    pg_conn_drop(c, NULL);
    return false;
}

bool pg_conn_in_transaction(const struct pg_conn *c)
{
    return c->pg && PQtransactionStatus(c->pg) != PQTRANS_IDLE;
}

void pg_conn_init(struct pg_conn *c, uv_loop_t *loop)
{
    *c = (struct pg_conn){.loop = loop, .state = PG_CONN_EMPTY, .open_handles = 1};
    (void)uv_timer_init(loop, &c->timer);
    c->timer.data = c;
}

void pg_conn_fini(struct pg_conn *c)
{
    assert(c->state == PG_CONN_EMPTY && !c->batch);
    c->finishing = true;
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}
