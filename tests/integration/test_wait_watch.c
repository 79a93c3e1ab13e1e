/*
 * People told on a matcher's feed in a real Redis come out as estimates: over HTTP with the names an application's
 * pages read, in the queue's hash, on its channel and as metrics; and again after the thread was started anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "http_client.h"
#include "metrics_thread.h"
#include "redis_server.h"
#include "ticket_hash.h"

#include <jansson.h>
#include <stdio.h>

static struct redis_server server;
static redisContext *redis;
static struct conf *conf;
static struct scoreboard *board;
static int board_fd;
static struct metrics_thread *thread;
static char run_dir[] = "/tmp/stint-wait-XXXXXX";
static struct http_answer answer;

static int start(void)
{
    struct err e = {0};
    thread = metrics_thread_start(conf, board, "host-0001", -1, &e);
    if (thread == NULL)
        print_error("%s\n", e.message);
    return thread != NULL ? 0 : -1;
}

static int set_up(void **arg)
{
    (void)arg;
    struct err e = {0};
    if (redis_server_start(&server, NULL) != 0 || mkdtemp(run_dir) == NULL)
        return -1;
    redis = redis_server_connect(&server);
    (void)unsetenv("STINT_REDIS_URL");
    conf = calloc(1, sizeof *conf);
    if (redis == NULL || conf == NULL || conf_load(conf, "", &e) != 0 ||
        conf_set(conf, "redis.url", server.url, &e) != 0 || conf_set(conf, "metrics.port", "0", &e) != 0 ||
        conf_set(conf, "metrics.interval", "200ms", &e) != 0 ||
        conf_set(conf, "supervisor.run_dir", run_dir, &e) != 0 || scoreboard_new(&board, &board_fd) != 0)
        return -1;
    return start();
}

static int tear_down(void **arg)
{
    (void)arg;
    metrics_thread_stop(thread);
    scoreboard_free(board);
    base_close_fd(&board_fd);
    redisFree(redis);
    redis_server_close(&server);
    free(conf);
    return rmdir(run_dir);
}

static void tell(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = redisvCommand(redis, format, ap);
    va_end(ap);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

/* Somebody joined the pool `ago_s` seconds ago and waits. */
static void join_pool(const char *pool, int number, const char *gender, int ago_s)
{
    char id[32], hash[20], at[24];
    (void)snprintf(id, sizeof id, "t-%d", number);
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)ticket_hash(pool, id));
    (void)snprintf(at, sizeof at, "%lld", (long long)(clock_wall_ms() - ago_s * 1000));
    tell("XADD stint:{match}:feed * e join p %s t %s h %s j %s k %s g %s s %d a 25 n 18 x 60", pool, at, hash, at, at,
         gender, strcmp(gender, "male") == 0 ? 2 : 1);
}

static void join(int number, const char *gender, int ago_s)
{
    join_pool("speed", number, gender, ago_s);
}

static json_t *member(const char *path[], size_t n, const char *text)
{
    json_t *root = json_loads(text, 0, NULL), *o = root;
    assert_non_null(root);
    for (size_t i = 0; i < n; i++)
        o = json_object_get(o, path[i]);
    json_incref(o);
    json_decref(root);
    return o;
}

static json_int_t number(const char *section, const char *name, const char *text)
{
    json_t *o = member((const char *[]){section, name}, 2, text);
    assert_true(json_is_number(o));
    json_int_t value = (json_int_t)json_number_value(o);
    json_decref(o);
    return value;
}

static void test_wait_watch_nobody_yet_answers_with_unknowns(void **arg)
{
    (void)arg;
    int port = metrics_thread_port(thread);
    assert_int_equal(http_ask(&answer, port, "GET /v1/queue-stats"), 200);
    assert_int_equal(number("queue", "total", answer.body), 0);
    assert_int_equal(number("estimatedWaitTimes", "male", answer.body), -1);
    assert_int_equal(http_ask(&answer, port, "GET /v1/queue-stats?pool=none"), 404);
    assert_int_equal(http_ask(&answer, port, "GET /v1/queue-stats?queue=none"), 404);
    assert_int_equal(http_ask(&answer, port, "GET /v1/wait"), 404);
}

static void test_wait_watch_people_on_the_feed_are_counted(void **arg)
{
    (void)arg;
    tell("XADD stint:{match}:feed * nonsense 1");
    tell("XADD stint:{match}:feed * e join p speed t x");
    tell("XADD stint:{match}:feed * e mark p speed t %lld conflicts -1", (long long)clock_wall_ms());
    for (int i = 0; i < 70; i++)
        join(i, i % 10 < 7 ? "male" : "female", 70 - i);
    tell("XADD stint:{match}:feed * e mark p speed t %lld c0 49 c1 21 c2 0 c3 0 c4 0 keep 300000 conflicts 2 stale 1",
         (long long)clock_wall_ms());
    assert_true(
        http_await(&answer, metrics_thread_port(thread), "GET /v1/queue-stats?pool=speed", 200, "\"total\":70"));
    assert_int_equal(number("genderDistribution", "male", answer.body), 49);
    assert_int_equal(number("genderDistribution", "female", answer.body), 21);
    assert_int_equal(number("matchRate", "matchesLastHour", answer.body), 0);
    static const char *const wanted[] = {
        "\"averageWaitSeconds\":", "\"maxWaitSeconds\":",     "\"usersWaitingOver60s\":",
        "\"ratio\":2.33",          "\"health\":{\"status\":", "\"estimates\":[",
        "\"balance\":{",           "\"calibration\":{"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (strstr(answer.body, wanted[i]) == NULL)
            fail_msg("missing: %s in %s", wanted[i], answer.body);
}

static void test_wait_watch_ticket_and_attributes_get_estimates(void **arg)
{
    (void)arg;
    int port = metrics_thread_port(thread);
    assert_int_equal(http_ask(&answer, port, "GET /v1/wait?pool=speed&ticket=t-5"), 200);
    json_t *position = member((const char *[]){"position"}, 1, answer.body);
    assert_true(json_integer_value(position) >= 1);
    json_decref(position);
    assert_true(number("estimate", "p90_s", answer.body) >= number("estimate", "p50_s", answer.body));
    assert_int_equal(http_ask(&answer, port, "GET /v1/wait?pool=speed&gender=male&seeking=female&age=25"), 200);
    assert_int_equal(http_ask(&answer, port, "GET /v1/wait?pool=speed&ticket=nobody"), 404);
    assert_int_equal(http_ask(&answer, port, "GET /v1/wait?pool=speed&gender=male&seeking=female&age=900"), 400);
    assert_non_null(strstr(answer.body, "age"));
    assert_null(strstr(answer.body, "900"));
}

static void test_wait_watch_balance_is_told_for_any_target(void **arg)
{
    (void)arg;
    int port = metrics_thread_port(thread);
    assert_int_equal(http_ask(&answer, port, "GET /v1/balance?pool=speed"), 200);
    assert_non_null(strstr(answer.body, "\"targetWaitSeconds\":60,"));
    assert_int_equal(http_ask(&answer, port, "GET /v1/balance?pool=speed&target=240"), 200);
    assert_non_null(strstr(answer.body, "\"targetWaitSeconds\":240,"));
    assert_non_null(strstr(answer.body, "\"arrivalsPerMinute\":{\"male\":"));
    static const char *const wrong[] = {"0", "1201", "nan", "60s", ""};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char path[80];
        (void)snprintf(path, sizeof path, "GET /v1/balance?pool=speed&target=%s", wrong[i]);
        assert_int_equal(http_ask(&answer, port, path), 400);
    }
    assert_int_equal(http_ask(&answer, port, "GET /v1/balance?pool=none"), 404);
}

static void test_wait_watch_wrong_parameters_are_named(void **arg)
{
    (void)arg;
    static const char *const wrong[][2] = {
        {"wait?pool=speed&ticket=t-5&gender=male", "gender"},
        {"wait?pool=speed&gender=male&seeking=female&colour=red", "colour"},
        {"wait?pool=speed&gender=robot&seeking=female", "gender"},
        {"wait?pool=speed&gender=male&seeking=robots", "seeking"},
        {"wait?pool=speed&gender=male", "seeking"},
        {"wait?pool=speed&gender=male&seeking=any&age=17", "age"},
        {"wait?pool=speed&gender=male&seeking=any&age=", "age"},
        {"wait?pool=speed&gender=male&seeking=any&age_min=40&age_max=30", "age_max"},
        {"wait?pool=speed&gender=male&seeking=any&lat=51", "lon"},
        {"wait?pool=speed&gender=male&seeking=any&lat=nan&lon=0", "lat"},
        {"wait?pool=speed&gender=male&seeking=any&max_km=-1", "max_km"},
        {"wait?pool=speed&gender=male&seeking=any&regions=A,B,C,D,E,F,G,H,I", "regions"},
        {"wait?pool=speed&gender=male&seeking=any&regions=,", "regions"},
        {"wait?pool=speed&gender=male&seeking=any&%3Cb%3E=1", "one of them"},
        {"queue-stats?pool=speed&ticket=t-5", "ticket"},
        {"balance?pool=speed&target=soon", "target"},
        {"balance?pool=speed&targets=60", "targets"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char request[160];
        (void)snprintf(request, sizeof request, "GET /v1/%s", wrong[i][0]);
        assert_int_equal(http_ask(&answer, metrics_thread_port(thread), request), 400);
        assert_non_null(strstr(answer.text, "application/problem+json"));
        json_t *parameter = member((const char *[]){"parameter"}, 1, answer.body);
        assert_string_equal(json_string_value(parameter), wrong[i][1]);
        json_decref(parameter);
    }
    static const char *const values[] = {"robot", "red", "nan", "<b>"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        assert_null(strstr(answer.body, values[i]));
    assert_int_equal(http_ask(&answer, metrics_thread_port(thread),
                              "GET /v1/wait?pool=speed&gender=male&seeking=any&regions=London,South"),
                     200);
}

/* Thirty men, five women: neither the women nor the men may be told, nowhere and by no difference. */
static void test_wait_watch_few_are_nowhere_told_apart(void **arg)
{
    (void)arg;
    int port = metrics_thread_port(thread);
    for (int i = 0; i < 35; i++)
        join_pool("few", i, i < 30 ? "male" : "female", 60 - i);
    assert_true(http_await(&answer, port, "GET /v1/queue-stats?pool=few", 200, "\"estimates\":[{"));
    assert_true(http_await(&answer, port, "GET /v1/queue-stats?pool=few", 200, "\"total\":35"));
    assert_non_null(strstr(
        answer.body, "\"genderDistribution\":{\"male\":0,\"female\":0,\"other\":0,\"unknown\":35,\"ratio\":null}"));
    assert_non_null(strstr(answer.body, "\"waiting\":null"));
    assert_null(strstr(answer.body, "\"waiting\":30"));
    assert_non_null(strstr(answer.body, "\"female\":-1.00")); /* their rate */
    assert_int_equal(http_ask(&answer, port, "GET /metrics"), 200);
    static const char *const wanted[] = {
        "stint_match_waiting{queue=\"match\",pool=\"few\",class=\"male\"} 0\n",
        "stint_match_waiting{queue=\"match\",pool=\"few\",class=\"female\"} 0\n",
        "stint_match_waiting{queue=\"match\",pool=\"few\",class=\"unknown\"} 35\n",
        "stint_match_arrived_total{queue=\"match\",pool=\"few\",class=\"female\"} 0\n",
        "stint_match_arrived_total{queue=\"match\",pool=\"few\",class=\"male\"} 20\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (strstr(answer.body, wanted[i]) == NULL)
            fail_msg("missing: %s", wanted[i]);
    assert_null(strstr(answer.body, "stint_match_gender_ratio{queue=\"match\",pool=\"few\"}"));
    /* Nobody in particular: how many women wait is not told by the place one would have among them. */
    assert_int_equal(http_ask(&answer, port, "GET /v1/wait?pool=few&gender=female&seeking=male&age=25"), 200);
    assert_non_null(strstr(answer.body, "\"position\":null"));
    assert_non_null(strstr(answer.body, "\"competing\":null"));
    assert_non_null(strstr(answer.body, "\"alternatives\":["));
    assert_int_equal(http_ask(&answer, port, "GET /v1/wait?pool=few&ticket=t-31"), 200);
    assert_non_null(strstr(answer.body, "\"position\":2,"));
}

static void test_wait_watch_reload_forgets_a_queue_that_no_longer_matches(void **arg)
{
    (void)arg;
    int port = metrics_thread_port(thread);
    struct conf *other = malloc(sizeof *other);
    assert_non_null(other);
    memcpy(other, conf, sizeof *other);
    for (size_t i = 0; i < other->n_pools; i++)
        if (strcmp(other->pools[i].queue, "match") == 0)
            (void)snprintf(other->pools[i].kinds, sizeof other->pools[i].kinds, "probe");
    metrics_thread_reload(thread, other);
    assert_true(http_await(&answer, port, "GET /v1/queue-stats?pool=speed", 404, "\"status\":404"));
    metrics_thread_reload(thread, conf); /* and back: what was kept is taken up */
    assert_true(http_await(&answer, port, "GET /v1/queue-stats?pool=speed", 200, "\"pool\":\"speed\""));
    assert_true(
        http_await(&answer, port, "GET /metrics", 200, "stint_match_publisher{queue=\"match\",pool=\"speed\"} 1\n"));
    free(other);
}

static void test_wait_watch_metrics_name_pool_and_class(void **arg)
{
    (void)arg;
    /* The models are renewed once a second. */
    assert_true(http_await(&answer, metrics_thread_port(thread), "GET /metrics", 200, "quantile=\"0.5\"} "));
    static const char *const wanted[] = {
        "stint_match_waiting{queue=\"match\",pool=\"speed\",class=\"male\"} 49\n",
        "stint_match_arrived_total{queue=\"match\",pool=\"speed\",class=\"female\"} 20\n",
        "stint_match_removed_total{queue=\"match\",pool=\"speed\",reason=\"matched\"} 0\n",
        "stint_match_round_conflicts_total{queue=\"match\",pool=\"speed\"} 2\n",
        "stint_match_stale_cycles_total{queue=\"match\",pool=\"speed\"} 1\n",
        "stint_match_gender_ratio{queue=\"match\",pool=\"speed\"} 2.33333333\n",
        "stint_match_wait_seconds{queue=\"match\",pool=\"speed\",class=\"all\"} ",
        "stint_match_wait_estimate_seconds{queue=\"match\",pool=\"speed\",class=\"male\",quantile=\"0.5\"} ",
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (strstr(answer.body, wanted[i]) == NULL)
            fail_msg("missing: %s in %s", wanted[i], answer.body);
    if (access("/usr/bin/promtool", X_OK) != 0)
        skip();
    FILE *p = popen("/usr/bin/promtool check metrics 2>&1", "we");
    assert_non_null(p);
    assert_true(fputs(answer.body, p) >= 0);
    assert_int_equal(pclose(p), 0);
}

static void test_wait_watch_pool_is_published(void **arg)
{
    (void)arg;
    redisReply *reply = NULL;
    redisContext *r = redis_server_connect(&server);
    assert_non_null(r);
    freeReplyObject(redisCommand(r, "SUBSCRIBE stint:{match}:stats"));
    bool found = false;
    for (int i = 0; i < 100 && !found; i++) {
        assert_int_equal(redisGetReply(r, (void **)&reply), REDIS_OK);
        found = strncmp(reply->element[2]->str, "{\"pool\":\"speed\"", 15) == 0;
        freeReplyObject(reply);
    }
    redisFree(r);
    assert_true(found);
    reply = redisCommand(redis, "HGET stint:{match}:stats pool:speed");
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_int_equal(number("queue", "total", reply->str), 70);
    freeReplyObject(reply);
}

static void test_wait_watch_new_thread_reads_the_feed_again(void **arg)
{
    (void)arg;
    metrics_thread_stop(thread);
    tell("HSET stint:{match}:keep damaged %s newer %s bad\"name %s", "{\"v\":1,\"at_ms\":", "{\"v\":2}", "{\"v\":1}");
    assert_int_equal(start(), 0);
    assert_true(
        http_await(&answer, metrics_thread_port(thread), "GET /v1/queue-stats?pool=damaged", 200, "\"total\":0"));
    assert_int_equal(http_ask(&answer, metrics_thread_port(thread), "GET /v1/queue-stats?pool=newer"), 200);
    assert_int_equal(http_ask(&answer, metrics_thread_port(thread), "GET /v1/queue-stats?pool=bad%22name"), 404);
    assert_true(
        http_await(&answer, metrics_thread_port(thread), "GET /v1/queue-stats?pool=speed", 200, "\"total\":70"));
}

static void test_wait_watch_redis_restart_goes_on_reading(void **arg)
{
    (void)arg;
    assert_int_equal(redis_server_restart(&server), 0); /* without AOF: the old feed is gone, the model is not */
    redisFree(redis);
    redis = redis_server_connect(&server);
    assert_non_null(redis);
    for (int i = 100; i < 125; i++)
        join(i, "female", 0);
    assert_true(http_await(&answer, metrics_thread_port(thread), "GET /metrics", 200,
                           "stint_match_arrived_total{queue=\"match\",pool=\"speed\",class=\"female\"} 20\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_watch_nobody_yet_answers_with_unknowns),
        cmocka_unit_test(test_wait_watch_people_on_the_feed_are_counted),
        cmocka_unit_test(test_wait_watch_ticket_and_attributes_get_estimates),
        cmocka_unit_test(test_wait_watch_balance_is_told_for_any_target),
        cmocka_unit_test(test_wait_watch_wrong_parameters_are_named),
        cmocka_unit_test(test_wait_watch_metrics_name_pool_and_class),
        cmocka_unit_test(test_wait_watch_pool_is_published),
        cmocka_unit_test(test_wait_watch_few_are_nowhere_told_apart),
        cmocka_unit_test(test_wait_watch_new_thread_reads_the_feed_again),
        cmocka_unit_test(test_wait_watch_reload_forgets_a_queue_that_no_longer_matches),
        cmocka_unit_test(test_wait_watch_redis_restart_goes_on_reading),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
