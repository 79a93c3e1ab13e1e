/*
 * Why: operators' commands stand on this connection: an outage must be a sentence, a lost library must heal, and no
 * call may hang past its timeout. Refuses to: test the Functions themselves.
 */
#include "redis_functions.h"
#include "redis_server.h"
#include "redis_sync.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct fixture {
    struct redis_server server;
    struct redis_sync redis;
    struct err e;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *state = f;
    assert_int_equal(redis_server_start(&f->server, NULL), 0);
    struct conf_redis conf = {.connect_timeout = 60000, .command_timeout = 60000};
    snprintf(conf.url, sizeof conf.url, "%s", f->server.url);
    assert_int_equal(redis_sync_open(&f->redis, &conf, &f->e), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    redis_sync_close(&f->redis);
    redis_sync_close(&f->redis);
    redis_server_close(&f->server);
    free(f);
    return 0;
}

static void test_redis_sync_cmd_value_with_spaces_is_kept(void **state)
{
    struct fixture *f = *state;
    redisReply *reply = NULL;
    assert_int_equal(redis_sync_cmd(&f->redis, &reply, &f->e, "SET %s %s", "k", "a b"), 0);
    freeReplyObject(reply);
    assert_int_equal(redis_sync_argv(&f->redis, &reply, &f->e, 2, (const char *const[]){"GET", "k"}, NULL), 0);
    assert_string_equal(reply->str, "a b");
    freeReplyObject(reply);
    assert_true(fcntl(f->redis.ctx->fd, F_GETFD) & FD_CLOEXEC);
}

static void test_redis_sync_cmd_error_reply_is_refused(void **state)
{
    struct fixture *f = *state;
    redisReply *reply = NULL;
    assert_int_equal(redis_sync_cmd(&f->redis, &reply, &f->e, "NOSUCH"), ERR_REDIS_REFUSED);
    assert_null(reply);
    assert_non_null(strstr(f->e.message, "NOSUCH"));
    assert_int_equal(redis_sync_cmd(&f->redis, &reply, &f->e, "PING"), 0);
    freeReplyObject(reply);
}

static void test_redis_sync_functions_lost_library_is_loaded_and_the_command_repeated(void **state)
{
    struct fixture *f = *state;
    redisReply *reply = NULL;
    assert_int_equal(redis_sync_functions(&f->redis, &f->e), 0);
    assert_int_equal(redis_sync_functions(&f->redis, &f->e), 0);
    assert_int_equal(redis_sync_cmd(&f->redis, &reply, &f->e, "FUNCTION FLUSH SYNC"), 0);
    freeReplyObject(reply);
    assert_int_equal(redis_sync_cmd(&f->redis, &reply, &f->e, "FCALL stint_version 0"), 0);
    assert_int_equal(reply->integer, redis_functions_version());
    freeReplyObject(reply);
}

static void test_redis_sync_cmd_stopped_server_times_out(void **state)
{
    struct fixture *f = *state;
    redisReply *reply = NULL;
    struct conf_redis conf = {.connect_timeout = 60000, .command_timeout = 300};
    snprintf(conf.url, sizeof conf.url, "%s", f->server.url);
    redis_sync_close(&f->redis);
    assert_int_equal(redis_sync_open(&f->redis, &conf, &f->e), 0);
    kill(f->server.pid, SIGSTOP);
    assert_int_equal(redis_sync_cmd(&f->redis, &reply, &f->e, "PING"), ERR_TIMED_OUT);
    kill(f->server.pid, SIGCONT);
    assert_int_equal(redis_sync_cmd(&f->redis, &reply, &f->e, "PING"), ERR_REDIS_UNAVAILABLE);
}

static void test_redis_sync_cmd_killed_server_is_unavailable_and_can_be_opened_again(void **state)
{
    struct fixture *f = *state;
    redisReply *reply = NULL;
    struct conf_redis conf = f->redis.conf;
    redis_server_kill(&f->server);
    assert_int_equal(redis_sync_cmd(&f->redis, &reply, &f->e, "PING"), ERR_REDIS_UNAVAILABLE);
    assert_non_null(strstr(f->e.message, f->server.socket));
    assert_int_equal(redis_sync_open(&f->redis, &conf, &f->e), ERR_REDIS_UNAVAILABLE);
    assert_int_equal(redis_server_restart(&f->server), 0);
    assert_int_equal(redis_sync_open(&f->redis, &conf, &f->e), 0);
    assert_int_equal(redis_sync_cmd(&f->redis, &reply, &f->e, "PING"), 0);
    freeReplyObject(reply);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_redis_sync_cmd_value_with_spaces_is_kept),
        WITH_SERVER(test_redis_sync_cmd_error_reply_is_refused),
        WITH_SERVER(test_redis_sync_functions_lost_library_is_loaded_and_the_command_repeated),
        WITH_SERVER(test_redis_sync_cmd_stopped_server_times_out),
        WITH_SERVER(test_redis_sync_cmd_killed_server_is_unavailable_and_can_be_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
