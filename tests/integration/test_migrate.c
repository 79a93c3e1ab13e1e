/*
 * Why: a schema is changed on a running system, by several hosts at once, and perhaps by a build of another age.
 * Refuses to: test what the migrations contain.
 */
#include "migrate.h"
#include "pg_server.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct pg_server server;

static int set_up(void **state)
{
    (void)state;
    return pg_server_query(&server, "SET client_min_messages = error; DROP SCHEMA IF EXISTS stint CASCADE", NULL, 0)
               ? 0
               : -1;
}

struct counts {
    int applied, there, waiting;
};

static void count(void *arg, enum migrate_step step, const struct migration *m)
{
    struct counts *c = arg;
    (void)m;
    c->applied += step == MIGRATE_APPLIED;
    c->there += step == MIGRATE_THERE;
    c->waiting += step == MIGRATE_WAITING;
}

static struct counts migrate(bool dry_run)
{
    struct counts c = {0};
    struct err e = {0};
    PGconn *pg = pg_server_connect(&server);
    assert_non_null(pg);
    if (migrate_run(pg, dry_run, count, &c, &e) < 0)
        fail_msg("%s", e.message);
    PQfinish(pg);
    return c;
}

static void test_migrate_run_empty_database_twice_applies_once(void **state)
{
    (void)state;
    size_t known;
    (void)migrate_all(&known);
    assert_int_equal(migrate(true).applied, known);
    assert_int_equal(migrate(true).applied, known); /* a dry run changed nothing */
    assert_int_equal(migrate(false).applied, known);
    struct counts again = migrate(false);
    assert_int_equal(again.applied, 0);
    assert_int_equal(again.there, known);
    char text[64];
    assert_true(
        pg_server_query(&server, "SELECT count(*) FROM stint.migrations WHERE length(sha256) = 64", text, sizeof text));
    assert_int_equal(atoi(text), known);
    assert_true(pg_server_query(&server, "SELECT count(*) FROM stint.job_outcome", text, sizeof text));
}

static void test_migrate_run_changed_history_is_refused(void **state)
{
    (void)state;
    struct err e = {0};
    size_t applied;
    int highest;
    (void)migrate(false);
    assert_true(pg_server_query(&server, "UPDATE stint.migrations SET sha256 = 'other' WHERE version = 1", NULL, 0));
    PGconn *pg = pg_server_connect(&server);
    assert_int_equal(migrate_run(pg, false, NULL, NULL, &e), ERR_REFUSED);
    assert_non_null(strstr(e.message, "0001_core"));
    assert_int_equal(migrate_state(pg, &applied, &highest, &e), ERR_REFUSED);
    PQfinish(pg);
}

static void test_migrate_run_failing_file_leaves_no_trace(void **state)
{
    (void)state;
    struct err e = {0};
    char text[16];
    assert_true(pg_server_query(&server, "CREATE SCHEMA stint; CREATE TABLE stint.dead_archive (x int)", NULL, 0));
    PGconn *pg = pg_server_connect(&server);
    assert_int_equal(migrate_run(pg, false, NULL, NULL, &e), ERR_STORE_REFUSED);
    assert_non_null(strstr(e.message, "0001_core"));
    assert_true(pg_server_query(&server, "SELECT to_regclass('stint.job_outcome') IS NULL", text, sizeof text));
    assert_string_equal(text, "t");
    PQfinish(pg);
}

static void *migrate_in_thread(void *arg)
{
    (void)arg;
    static struct err e[1];
    PGconn *pg = pg_server_connect(&server);
    int rc = migrate_run(pg, false, NULL, NULL, e);
    PQfinish(pg);
    return rc == 0 ? NULL : e;
}

static void test_migrate_run_two_at_once_both_succeed(void **state)
{
    (void)state;
    pthread_t threads[3];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_in_thread, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_migrate_run_empty_database_twice_applies_once, set_up),
        cmocka_unit_test_setup(test_migrate_run_changed_history_is_refused, set_up),
        cmocka_unit_test_setup(test_migrate_run_failing_file_leaves_no_trace, set_up),
        cmocka_unit_test_setup(test_migrate_run_two_at_once_both_succeed, set_up),
    };
    return cmocka_run_group_tests(tests, start_server, close_server);
}
