/*
 * The kind match through Redis and PostgreSQL with a real worker: what the tables hold after each scenario.
 */
#include "match_stage.h"

static void test_match_lopsided_pool_pairs_the_scarce_side(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "lopsided", "");
    crowd(&h, "lopsided", "male", "female", 0, 200);
    assert_int_equal(waiting("lopsided"), 200);
    crowd(&h, "lopsided", "female", "male", 0, 50);
    assert_int_equal(pairs("lopsided"), 50);
    assert_int_equal(waiting("lopsided"), 150);
    crowd(&h, "lopsided", "female", "male", 50, 50);
    assert_int_equal(pairs("lopsided"), 100);
    check_pairs("lopsided");
    harness_end_drained(&h);
}

static void test_match_results_and_events_tell_the_pair(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "tell", "");
    submit(&h, "tell", "m1", "male", "female");
    harness_wait_state(&h, "s-m1", "done");
    submit(&h, "tell", "f1", "female", "male");
    harness_wait_state(&h, "s-f1", "done");
    AUTO_FREE char *first = harness_job(&h, "s-m1");
    AUTO_FREE char *second = harness_job(&h, "s-f1");
    assert_non_null(strstr(first, "position"));
    assert_non_null(strstr(second, "pair"));
    redisReply *reply = harness_cmd(&h, "XRANGE stint:{tell}:match:tell - +");
    assert_int_equal(reply->elements, 1);
    assert_non_null(strstr(reply->element[0]->element[1]->element[3]->str, "\"matched\""));
    freeReplyObject(reply);
    reply = harness_cmd(&h, "XLEN stint:{tell}:feed");
    assert_int_equal(reply->integer, 4); /* two joins, two matches */
    freeReplyObject(reply);
    check_pairs("tell");
    harness_end_drained(&h);
}

static void test_match_bad_ticket_is_dropped_bad_payload_is_dead(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "bad", "");
    send_op(&h, "young",
            "{\"v\":1,\"op\":\"submit\",\"pool\":\"bad\",\"id\":\"y\",\"gender\":\"male\",\"seeking\":[\"female\"],"
            "\"age\":17}");
    send_op(&h, "nonsense", "{\"v\":1,\"op\":\"dance\",\"pool\":\"bad\"}");
    submit(&h, "bad", "m1", "male", "female");
    harness_wait_state(&h, "young", "done");
    harness_wait_state(&h, "s-m1", "done");
    harness_wait_state(&h, "nonsense", "dead");
    AUTO_FREE char *young = harness_job(&h, "young");
    assert_non_null(strstr(young, "invalid:age"));
    assert_int_equal(waiting("bad"), 1);
    harness_end_drained(&h);
}

static void test_match_leave_in_mid_match_returns_the_other(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "leave", "");
    submit(&h, "leave", "m1", "male", "female");
    submit(&h, "leave", "f1", "female", "male");
    harness_wait_state(&h, "s-m1", "done");
    harness_wait_state(&h, "s-f1", "done");
    assert_int_equal(pairs("leave"), 1);
    int64_t created = query("SELECT created_ms FROM stint.match_ticket WHERE pool = '%s' AND id = 'f1'", "leave");
    send_op(&h, "go", "{\"v\":1,\"op\":\"leave\",\"pool\":\"leave\",\"id\":\"m1\"}");
    harness_wait_state(&h, "go", "done");
    assert_int_equal(pairs("leave"), 0);
    assert_int_equal(waiting("leave"), 1);
    assert_int_equal(query("SELECT created_ms FROM stint.match_ticket WHERE pool = '%s' AND id = 'f1'", "leave"),
                     created);
    check_pairs("leave");
    harness_end_drained(&h);
}

static void test_match_restart_with_queued_people_loses_nobody(void **state)
{
    struct worker_harness h;
    char ini[2048];
    (void)state;
    begin(&h, "restart", "");
    crowd(&h, "restart", "male", "female", 0, 200);
    assert_int_equal(kill(h.pid, SIGKILL), 0);
    (void)harness_wait_exit(&h);
    ini_for(ini, "restart", "");
    harness_start(&h, "match", ini, NULL);
    crowd(&h, "restart", "female", "male", 0, 200);
    assert_int_equal(pairs("restart"), 200);
    assert_int_equal(waiting("restart"), 0);
    check_pairs("restart");
    harness_end_drained(&h);
}

static void test_match_two_workers_on_one_pool_never_pair_twice(void **state)
{
    struct worker_harness a, b;
    char id[32];
    (void)state;
    /* On a loaded machine the crowd may take longer than a pair may stay unconfirmed, and a submission be tried again.
     */
    static const char patient[] = "[match]\npending_release = 1h\n[kind.match]\nbackoff = 10ms\nattempts = 1000\n";
    begin(&a, "two", patient);
    begin(&b, "two", patient);
    for (int i = 0; i < 150; i++) {
        (void)snprintf(id, sizeof id, "m%d", i);
        submit(&a, "two", id, "male", "female");
        (void)snprintf(id, sizeof id, "f%d", i);
        submit(&b, "two", id, "female", "male");
    }
    for (int i = 0; i < 150; i++) {
        (void)snprintf(id, sizeof id, "s-m%d", i);
        harness_wait_state(&a, id, "done");
        (void)snprintf(id, sizeof id, "s-f%d", i);
        harness_wait_state(&b, id, "done");
    }
    assert_int_equal(pairs("two"), 150);
    assert_int_equal(waiting("two"), 0);
    check_pairs("two");
    harness_say(&b, IPC_STOP, "");
    (void)harness_wait_exit(&b);
    harness_close(&b);
    harness_end_drained(&a);
}

static void test_match_confirm_keeps_the_two_apart(void **state)
{
    struct worker_harness h;
    char payload[192], id[64];
    (void)state;
    begin(&h, "confirm", "");
    submit(&h, "confirm", "m1", "male", "female");
    submit(&h, "confirm", "f1", "female", "male");
    harness_wait_state(&h, "s-m1", "done");
    harness_wait_state(&h, "s-f1", "done");
    assert_true(pg_server_query(&pg, "SELECT id FROM stint.match_pair WHERE pool = 'confirm'", id, sizeof id));
    (void)snprintf(payload, sizeof payload,
                   "{\"v\":1,\"op\":\"confirm\",\"pool\":\"confirm\",\"pair\":\"%s\","
                   "\"votes\":{\"m1\":\"yes\",\"f1\":\"yes\"}}",
                   id);
    send_op(&h, "c", payload);
    harness_wait_state(&h, "c", "done");
    assert_int_equal(
        query("SELECT count(*) FROM stint.match_pair WHERE pool = '%s' AND state = 'confirmed' AND mutual", "confirm"),
        1);
    for (int turn = 0; turn < 2; turn++) {
        (void)snprintf(payload, sizeof payload,
                       "{\"v\":1,\"op\":\"submit\",\"pool\":\"confirm\",\"id\":\"%s\",\"gender\":\"%s\","
                       "\"seeking\":[\"any\"],\"age\":25}",
                       turn ? "m1" : "f1", turn ? "male" : "female");
        send_op(&h, turn ? "again-m" : "again-f", payload);
        harness_wait_state(&h, turn ? "again-m" : "again-f", "done");
    }
    assert_int_equal(pairs("confirm"), 0);
    assert_int_equal(waiting("confirm"), 2);
    harness_end_drained(&h);
}

static void test_match_silent_people_and_overdue_pairs_end_by_themselves(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "time", "[match]\npending_release = 500ms\n");
    send_op(&h, "q",
            "{\"v\":1,\"op\":\"submit\",\"pool\":\"time\",\"id\":\"q\",\"gender\":\"male\",\"seeking\":[\"male\"],"
            "\"age\":30,"
            "\"presence_ms\":1000}");
    submit(&h, "time", "m1", "male", "female");
    submit(&h, "time", "f1", "female", "male");
    harness_wait_state(&h, "s-f1", "done");
    send_op(&h, "c0", "{\"v\":1,\"op\":\"cycle\",\"pool\":\"time\"}");
    harness_wait_state(&h, "c0", "done");
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    for (int i = 1;
         pairs("time") + waiting("time") != 2 || query("SELECT count(*) FROM stint.match_ticket WHERE pool = '%s'"
                                                       " AND id = 'q' AND state = 'gone'",
                                                       "time") != 1;
         i++) {
        char id[16];
        assert_true(clock_mono_ms() < until);
        (void)snprintf(id, sizeof id, "c%d", i);
        send_op(&h, id, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"time\"}");
        harness_wait_state(&h, id, "done");
    }
    assert_int_equal(pairs("time"), 0);
    check_pairs("time");
    harness_end_drained(&h);
}

/* Two overdue pairs end in one round, and their four people are paired crosswise in the same one. */
static void test_match_overdue_pairs_are_paired_anew_in_the_round_that_ends_them(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "anew", "[match]\npending_release = 300ms\n");
    submit(&h, "anew", "m1", "male", "female");
    submit(&h, "anew", "f1", "female", "male");
    harness_wait_state(&h, "s-f1", "done");
    submit(&h, "anew", "m2", "male", "female");
    submit(&h, "anew", "f2", "female", "male");
    harness_wait_state(&h, "s-f2", "done");
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    for (int i = 0; query("SELECT count(*) FROM stint.match_pair WHERE pool = '%s'", "anew") != 4; i++) {
        char id[16];
        assert_true(clock_mono_ms() < until);
        (void)snprintf(id, sizeof id, "c%d", i);
        send_op(&h, id, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"anew\"}");
        harness_wait_state(&h, id, "done");
    }
    check_pairs("anew");
    harness_end_drained(&h);
}

/* Until every event of the pool is in its stream and its rows are removed; nobody submits anything meanwhile. Returns
 * the stream's length. */
static int64_t wait_told(struct worker_harness *h, const char *queue, const char *pool)
{
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    while (query("SELECT count(*) FROM stint.match_event WHERE queue = '%s' AND pool = '%s'", queue, pool) != 0)
        assert_true(clock_mono_ms() < until);
    redisReply *reply = harness_cmd(h, "XLEN stint:{%s}:match:%s", queue, pool);
    int64_t length = reply->integer;
    freeReplyObject(reply);
    return length;
}

static void test_match_events_of_nobody_are_told_by_their_queue_without_a_round(void **state)
{
    struct worker_harness h;
    (void)state;
    (void)query("INSERT INTO stint.match_pool(pool) VALUES ('still'); SELECT 0");
    (void)query("INSERT INTO stint.match_event(queue, pool, at_ms, tell_ms, body)"
                " SELECT q, 'still', 0, 0, '{\"t\":\"matched\"}' FROM unnest(ARRAY['retell', 'retell', 'other']) q;"
                " SELECT 0");
    begin(&h, "retell", "");
    assert_int_equal(wait_told(&h, "retell", "still"), 2);
    assert_int_equal(query("SELECT version FROM stint.match_pool WHERE pool = 'still'"), 0);
    assert_int_equal(query("SELECT count(*) FROM stint.match_event WHERE queue = 'other' AND pool = 'still'"), 1);
    harness_end_drained(&h);
}

static void test_match_worker_killed_around_commit_applies_once(void **state)
{
    static const char *const points[] = {"match.played", "match.written", "match.committed", "match.told"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct worker_harness h;
        char queue[32], ini[2048], environment[64], job[128];
        (void)snprintf(queue, sizeof queue, "kill%zu", i);
        (void)snprintf(environment, sizeof environment, "STINT_KILL_POINT=%s:1", points[i]);
        harness_open(&h, redis.url, queue);
        ini_for(ini, queue, "");
        harness_start(&h, "match", ini, environment);
        submit(&h, queue, "m1", "male", "female");
        harness_wait_state(&h, "s-m1", "done");
        submit(&h, queue, "f1", "female", "male"); /* dies in this one */
        int status = harness_wait_exit(&h);
        assert_true(WIFSIGNALED(status));
        redisReply *reply = harness_cmd(
            &h, "FCALL stint_crash 1 stint:{%s} %s * {\"code\":\"CRASH\"} 0123456789abcdef 2 0", queue, h.consumer);
        freeReplyObject(reply);
        harness_start(&h, "match", ini, NULL);
        (void)snprintf(job, sizeof job, "s-f1");
        harness_wait_state(&h, job, "done");
        assert_int_equal(pairs(queue), 1);
        assert_int_equal(waiting(queue), 0);
        check_pairs(queue);
        assert_true(wait_told(&h, queue, queue) >= 1);
        harness_end_drained(&h);
    }
}

/* What the store refuses is the affair of the one job it is about, wherever PostgreSQL notices: in a statement or at
 * COMMIT. */
/* A job comes as new whose effect was applied: Redis lost its last second, or the id was used before. */
static void test_match_first_delivery_of_what_is_applied_takes_the_result_of_then(void **state)
{
    struct worker_harness h;
    (void)state;
    (void)query("INSERT INTO stint.job_outcome(queue, job_id, epoch, state, kind, result, finished_at)"
                " SELECT 'before', 's-' || id, 1, 'done', 'match', '{\"of\":\"then\"}', now()"
                " FROM unnest(ARRAY['m3', 'm5', 'f0']) id; SELECT 0");
    begin(&h, "before", "");
    crowd(&h, "before", "male", "female", 0, 8);
    assert_int_equal(waiting("before"), 6);
    crowd(&h, "before", "female", "male", 0, 8);
    assert_int_equal(pairs("before"), 6);
    assert_int_equal(waiting("before"), 1);
    assert_int_equal(
        query("SELECT count(*) FROM stint.match_ticket WHERE pool = 'before' AND id IN ('m3', 'm5', 'f0')"), 0);
    AUTO_FREE char *applied = harness_job(&h, "s-m5");
    AUTO_FREE char *played = harness_job(&h, "s-m4");
    assert_non_null(strstr(applied, "then"));
    assert_non_null(strstr(played, "position"));
    check_pairs("before");
    harness_end_drained(&h);
}

static void test_match_refused_by_a_constraint_only_the_guilty_job_dies(void **state)
{
    static const char *const rules[] = {
        "ALTER TABLE stint.match_ticket ADD CONSTRAINT test_rule CHECK (id <> 'm3') NOT VALID",
        "CREATE FUNCTION stint.test_rule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 'm3' THEN"
        " RAISE EXCEPTION 'not this one' USING ERRCODE = '23503'; END IF; RETURN NULL; END $$;"
        " CREATE CONSTRAINT TRIGGER test_rule AFTER INSERT OR UPDATE ON stint.match_ticket DEFERRABLE INITIALLY"
        " DEFERRED FOR EACH ROW EXECUTE FUNCTION stint.test_rule()"};
    static const char *const ends[] = {"ALTER TABLE stint.match_ticket DROP CONSTRAINT test_rule",
                                       "DROP FUNCTION stint.test_rule() CASCADE"};
    char text[64];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct worker_harness h;
        char queue[32], ini[2048], job[32];
        (void)snprintf(queue, sizeof queue, "guilty%zu", i);
        harness_open(&h, redis.url, queue);
        ini_for(ini, queue, "");
        assert_true(pg_server_query(&pg, rules[i], text, sizeof text));
        for (int k = 0; k < 7; k++) { /* they wait for the worker: one round */
            (void)snprintf(job, sizeof job, "m%d", k);
            submit(&h, queue, job, "male", "male");
        }
        harness_start(&h, "match", ini, NULL);
        for (int k = 0; k < 7; k++) {
            (void)snprintf(job, sizeof job, "s-m%d", k);
            harness_wait_state(&h, job, k == 3 ? "dead" : "done");
        }
        assert_true(pg_server_query(&pg, ends[i], text, sizeof text));
        assert_int_equal(pairs(queue), 3);
        assert_int_equal(waiting(queue), 0);
        check_pairs(queue);
        harness_end_drained(&h);
    }
}

/* One operation a round, each on what earlier rounds left in the worker's index. */
static void test_match_one_life_an_operation_a_round(void **state)
{
    static const struct {
        const char *payload, *says;
        int64_t pairs, waiting;
    } steps[] = {
        {"\"op\":\"submit\",\"id\":\"ann\",\"gender\":\"female\",\"seeking\":[\"male\"],\"age\":30", "position", 0, 1},
        {"\"op\":\"submit\",\"id\":\"bob\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":30", "confirm_by", 1,
         0},
        {"\"op\":\"submit\",\"id\":\"bob\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":30", "already_matched",
         1, 0},
        {"\"op\":\"touch\",\"id\":\"bob\"", "matched", 1, 0},
        {"\"op\":\"leave\",\"id\":\"ann\"", "left", 0, 1},
        {"\"op\":\"leave\",\"id\":\"ann\"", "absent", 0, 1},
        {"\"op\":\"touch\",\"id\":\"bob\"", "touched", 0, 1},
        {"\"op\":\"submit\",\"id\":\"bob\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":31", "position", 0, 1},
        {"\"op\":\"submit\",\"id\":\"ann\",\"gender\":\"female\",\"seeking\":[\"male\"],\"age\":30", "position", 0, 2},
        {"\"op\":\"submit\",\"id\":\"cat\",\"gender\":\"female\",\"seeking\":[\"male\"],\"age\":30", "confirm_by", 1,
         1},
        {"\"op\":\"submit\",\"id\":\"dan\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":30", "confirm_by", 2,
         0},
        {"\"op\":\"leave\",\"id\":\"dan\",\"disconnected\":true", "left", 1, 1},
        {"\"op\":\"leave\",\"id\":\"ann\",\"disconnected\":true", "grace", 1, 1},
        {"\"op\":\"touch\",\"id\":\"ann\"", "touched", 1, 1},
        {"\"op\":\"release\",\"pair\":\"%s\",\"votes\":{\"bob\":\"yes\",\"cat\":\"no\"}", "released", 0, 3},
        {"\"op\":\"submit\",\"id\":\"eve\",\"gender\":\"female\",\"seeking\":[\"male\"],\"age\":30", "confirm_by", 1,
         2},
        {"\"op\":\"confirm\",\"pair\":\"%s\",\"votes\":{\"bob\":\"yes\"}", "confirmed", 0, 2},
        {"\"op\":\"confirm\",\"pair\":\"none\",\"votes\":{}", "absent", 0, 2},
        {"\"op\":\"submit\",\"id\":\"bob\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":30", "position", 0, 3},
        {"\"op\":\"cycle\"", "cycled", 0, 3},
    };
    struct worker_harness h;
    (void)state;
    begin(&h, "life", "");
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        char job[16], pair[64] = "", body[256], payload[320];
        (void)pg_server_query(&pg, "SELECT id FROM stint.match_pair WHERE pool = 'life' AND live_a = 'bob'", pair,
                              sizeof pair);
        const char *mark = strstr(steps[i].payload, "%s");
        size_t head = mark ? (size_t)(mark - steps[i].payload) : strlen(steps[i].payload);
        (void)snprintf(body, sizeof body, "%.*s%s%s", (int)head, steps[i].payload, mark ? pair : "",
                       mark ? mark + 2 : "");
        (void)snprintf(payload, sizeof payload, "{\"v\":1,\"pool\":\"life\",%s}", body);
        (void)snprintf(job, sizeof job, "l%zu", i);
        send_op(&h, job, payload);
        harness_wait_state(&h, job, "done");
        AUTO_FREE char *told = harness_job(&h, job);
        if (!strstr(told, steps[i].says) || pairs("life") != steps[i].pairs || waiting("life") != steps[i].waiting)
            fail_msg("step %zu: %lld pairs, %lld wait: %s", i, (long long)pairs("life"), (long long)waiting("life"),
                     told);
        check_pairs("life");
    }
    assert_int_equal(query("SELECT count(*) FROM stint.match_ticket WHERE pool = '%s' AND state <> 'gone' AND"
                           " (body = '{}' OR body IS NULL)",
                           "life"),
                     0);
    harness_end_drained(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match_results_and_events_tell_the_pair),
        cmocka_unit_test(test_match_lopsided_pool_pairs_the_scarce_side),
        cmocka_unit_test(test_match_bad_ticket_is_dropped_bad_payload_is_dead),
        cmocka_unit_test(test_match_leave_in_mid_match_returns_the_other),
        cmocka_unit_test(test_match_restart_with_queued_people_loses_nobody),
        cmocka_unit_test(test_match_two_workers_on_one_pool_never_pair_twice),
        cmocka_unit_test(test_match_confirm_keeps_the_two_apart),
        cmocka_unit_test(test_match_silent_people_and_overdue_pairs_end_by_themselves),
        cmocka_unit_test(test_match_overdue_pairs_are_paired_anew_in_the_round_that_ends_them),
        cmocka_unit_test(test_match_first_delivery_of_what_is_applied_takes_the_result_of_then),
        cmocka_unit_test(test_match_refused_by_a_constraint_only_the_guilty_job_dies),
        cmocka_unit_test(test_match_one_life_an_operation_a_round),
        cmocka_unit_test(test_match_worker_killed_around_commit_applies_once),
        cmocka_unit_test(test_match_events_of_nobody_are_told_by_their_queue_without_a_round),
    };
    return cmocka_run_group_tests(tests, open_servers, close_servers);
}
