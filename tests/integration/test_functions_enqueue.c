/*
 * Why: enqueue is the one arrow that strangers call; each thing it accepts and refuses is shown here on a real Redis.
 * Refuses to: look at anything but the protocol's replies, keys and hash fields.
 */
#include "ftest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void test_enqueue_plain_options_is_ready_with_uuidv7(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *a = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    AUTO_FREE char *b = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '7');
    assert_non_null(strchr("89ab", a[19]));
    assert_true(strcmp(a, b) < 0); /* ids sort by time and turn */
    assert_int_equal(ftest_stat(ctx, "bands.normal.ready"), 2);
    assert_int_equal(ftest_stat(ctx, "enqueued"), 2);
    ftest_assert_job(ctx, a, "state", "ready");
    ftest_assert_job(ctx, a, "epoch", "0");
    ftest_assert_ledger(ctx);
}

static void test_enqueue_untracked_kind_writes_no_hash(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_config", "track:probe", "0", "me", NULL)), 1);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"band\":\"low\"}", "{}", "ready");
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:j:%s", id)), 0);
    assert_int_equal(ftest_stat(ctx, "bands.low.ready"), 1);
    ftest_assert_job(ctx, id, "state", "ready"); /* found by its name alone */
}

static void test_enqueue_delay_is_scheduled_and_promoted(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *late = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000}", "{}", "scheduled");
    AUTO_FREE char *soon =
        ftest_enqueue(ctx, "{\"kind\":\"probe\",\"band\":\"high\",\"delay_ms\":3}", "{\"x\":1}", "scheduled");
    assert_int_equal(ftest_stat(ctx, "scheduled"), 2);
    assert_int_equal(ftest_int(ftest_redis(ctx, "XLEN stint:{q}:ev")), 2); /* each was the earliest when it came */
    ftest_assert_ledger(ctx);
    ftest_promote_until(ctx, 1);
    assert_int_equal(ftest_stat(ctx, "bands.high.ready"), 1);
    assert_int_equal(ftest_stat(ctx, "enqueued"), 2);
    ftest_assert_job(ctx, soon, "state", "ready");
    ftest_assert_job(ctx, late, "state", "scheduled");
    ftest_assert_ledger(ctx);
    redisReply *fetched = ftest_fetch(ctx, 0, 10);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_PAYLOAD), "{\"x\":1}");
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_EPOCH), 1);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_HAS_HASH), 1);
    assert_true(ftest_job_int(fetched, 0, JOB_AT_CREATED) <= ftest_job_int(fetched, 0, JOB_AT_DUE));
    freeReplyObject(fetched);
}

static void test_enqueue_at_ms_past_is_ready(void **state)
{
    AUTO_FREE char *id = ftest_enqueue(ftest_ctx(state), "{\"kind\":\"probe\",\"at_ms\":1000}", "{}", "ready");
    assert_int_equal(ftest_stat(ftest_ctx(state), "bands.normal.ready"), 1);
}

static void test_enqueue_same_id_is_duplicate(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *a = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"id\":\"order:7\"}", "{}", "ready");
    AUTO_FREE char *b = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"id\":\"order:7\"}", "{}", "duplicate");
    assert_string_equal(a, "order:7");
    assert_string_equal(b, "order:7");
    assert_int_equal(ftest_stat(ctx, "enqueued"), 1);
}

static void test_enqueue_unique_inside_window_is_duplicate_of_first(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *a = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"unique\":\"sha256:1\"}", "{}", "ready");
    AUTO_FREE char *b = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"unique\":\"sha256:1\"}", "{}", "duplicate");
    assert_string_equal(a, b);
    const char *windowed = "{\"kind\":\"probe\",\"unique\":{\"key\":\"w\",\"window_ms\":5000}}";
    AUTO_FREE char *c = ftest_enqueue(ctx, windowed, "{}", "ready");
    AUTO_FREE char *d = ftest_enqueue(ctx, windowed, "{}", "duplicate");
    assert_string_equal(c, d);
    long long left = ftest_int(ftest_redis(ctx, "PTTL stint:{q}:u:w"));
    assert_true(left > 0 && left <= 5000);
    /* A cancelled job gives its key back. */
    freeReplyObject(ftest_call(ctx, "stint_cancel", a, "changed my mind", "me", NULL));
    AUTO_FREE char *e = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"unique\":\"sha256:1\"}", "{}", "ready");
    assert_string_not_equal(a, e);
    ftest_assert_ledger(ctx);
}

static void test_enqueue_large_payload_goes_to_the_hash(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_config", "track:probe", "0", "me", NULL)), 1);
    char payload[5001];
    memset(payload, 'x', sizeof payload - 1);
    payload[sizeof payload - 1] = '\0';
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", payload, "ready");
    assert_int_equal(ftest_int(ftest_redis(ctx, "HSTRLEN stint:{q}:j:%s payload", id)), 5000);
    char band[16], entry[48];
    redisReply *fetched = ftest_fetch_one(ctx, band, entry);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_PAYLOAD), payload);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_HAS_HASH), 1);
    freeReplyObject(fetched);
    assert_int_equal(ftest_finish(ctx, "done", band, entry, id, "", "0"), 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:j:%s", id)), 0);
    ftest_assert_ledger(ctx);
}

static void test_enqueue_bad_options_are_refused_by_name(void **state)
{
    static const struct {
        const char *options, *why;
    } cases[] = {
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"{\"kind\":", "not a JSON object"},
        {"{}", "kind is missing"},
        {"{\"kind\":\"\"}", "option kind must be 1 to 32"},
        {"{\"kind\":\"Probe\"}", "option kind must be 1 to 32"},
        {"{\"kind\":\"abcdefghijklmnopqrstuvwxyz-0123456789\"}", "option kind must be 1 to 32"},
        {"{\"kind\":7}", "option kind must be"},
        {"{\"kind\":\"probe\",\"band\":\"urgent\"}", "express, high, normal or low"},
        {"{\"kind\":\"probe\",\"id\":\"a b\"}", "option id must be"},
        {"{\"kind\":\"probe\",\"id\":null}", "option id must be"},
        {"{\"kind\":\"probe\",\"delay_ms\":-1}", "option delay_ms must be"},
        {"{\"kind\":\"probe\",\"delay_ms\":1.5}", "option delay_ms must be"},
        {"{\"kind\":\"probe\",\"delay_ms\":\"5\"}", "option delay_ms must be"},
        {"{\"kind\":\"probe\",\"delay_ms\":1e18}", "option delay_ms must be"},
        {"{\"kind\":\"probe\",\"delay_ms\":1,\"at_ms\":1}", "exclude one another"},
        {"{\"kind\":\"probe\",\"timeout_ms\":0}", "option timeout_ms must be"},
        {"{\"kind\":\"probe\",\"attempts\":1001}", "option attempts must be"},
        {"{\"kind\":\"probe\",\"expires_ms\":0}", "option expires_ms must be"},
        {"{\"kind\":\"probe\",\"expires_at_ms\":1}", "option expires_at_ms is unknown"},
        {"{\"kind\":\"probe\",\"unique\":\"\"}", "option unique must be"},
        {"{\"kind\":\"probe\",\"unique\":{\"key\":\"a\",\"window\":1}}", "option unique must be"},
        {"{\"kind\":\"probe\",\"tenant\":\"a\\nb\"}", "option tenant must be"},
        {"{\"kind\":\"probe\",\"traceparent\":\"00-xyz\"}", "option traceparent must be"},
        {"{\"kind\":\"probe\",\"prio\":1}", "option prio is unknown"},
    };
    redisContext *ctx = ftest_ctx(state);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *answer = ftest_json(ftest_call(ctx, "stint_enqueue", cases[i].options, "{}", NULL));
        assert_string_equal(json_string_value(json_object_get(answer, "state")), "refused");
        const char *why = json_string_value(json_object_get(answer, "why"));
        if (!strstr(why, cases[i].why))
            fail_msg("%s: why is \"%s\", expected \"%s\"", cases[i].options, why, cases[i].why);
        json_decref(answer);
    }
    assert_int_equal(ftest_stat(ctx, "enqueued"), 0);
    assert_int_equal(ftest_int(ftest_redis(ctx, "DBSIZE")),
                     2); /* the instance's lease and its hash: nothing was written */
    AUTO_FREE char *none = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "", "refused");
}

static void test_enqueue_all_options_arrive(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = ftest_enqueue(
        ctx,
        "{\"kind\":\"probe\",\"timeout_ms\":5000,\"attempts\":7,\"expires_ms\":60000,\"tenant\":\"t\",\"actor\":\"jo\","
        "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}",
        "{}", "ready");
    redisReply *fetched = ftest_fetch(ctx, 0, 1);
    json_t *o = json_loads(ftest_job_text(fetched, 0, JOB_AT_OPTIONS), 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(o, "timeout_ms")), 5000);
    assert_int_equal(json_integer_value(json_object_get(o, "attempts")), 7);
    long long lifetime = json_integer_value(json_object_get(o, "expires_at_ms")) - ftest_job_int(fetched, 0, JOB_AT_CREATED);
    assert_in_range(lifetime, 59000, 60000); /* the entry's clock is read a moment after the call's */
    assert_string_equal(json_string_value(json_object_get(o, "tenant")), "t");
    assert_string_equal(json_string_value(json_object_get(o, "actor")), "jo");
    assert_non_null(json_object_get(o, "traceparent"));
    json_decref(o);
    freeReplyObject(fetched);
}

static void test_enqueue_bulk_answers_in_order(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    redisReply *reply =
        ftest_call(ctx, "stint_enqueue_bulk", "{\"kind\":\"probe\",\"id\":\"a\"}", "{}", "{\"kind\":1}", "{}",
                   "{\"kind\":\"probe\",\"id\":\"a\"}", "{}", "{\"kind\":\"probe\",\"id\":\"b\"}", "{}", NULL);
    static const char *const states[] = {"ready", "refused", "duplicate", "ready"};
    assert_int_equal(reply->elements, ARRAY_LEN(states));
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        assert_non_null(strstr(reply->element[i]->str, states[i]));
    freeReplyObject(reply);
    ftest_assert_error(ftest_call(ctx, "stint_enqueue_bulk", "{}", NULL), "STINT_BADARG", "ARGV");
    const char *args[202];
    for (size_t i = 0; i < ARRAY_LEN(args); i++)
        args[i] = i % 2 ? "{}" : "{\"kind\":\"probe\"}";
    ftest_assert_error(ftest_call_argv(ctx, "stint_enqueue_bulk", 202, args), "STINT_BADARG", "1 to 100 pairs");
    ftest_assert_error(ftest_call_argv(ctx, "stint_enqueue_bulk", 3, args), "STINT_BADARG", "pairs");
    reply = ftest_call_argv(ctx, "stint_enqueue_bulk", 200, args);
    assert_int_equal(reply->elements, 100);
    freeReplyObject(reply);
    assert_int_equal(ftest_stat(ctx, "bands.normal.ready"), 102);
    ftest_assert_ledger(ctx);
}

static void test_enqueue_bad_key_is_badarg(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    ftest_assert_error(ftest_redis(ctx, "FCALL stint_stats 1 stint:q"), "STINT_BADARG", "KEYS");
    ftest_assert_error(ftest_redis(ctx, "FCALL stint_stats 0"), "STINT_BADARG", "KEYS");
    ftest_assert_error(ftest_redis(ctx, "FCALL stint_stats 2 stint:{q} stint:{r}"), "STINT_BADARG", "KEYS");
}

static void test_enqueue_at_maxmemory_is_refused_and_work_goes_on(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    freeReplyObject(ftest_redis(ctx, "CONFIG SET maxmemory 1"));
    ftest_assert_error(ftest_call(ctx, "stint_enqueue", "{\"kind\":\"probe\"}", "{}", NULL), "OOM", "");
    ftest_assert_error(ftest_call(ctx, "stint_config", "rate", "5", "me", NULL), "OOM", "");
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-1", "600000", "{}", NULL));
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, id, "{\"code\":\"EIO\"}", "0"), 1);
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_handback", "h-1:0:1", "drain", "0", band, entry, NULL)), 1);
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "dead", band, entry, id, "{\"code\":\"EIO\"}", "f"), 1);
    ftest_assert_error(ftest_call(ctx, "stint_replay", "me", "", id, NULL), "OOM", "");
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_purge", "me", "full", id, NULL)), 1);
    ftest_assert_ledger(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_enqueue_plain_options_is_ready_with_uuidv7, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_untracked_kind_writes_no_hash, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_delay_is_scheduled_and_promoted, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_at_ms_past_is_ready, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_same_id_is_duplicate, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_unique_inside_window_is_duplicate_of_first, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_large_payload_goes_to_the_hash, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_bad_options_are_refused_by_name, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_all_options_arrive, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_bulk_answers_in_order, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_bad_key_is_badarg, ftest_reset),
        cmocka_unit_test_setup(test_enqueue_at_maxmemory_is_refused_and_work_goes_on, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
