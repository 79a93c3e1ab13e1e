/*
 * Why: fetch decides what runs next and what must not run; each rule of the protocol's page is shown here on a real
 * Redis. Refuses to: measure time.
 */
#include "ftest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

static const char *status_of(const redisReply *fetched)
{
    return fetched->element[0]->str;
}

static void assert_fetch(redisContext *ctx, const char *status, size_t jobs)
{
    redisReply *fetched = ftest_fetch(ctx, 0, 100);
    assert_string_equal(status_of(fetched), status);
    assert_int_equal(ftest_jobs(fetched), jobs);
    freeReplyObject(fetched);
}

static void add(redisContext *ctx, const char *band, const char *kind)
{
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:%s * kind %s payload {}", band, kind));
}

static void test_fetch_without_lease_is_fenced(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "normal", "probe");
    redisReply *fetched = ftest_call(ctx, "stint_fetch", "h-2", "h-2:0:1", "0", "1", NULL);
    assert_string_equal(status_of(fetched), "fenced");
    freeReplyObject(fetched);
    freeReplyObject(ftest_redis(ctx, "ZADD stint:{q}:i 1 h-1")); /* a lease that ended */
    assert_fetch(ctx, "fenced", 0);
    assert_int_equal(ftest_stat(ctx, "bands.normal.ready"), 1);
}

static void test_fetch_empty_tells_next_due(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    redisReply *fetched = ftest_fetch(ctx, 0, 1);
    assert_string_equal(status_of(fetched), "empty");
    assert_int_equal(fetched->element[2]->integer, -1);
    freeReplyObject(fetched);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"at_ms\":99999999999999}", "{}", "scheduled");
    fetched = ftest_fetch(ctx, 0, 1);
    assert_int_equal(fetched->element[2]->integer, 99999999999999LL);
    freeReplyObject(fetched);
}

static void test_fetch_plain_xadd_delivers_every_field(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    redisReply *added = ftest_redis(ctx, "XADD stint:{q}:s:high * kind pdf-parse payload %s o %s extra ignored",
                                    "{\"v\":1}", "{\"timeout_ms\":9}");
    redisReply *fetched = ftest_fetch(ctx, 0, 5);
    assert_int_equal(ftest_jobs(fetched), 1);
    char id[64];
    snprintf(id, sizeof id, "high-%s", added->str);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_BAND), "high");
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_ENTRY), added->str);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_ID), id);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_KIND), "pdf-parse");
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_OPTIONS), "{\"timeout_ms\":9}");
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_PAYLOAD), "{\"v\":1}");
    static const int zeros[] = {JOB_AT_ATTEMPTS, JOB_AT_CRASHES, JOB_AT_HANDBACKS,
                                JOB_AT_REPLAYS,  JOB_AT_SUSPECT, JOB_AT_HAS_HASH};
    for (size_t i = 0; i < ARRAY_LEN(zeros); i++)
        assert_int_equal(ftest_job_int(fetched, 0, zeros[i]), 0);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_EPOCH), 1);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_CREATED), strtoll(added->str, NULL, 10));
    ftest_assert_job(ctx, id, "state", "active");
    ftest_assert_job(ctx, id, "consumer", "h-1:0:1");
    freeReplyObject(fetched);
    freeReplyObject(added);
    ftest_assert_ledger(ctx);
}

static void test_fetch_malformed_entry_is_a_dead_letter_and_stops_nothing(void **state)
{
    static const struct {
        const char *name, *value, *name2, *value2, *why;
    } cases[] = {
        {"payload", "{}", "x", "y", "field kind is missing"},
        {"kind", "Not A Kind", "payload", "{}", "field kind is not"},
        {"kind", "probe", "x", "y", "field payload is missing"},
        {"kind", "probe", "b", "1", "which is gone"},
        {"kind", "probe", "b", "0", "field payload is missing"},
    };
    redisContext *ctx = ftest_ctx(state);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal %d-1 %s %s %s %s", (int)i + 1, cases[i].name,
                                    cases[i].value, cases[i].name2, cases[i].value2));
    static const char *const rest[][2] = {{"o", "not json"},           {"o", "[1]"}, {"o", "{\"timeout_ms\":\"soon\"}"},
                                          {"o", "{\"band\":\"low\"}"}, {"n", "1,2"}, {"id", "a b"}};
    for (size_t i = 0; i < ARRAY_LEN(rest); i++)
        freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal %d-2 kind probe payload {} %s %s", (int)i + 100,
                                    rest[i][0], rest[i][1]));
    add(ctx, "normal", "probe");
    assert_fetch(ctx, "ok", 1); /* the good one behind them all */
    size_t bad = ARRAY_LEN(cases) + ARRAY_LEN(rest);
    assert_int_equal(ftest_stat(ctx, "dead"), bad);
    assert_int_equal(ftest_stat(ctx, "dead_causes.handler_error"), bad);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char id[64];
        snprintf(id, sizeof id, "normal-%d-1", (int)i + 1);
        AUTO_FREE char *errors = ftest_job(ctx, id, "errors");
        if (!strstr(errors, cases[i].why) || !strstr(errors, "BAD_PAYLOAD"))
            fail_msg("%s: %s", id, errors);
    }
    ftest_assert_ledger(ctx);
}

static void test_fetch_huge_and_binary_fields_are_survived(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    size_t size = 17 * 1024 * 1024;
    AUTO_FREE char *huge = malloc(size);
    memset(huge, 'x', size);
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal 1-1 kind probe payload %b", huge, size));
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal 1-2 kind probe payload {} o %b", huge, (size_t)20000));
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal 1-3 kind %b payload %b", "\xff\x00k", (size_t)3,
                                "\xfe\x00", (size_t)2));
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal 1-4 kind probe payload %b", "\xc3\x28\x00z", (size_t)4));
    redisReply *fetched = ftest_fetch(ctx, 0, 10);
    assert_int_equal(ftest_jobs(fetched), 1); /* any bytes are a payload; only its kind's handler can judge them */
    assert_int_equal(fetched->element[1]->element[0]->element[JOB_AT_PAYLOAD]->len, 4);
    freeReplyObject(fetched);
    assert_int_equal(ftest_stat(ctx, "dead"), 3);
    AUTO_FREE char *errors = ftest_job(ctx, "normal-1-1", "errors");
    assert_non_null(strstr(errors, "only its first 4096 bytes are kept"));
    ftest_assert_job(ctx, "normal-1-3", "kind", "unknown");
    ftest_assert_ledger(ctx);
}

static void test_fetch_expired_job_never_starts(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal 5-1 kind probe payload {} o %s", "{\"expires_ms\":1}"));
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"expires_ms\":60000}", "{}", "ready");
    redisReply *fetched = ftest_fetch(ctx, 0, 1);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_ID), id);
    freeReplyObject(fetched);
    assert_int_equal(ftest_stat(ctx, "ledger.expired"), 1);
    ftest_assert_job(ctx, "normal-5-1", "state", "expired");
    ftest_assert_ledger(ctx);
}

static void test_fetch_only_unrunnable_jobs_says_ok_to_fetch_again(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    for (int i = 0; i < 350; i++)
        freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal * kind probe"));
    redisReply *fetched = ftest_fetch(ctx, 0, 50);
    assert_string_equal(status_of(fetched), "ok");
    assert_int_equal(ftest_jobs(fetched), 0);
    freeReplyObject(fetched);
    long long moved = ftest_stat(ctx, "dead");
    assert_in_range(moved, 100, 150); /* max + 100 at most */
    ftest_assert_ledger(ctx);
}

static void test_fetch_paused_queue_says_paused(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "express", "probe");
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_pause", "", "me", "lunch", NULL)), 1);
    assert_fetch(ctx, "paused", 0);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_resume", "", "me", "back", NULL)), 1);
    assert_fetch(ctx, "ok", 1);
}

static void test_fetch_group_destroyed_is_made_again(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "normal", "probe");
    assert_fetch(ctx, "ok", 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "XGROUP DESTROY stint:{q}:s:normal workers")), 1);
    assert_fetch(ctx, "ok", 1); /* the job that was in hand is seen again: effects are idempotent, a lost job is not */
    ftest_assert_ledger(ctx);
}

/* Counts which band each of `turns` single fetches served. */
static void serve(redisContext *ctx, int turns, int count[static 4])
{
    static const char *const bands[] = {"express", "high", "normal", "low"};
    for (int turn = 0; turn < turns; turn++) {
        redisReply *fetched = ftest_fetch(ctx, turn, 1);
        assert_int_equal(ftest_jobs(fetched), 1);
        for (int b = 0; b < 4; b++)
            count[b] += strcmp(ftest_job_text(fetched, 0, JOB_AT_BAND), bands[b]) == 0;
        freeReplyObject(fetched);
    }
}

static void fill(redisContext *ctx, int each)
{
    static const char *const bands[] = {"high", "normal", "low"};
    for (int i = 0; i < each; i++)
        for (size_t b = 0; b < ARRAY_LEN(bands); b++)
            add(ctx, bands[b], "probe");
}

static void test_fetch_bands_follow_six_three_one(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, 60);
    int count[4] = {0};
    serve(ctx, 100, count);
    assert_int_equal(count[1], 60);
    assert_int_equal(count[2], 30);
    assert_int_equal(count[3], 10);
    for (int i = 0; i < 5; i++)
        add(ctx, "express", "probe");
    int strict[4] = {0};
    serve(ctx, 5, strict);
    assert_int_equal(strict[0], 5);
}

static void test_fetch_weights_of_config_are_followed(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    ftest_int(ftest_call(ctx, "stint_config", "weights", "1:0:1", "me", NULL));
    fill(ctx, 20);
    int count[4] = {0};
    serve(ctx, 20, count);
    assert_int_equal(count[1], 10);
    assert_int_equal(count[3], 10);
    serve(ctx, 40, count); /* weight 0 is served when nothing else is there */
    assert_int_equal(count[2], 20);
}

static void test_fetch_band_past_its_max_wait_goes_first(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:low 1-1 kind probe payload {}")); /* waits since 1970 */
    for (int i = 0; i < 10; i++)
        add(ctx, "express", "probe");
    ftest_int(ftest_call(ctx, "stint_config", "max_wait:low", "1000", "me", NULL));
    int count[4] = {0};
    serve(ctx, 4, count); /* one turn in four looks at the waits */
    assert_int_equal(count[3], 1);
    assert_int_equal(count[0], 3);
}

static void test_fetch_batch_fills_from_the_other_bands(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, 3);
    add(ctx, "express", "probe");
    redisReply *fetched = ftest_fetch(ctx, 0, 8);
    assert_int_equal(ftest_jobs(fetched), 8);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_BAND), "express");
    assert_string_equal(ftest_job_text(fetched, 1, JOB_AT_BAND), "high");
    freeReplyObject(fetched);
    assert_fetch(ctx, "ok", 2);
    assert_fetch(ctx, "empty", 0);
}

static void test_fetch_rate_limits_and_says_when(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, 10);
    ftest_int(ftest_call(ctx, "stint_config", "rate", "0.1", "me", NULL));
    ftest_int(ftest_call(ctx, "stint_config", "burst", "3", "me", NULL));
    assert_fetch(ctx, "ok", 3);
    redisReply *fetched = ftest_fetch(ctx, 0, 10);
    assert_string_equal(status_of(fetched), "limited");
    long long wait = fetched->element[2]->integer - ftest_stat(ctx, "now");
    assert_in_range(wait, 9000, 10001); /* rounded up to whole ms */
    freeReplyObject(fetched);
    ftest_int(ftest_call(ctx, "stint_config", "rate", "", "me", NULL));
    assert_fetch(ctx, "ok", 27);
}

static void test_fetch_bad_arguments_name_themselves(void **state)
{
    static const char *const cases[][5] = {
        {"h 1", "h-1:0:1", "0", "1", "instance"}, {"h-1", "h-2:0:1", "0", "1", "consumer"},
        {"h-1", "h-1:0", "0", "1", "consumer"},   {"h-1", "h-1:0:1", "-1", "1", "turn"},
        {"h-1", "h-1:0:1", "0", "0", "max"},      {"h-1", "h-1:0:1", "0", "1001", "max"},
        {"h-1", "h-1:0:1", "0", "1x", "max"},     {"h-1", "h-1:0:1", "0", "", "max"},
    };
    redisContext *ctx = ftest_ctx(state);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ftest_assert_error(ftest_call_argv(ctx, "stint_fetch", 4, cases[i]), "STINT_BADARG", cases[i][4]);
    ftest_assert_error(ftest_call(ctx, "stint_fetch", "h-1", NULL), "STINT_BADARG", "ARGV");
}

static void test_fetch_wrong_type_key_is_an_error_not_a_loss(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_redis(ctx, "SET stint:{q}:s:normal mine"));
    redisReply *reply = ftest_call(ctx, "stint_fetch", "h-1", "h-1:0:1", "0", "1", NULL);
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    assert_non_null(strstr(reply->str, "WRONGTYPE"));
    freeReplyObject(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_fetch_without_lease_is_fenced, ftest_reset),
        cmocka_unit_test_setup(test_fetch_empty_tells_next_due, ftest_reset),
        cmocka_unit_test_setup(test_fetch_plain_xadd_delivers_every_field, ftest_reset),
        cmocka_unit_test_setup(test_fetch_malformed_entry_is_a_dead_letter_and_stops_nothing, ftest_reset),
        cmocka_unit_test_setup(test_fetch_huge_and_binary_fields_are_survived, ftest_reset),
        cmocka_unit_test_setup(test_fetch_expired_job_never_starts, ftest_reset),
        cmocka_unit_test_setup(test_fetch_only_unrunnable_jobs_says_ok_to_fetch_again, ftest_reset),
        cmocka_unit_test_setup(test_fetch_paused_queue_says_paused, ftest_reset),
        cmocka_unit_test_setup(test_fetch_group_destroyed_is_made_again, ftest_reset),
        cmocka_unit_test_setup(test_fetch_bands_follow_six_three_one, ftest_reset),
        cmocka_unit_test_setup(test_fetch_weights_of_config_are_followed, ftest_reset),
        cmocka_unit_test_setup(test_fetch_band_past_its_max_wait_goes_first, ftest_reset),
        cmocka_unit_test_setup(test_fetch_batch_fills_from_the_other_bands, ftest_reset),
        cmocka_unit_test_setup(test_fetch_rate_limits_and_says_when, ftest_reset),
        cmocka_unit_test_setup(test_fetch_bad_arguments_name_themselves, ftest_reset),
        cmocka_unit_test_setup(test_fetch_wrong_type_key_is_an_error_not_a_loss, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
