/*
 * Why: a due job that never ran goes back as an enqueue without a delay would have made it, its hash made anew: nothing
 * of it may be lost on the way, and what cannot go that way must not. Refuses to: wait for a time; jobs are made due by
 * their score.
 */
#include "ftest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* Schedules a job and makes it due, after all that were made due before it. */
static char *due_job(redisContext *ctx, const char *options, const char *payload, int at)
{
    char *id = ftest_enqueue(ctx, options, payload, "scheduled");
    freeReplyObject(ftest_redis(ctx, "ZADD stint:{q}:d XX %d %s", at, id));
    return id;
}

static long long promote(redisContext *ctx)
{
    redisReply *r = ftest_call(ctx, "stint_promote", "100", NULL);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    long long moved = r->element[0]->integer;
    freeReplyObject(r);
    return moved;
}

/* The names of the fields of a band's last entry, "kind id payload h ". */
static char *entry_names(redisContext *ctx, const char *band)
{
    char names[128] = "";
    redisReply *r = ftest_redis(ctx, "XREVRANGE stint:{q}:s:%s + - COUNT 1", band);
    assert_int_equal(r->elements, 1);
    const redisReply *fields = r->element[0]->element[1];
    for (size_t i = 0; i < fields->elements; i += 2)
        (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%s ", fields->element[i]->str);
    freeReplyObject(r);
    char *copy = strdup(names);
    assert_non_null(copy);
    return copy;
}

/* A time of its enqueue that no clock here tells, so that it cannot be mistaken for the entry's. */
static void make_old(redisContext *ctx, const char *id)
{
    freeReplyObject(ftest_redis(ctx, "HSET stint:{q}:j:%s created 1000 n 0,0,0,0,0,0,1000", id));
}

static void test_fresh_job_is_a_plain_entry_and_a_small_hash(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = due_job(ctx, "{\"kind\":\"probe\",\"band\":\"low\",\"delay_ms\":60000}", "{\"x\":1}", 1);
    make_old(ctx, id);
    assert_int_equal(promote(ctx), 1);
    AUTO_FREE char *names = entry_names(ctx, "low");
    assert_string_equal(names, "kind id payload h ");
    assert_int_equal(ftest_int(ftest_redis(ctx, "HLEN stint:{q}:j:%s", id)), 5); /* kind band state x created */
    assert_int_equal(ftest_int(ftest_redis(ctx, "ZCARD stint:{q}:d")), 0);
    ftest_assert_job(ctx, id, "state", "ready");
    ftest_assert_job(ctx, id, "created_ms", "1000");
    ftest_assert_job(ctx, id, "payload", "{\"x\":1}");
    ftest_assert_ledger(ctx);
}

static void test_fresh_job_keeps_its_age_through_a_retry_and_death(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = due_job(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000}", "{\"x\":1}", 1);
    make_old(ctx, id);
    assert_int_equal(promote(ctx), 1);
    redisReply *fetched = ftest_fetch_one(ctx, band, entry);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_PAYLOAD), "{\"x\":1}");
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_EPOCH), 1);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_HAS_HASH), 1);
    freeReplyObject(fetched);
    ftest_assert_job(ctx, id, "created_ms", "1000");
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, id, "{\"code\":\"X\"}", "0"), 1);
    ftest_assert_job(ctx, id, "created_ms", "1000");
    ftest_assert_job(ctx, id, "attempts", "1");
    fetched = ftest_fetch_one(ctx, band, entry);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_CREATED), 1000);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_PAYLOAD), "{\"x\":1}");
    freeReplyObject(fetched);
    assert_int_equal(ftest_finish(ctx, "dead", band, entry, id, "{\"code\":\"X\"}", "f"), 1);
    ftest_assert_job(ctx, id, "created_ms", "1000");
    ftest_assert_job(ctx, id, "state", "dead");
    ftest_assert_ledger(ctx);
}

static void test_created_that_no_function_wrote_is_not_believed(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = due_job(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000}", "{}", 1);
    assert_int_equal(promote(ctx), 1);
    freeReplyObject(ftest_redis(ctx, "HSET stint:{q}:j:%s created 1e999", id));
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, id, "{\"code\":\"X\"}", "0"), 1);
    redisReply *fetched = ftest_fetch_one(ctx, band, entry);
    assert_true(ftest_job_int(fetched, 0, JOB_AT_CREATED) > 1000);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_ATTEMPTS), 1);
    freeReplyObject(fetched);
}

static void test_what_has_more_than_a_body_keeps_its_hash(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char large[5001] = "", band[16], entry[48];
    memset(large, 'x', sizeof large - 1);
    AUTO_FREE char *options = due_job(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000,\"tenant\":\"t\"}", "{}", 1);
    assert_int_equal(promote(ctx), 1);
    AUTO_FREE char *names = entry_names(ctx, "normal");
    assert_string_equal(names, "kind id b o n ");
    ftest_assert_job(ctx, options, "options", "{\"tenant\":\"t\"}");
    AUTO_FREE char *big = due_job(ctx, "{\"kind\":\"probe\",\"band\":\"low\",\"delay_ms\":60000}", large, 1);
    assert_int_equal(promote(ctx), 1);
    AUTO_FREE char *big_names = entry_names(ctx, "low");
    assert_string_equal(big_names, "kind id b n ");
    ftest_assert_job(ctx, big, "payload", large);
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, options, "{\"code\":\"X\"}", "60000"), 1);
    freeReplyObject(ftest_redis(ctx, "ZADD stint:{q}:d XX 1 %s", options));
    assert_int_equal(promote(ctx), 1);
    ftest_assert_job(ctx, options, "attempts", "1");
    ftest_assert_job(ctx, options, "epoch", "1");
    ftest_assert_ledger(ctx);
}

static void test_wish_to_cancel_outweighs_the_short_way(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = due_job(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000}", "{}", 1);
    freeReplyObject(ftest_redis(ctx, "HSET stint:{q}:j:%s cancel {}", id));
    assert_int_equal(promote(ctx), 1);
    ftest_assert_job(ctx, id, "state", "cancelled");
    assert_int_equal(ftest_int(ftest_redis(ctx, "ZCARD stint:{q}:d")), 0);
    ftest_assert_ledger(ctx);
}

/* A key of the wrong type, made by hand: what came before it is moved once, what comes after is moved by the next call.
 */
static void test_one_that_cannot_be_moved_stops_nothing_twice(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *first = due_job(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000}", "{}", 1);
    AUTO_FREE char *fault = due_job(ctx, "{\"kind\":\"probe\",\"band\":\"high\",\"delay_ms\":60000}", "{}", 2);
    AUTO_FREE char *last = due_job(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000}", "{}", 3);
    freeReplyObject(ftest_redis(ctx, "SET stint:{q}:s:high broken"));
    redisReply *r = ftest_call(ctx, "stint_promote", "100", NULL);
    assert_int_equal(r->type, REDIS_REPLY_ERROR);
    freeReplyObject(r);
    assert_int_equal(ftest_int(ftest_redis(ctx, "XLEN stint:{q}:s:normal")), 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "ZCARD stint:{q}:d")), 1);
    AUTO_FREE char *readded = ftest_text(ftest_redis(ctx, "HGET stint:{q}:ledger readded"));
    assert_string_equal(readded, "1");
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:s:high"));
    ftest_assert_job(ctx, first, "state", "ready");
    assert_int_equal(promote(ctx), 1);
    ftest_assert_job(ctx, last, "state", "ready");
    assert_int_equal(ftest_int(ftest_redis(ctx, "XLEN stint:{q}:s:normal")), 2);
    AUTO_FREE char *body = ftest_text(ftest_redis(ctx, "HGET stint:{q}:j:%s payload", fault));
    assert_string_equal(body, "{}"); /* for "stint fsck", which mends it */
}

static void test_unpark_leaves_neither_set_nor_zset(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_pause", "probe", "me", "why", NULL)), 1);
    AUTO_FREE char *id = due_job(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000}", "{\"x\":1}", 1);
    make_old(ctx, id);
    assert_int_equal(promote(ctx), 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "SCARD stint:{q}:p:probe")), 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "ZCARD stint:{q}:d")), 1);
    freeReplyObject(ftest_call(ctx, "stint_resume", "probe", "me", "why", NULL));
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:p:probe")), 0);
    assert_int_equal(ftest_int(ftest_redis(ctx, "ZCARD stint:{q}:d")), 0);
    ftest_assert_job(ctx, id, "state", "ready");
    ftest_assert_job(ctx, id, "created_ms", "1000");
    ftest_assert_job(ctx, id, "payload", "{\"x\":1}");
    ftest_assert_ledger(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_fresh_job_is_a_plain_entry_and_a_small_hash, ftest_reset),
        cmocka_unit_test_setup(test_fresh_job_keeps_its_age_through_a_retry_and_death, ftest_reset),
        cmocka_unit_test_setup(test_created_that_no_function_wrote_is_not_believed, ftest_reset),
        cmocka_unit_test_setup(test_what_has_more_than_a_body_keeps_its_hash, ftest_reset),
        cmocka_unit_test_setup(test_wish_to_cancel_outweighs_the_short_way, ftest_reset),
        cmocka_unit_test_setup(test_one_that_cannot_be_moved_stops_nothing_twice, ftest_reset),
        cmocka_unit_test_setup(test_unpark_leaves_neither_set_nor_zset, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
