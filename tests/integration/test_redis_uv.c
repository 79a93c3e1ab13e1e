/*
 * Why: every process stands on this connection: it must come back from a killed, stopped, loading or emptied server,
 * and answer every command exactly once. Refuses to: test the Functions themselves.
 */
#include "redis_functions.h"
#include "redis_server.h"
#include "redis_uv.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { DEADLINE_MS = 60000, SHORT_MS = 300 };

struct fixture {
    struct redis_server server;
    uv_loop_t loop;
    uv_timer_t deadline;
    struct redis_uv *redis;
    struct conf_redis conf;
    int ups, downs, closed;
    struct err last;
    int answers, nulls, errors;
    char text[256];
    long long integer;
    bool send_in_down;
    int sent_in_down;
};

static void on_deadline(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened within %d ms", DEADLINE_MS);
}

/* Turns the loop until *counter reaches want. Callbacks that count stop the loop, or it would sleep after a timer's. */
static void run_until(struct fixture *f, const int *counter, int want)
{
    uv_timer_start(&f->deadline, on_deadline, DEADLINE_MS, 0);
    while (*counter < want)
        uv_run(&f->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&f->deadline);
}

static void on_answer(void *arg, const redisReply *reply, const struct err *e)
{
    struct fixture *f = arg;
    uv_stop(&f->loop);
    f->answers++;
    if (!reply) {
        f->nulls++;
        f->last = *e;
        return;
    }
    f->errors += reply->type == REDIS_REPLY_ERROR;
    f->integer = reply->integer;
    snprintf(f->text, sizeof f->text, "%s", reply->str ? reply->str : "");
}

static void on_state(void *arg, bool ready, const struct err *e)
{
    struct fixture *f = arg;
    uv_stop(&f->loop);
    if (ready) {
        f->ups++;
        return;
    }
    f->downs++;
    f->last = *e;
    assert_false(redis_uv_ready(f->redis));
    if (f->send_in_down)
        f->sent_in_down = redis_uv_argv(f->redis, on_answer, f, 1, (const char *const[]){"PING"}, NULL);
}

static void on_closed(void *arg)
{
    struct fixture *f = arg;
    uv_stop(&f->loop);
    f->closed++;
}

static void fake_library(const struct fixture *f, int version)
{
    char code[256];
    redisContext *ctx = redis_server_connect(&f->server);
    assert_non_null(ctx);
    snprintf(
        code, sizeof code,
        "#!lua name=stint\nredis.register_function{function_name='stint_version',callback=function() return %d end,"
        "flags={'no-writes','allow-oom','allow-stale'}}",
        version);
    redisReply *reply = redisCommand(ctx, "FUNCTION LOAD REPLACE %s", code);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redisFree(ctx);
}

static void command(const struct fixture *f, const char *text)
{
    redisContext *ctx = redis_server_connect(&f->server);
    assert_non_null(ctx);
    redisReply *reply = redisCommand(ctx, text);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redisFree(ctx);
}

static void ask(struct fixture *f, int argc, const char *const argv[])
{
    assert_int_equal(redis_uv_argv(f->redis, on_answer, f, argc, argv, NULL), 0);
}
#define ASK(f, ...) ask(f, (int)ARRAY_LEN(((const char *const[]){__VA_ARGS__})), (const char *const[]){__VA_ARGS__})

static void connect_fixture(struct fixture *f, bool blocking)
{
    f->redis = redis_uv_new(&f->loop, &f->conf, "test", blocking ? DEADLINE_MS : 0, on_state, f);
    assert_non_null(f->redis);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *state = f;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->deadline);
    assert_int_equal(redis_server_start(&f->server, NULL), 0);
    f->conf.connect_timeout = f->conf.command_timeout = DEADLINE_MS; /* a busy host's Redis may be slow */
    snprintf(f->conf.url, sizeof f->conf.url, "%s", f->server.url);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->redis && !f->closed) {
        redis_uv_close(f->redis, on_closed, f);
        run_until(f, &f->closed, 1);
    }
    uv_close((uv_handle_t *)&f->deadline, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0); /* every handle is gone */
    redis_server_close(&f->server);
    free(f);
    return 0;
}

static void test_redis_uv_new_empty_server_gets_the_library(void **state)
{
    struct fixture *f = *state;
    connect_fixture(f, false);
    assert_int_equal(redis_uv_argv(f->redis, on_answer, f, 1, (const char *const[]){"PING"}, NULL), -ENOTCONN);
    run_until(f, &f->ups, 1);
    ASK(f, "FCALL", "stint_version", "0");
    ASK(f, "CLIENT", "GETNAME");
    run_until(f, &f->answers, 2);
    assert_string_equal(f->text, "test");
    assert_int_equal(f->errors, 0);
    uint64_t commands, rtt;
    redis_uv_stats(f->redis, &commands, &rtt);
    assert_int_equal(commands, 2);
    assert_true(rtt > 0);
}

static void test_redis_uv_new_newer_library_is_kept(void **state)
{
    struct fixture *f = *state;
    fake_library(f, redis_functions_version() + 7);
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    ASK(f, "FCALL", "stint_version", "0");
    run_until(f, &f->answers, 1);
    assert_int_equal(f->integer, redis_functions_version() + 7);
}

static void test_redis_uv_new_older_library_is_replaced(void **state)
{
    struct fixture *f = *state;
    fake_library(f, redis_functions_version() - 1);
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    ASK(f, "FCALL", "stint_version", "0");
    run_until(f, &f->answers, 1);
    assert_int_equal(f->integer, redis_functions_version());
}

static void test_redis_uv_argv_many_commands_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 5000 };
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    for (int i = 0; i < COUNT; i++)
        ASK(f, "INCR", "n");
    run_until(f, &f->answers, COUNT);
    assert_int_equal(f->integer, COUNT);
    char *big = malloc(8 << 20);
    assert_non_null(big);
    memset(big, 'x', 8 << 20);
    assert_int_equal(
        redis_uv_argv(f->redis, on_answer, f, 2, (const char *const[]){"ECHO", big}, (const size_t[]){4, 8 << 20}), 0);
    ASK(f, "INCR", "n");
    run_until(f, &f->answers, COUNT + 2);
    assert_int_equal(f->integer, COUNT + 1);
    assert_int_equal(f->nulls, 0);
    free(big);
}

static void test_redis_uv_killed_server_answers_null_and_comes_back(void **state)
{
    struct fixture *f = *state;
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    kill(f->server.pid, SIGSTOP);
    ASK(f, "PING");
    ASK(f, "PING");
    f->send_in_down = true;
    redis_server_kill(&f->server);
    run_until(f, &f->downs, 1);
    assert_int_equal(f->answers, 2);
    assert_int_equal(f->nulls, 2);
    assert_int_equal(f->sent_in_down, -ENOTCONN);
    run_until(f, &f->downs, 3);
    assert_int_equal(redis_server_restart(&f->server), 0);
    run_until(f, &f->ups, 2);
    ASK(f, "FCALL", "stint_version", "0");
    run_until(f, &f->answers, 3);
    assert_int_equal(f->integer, redis_functions_version());
}

static void test_redis_uv_stopped_server_times_out_and_comes_back(void **state)
{
    struct fixture *f = *state;
    f->conf.command_timeout = SHORT_MS;
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    kill(f->server.pid, SIGSTOP);
    ASK(f, "PING");
    run_until(f, &f->nulls, 1);
    assert_int_equal(f->last.code, ERR_TIMED_OUT);
    run_until(f, &f->downs, 2); /* the greeting of the next attempt is not answered either */
    kill(f->server.pid, SIGCONT);
    run_until(f, &f->ups, 2);
}

static void test_redis_uv_blocking_connection_outlasts_the_command_timeout(void **state)
{
    struct fixture *f = *state;
    f->conf.command_timeout = SHORT_MS;
    connect_fixture(f, true);
    run_until(f, &f->ups, 1);
    int downs = f->downs;
    ASK(f, "BLPOP", "nothing", "0.8");
    run_until(f, &f->answers, 1);
    assert_int_equal(f->nulls, 0);
    assert_int_equal(f->downs, downs);
}

static void test_redis_uv_busy_loop_does_not_count_as_timeout(void **state)
{
    struct fixture *f = *state;
    f->conf.command_timeout = SHORT_MS;
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    ASK(f, "PING");
    uv_run(&f->loop, UV_RUN_NOWAIT); /* sent */
    uint64_t until = uv_hrtime() + UINT64_C(700000000);
    while (uv_hrtime() < until) /* a handler that computes on the loop's thread past the timeout */
        ;
    for (int i = 0; i < 2; i++) /* whoever asked before has its answer by now */
        command(f, "PING");
    run_until(f, &f->answers, 1);
    assert_int_equal(f->nulls, 0);
}

/* A library of the future: version 99, of that protocol. */
static void library_of_protocol(const struct fixture *f, int protocol)
{
    char code[512];
    redisContext *ctx = redis_server_connect(&f->server);
    assert_non_null(ctx);
    snprintf(code, sizeof code,
             "#!lua name=stint\nlocal flags = {'no-writes','allow-oom','allow-stale'}\n"
             "redis.register_function{function_name='stint_version',callback=function() return 99 end,flags=flags}\n"
             "redis.register_function{function_name='stint_protocol',callback=function() return %d end,flags=flags}",
             protocol);
    redisReply *reply = redisCommand(ctx, "FUNCTION LOAD REPLACE %s", code);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redisFree(ctx);
}

static void test_redis_uv_newer_library_of_our_protocol_is_kept(void **state)
{
    struct fixture *f = *state;
    library_of_protocol(f, REDIS_FUNCTIONS_PROTOCOL);
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    ASK(f, "FCALL", "stint_version", "0");
    run_until(f, &f->answers, 1);
    assert_int_equal(f->integer, 99);
}

static void test_redis_uv_newer_library_of_another_protocol_is_refused(void **state)
{
    struct fixture *f = *state;
    library_of_protocol(f, REDIS_FUNCTIONS_PROTOCOL + 1);
    connect_fixture(f, false);
    run_until(f, &f->downs, 1);
    assert_int_equal(f->last.code, ERR_REDIS_REFUSED);
    assert_non_null(strstr(f->last.message, "stint upgrade"));
}

static void test_redis_uv_lost_library_is_loaded_again(void **state)
{
    struct fixture *f = *state;
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    command(f, "FUNCTION FLUSH SYNC");
    ASK(f, "FCALL", "stint_version", "0");
    run_until(f, &f->nulls, 1);
    assert_int_equal(f->last.code, ERR_REDIS_UNAVAILABLE);
    run_until(f, &f->ups, 2);
    ASK(f, "FCALL", "stint_version", "0");
    run_until(f, &f->answers, 2);
    assert_int_equal(f->integer, redis_functions_version());
}

static void test_redis_uv_readonly_server_is_not_ready(void **state)
{
    struct fixture *f = *state;
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    command(f, "REPLICAOF 127.0.0.1 1");
    ASK(f, "SET", "k", "v");
    run_until(f, &f->nulls, 1);
    assert_non_null(strstr(f->last.message, "READONLY"));
    command(f, "REPLICAOF NO ONE");
    run_until(f, &f->ups, 2);
    ASK(f, "SET", "k", "v");
    run_until(f, &f->answers, 2);
    assert_string_equal(f->text, "OK");
}

static void test_redis_uv_password_and_database_are_used(void **state)
{
    struct fixture *f = *state;
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    command(f, "CONFIG SET requirepass hush");
    redis_uv_reset(f->redis);
    assert_int_equal(f->downs, 1);
    run_until(f, &f->downs, 2);
    assert_non_null(strstr(f->last.message, "NOAUTH"));
    redis_uv_close(f->redis, on_closed, f);
    run_until(f, &f->closed, 1);
    snprintf(f->conf.url, sizeof f->conf.url, "unix://:hush@%s?db=3", f->server.socket);
    f->closed = 0;
    connect_fixture(f, false);
    run_until(f, &f->ups, 2);
    ASK(f, "SET", "k", "v");
    ASK(f, "CLIENT", "INFO");
    run_until(f, &f->answers, 2);
    assert_non_null(strstr(f->text, " db=3 "));
}

static void test_redis_uv_command_error_keeps_the_connection(void **state)
{
    struct fixture *f = *state;
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    ASK(f, "NOSUCH");
    run_until(f, &f->answers, 1);
    assert_int_equal(f->errors, 1);
    assert_true(redis_uv_ready(f->redis));
}

static void close_in_answer(void *arg, const redisReply *reply, const struct err *e)
{
    struct fixture *f = arg;
    on_answer(arg, reply, e);
    if (f->answers == 1)
        redis_uv_close(f->redis, on_closed, f);
}

static void test_redis_uv_close_inside_an_answer_fails_the_rest(void **state)
{
    struct fixture *f = *state;
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(redis_uv_argv(f->redis, close_in_answer, f, 1, (const char *const[]){"PING"}, NULL), 0);
    run_until(f, &f->closed, 1);
    assert_int_equal(f->answers, 3);
    assert_int_equal(f->nulls, 2);
    assert_int_equal(f->downs, 0);
}

static void test_redis_uv_socket_is_close_on_exec(void **state)
{
    struct fixture *f = *state;
    connect_fixture(f, false);
    run_until(f, &f->ups, 1);
    FILE *p = popen("ls -l /proc/self/fd | grep -c socket:", "r"); /* a child after fork and exec */
    assert_non_null(p);
    int sockets = -1;
    assert_int_equal(fscanf(p, "%d", &sockets), 1);
    (void)pclose(p);
    assert_int_equal(sockets, 0);
}

static void test_redis_uv_wrong_address_says_where_and_why(void **state)
{
    struct fixture *f = *state;
    snprintf(f->conf.url, sizeof f->conf.url, "redis://localhost:1");
    connect_fixture(f, false);
    run_until(f, &f->downs, 2);
    assert_int_equal(f->last.code, ERR_REDIS_UNAVAILABLE);
    assert_non_null(strstr(f->last.message, "localhost:1: connection refused"));
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_redis_uv_new_empty_server_gets_the_library),
        WITH_SERVER(test_redis_uv_new_newer_library_is_kept),
        WITH_SERVER(test_redis_uv_new_older_library_is_replaced),
        WITH_SERVER(test_redis_uv_argv_many_commands_are_answered_in_order),
        WITH_SERVER(test_redis_uv_killed_server_answers_null_and_comes_back),
        WITH_SERVER(test_redis_uv_stopped_server_times_out_and_comes_back),
        WITH_SERVER(test_redis_uv_blocking_connection_outlasts_the_command_timeout),
        WITH_SERVER(test_redis_uv_busy_loop_does_not_count_as_timeout),
        WITH_SERVER(test_redis_uv_newer_library_of_our_protocol_is_kept),
        WITH_SERVER(test_redis_uv_newer_library_of_another_protocol_is_refused),
        WITH_SERVER(test_redis_uv_lost_library_is_loaded_again),
        WITH_SERVER(test_redis_uv_readonly_server_is_not_ready),
        WITH_SERVER(test_redis_uv_password_and_database_are_used),
        WITH_SERVER(test_redis_uv_command_error_keeps_the_connection),
        WITH_SERVER(test_redis_uv_close_inside_an_answer_fails_the_rest),
        WITH_SERVER(test_redis_uv_socket_is_close_on_exec),
        WITH_SERVER(test_redis_uv_wrong_address_says_where_and_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
