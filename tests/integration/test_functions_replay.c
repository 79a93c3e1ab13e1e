/*
 * Why: a replay run moves thousands of jobs in many calls, and whoever drives it may die between any two. Position,
 * counts, canary, rate and undo must hold whatever the order; an undo must leave a letter exactly as it was.
 * Refuses to: wait for the rate by sleeping; it only counts what one call lets through.
 */
#include "ftest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ERROR "{\"code\":\"PROTOCOL\",\"class\":\"permanent\",\"cause\":\"handler_error\",\"message\":\"no\"}"
enum { MANY = 130 };

/* One job claimed and buried. */
static void kill_one(redisContext *ctx, const char *id)
{
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "dead", band, entry, id, ERROR, "00ff"), 1);
}

static void make_letter(redisContext *ctx, const char *id, const char *more)
{
    char options[256];
    (void)snprintf(options, sizeof options, "{\"kind\":\"probe\",\"id\":\"%s\"%s}", id, more);
    free(ftest_enqueue(ctx, options, "{\"v\":1}", "ready"));
    kill_one(ctx, id);
}

/* Letters l0 … l<n-1> in a run "r" of driver "d", begun. */
static void begin_run(redisContext *ctx, int n, const char *options)
{
    freeReplyObject(ftest_call(ctx, "stint_replay_open", "r", "me", "why", options, "{}", "d", NULL));
    for (int i = 0; i < n; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "l%d", i);
        make_letter(ctx, id, "");
        assert_int_equal(ftest_int(ftest_call(ctx, "stint_replay_select", "r", "d", id, NULL)), i + 1);
    }
    json_t *run = ftest_json(ftest_call(ctx, "stint_replay_begin", "r", "d", NULL));
    assert_int_equal(json_integer_value(json_object_get(run, "selected")), n);
    json_decref(run);
}

/* A call that answers the run; checks its state, and frees. Returns `count`'s value. */
static long long run_is(redisReply *reply, const char *state, const char *count)
{
    json_t *run = ftest_json(reply);
    assert_string_equal(json_string_value(json_object_get(run, "state")), state);
    long long n = json_integer_value(json_object_get(run, count));
    json_decref(run);
    return n;
}

static redisReply *step(redisContext *ctx, const char *max)
{
    return ftest_call(ctx, "stint_replay_step", "r", "d", max, NULL);
}

/* The next ready job ends. */
static void end_next(redisContext *ctx, const char *op)
{
    char band[16], entry[48];
    redisReply *f = ftest_fetch_one(ctx, band, entry);
    bool dead = strcmp(op, "dead") == 0;
    assert_int_equal(
        ftest_finish(ctx, op, band, entry, ftest_job_text(f, 0, JOB_AT_ID), dead ? ERROR : "{}", dead ? "00ff" : "1000"), 1);
    freeReplyObject(f);
}

/* Every field of the job hash but `bytes`, the server's own measure, as one text (caller frees). */
static char *whole_hash(redisContext *ctx, const char *id)
{
    redisReply *r = ftest_redis(ctx, "HGETALL stint:{q}:j:%s", id);
    json_t *fields = json_object();
    for (size_t i = 0; i + 1 < r->elements; i += 2)
        if (strcmp(r->element[i]->str, "bytes") != 0)
            (void)json_object_set_new(fields, r->element[i]->str, json_string(r->element[i + 1]->str));
    char *text = json_dumps(fields, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(fields);
    freeReplyObject(r);
    return text;
}

static void test_step_moves_each_letter_once_and_keeps_its_position(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    begin_run(ctx, MANY, "{}");
    assert_int_equal(run_is(step(ctx, "100"), "running", "replayed"), 100);
    assert_int_equal(ftest_stat(ctx, "dead"), MANY - 100);
    assert_int_equal(run_is(step(ctx, "100"), "done", "replayed"), MANY);
    assert_int_equal(run_is(step(ctx, "100"), "done", "moved"), 0);
    assert_int_equal(ftest_stat(ctx, "bands.normal.ready"), MANY);
    assert_int_equal(ftest_stat(ctx, "ledger.replayed"), MANY);
    assert_int_equal(ftest_stat(ctx, "dead_causes.handler_error"), 0);
    ftest_assert_ledger(ctx);
}

static void test_step_letter_that_died_again_is_not_replayed_twice(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    begin_run(ctx, 3, "{}");
    freeReplyObject(ftest_call(ctx, "stint_replay_open", "twice", "me", "", "{}", "{}", "d", NULL));
    ftest_int(ftest_call(ctx, "stint_replay_select", "twice", "d", "l0", "l0", "l0", NULL));
    assert_int_equal(ftest_int(ftest_redis(ctx, "ZCARD stint:{q}:replay:twice:left")), 1);
    assert_int_equal(run_is(step(ctx, "1"), "running", "replayed"), 1);
    end_next(ctx, "dead");
    assert_int_equal(run_is(step(ctx, "100"), "done", "replayed"), 3);
    assert_int_equal(ftest_stat(ctx, "dead"), 1);
    assert_int_equal(run_is(step(ctx, "100"), "done", "failed"), 1);
    ftest_assert_ledger(ctx);
}

static void test_step_of_another_driver_is_refused(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    begin_run(ctx, 2, "{}");
    ftest_assert_error(ftest_call(ctx, "stint_replay_step", "r", "e", "1", NULL), "STINT_REFUSED", "taken over");
    run_is(ftest_call(ctx, "stint_replay_control", "r", "resume", "e", "me", "", NULL), "running", "left");
    ftest_assert_error(step(ctx, "1"), "STINT_REFUSED", "taken over by e");
    assert_int_equal(run_is(ftest_call(ctx, "stint_replay_step", "r", "e", "9", NULL), "done", "replayed"), 2);
    ftest_assert_error(ftest_call(ctx, "stint_replay_step", "nobody", "e", "1", NULL), "STINT_NOTFOUND", "nobody");
}

static void test_canary_waits_for_its_ends_then_goes_on(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    begin_run(ctx, 6, "{\"canary\":2}");
    assert_int_equal(run_is(step(ctx, "100"), "running", "replayed"), 2);
    assert_int_equal(run_is(step(ctx, "100"), "running", "replayed"), 2);
    end_next(ctx, "done");
    assert_int_equal(run_is(step(ctx, "100"), "running", "replayed"), 2);
    end_next(ctx, "done");
    assert_int_equal(run_is(step(ctx, "100"), "done", "replayed"), 6);
    assert_int_equal(run_is(step(ctx, "100"), "done", "succeeded"), 2);
    ftest_assert_ledger(ctx);
}

static void test_canary_that_dies_stops_the_run_until_somebody_resumes(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    begin_run(ctx, 6, "{\"canary\":2,\"canary_failures\":0}");
    assert_int_equal(run_is(step(ctx, "100"), "running", "replayed"), 2);
    end_next(ctx, "dead");
    assert_int_equal(run_is(step(ctx, "100"), "stopped", "left"), 4);
    assert_int_equal(run_is(step(ctx, "100"), "stopped", "moved"), 0);
    run_is(ftest_call(ctx, "stint_replay_control", "r", "resume", "d", "me", "", NULL), "running", "left");
    assert_int_equal(run_is(step(ctx, "100"), "done", "replayed"), 6);
    ftest_assert_ledger(ctx);
}

static void test_stop_at_stops_when_too_many_die_again(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    begin_run(ctx, 60, "{\"stop_at\":50}");
    assert_int_equal(run_is(step(ctx, "40"), "running", "replayed"), 40);
    for (int i = 0; i < 9; i++)
        end_next(ctx, "done");
    for (int i = 0; i < 10; i++)
        end_next(ctx, "dead");
    assert_int_equal(run_is(step(ctx, "1"), "running", "replayed"), 41); /* 10 of 19: too few to judge */
    end_next(ctx, "dead");
    assert_int_equal(run_is(step(ctx, "1"), "stopped", "failed"), 11);
    ftest_assert_ledger(ctx);
}

static void test_rate_lets_through_what_is_due_and_can_change(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    begin_run(ctx, 30, "{\"rate\":0.001}");
    assert_int_equal(run_is(step(ctx, "100"), "running", "moved"), 1);
    assert_true(run_is(step(ctx, "100"), "running", "wait_ms") > 900000);
    ftest_assert_error(ftest_call(ctx, "stint_replay_control", "r", "rate", "fast", "me", "", NULL), "STINT_BADARG", "value");
    run_is(ftest_call(ctx, "stint_replay_control", "r", "rate", "100", "me", "", NULL), "running", "rate");
    assert_int_equal(run_is(step(ctx, "100"), "running", "moved"), 10); /* a tenth of a second's worth at once */
    run_is(ftest_call(ctx, "stint_replay_control", "r", "rate", "0", "me", "", NULL), "running", "rate");
    assert_int_equal(run_is(step(ctx, "100"), "done", "replayed"), 30);
}

static void test_control_paused_and_cancelled_runs_move_nothing(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    begin_run(ctx, 4, "{}");
    assert_int_equal(run_is(step(ctx, "1"), "running", "moved"), 1);
    run_is(ftest_call(ctx, "stint_replay_control", "r", "pause", "", "me", "lunch", NULL), "paused", "left");
    assert_int_equal(run_is(step(ctx, "9"), "paused", "moved"), 0);
    ftest_assert_error(ftest_call(ctx, "stint_replay_control", "r", "pause", "", "me", "", NULL), "STINT_REFUSED", "paused");
    run_is(ftest_call(ctx, "stint_replay_control", "r", "cancel", "", "me", "", NULL), "cancelled", "left");
    ftest_assert_error(ftest_call(ctx, "stint_replay_control", "r", "resume", "d", "me", "", NULL), "STINT_REFUSED",
                       "cancelled");
    ftest_assert_error(ftest_call(ctx, "stint_replay_control", "r", "stop", "", "me", "", NULL), "STINT_BADARG", "what");
    assert_int_equal(ftest_stat(ctx, "dead"), 3);
    assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:replay:r")) > 0);
    ftest_assert_ledger(ctx);
}

/* A letter's whole hash, its indexes and its dedup key are after the undo what they were before the replay. */
static void assert_undo_restores(redisContext *ctx, const char *options, const char *more)
{
    make_letter(ctx, "u1", more);
    AUTO_FREE char *before = whole_hash(ctx, "u1");
    AUTO_FREE char *died = ftest_text(ftest_redis(ctx, "ZSCORE stint:{q}:dead u1"));
    freeReplyObject(ftest_call(ctx, "stint_replay_open", "r", "me", "", options, "{}", "d", NULL));
    ftest_int(ftest_call(ctx, "stint_replay_select", "r", "d", "u1", NULL));
    freeReplyObject(ftest_call(ctx, "stint_replay_begin", "r", "d", NULL));
    AUTO_FREE char *token_died = ftest_text(ftest_redis(ctx, "HGET stint:{q}:j:u1 died"));
    char token[64];
    (void)snprintf(token, sizeof token, "%s:0", token_died);
    bool edits = strstr(options, "edit") != NULL;
    redisReply *r = edits ? ftest_call(ctx, "stint_replay_step", "r", "d", "9", "u1", token, "{\"v\":2}", NULL)
                          : ftest_call(ctx, "stint_replay_step", "r", "d", "9", NULL);
    assert_int_equal(run_is(r, "done", "replayed"), 1);
    assert_int_equal(ftest_stat(ctx, "dead"), 0);
    if (edits)
        ftest_assert_job(ctx, "u1", "payload", "{\"v\":2}");
    assert_int_equal(run_is(ftest_call(ctx, "stint_replay_undo", "r", "me", "", "9", NULL), "undone", "undone"), 1);
    AUTO_FREE char *after = whole_hash(ctx, "u1");
    assert_string_equal(after, before);
    AUTO_FREE char *died_now = ftest_text(ftest_redis(ctx, "ZSCORE stint:{q}:dead u1"));
    assert_string_equal(died_now, died);
    assert_int_equal(ftest_int(ftest_redis(ctx, "ZLEXCOUNT stint:{q}:fp [00ff:u1 [00ff:u1")), 1);
    assert_int_equal(ftest_stat(ctx, "dead_causes.handler_error"), 1);
    assert_int_equal(ftest_stat(ctx, "ledger.undone"), 1);
    ftest_assert_ledger(ctx);
}

static void test_undo_restores_a_letter_exactly(void **state)
{
    assert_undo_restores(ftest_ctx(state), "{}", ",\"tenant\":\"t\",\"expires_ms\":86400000");
}

static void test_undo_restores_what_band_and_delay_changed(void **state)
{
    assert_undo_restores(ftest_ctx(state), "{\"band\":\"low\",\"delay_ms\":60000}", "");
    assert_int_equal(ftest_stat(ftest_ctx(state), "scheduled"), 0);
}

static void test_undo_restores_an_edited_payload(void **state)
{
    assert_undo_restores(ftest_ctx(state), "{\"edit\":\"{}\"}", "");
}

static void test_undo_gives_the_dedup_key_back_as_it_was(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    assert_undo_restores(ctx, "{}", ",\"unique\":{\"key\":\"k\",\"window_ms\":7200000}");
    assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:u:k")) > 3600000);
    freeReplyObject(ftest_call(ctx, "stint_replay", "me", "", "u1", NULL));
    free(ftest_enqueue(ctx, "{\"kind\":\"probe\",\"unique\":\"k\"}", "{}", "duplicate"));
}

static void test_undo_leaves_what_has_started(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    begin_run(ctx, 5, "{}");
    assert_int_equal(run_is(step(ctx, "100"), "done", "replayed"), 5);
    end_next(ctx, "done");
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry)); /* active */
    assert_int_equal(run_is(ftest_call(ctx, "stint_replay_undo", "r", "me", "", "2", NULL), "undoing", "undone"), 2);
    assert_int_equal(run_is(ftest_call(ctx, "stint_replay_undo", "r", "me", "", "9", NULL), "undone", "undone"), 3);
    assert_int_equal(run_is(ftest_call(ctx, "stint_replay_undo", "r", "me", "", "9", NULL), "undone", "started"), 2);
    assert_int_equal(ftest_stat(ctx, "dead"), 3);
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, "l1", ERROR, "0"), 1); /* started, and ready again */
    ftest_assert_job(ctx, "l1", "state", "ready");
    ftest_assert_ledger(ctx);
}

static void test_replay_takes_the_dedup_key_again(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    make_letter(ctx, "a", ",\"unique\":{\"key\":\"k\",\"window_ms\":60000}");
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:u:k")); /* its window passed */
    free(ftest_enqueue(ctx, "{\"kind\":\"probe\",\"id\":\"b\",\"unique\":\"k\"}", "{}", "ready"));
    redisReply *r = ftest_call(ctx, "stint_replay", "me", "", "a", NULL);
    assert_string_equal(r->element[0]->str, "unique");
    freeReplyObject(r);
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:u:k"));
    r = ftest_call(ctx, "stint_replay", "me", "", "a", NULL);
    assert_string_equal(r->element[0]->str, "ready");
    freeReplyObject(r);
    long long left = ftest_int(ftest_redis(ctx, "PTTL stint:{q}:u:k"));
    assert_true(left > 0 && left <= 60000);
    free(ftest_enqueue(ctx, "{\"kind\":\"probe\",\"unique\":\"k\"}", "{}", "duplicate"));
    ftest_assert_ledger(ctx);
}

static void test_step_edits_compare_the_letter(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    begin_run(ctx, 3, "{\"edit\":\"{}\"}");
    AUTO_FREE char *died = ftest_text(ftest_redis(ctx, "HGET stint:{q}:j:l0 died"));
    AUTO_FREE char *died2 = ftest_text(ftest_redis(ctx, "HGET stint:{q}:j:l2 died"));
    char token[64], token2[64];
    (void)snprintf(token, sizeof token, "%s:0", died);
    (void)snprintf(token2, sizeof token2, "%s:0", died2);
    assert_int_equal(run_is(step(ctx, "3"), "running", "moved"), 0); /* no edits in hand: it only looks at the ends */
    ftest_assert_error(ftest_call(ctx, "stint_replay_step", "r", "d", "3", "l0", token, NULL), "STINT_BADARG", "edits");
    ftest_assert_error(ftest_call(ctx, "stint_replay_step", "r", "d", "3", "l1", token, "{}", NULL), "STINT_REFUSED", "l0");
    AUTO_FREE char *edited = ftest_text(ftest_call(ctx, "stint_edit", "l0", token, "{\"v\":9}", "me", "typo", NULL));
    assert_non_null(strstr(edited, ":1"));
    ftest_assert_error(ftest_call(ctx, "stint_edit", "l0", token, "{}", "me", "", NULL), "STINT_REFUSED", "changed");
    ftest_assert_error(ftest_call(ctx, "stint_edit", "l9", token, "{}", "me", "", NULL), "STINT_NOTFOUND", "l9");
    assert_int_equal(run_is(ftest_call(ctx, "stint_replay_step", "r", "d", "9", "l0", token, "{}", "l1", "x", "", "l2",
                                       token2, "{\"v\":3}", NULL),
                            "done", "replayed"),
                     1);
    json_t *run = ftest_json(ftest_call(ctx, "stint_replay_status", "r", NULL));
    assert_int_equal(json_integer_value(json_object_get(run, "changed_letters")), 1);
    assert_int_equal(json_integer_value(json_object_get(run, "not_json")), 1);
    json_decref(run);
    ftest_assert_job(ctx, "l0", "payload_before", "{\"v\":1}");
    ftest_assert_job(ctx, "l2", "payload_before", "{\"v\":1}");
    ftest_assert_job(ctx, "l2", "payload", "{\"v\":3}");
    ftest_assert_ledger(ctx);
}

static void test_open_wrong_arguments_are_named(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    ftest_assert_error(ftest_call(ctx, "stint_replay_open", "a b", "me", "", "{}", "{}", "d", NULL), "STINT_BADARG", "run");
    ftest_assert_error(ftest_call(ctx, "stint_replay_open", "r", "me", "", "{\"rate\":-1}", "{}", "d", NULL),
                       "STINT_BADARG", "rate");
    ftest_assert_error(ftest_call(ctx, "stint_replay_open", "r", "me", "", "{\"speed\":1}", "{}", "d", NULL),
                       "STINT_BADARG", "speed");
    begin_run(ctx, 0, "{}");
    ftest_assert_error(ftest_call(ctx, "stint_replay_open", "r", "me", "", "{}", "{}", "d", NULL), "STINT_REFUSED", "exists");
    ftest_assert_error(ftest_call(ctx, "stint_replay_select", "r", "d", "x", NULL), "STINT_REFUSED", "done");
}

static void test_audit_keeps_any_action(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_audit", "worker.kill", "me", "stuck", "slot", "3", NULL)), 1);
    ftest_assert_error(ftest_call(ctx, "stint_audit", "A b", "me", "", NULL), "STINT_BADARG", "action");
    ftest_assert_error(ftest_call(ctx, "stint_audit", "x", "me", "", "slot", NULL), "STINT_BADARG", "pairs");
    ftest_assert_error(ftest_call(ctx, "stint_audit", "x", "me", "", "a b", "1", NULL), "STINT_BADARG", "field");
    redisReply *r = ftest_redis(ctx, "XREVRANGE stint:{q}:audit + - COUNT 1");
    assert_string_equal(r->element[0]->element[1]->element[1]->str, "worker.kill");
    freeReplyObject(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_step_moves_each_letter_once_and_keeps_its_position, ftest_reset),
        cmocka_unit_test_setup(test_step_letter_that_died_again_is_not_replayed_twice, ftest_reset),
        cmocka_unit_test_setup(test_step_of_another_driver_is_refused, ftest_reset),
        cmocka_unit_test_setup(test_canary_waits_for_its_ends_then_goes_on, ftest_reset),
        cmocka_unit_test_setup(test_canary_that_dies_stops_the_run_until_somebody_resumes, ftest_reset),
        cmocka_unit_test_setup(test_stop_at_stops_when_too_many_die_again, ftest_reset),
        cmocka_unit_test_setup(test_rate_lets_through_what_is_due_and_can_change, ftest_reset),
        cmocka_unit_test_setup(test_control_paused_and_cancelled_runs_move_nothing, ftest_reset),
        cmocka_unit_test_setup(test_undo_restores_a_letter_exactly, ftest_reset),
        cmocka_unit_test_setup(test_undo_restores_what_band_and_delay_changed, ftest_reset),
        cmocka_unit_test_setup(test_undo_restores_an_edited_payload, ftest_reset),
        cmocka_unit_test_setup(test_undo_gives_the_dedup_key_back_as_it_was, ftest_reset),
        cmocka_unit_test_setup(test_undo_leaves_what_has_started, ftest_reset),
        cmocka_unit_test_setup(test_replay_takes_the_dedup_key_again, ftest_reset),
        cmocka_unit_test_setup(test_step_edits_compare_the_letter, ftest_reset),
        cmocka_unit_test_setup(test_open_wrong_arguments_are_named, ftest_reset),
        cmocka_unit_test_setup(test_audit_keeps_any_action, ftest_reset),
    };
    return cmocka_run_group_tests_name("functions_replay", tests, ftest_setup, ftest_teardown);
}
