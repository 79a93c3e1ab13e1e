/*
 * Why: a test that trusts its server must know that the server keeps what it promised over a kill and a restart.
 * Refuses to: test Redis itself.
 */
#include "redis_server.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void test_redis_server_restart_with_aof_keeps_data(void **state)
{
    (void)state;
    struct redis_server s;
    assert_int_equal(redis_server_start(&s, &(struct redis_server_options){.aof = true}), 0);
    redisContext *ctx = redis_server_connect(&s);
    assert_non_null(ctx);
    freeReplyObject(redisCommand(ctx, "SET k v"));
    redisFree(ctx);
    assert_int_equal(redis_server_restart(&s), 0);
    ctx = redis_server_connect(&s);
    redisReply *reply = redisCommand(ctx, "GET k");
    assert_string_equal(reply->str, "v");
    freeReplyObject(reply);
    redisFree(ctx);
    redis_server_close(&s);
    assert_int_equal(s.pid, 0);
}

static void test_redis_server_kill_then_connect_fails(void **state)
{
    (void)state;
    struct redis_server s;
    assert_int_equal(redis_server_start(&s, NULL), 0);
    redis_server_kill(&s);
    assert_null(redis_server_connect(&s));
    assert_int_equal(redis_server_restart(&s), 0);
    redis_server_close(&s);
    assert_int_not_equal(access(s.socket, F_OK), 0);
    redis_server_close(&s);
}

static void test_redis_server_connect_functions_loads_the_library(void **state)
{
    (void)state;
    struct redis_server s;
    assert_int_equal(redis_server_start(&s, NULL), 0);
    redisContext *ctx = redis_server_connect_functions(&s);
    assert_non_null(ctx);
    redisFree(ctx);
    redis_server_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redis_server_restart_with_aof_keeps_data),
        cmocka_unit_test(test_redis_server_kill_then_connect_fails),
        cmocka_unit_test(test_redis_server_connect_functions_loads_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
