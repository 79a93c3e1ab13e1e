/*
 * Why: two supervisors publish for one pool, one of them sleeps through its lease and wakes with old numbers, Redis
 * forgets everything. Whoever is not the publisher must be refused, and told who is and what was published. Refuses to:
 * depend on how fast anything is; leases are as long as the test or one millisecond.
 */
#include "ftest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define LONG "600000"

struct answer {
    long long code, epoch, age_ms;
    char holder[64], json[128];
};

/* made: "0" is 1970. */
static struct answer publish(redisContext *ctx, const char *holder, long long epoch, const char *lease,
                             const char *made, const char *json)
{
    struct answer a = {0};
    char e[24];
    snprintf(e, sizeof e, "%lld", epoch);
    redisReply *r = ftest_call(ctx, "stint_publish", "speed", holder, e, lease, made, json, NULL);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_int_equal(r->elements, 5);
    a.code = r->element[0]->integer;
    a.epoch = r->element[1]->integer;
    a.age_ms = r->element[3]->integer;
    snprintf(a.holder, sizeof a.holder, "%s", r->element[2]->str);
    snprintf(a.json, sizeof a.json, "%s", r->element[4]->str != NULL ? r->element[4]->str : "");
    freeReplyObject(r);
    return a;
}

/* A ms that the server's clock will not reach during the test. */
static const char *soon(redisContext *ctx)
{
    static char text[24];
    redisReply *r = ftest_redis(ctx, "TIME");
    snprintf(text, sizeof text, "%s000", r->element[0]->str);
    freeReplyObject(r);
    return text;
}

static void assert_published(redisContext *ctx, const char *json)
{
    char *text = ftest_text(ftest_redis(ctx, "HGET stint:{q}:stats pool:speed"));
    assert_string_equal(text, json);
    free(text);
}

static void test_publish_one_holds_the_other_hears_what_was_said(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    struct answer a = publish(ctx, "a-1", 0, LONG, soon(ctx), "{\"n\":1}");
    assert_int_equal(a.code, 1);
    assert_int_equal(a.epoch, 1);
    assert_published(ctx, "{\"n\":1}");
    struct answer b = publish(ctx, "b-1", 0, LONG, soon(ctx), "{\"n\":2}");
    assert_int_equal(b.code, 0);
    assert_string_equal(b.holder, "a-1");
    assert_string_equal(b.json, "{\"n\":1}");
    assert_true(b.age_ms >= 0);
    assert_published(ctx, "{\"n\":1}");
    a = publish(ctx, "a-1", a.epoch, LONG, soon(ctx), "{\"n\":3}");
    assert_int_equal(a.code, 1);
    assert_int_equal(a.epoch, 1);
    assert_published(ctx, "{\"n\":3}");
    assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:stats")) > 0);
    assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:pub")) > 0);
}

static void test_publish_asking_takes_a_free_lease_and_says_nothing(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    struct answer a = publish(ctx, "a-1", 0, LONG, "0", "");
    assert_int_equal(a.code, 1);
    assert_int_equal(a.age_ms, -1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:stats")), 0);
}

static void test_publish_who_overslept_is_refused_even_if_nobody_came(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    struct answer a = publish(ctx, "a-1", 0, "1", "99999999999999", "{\"n\":1}"), late;
    assert_int_equal(a.code, 1);
    do /* each try within the millisecond renews it */
        late = publish(ctx, "a-1", a.epoch, "1", "99999999999999", "{\"n\":2}");
    while (late.code == 1);
    assert_int_equal(late.code, -1);
    struct answer again = publish(ctx, "a-1", 0, LONG, soon(ctx), "{\"n\":3}");
    assert_int_equal(again.code, 1);
    assert_int_equal(again.epoch, a.epoch + 1);
    late = publish(ctx, "a-1", a.epoch, LONG, soon(ctx), "{\"n\":4}"); /* a call of before, late on the wire */
    assert_int_equal(late.code, -1);
    assert_published(ctx, "{\"n\":3}");
}

static void test_publish_sleeper_meets_its_successor(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    struct answer a = publish(ctx, "a-1", 0, "1", "99999999999999", "{\"n\":1}"), b;
    do
        b = publish(ctx, "b-1", 0, LONG, soon(ctx), "{\"n\":2}");
    while (b.code != 1);
    assert_int_equal(b.epoch, a.epoch + 1);
    a = publish(ctx, "a-1", a.epoch, LONG, soon(ctx), "{\"n\":3}");
    assert_int_equal(a.code, 0);
    assert_string_equal(a.holder, "b-1");
    assert_published(ctx, "{\"n\":2}");
}

static void test_publish_old_numbers_are_refused(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    assert_int_equal(publish(ctx, "a-1", 0, LONG, "1000", "{\"n\":1}").code, -1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:stats")), 0);
}

static void test_publish_given_up_lease_is_free_at_once(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    struct answer a = publish(ctx, "a-1", 0, LONG, soon(ctx), "{\"n\":1}");
    assert_int_equal(publish(ctx, "a-1", a.epoch, "0", "0", "").code, 1);
    assert_int_equal(publish(ctx, "b-1", 0, LONG, soon(ctx), "{\"n\":2}").code, 1);
}

static void test_publish_keeps_only_the_publishers_state(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(
        ftest_call(ctx, "stint_publish", "speed", "a-1", "0", LONG, soon(ctx), "{}", "{\"v\":1,\"k\":1}", NULL));
    freeReplyObject(
        ftest_call(ctx, "stint_publish", "speed", "b-1", "0", LONG, soon(ctx), "{}", "{\"v\":1,\"k\":2}", NULL));
    char *kept = ftest_text(ftest_redis(ctx, "HGET stint:{q}:keep speed"));
    assert_string_equal(kept, "{\"v\":1,\"k\":1}");
    free(kept);
    assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:keep")) > 0);
}

static void test_publish_forgets_pools_nobody_speaks_of(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_redis(ctx, "HSET stint:{q}:pub gone %s", "x-1 7 1000 1000"));
    freeReplyObject(ftest_redis(ctx, "HSET stint:{q}:stats pool:gone {}"));
    freeReplyObject(ftest_redis(ctx, "HSET stint:{q}:keep gone %s", "{\"v\":1,\"at_ms\":1000,\"last\":\"0-0\"}"));
    do /* one row a call, by chance */
        assert_int_equal(publish(ctx, "a-1", 0, LONG, soon(ctx), "{}").code, 1);
    while (ftest_int(ftest_redis(ctx, "HEXISTS stint:{q}:pub gone")) == 1 ||
           ftest_int(ftest_redis(ctx, "HEXISTS stint:{q}:keep gone")) == 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "HEXISTS stint:{q}:stats pool:gone")), 0);
}

static void test_notice_goes_to_the_stream_from_the_publisher_alone(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    struct answer a = publish(ctx, "a-1", 0, LONG, soon(ctx), "{}");
    assert_int_equal(a.epoch, 1);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_notice", "speed", "b-1", "1", "t@1", "{}", NULL)), -1);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_notice", "speed", "a-1", "2", "t@1", "{}", NULL)), -1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:waits:speed")), 0);
    assert_int_equal(
        ftest_int(ftest_call(ctx, "stint_notice", "speed", "a-1", "1", "t@1", "{\"x\":1}", "u", "{}", NULL)), 2);
    redisReply *r = ftest_redis(ctx, "XRANGE stint:{q}:waits:speed - +");
    assert_int_equal(r->elements, 2);
    assert_string_equal(r->element[0]->element[1]->element[1]->str, "t@1");
    assert_string_equal(r->element[0]->element[1]->element[3]->str, "{\"x\":1}");
    freeReplyObject(r);
    assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:waits:speed")) > 0);
}

static void test_publish_wrong_arguments_are_named(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    static const char *const wrong[][7] = {
        {"a b", "h-1", "0", "1", "0", "", "pool"},          {"p", "h 1", "0", "1", "0", "", "instance"},
        {"p", "h-1", "-1", "1", "0", "", "epoch"},          {"p", "h-1", "0", "x", "0", "", "lease_ms"},
        {"p", "h-1", "0", "1", "yesterday", "", "made_ms"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ftest_assert_error(ftest_call_argv(ctx, "stint_publish", 6, wrong[i]), "STINT_BADARG", wrong[i][6]);
    ftest_assert_error(ftest_call(ctx, "stint_notice", "p", "h-1", "1", "no id!", "{}", NULL), "STINT_BADARG",
                       "ticket");
    ftest_assert_error(ftest_call(ctx, "stint_notice", "p", "h-1", "1", "t", "{}", "u", NULL), "STINT_BADARG", "pairs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_publish_one_holds_the_other_hears_what_was_said, ftest_reset),
        cmocka_unit_test_setup(test_publish_asking_takes_a_free_lease_and_says_nothing, ftest_reset),
        cmocka_unit_test_setup(test_publish_who_overslept_is_refused_even_if_nobody_came, ftest_reset),
        cmocka_unit_test_setup(test_publish_sleeper_meets_its_successor, ftest_reset),
        cmocka_unit_test_setup(test_publish_old_numbers_are_refused, ftest_reset),
        cmocka_unit_test_setup(test_publish_given_up_lease_is_free_at_once, ftest_reset),
        cmocka_unit_test_setup(test_publish_keeps_only_the_publishers_state, ftest_reset),
        cmocka_unit_test_setup(test_publish_forgets_pools_nobody_speaks_of, ftest_reset),
        cmocka_unit_test_setup(test_notice_goes_to_the_stream_from_the_publisher_alone, ftest_reset),
        cmocka_unit_test_setup(test_publish_wrong_arguments_are_named, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
