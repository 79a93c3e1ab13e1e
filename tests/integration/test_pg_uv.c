/*
 * Why: every effect of a job goes through this pool: a batch must be all or nothing, a lost server must be an error and
 * never a hang, and a session must come back clean. Refuses to: test PostgreSQL itself.
 */
#include "pg_server.h"
#include "pg_uv.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { DEADLINE_MS = 90000, PATIENT_MS = 60000, SHORT_MS = 1000 };

static struct pg_server server; /* one for all tests of the program; restarted where a test broke it */

struct fixture {
    uv_loop_t loop;
    uv_timer_t deadline;
    struct conf_postgres conf;
    struct pg_pool *pool;
    struct pg_conn *conns[4];
    int n_conns, refused, done, closed;
    struct err last;
    size_t n_results;
    char value[64]; /* first column of the last result */
};

static void on_deadline(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened within %d ms", DEADLINE_MS);
}

/* Turns the loop until *counter reaches want. Callbacks that count stop the loop, or it would sleep after a timer's. */
static void run_until(struct fixture *f, const int *counter, int want)
{
    uv_timer_start(&f->deadline, on_deadline, DEADLINE_MS, 0);
    while (*counter < want)
        uv_run(&f->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&f->deadline);
}

static void on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct fixture *f = arg;
    uv_stop(&f->loop);
    if (conn) {
        f->conns[f->n_conns++] = conn;
        return;
    }
    f->refused++;
    f->last = *e;
}

static void on_done(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct fixture *f = arg;
    uv_stop(&f->loop);
    f->done++;
    f->n_results = n;
    f->last = e ? *e : (struct err){0};
    const PGresult *last = e ? NULL : results[n - 1];
    snprintf(f->value, sizeof f->value, "%s", last && PQntuples(last) > 0 ? PQgetvalue(last, 0, 0) : "");
}

static void on_closed(void *arg)
{
    struct fixture *f = arg;
    uv_stop(&f->loop);
    f->closed++;
}

/* A connection; with a short connect_timeout a busy host may need more than one try. */
static struct pg_conn *take(struct fixture *f)
{
    int before = f->n_conns, refused = f->refused;
    uv_timer_start(&f->deadline, on_deadline, DEADLINE_MS, 0);
    while (f->n_conns == before) {
        f->refused = refused;
        pg_pool_acquire(f->pool, on_conn, f);
        assert_int_equal(f->n_conns, before); /* never from inside */
        while (f->n_conns == before && f->refused == refused)
            uv_run(&f->loop, UV_RUN_DEFAULT);
    }
    f->refused = refused;
    uv_timer_stop(&f->deadline);
    return f->conns[--f->n_conns];
}

/* One batch of statements without parameters. */
static void send_all(struct fixture *f, struct pg_conn *conn, size_t n, const char *const sql[])
{
    struct pg_batch *b = pg_batch_new();
    assert_non_null(b);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pg_batch_add(b, sql[i], 0, NULL), 0);
    int before = f->done;
    pg_conn_send(conn, b, on_done, f);
    assert_int_equal(f->done, before);
}

static void run_all(struct fixture *f, struct pg_conn *conn, size_t n, const char *const sql[])
{
    int before = f->done;
    send_all(f, conn, n, sql);
    run_until(f, &f->done, before + 1);
}
#define RUN(f, conn, ...)                                                                                              \
    run_all(f, conn, ARRAY_LEN(((const char *const[]){__VA_ARGS__})), (const char *const[]){__VA_ARGS__})
#define SEND(f, conn, ...)                                                                                             \
    send_all(f, conn, ARRAY_LEN(((const char *const[]){__VA_ARGS__})), (const char *const[]){__VA_ARGS__})

static void open_pool(struct fixture *f)
{
    f->pool = pg_pool_new(&f->loop, &f->conf, "stint-test");
    assert_non_null(f->pool);
}

/* With what has changed in conf. */
static void open_again(struct fixture *f)
{
    pg_pool_close(f->pool, on_closed, f);
    run_until(f, &f->closed, 1);
    f->closed = 0;
    open_pool(f);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *state = f;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->deadline);
    f->conf = (struct conf_postgres){.connect_timeout = PATIENT_MS, .statement_timeout = 20000, .pool_max = 2};
    snprintf(f->conf.url, sizeof f->conf.url, "%s", server.url);
    open_pool(f);
    assert_true(
        pg_server_query(&server, "DROP TABLE IF EXISTS t; CREATE TABLE t (k int PRIMARY KEY, v text)", NULL, 0));
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (!f->closed) {
        pg_pool_close(f->pool, on_closed, f);
        run_until(f, &f->closed, 1);
    }
    uv_close((uv_handle_t *)&f->deadline, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0); /* every handle is gone */
    free(f);
    return 0;
}

static void assert_rows(const char *want)
{
    char got[32];
    assert_true(pg_server_query(&server, "SELECT count(*) FROM t", got, sizeof got));
    assert_string_equal(got, want);
}

static void test_pg_conn_send_one_round_transaction_is_committed(void **state)
{
    struct fixture *f = *state;
    struct pg_conn *conn = take(f);
    struct pg_batch *b = pg_batch_new();
    assert_int_equal(pg_batch_add(b, "BEGIN", 0, NULL), 0);
    assert_int_equal(pg_batch_add(b, "INSERT INTO t VALUES($1::int, $2)", 2, (const char *const[]){"1", "it's"}), 0);
    assert_int_equal(pg_batch_add(b, "INSERT INTO t VALUES($1::int, $2)", 2, (const char *const[]){"2", NULL}), 0);
    assert_int_equal(pg_batch_add(b, "COMMIT", 0, NULL), 0);
    assert_int_equal(pg_batch_add(b, "SELECT coalesce(v, 'null') FROM t ORDER BY k", 0, NULL), 0);
    assert_int_equal(pg_batch_len(b), 5);
    pg_conn_send(conn, b, on_done, f);
    run_until(f, &f->done, 1);
    assert_int_equal(f->last.code, 0);
    assert_int_equal(f->n_results, 5);
    assert_string_equal(f->value, "it's");
    assert_rows("2");
    assert_int_equal(pg_pool_condition(f->pool), PG_FINE);
    pg_pool_release(f->pool, conn);
}

static void test_pg_conn_send_session_has_the_configured_settings(void **state)
{
    struct fixture *f = *state;
    struct pg_conn *conn = take(f);
    RUN(f, conn, "SHOW statement_timeout");
    assert_string_equal(f->value, "20s");
    RUN(f, conn, "SHOW application_name");
    assert_string_equal(f->value, "stint-test");
    RUN(f, conn, "SELECT count(*) FROM pg_prepared_statements");
    assert_string_equal(f->value, "3");
    RUN(f, conn, "SHOW statement_timeout");
    RUN(f, conn, "SELECT count(*) FROM pg_prepared_statements");
    assert_string_equal(f->value, "3"); /* prepared once */
    pg_pool_release(f->pool, conn);
}

static void test_pg_conn_send_failure_names_the_statement_and_undoes_the_batch(void **state)
{
    struct fixture *f = *state;
    struct pg_conn *conn = take(f);
    RUN(f, conn, "INSERT INTO t VALUES(1,'a')", "INSERT INTO t VALUES(1,'b')", "INSERT INTO t VALUES(3,'c')");
    assert_int_equal(f->last.code, ERR_STORE_REFUSED);
    assert_non_null(strstr(f->last.message, "statement 2 of 3"));
    assert_non_null(strstr(f->last.message, "23505"));
    assert_rows("0");
    RUN(f, conn, "INSERT INTO t VALUES(3,'c')"); /* its Parse was on its way when the batch broke */
    assert_int_equal(f->last.code, 0);
    RUN(f, conn, "SELEKT 1");
    assert_int_equal(f->last.code, ERR_STORE_REFUSED);
    RUN(f, conn, "SELECT * FROM nosuch");
    assert_int_equal(f->last.code, ERR_STORE_UNAVAILABLE);
    assert_non_null(strstr(f->last.message, "stint migrate"));
    RUN(f, conn, "SELECT 7");
    assert_string_equal(f->value, "7");
    pg_pool_release(f->pool, conn);
}

static void test_pg_conn_send_statement_timeout_is_transient(void **state)
{
    struct fixture *f = *state;
    struct pg_conn *conn = take(f);
    RUN(f, conn, "SET statement_timeout = 50");
    RUN(f, conn, "SELECT pg_sleep(10)");
    assert_int_equal(f->last.code, ERR_STORE_LOST);
    assert_non_null(strstr(f->last.message, "57014"));
    RUN(f, conn, "SELECT 1");
    assert_int_equal(f->last.code, 0);
    pg_pool_release(f->pool, conn);
}

static void test_pg_conn_send_serialization_failure_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    assert_true(pg_server_query(&server, "INSERT INTO t VALUES(1,'a')", NULL, 0));
    struct pg_conn *a = take(f), *b = take(f);
    RUN(f, a, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT * FROM t");
    RUN(f, b, "UPDATE t SET v = 'b'");
    RUN(f, a, "UPDATE t SET v = 'c'");
    assert_int_equal(f->last.code, ERR_STORE_CONFLICT);
    pg_pool_release(f->pool, a);
    pg_pool_release(f->pool, b);
}

static void test_pg_conn_send_failure_of_the_commit_itself_is_told_and_the_session_lives(void **state)
{
    struct fixture *f = *state;
    assert_true(pg_server_query(&server,
                                "ALTER TABLE t ADD CONSTRAINT once UNIQUE (v) DEFERRABLE INITIALLY DEFERRED;"
                                "INSERT INTO t VALUES(1,'a')",
                                NULL, 0));
    struct pg_conn *conn = take(f);
    RUN(f, conn, "SELECT pg_backend_pid()");
    char pid[sizeof f->value];
    snprintf(pid, sizeof pid, "%s", f->value);
    for (int i = 0; i < 2; i++) { /* its Parse goes along, and then not */
        RUN(f, conn, "INSERT INTO t VALUES(2,'a')");
        assert_int_equal(f->last.code, ERR_STORE_REFUSED);
        assert_non_null(strstr(f->last.message, "23505"));
        RUN(f, conn, "BEGIN", "INSERT INTO t VALUES(3,'a')", "COMMIT");
        assert_int_equal(f->last.code, ERR_STORE_REFUSED);
    }
    assert_rows("1");
    RUN(f, conn, "SELECT pg_backend_pid()");
    assert_string_equal(f->value, pid);
    pg_pool_release(f->pool, conn);
}

static void test_pg_conn_send_changed_schema_renews_the_session(void **state)
{
    struct fixture *f = *state;
    struct pg_conn *conn = take(f);
    RUN(f, conn, "SELECT * FROM t");
    assert_true(pg_server_query(&server, "ALTER TABLE t ADD COLUMN w int", NULL, 0));
    RUN(f, conn, "SELECT * FROM t");
    assert_int_equal(f->last.code, ERR_STORE_CONFLICT); /* a retry is worth it… */
    pg_pool_release(f->pool, conn);
    conn = take(f);
    RUN(f, conn, "SELECT * FROM t"); /* …because the next session plans anew */
    assert_int_equal(f->last.code, 0);
    pg_pool_release(f->pool, conn);
}

static void test_pg_pool_release_open_transaction_is_rolled_back(void **state)
{
    struct fixture *f = *state;
    f->conf.pool_max = 1;
    open_again(f);
    struct pg_conn *conn = take(f);
    RUN(f, conn, "BEGIN", "INSERT INTO t VALUES(1,'a')");
    pg_pool_release(f->pool, conn);
    conn = take(f);
    RUN(f, conn, "SELECT count(*) FROM t");
    assert_string_equal(f->value, "0");
    RUN(f, conn, "BEGIN", "SELECT 1/0", "INSERT INTO t VALUES(1,'a')"); /* failed transaction */
    pg_pool_release(f->pool, conn);
    conn = take(f);
    RUN(f, conn, "INSERT INTO t VALUES(2,'b')");
    pg_pool_release(f->pool, conn);
    assert_rows("1");
}

static void test_pg_pool_release_batch_under_way_ends_the_session(void **state)
{
    struct fixture *f = *state;
    struct pg_conn *conn = take(f);
    SEND(f, conn, "BEGIN", "INSERT INTO t VALUES(1,'a')", "SELECT pg_sleep(0.2)", "COMMIT");
    uv_run(&f->loop, UV_RUN_NOWAIT);
    pg_pool_release(f->pool, conn);
    conn = take(f);
    RUN(f, conn, "SELECT 1");
    assert_int_equal(f->done, 1);
    pg_pool_release(f->pool, conn);
}

static void test_pg_pool_acquire_exhausted_pool_waits_then_refuses(void **state)
{
    struct fixture *f = *state;
    f->conf.connect_timeout = SHORT_MS;
    open_again(f);
    struct pg_conn *a = take(f), *b = take(f);
    pg_pool_acquire(f->pool, on_conn, f);
    pg_pool_acquire(f->pool, on_conn, f);
    pg_pool_release(f->pool, a);
    run_until(f, &f->n_conns, 1); /* the first in line got it */
    assert_ptr_equal(f->conns[0], a);
    run_until(f, &f->refused, 1);
    assert_int_equal(f->last.code, ERR_STORE_UNAVAILABLE);
    assert_non_null(strstr(f->last.message, "pool_max"));
    pg_pool_release(f->pool, a);
    pg_pool_release(f->pool, b);
}

static void count_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct fixture *f = arg;
    (void)conn;
    f->refused += e != NULL;
}

static void test_pg_pool_acquire_full_line_refuses_at_once(void **state)
{
    struct fixture *f = *state;
    struct pg_conn *a = take(f), *b = take(f);
    for (int i = 0; i < PG_WAITERS_MAX; i++)
        pg_pool_acquire(f->pool, count_conn, f);
    assert_int_equal(f->refused, 0);
    pg_pool_acquire(f->pool, count_conn, f);
    assert_int_equal(f->refused, 1);
    pg_pool_close(f->pool, on_closed, f);
    assert_int_equal(f->refused, 1 + PG_WAITERS_MAX);
    pg_pool_release(f->pool, a);
    pg_pool_release(f->pool, b);
    run_until(f, &f->closed, 1);
}

static void test_pg_conn_send_killed_server_fails_the_batch_and_the_pool_comes_back(void **state)
{
    struct fixture *f = *state;
    f->conf.connect_timeout = SHORT_MS;
    open_again(f);
    struct pg_conn *conn = take(f);
    SEND(f, conn, "BEGIN", "INSERT INTO t VALUES(1,'a')", "SELECT pg_sleep(60)", "COMMIT");
    for (int i = 0; i < 3; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    pg_server_signal_all(&server, SIGKILL);
    pg_server_kill(&server);
    run_until(f, &f->done, 1);
    assert_int_equal(f->last.code, ERR_STORE_LOST);
    assert_int_equal(pg_pool_condition(f->pool), PG_LOST);
    SEND(f, conn, "COMMIT"); /* on a lost session: told, never sent elsewhere */
    run_until(f, &f->done, 2);
    assert_int_equal(f->last.code, ERR_STORE_LOST);
    pg_pool_release(f->pool, conn);
    pg_pool_acquire(f->pool, on_conn, f);
    run_until(f, &f->refused, 1);
    assert_non_null(strstr(f->last.message, "postgres.url"));
    assert_int_equal(pg_server_restart(&server), 0);
    conn = take(f);
    RUN(f, conn, "SELECT count(*) FROM t");
    assert_string_equal(f->value, "0");
    assert_int_equal(pg_pool_condition(f->pool), PG_FINE);
    pg_pool_release(f->pool, conn);
}

static void test_pg_pool_acquire_restarting_server_is_waited_for(void **state)
{
    struct fixture *f = *state;
    pg_pool_release(f->pool, take(f));
    pg_server_stop(&server);
    pg_pool_acquire(f->pool, on_conn, f);
    for (int i = 0; i < 20; i++) /* the idle session is found dead, connecting is refused */
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->n_conns + f->refused, 0);
    assert_int_equal(pg_server_restart(&server), 0);
    run_until(f, &f->n_conns, 1);
    RUN(f, f->conns[0], "SELECT 5");
    assert_string_equal(f->value, "5");
    pg_pool_release(f->pool, f->conns[0]);
}

static void test_pg_conn_send_stopped_server_times_out(void **state)
{
    struct fixture *f = *state;
    f->conf.statement_timeout = 100;
    f->conf.connect_timeout = SHORT_MS;
    open_again(f);
    struct pg_conn *conn = take(f);
    pg_server_signal_all(&server, SIGSTOP);
    SEND(f, conn, "SELECT 1");
    run_until(f, &f->done, 1);
    assert_int_equal(f->last.code, ERR_STORE_LOST);
    assert_int_equal(pg_pool_condition(f->pool), PG_SLOW);
    assert_non_null(strstr(f->last.message, "does not answer in time"));
    pg_pool_release(f->pool, conn);
    pg_pool_acquire(f->pool, on_conn, f);
    run_until(f, &f->refused, 1); /* connecting takes too long as well */
    pg_server_signal_all(&server, SIGCONT);
    for (bool answered = false; !answered;) { /* it wakes up as fast as it can */
        conn = take(f);
        RUN(f, conn, "SELECT 2");
        answered = strcmp(f->value, "2") == 0;
        pg_pool_release(f->pool, conn);
    }
}

static void test_pg_conn_send_large_batch_is_answered_whole(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 1500, BYTES = 4000 };
    struct pg_conn *conn = take(f);
    struct pg_batch *b = pg_batch_new();
    char *text = malloc(BYTES + 1), key[16];
    memset(text, 'x', BYTES);
    text[BYTES] = '\0';
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(
            pg_batch_add(b, "INSERT INTO t VALUES($1::int, $2) RETURNING v", 2, (const char *const[]){key, text}), 0);
    }
    pg_conn_send(conn, b, on_done, f);
    run_until(f, &f->done, 1);
    assert_int_equal(f->last.code, 0);
    assert_int_equal(f->n_results, COUNT);
    free(text);
    pg_pool_release(f->pool, conn);
    assert_rows("1500");
}

static void test_pg_pool_close_fails_the_batch_under_way(void **state)
{
    struct fixture *f = *state;
    struct pg_conn *conn = take(f);
    SEND(f, conn, "SELECT pg_sleep(5)");
    uv_run(&f->loop, UV_RUN_NOWAIT);
    pg_pool_close(f->pool, on_closed, f);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->last.code, ERR_STORE_UNAVAILABLE);
    run_until(f, &f->closed, 1);
}

static int start_server(void **state)
{
    (void)state;
    return pg_server_start(&server);
}

static int close_server(void **state)
{
    (void)state;
    pg_server_close(&server);
    return 0;
}

#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(test_pg_conn_send_one_round_transaction_is_committed),
        WITH_POOL(test_pg_conn_send_session_has_the_configured_settings),
        WITH_POOL(test_pg_conn_send_failure_names_the_statement_and_undoes_the_batch),
        WITH_POOL(test_pg_conn_send_statement_timeout_is_transient),
        WITH_POOL(test_pg_conn_send_serialization_failure_is_a_conflict),
        WITH_POOL(test_pg_conn_send_failure_of_the_commit_itself_is_told_and_the_session_lives),
        WITH_POOL(test_pg_conn_send_changed_schema_renews_the_session),
        WITH_POOL(test_pg_pool_release_open_transaction_is_rolled_back),
        WITH_POOL(test_pg_pool_release_batch_under_way_ends_the_session),
        WITH_POOL(test_pg_pool_acquire_exhausted_pool_waits_then_refuses),
        WITH_POOL(test_pg_pool_acquire_full_line_refuses_at_once),
        WITH_POOL(test_pg_conn_send_large_batch_is_answered_whole),
        WITH_POOL(test_pg_pool_close_fails_the_batch_under_way),
        WITH_POOL(test_pg_conn_send_killed_server_fails_the_batch_and_the_pool_comes_back),
        WITH_POOL(test_pg_pool_acquire_restarting_server_is_waited_for),
        WITH_POOL(test_pg_conn_send_stopped_server_times_out),
    };
    return cmocka_run_group_tests(tests, start_server, close_server);
}
