/*
 * Why: a schema is changed under people who wait. A pool in the middle of its life, written by a build of before, is
 * brought up to date and must be the same pool, with the same promises of the database.
 */
#include "migrate.h"
#include "pg_server.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct pg_server server;

static bool query(const char *sql, char *ret_text, size_t size)
{
    return pg_server_query(&server, sql, ret_text, size);
}

static void must(const char *sql)
{
    if (!query(sql, NULL, 0))
        fail_msg("%s", sql);
}

static void expect(const char *sql, const char *answer)
{
    char text[256];
    assert_true(query(sql, text, sizeof text));
    if (strcmp(text, answer) != 0)
        fail_msg("%s: %s, not %s", sql, text, answer);
}

/* A database as the build left it whose last migration was `last`. */
static void build_of_before(int last)
{
    size_t n;
    const struct migration *all = migrate_all(&n);
    must("CREATE SCHEMA stint; CREATE TABLE stint.migrations (version integer PRIMARY KEY, name text NOT NULL, sha256 "
         "text NOT NULL,"
         " applied_at timestamptz NOT NULL DEFAULT now())");
    for (size_t i = 0; i < n && all[i].version <= last; i++) {
        char row[256];
        must(all[i].sql);
        (void)snprintf(row, sizeof row, "INSERT INTO stint.migrations (version, name, sha256) VALUES (%d, '%s', '%s')",
                       all[i].version, all[i].name, all[i].sha256);
        must(row);
    }
}

static void up_to_date(void)
{
    struct err e = {0};
    PGconn *pg = pg_server_connect(&server);
    assert_non_null(pg);
    if (migrate_run(pg, false, NULL, NULL, &e) < 0)
        fail_msg("%s", e.message);
    PQfinish(pg);
}

static int set_up(void **state)
{
    (void)state;
    return query("SET client_min_messages = error; DROP SCHEMA IF EXISTS stint CASCADE", NULL, 0) ? 0 : -1;
}

/* Ann and Bob in a pair that is pending, Cid and Dan who wait, Eve who has gone; who met whom, who rests, what is not
 * told yet. */
static const char pool_of_0007[] =
    "BEGIN;"
    "INSERT INTO stint.match_pool (pool, version, floor, last_round_ms) VALUES ('za', 41, 7, 1000), ('uk', 3, 0, 2000);"
    "INSERT INTO stint.match_ticket (pool, id, state, version, created_ms, key_ms, touched_ms, presence_ms, "
    "expires_ms, fairness, changed_ms, body,"
    " pair_id, pair_side, reason) VALUES"
    " ('za','ann','matched',40,1,2,3,30000,9e15,5,4,'{\"id\":\"ann\"}','p1','a',NULL),"
    " ('za','bob','matched',40,1,2,3,30000,9e15,0,4,'{\"id\":\"bob\"}','p1','b',NULL),"
    " ('za','cid','waiting',41,1,2,3,30000,9e15,0,4,'{\"id\":\"cid\"}',NULL,NULL,NULL),"
    " ('za','dan','waiting',41,1,2,3,30000,9e15,0,4,'{\"id\":\"dan\"}',NULL,NULL,NULL),"
    " ('uk','eve','gone',3,1,2,3,30000,9e15,0,4,'{}',NULL,NULL,'left');"
    "INSERT INTO stint.match_pair (id, pool, a, b, state, live_a, live_b, matched_ms, confirm_by_ms, km, stage, "
    "wait_a_ms, wait_b_ms)"
    " VALUES ('p1','za','ann','bob','pending','ann','bob',5,6,1.5,0,7,8);"
    "INSERT INTO stint.match_history VALUES ('za','ann','cid',9e15,1);"
    "INSERT INTO stint.match_rest VALUES ('za','fay',9e15);"
    "INSERT INTO stint.match_event (pool, at_ms, body, queue, tell_ms) VALUES ('za', 9, '{\"event\":\"matched\"}', "
    "'match', 10);"
    "COMMIT";

/* Everything of it as one number: whatever is lost or changed changes it. Columns of 0007 alone. */
static const char digest[] = "SELECT md5(string_agg(row, '|' ORDER BY row)) FROM ("
                             " SELECT 'pool ' || (to_jsonb(p) - 'queue')::text AS row FROM stint.match_pool p"
                             " UNION ALL SELECT 'ticket ' || to_jsonb(t)::text FROM stint.match_ticket t UNION ALL "
                             "SELECT 'pair ' || to_jsonb(p)::text FROM stint.match_pair p"
                             " UNION ALL SELECT 'history ' || to_jsonb(h)::text FROM stint.match_history h UNION ALL "
                             "SELECT 'rest ' || to_jsonb(r)::text FROM stint.match_rest r"
                             " UNION ALL SELECT 'event ' || to_jsonb(e)::text FROM stint.match_event e) all_rows";

static void test_migrate_data_of_0007_is_the_same_pool(void **state)
{
    char before[64];
    (void)state;
    build_of_before(7);
    must(pool_of_0007);
    assert_true(query(digest, before, sizeof before));
    assert_int_equal(strlen(before), 32);
    up_to_date();
    expect(digest, before);
    expect("SELECT string_agg(pool || '=' || queue, ',' ORDER BY pool) FROM stint.match_pool",
           "uk=,za="); /* nobody's yet */
}

static void test_migrate_data_of_0007_keeps_its_promises(void **state)
{
    (void)state;
    build_of_before(7);
    must(pool_of_0007);
    up_to_date();
    /* At most two tickets carry a pair; as many as like carry none. */
    assert_false(query(
        "UPDATE stint.match_ticket SET state = 'matched', pair_id = 'p1', pair_side = 'a' WHERE id = 'cid'", NULL, 0));
    must("INSERT INTO stint.match_ticket SELECT pool, id || n, state, version, created_ms, key_ms, touched_ms, "
         "presence_ms, expires_ms, fairness,"
         " changed_ms, reason, body FROM stint.match_ticket, generate_series(1, 3) n WHERE id = 'cid'");
    /* No half pair, no ticket without its pair. */
    assert_false(query(
        "UPDATE stint.match_ticket SET state = 'waiting', pair_id = NULL, pair_side = NULL WHERE id = 'ann'", NULL, 0));
    assert_false(query("DELETE FROM stint.match_pair WHERE id = 'p1'", NULL, 0));
    must("BEGIN; UPDATE stint.match_pair SET state = 'released', live_a = NULL, live_b = NULL, ended_ms = 11 WHERE id "
         "= 'p1';"
         " UPDATE stint.match_ticket SET state = 'waiting', pair_id = NULL, pair_side = NULL WHERE id IN ('ann', "
         "'bob'); COMMIT");
    expect("SELECT count(*) FROM stint.match_ticket WHERE pool = 'za' AND state = 'waiting'", "7");
    /* What a round reads by is there, and the old index of pairs is not kept beside the new one. */
    expect("SELECT string_agg(indexname, ',' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'stint' AND "
           "indexname LIKE 'match_ticket_pair%'",
           "match_ticket_pair");
    expect("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND confrelid = 'stint.match_pool'::regclass", "0");
}

/* A row that nobody would have written: the migration fails as a whole, and is done once the row is mended. */
static void test_migrate_data_that_stands_in_the_way_leaves_0007(void **state)
{
    struct err e = {0};
    (void)state;
    build_of_before(7);
    must(pool_of_0007);
    must("CREATE INDEX match_ticket_pair ON stint.match_ticket (pair_id)"); /* somebody's own, by the same name */
    PGconn *pg = pg_server_connect(&server);
    assert_int_equal(migrate_run(pg, false, NULL, NULL, &e), ERR_STORE_REFUSED);
    assert_non_null(strstr(e.message, "0008_match_pool_queue"));
    PQfinish(pg);
    expect("SELECT max(version) FROM stint.migrations", "7");
    expect("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'stint' AND table_name = 'match_pool' "
           "AND column_name = 'queue'",
           "0");
    must("DROP INDEX stint.match_ticket_pair");
    up_to_date();
    expect("SELECT count(*) FROM stint.match_ticket", "5");
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
        cmocka_unit_test_setup(test_migrate_data_of_0007_is_the_same_pool, set_up),
        cmocka_unit_test_setup(test_migrate_data_of_0007_keeps_its_promises, set_up),
        cmocka_unit_test_setup(test_migrate_data_that_stands_in_the_way_leaves_0007, set_up),
    };
    return cmocka_run_group_tests(tests, start_server, close_server);
}
