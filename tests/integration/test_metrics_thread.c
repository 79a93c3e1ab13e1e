/*
 * The metrics thread against a real Redis and a real HTTP connection: what is served, what promtool says of it, what is
 * published, readiness as Redis comes and goes, and a port that is taken.
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
#include "slot_fsm.h"

#include <jansson.h>
#include <stdio.h>

enum { DEADLINE_MS = 60000 };

static struct redis_server server;
static struct conf *conf;
static struct scoreboard *board;
static int board_fd;
static struct metrics_thread *thread;
static char run_dir[] = "/tmp/stint-metrics-XXXXXX";
static struct http_answer answer;

static void must_set(const char *key, const char *value)
{
    struct err e = {0};
    if (conf_set(conf, key, value, &e) != 0)
        fail_msg("%s", e.message);
}

/* A worker of the pool pdf as it looks when all is well. */
static void fake_worker(enum worker_phase phase)
{
    struct score_cell *cell = &board->cells[0];
    struct score_now now = {.phase = (uint32_t)phase, .since_ms = clock_mono_ms()};
    (void)snprintf(cell->pool, sizeof cell->pool, "pdf");
    atomic_store(&cell->slot_state, SLOT_READY);
    atomic_store(&cell->pid, 1);
    atomic_store(&cell->generation, 1);
    score_publish(cell, &now);
}

static int set_up(void **arg)
{
    (void)arg;
    struct err e = {0};
    if (redis_server_start(&server, NULL) != 0 || mkdtemp(run_dir) == NULL)
        return -1;
    (void)unsetenv("STINT_REDIS_URL");
    conf = calloc(1, sizeof *conf);
    if (conf == NULL || conf_load(conf, "", &e) != 0)
        return -1;
    must_set("redis.url", server.url);
    must_set("metrics.port", "0");
    must_set("metrics.interval", "100ms");
    must_set("supervisor.lease", "600s"); /* one beat, and one fetch, last for a whole test on the slowest host */
    must_set("supervisor.heartbeat", "60s");
    must_set("supervisor.run_dir", run_dir);
    must_set("pool.match.workers", "0");
    if (scoreboard_new(&board, &board_fd) != 0)
        return -1;
    fake_worker(PHASE_IDLE);
    struct score_kind *kind = score_kind(&board->cells[0], "pdf-parse");
    score_observe(&kind->run_us_sum, kind->run_count, 1500000);
    atomic_store(&kind->done, 3);
    atomic_store(&kind->dead, 1);
    struct score_pool *pool = score_pool(board, "pdf");
    atomic_store(&pool->desired, 1);
    score_restart(pool, "signal:SIGSEGV");
    thread = metrics_thread_start(conf, board, "host-0001", -1, &e);
    if (thread == NULL)
        print_error("%s\n", e.message);
    return thread != NULL ? 0 : -1;
}

static int tear_down(void **arg)
{
    (void)arg;
    metrics_thread_stop(thread);
    scoreboard_free(board);
    base_close_fd(&board_fd);
    redis_server_close(&server);
    free(conf);
    return rmdir(run_dir); /* the port file is gone too */
}

static int request(const char *head)
{
    return http_ask(&answer, metrics_thread_port(thread), head);
}

static void await_answer(const char *head, int status, const char *part)
{
    if (!http_await(&answer, metrics_thread_port(thread), head, status, part))
        fail_msg("%s: wanted %d with \"%s\", got: %s", head, status, part, answer.text);
}

/* Marks the supervisor's loop as alive. */
static void beat(void)
{
    atomic_store(&board->supervisor.loop_ms, clock_mono_ms());
}

static void test_metrics_thread_port_is_written(void **arg)
{
    (void)arg;
    char path[128];
    int port = 0;
    (void)snprintf(path, sizeof path, "%s/metrics.port", run_dir);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &port), 1);
    (void)fclose(f);
    assert_int_equal(port, metrics_thread_port(thread));
    assert_true(port > 0);
}

static void test_metrics_thread_metrics_hold_scoreboard_and_queues(void **arg)
{
    (void)arg;
    redisContext *r = redis_server_connect_functions(&server);
    assert_non_null(r);
    for (int i = 0; i < 3; i++)
        freeReplyObject(redisCommand(r, "XADD stint:{pdf}:s:high * kind pdf-parse payload {}"));
    redisFree(r);
    beat();
    await_answer("GET /metrics", 200, "stint_queue_depth{queue=\"pdf\",band=\"high\",state=\"ready\"} 3\n");
    static const char *const wanted[] = {
        "Content-Type: text/plain; version=0.0.4",
        "# TYPE stint_jobs_finished_total counter\n",
        "stint_jobs_finished_total{queue=\"pdf\",kind=\"pdf-parse\",outcome=\"done\"} 3\n",
        "stint_job_duration_seconds_bucket{queue=\"pdf\",kind=\"pdf-parse\",le=\"1.0\"} 0\n",
        "stint_job_duration_seconds_bucket{queue=\"pdf\",kind=\"pdf-parse\",le=\"2.5\"} 1\n",
        "stint_job_duration_seconds_bucket{queue=\"pdf\",kind=\"pdf-parse\",le=\"+Inf\"} 1\n",
        "stint_job_duration_seconds_sum{queue=\"pdf\",kind=\"pdf-parse\"} 1.5\n",
        "stint_jobs_enqueued_total{queue=\"pdf\"} 3\n",
        "stint_ledger_drift{queue=\"pdf\"} 0\n",
        "stint_workers{pool=\"pdf\",state=\"idle\"} 1\n",
        "stint_workers_desired{pool=\"pdf\"} 1\n",
        "stint_worker_restarts_total{pool=\"pdf\",cause=\"signal:SIGSEGV\"} 1\n",
        "stint_redis_up 1\n",
        "stint_build_info{version=",
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (strstr(answer.text, wanted[i]) == NULL)
            fail_msg("missing: %s in %s", wanted[i], answer.text);
    assert_null(strstr(answer.text, "# EOF"));
}

static void test_metrics_thread_openmetrics_is_negotiated(void **arg)
{
    (void)arg;
    assert_int_equal(request("GET /metrics\nAccept: application/openmetrics-text; version=1.0.0\r\n"), 200);
    assert_non_null(strstr(answer.text, "Content-Type: application/openmetrics-text; version=1.0.0"));
    assert_non_null(strstr(answer.text, "# TYPE stint_jobs_finished counter\n"));
    assert_non_null(strstr(answer.text, "stint_jobs_finished_total{"));
    size_t len = strlen(answer.text);
    assert_string_equal(answer.text + len - 6, "# EOF\n");
}

static void test_metrics_thread_promtool_finds_nothing(void **arg)
{
    (void)arg;
    if (access("/usr/bin/promtool", X_OK) != 0)
        skip();
    assert_int_equal(request("GET /metrics"), 200);
    FILE *p = popen("/usr/bin/promtool check metrics 2>&1", "we");
    assert_non_null(p);
    assert_true(fputs(answer.body, p) >= 0);
    assert_int_equal(pclose(p), 0);
}

static void test_metrics_thread_other_paths_and_methods_are_problems(void **arg)
{
    (void)arg;
    assert_int_equal(request("GET /nothing"), 404);
    assert_non_null(strstr(answer.text, "Content-Type: application/problem+json"));
    json_t *o = json_loads(answer.body, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(o, "status")), 404);
    assert_non_null(strstr(json_string_value(json_object_get(o, "detail")), "/metrics"));
    json_decref(o);
    assert_int_equal(request("POST /metrics"), 405);
    assert_non_null(strstr(answer.text, "Allow: GET, HEAD"));
    assert_int_equal(request("DELETE /v1/queues"), 405);
    assert_int_equal(request("HEAD /metrics"), 200);
    assert_string_equal(answer.body, "");
    assert_int_equal(request("GET /../etc/passwd"), 404);
}

static void test_metrics_thread_queues_are_json(void **arg)
{
    (void)arg;
    await_answer("GET /v1/queues", 200, "\"queue\":\"match\",\"now\"");
    json_t *o = json_loads(answer.body, 0, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "instance")), "host-0001");
    json_t *queues = json_object_get(o, "queues"), *queue;
    size_t i;
    assert_int_equal(json_array_size(queues), 2);
    json_array_foreach(queues, i, queue)
    {
        assert_true(json_is_integer(json_object_get(queue, "age_ms")));
        assert_true(json_is_object(json_object_get(queue, "bands")));
    }
    json_decref(o);
}

/* Waits for one message on the channel; its JSON must name the queue. */
static void await_published(const char *queue)
{
    char channel[64];
    redisReply *reply = NULL;
    redisContext *r = redis_server_connect(&server);
    assert_non_null(r);
    (void)snprintf(channel, sizeof channel, "stint:{%s}:stats", queue);
    freeReplyObject(redisCommand(r, "SUBSCRIBE %s", channel));
    assert_int_equal(redisGetReply(r, (void **)&reply), REDIS_OK);
    assert_string_equal(reply->element[0]->str, "message");
    json_t *o = json_loads(reply->element[2]->str, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(o, "queue")), queue);
    json_decref(o);
    freeReplyObject(reply);
    redisFree(r);
}

static void test_metrics_thread_numbers_are_published(void **arg)
{
    (void)arg;
    await_published("pdf");
    await_published("match");
    redisContext *r = redis_server_connect(&server);
    redisReply *reply = redisCommand(r, "HMGET stint:{pdf}:stats queue updated_ms");
    assert_int_equal(reply->elements, 2);
    json_t *o = json_loads(reply->element[0]->str, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(o, "drift")), 0);
    json_decref(o);
    int64_t updated = strtoll(reply->element[1]->str, NULL, 10);
    assert_true(updated > clock_wall_ms() - DEADLINE_MS && updated < clock_wall_ms() + DEADLINE_MS);
    freeReplyObject(reply);
    reply = redisCommand(r, "PTTL stint:{pdf}:stats");
    assert_in_range(reply->integer, 1, 60000);
    freeReplyObject(reply);
    redisFree(r);
}

static void test_metrics_thread_redis_restart_is_survived(void **arg)
{
    (void)arg;
    beat();
    await_answer("GET /readyz", 200, "\"status\":\"ok\"");
    redis_server_kill(&server);
    await_answer("GET /readyz", 503, "\"code\":\"redis_away\"");
    assert_non_null(strstr(answer.text, "Content-Type: application/problem+json"));
    beat();
    assert_int_equal(request("GET /healthz"), 200);
    assert_int_equal(request("GET /metrics"), 200);
    assert_non_null(strstr(answer.text, "stint_redis_up 0\n"));
    assert_int_equal(redis_server_restart(&server), 0);
    await_published("pdf");
    beat();
    await_answer("GET /readyz", 200, "\"status\":\"ok\"");
}

static void test_metrics_thread_readiness_tells_pools_reasons(void **arg)
{
    (void)arg;
    struct score_pool *pool = score_pool(board, "pdf");
    beat();
    fake_worker(PHASE_AWAY);
    await_answer("GET /readyz", 503, "\"code\":\"storage_away\",\"pool\":\"pdf\"");
    fake_worker(PHASE_IDLE);
    atomic_store(&pool->stopped, 1);
    await_answer("GET /readyz", 503, "\"code\":\"pool_stopped\",\"pool\":\"pdf\"");
    atomic_store(&pool->stopped, 0);
    atomic_store(&board->cells[0].slot_state, SLOT_BACKOFF);
    await_answer("GET /readyz", 503, "\"code\":\"pool_not_up\"");
    fake_worker(PHASE_IDLE);
    beat();
    await_answer("GET /readyz", 200, "\"status\":\"ok\"");
}

static void test_metrics_thread_reload_takes_new_queues(void **arg)
{
    (void)arg;
    must_set("pool.extra.kinds", "match");
    must_set("pool.extra.queue", "extra");
    must_set("pool.extra.workers", "0");
    metrics_thread_reload(thread, conf);
    await_answer("GET /v1/queues", 200, "\"queue\":\"extra\",\"now\"");
    await_published("extra");
}

static void test_metrics_thread_start_taken_port_is_an_error(void **arg)
{
    (void)arg;
    struct err e = {0};
    char port[16];
    (void)snprintf(port, sizeof port, "%d", metrics_thread_port(thread));
    must_set("metrics.port", port);
    assert_null(metrics_thread_start(conf, board, "host-0002", -1, &e));
    assert_int_equal(e.code, -EADDRINUSE);
    assert_non_null(strstr(e.message, port));
    assert_non_null(strstr(e.message, "[metrics] port"));
    must_set("metrics.port", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_thread_port_is_written),
        cmocka_unit_test(test_metrics_thread_metrics_hold_scoreboard_and_queues),
        cmocka_unit_test(test_metrics_thread_openmetrics_is_negotiated),
        cmocka_unit_test(test_metrics_thread_promtool_finds_nothing),
        cmocka_unit_test(test_metrics_thread_other_paths_and_methods_are_problems),
        cmocka_unit_test(test_metrics_thread_queues_are_json),
        cmocka_unit_test(test_metrics_thread_numbers_are_published),
        cmocka_unit_test(test_metrics_thread_redis_restart_is_survived),
        cmocka_unit_test(test_metrics_thread_readiness_tells_pools_reasons),
        cmocka_unit_test(test_metrics_thread_reload_takes_new_queues),
        cmocka_unit_test(test_metrics_thread_start_taken_port_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
