/*
 * The supervisor against a real Redis, with workers that live and die as they are told (support/fake_worker). This
 * program is also that worker: the supervisor under test starts a copy of it named stint-worker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "fake_worker.h"
#include "supervisor_stage.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

static void test_supervisor_job_enqueued_runs_within_the_doorbell(void **state)
{
    struct stage *s = *state;
    stage_no_heartbeat();
    stage_up(s, "workers = 2", 2);
    WAIT_UNTIL(s, stage_phase_is, "idle");
    for (int i = 0; i < 5; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "j%d", i);
        uint64_t before = clock_mono_ms();
        stage_enqueue(s, id, "{\"do\":\"ok\"}", "");
        const struct stage_job_state done = {id, "done"};
        WAIT_UNTIL(s, stage_job_is, &done);
        assert_true(clock_mono_ms() - before < RUNG_MS);
    }
    assert_int_equal(stage_stat_number(s, "drift"), 0);
}

static bool kind_is_untracked(struct stage *s, const void *arg)
{
    (void)arg;
    redisContext *ctx = redis_server_connect(&s->redis);
    redisReply *r = redisCommand(ctx, "HMGET stint:{probe}:cfg track:probe retain:probe");
    bool is = r->elements == 2 && r->element[0]->str && strcmp(r->element[0]->str, "0") == 0 && r->element[1]->str &&
              strcmp(r->element[1]->str, "7000") == 0;
    freeReplyObject(r);
    redisFree(ctx);
    return is;
}

static void test_supervisor_start_tells_the_queue_what_is_tracked(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1\n[kind.probe]\ntrack = no\nretain = 7s", 1);
    WAIT_UNTIL(s, kind_is_untracked, NULL);
}

static void test_supervisor_delayed_job_is_promoted_when_due(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    stage_enqueue(s, "later", "{\"do\":\"ok\"}", ",\"delay_ms\":400");
    const struct stage_job_state done = {"later", "done"};
    WAIT_UNTIL(s, stage_job_is, &done);
}

static bool last_exit_is(struct stage *s, const void *arg)
{
    char last[160];
    stage_worker_text(s, 0, "last_exit", last);
    return strcmp(last, arg) == 0;
}

static void test_supervisor_worker_killed_is_replaced_and_its_job_moves_on(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    stage_enqueue(s, "victim", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, stage_phase_is, "run");
    json_int_t first = stage_worker_number(s, 0, "pid");
    assert_int_equal(kill((pid_t)first, SIGKILL), 0);
    char text[4096];
    do
        stage_job_text(s, "victim", text, sizeof text);
    while (strstr(text, "signal:SIGKILL") == NULL);
    WAIT_UNTIL(s, stage_phase_is, "run"); /* the replacement took it up again */
    assert_int_not_equal(stage_worker_number(s, 0, "pid"), first);
    assert_int_equal(stage_worker_number(s, 0, "generation"), 2);
    assert_int_equal(kill((pid_t)stage_worker_number(s, 0, "pid"), SIGKILL), 0);
    const struct stage_job_state dead = {"victim", "dead"};
    WAIT_UNTIL(s, stage_job_is, &dead); /* two crashes are the limit */
    WAIT_UNTIL(s, last_exit_is, "signal:SIGKILL");
    assert_int_equal(stage_stat_number(s, "drift"), 0);
}

static void test_supervisor_each_way_to_die_has_its_cause(void **state)
{
    static const struct {
        const char *payload, *cause;
    } deaths[] = {
        {"{\"do\":\"segv\"}", "signal:SIGSEGV"},   {"{\"do\":\"exit3\"}", "handler_error"},
        {"{\"do\":\"mem\"}", "mem_limit"},         {"{\"do\":\"xcpu\"}", "cpu_limit"},
        {"{\"do\":\"sys\"}", "sandbox_violation"},
    };
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    for (size_t i = 0; i < ARRAY_LEN(deaths); i++) {
        stage_enqueue(s, deaths[i].cause, deaths[i].payload, "");
        const struct stage_job_state dead = {deaths[i].cause, "dead"};
        WAIT_UNTIL(s, stage_job_is, &dead);
        char text[4096], want[64];
        stage_job_text(s, deaths[i].cause, text, sizeof text);
        (void)snprintf(want, sizeof want, "\"cause\":\"%s\"", deaths[i].cause);
        assert_non_null(strstr(text, want));
        assert_non_null(strstr(text, "\"consumer\""));
    }
    assert_int_equal(stage_stat_number(s, "drift"), 0);
}

static void test_supervisor_job_past_hard_timeout_is_killed(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    stage_enqueue(s, "slow", "{\"do\":\"hang\"}", ",\"timeout_ms\":150");
    stage_enqueue(s, "slower", "{\"do\":\"stubborn\"}", ",\"timeout_ms\":150");
    const struct stage_job_state slow = {"slow", "dead"}, slower = {"slower", "dead"};
    WAIT_UNTIL(s, stage_job_is, &slow);
    WAIT_UNTIL(s, stage_job_is, &slower);
    char text[4096];
    stage_job_text(s, "slower", text, sizeof text);
    assert_non_null(strstr(text, "\"cause\":\"hard_timeout\""));
    assert_non_null(strstr(text, "SIGKILL")); /* TERM was ignored */
}

static bool pool_is_stopped(struct stage *s, const void *arg)
{
    (void)arg;
    json_t *status = stage_ask(s, "{\"verb\":\"status\"}");
    const json_t *pool = json_array_get(json_object_get(status, "pools"), 0);
    const char *text = json_string_value(json_object_get(pool, "state")),
               *why = json_string_value(json_object_get(pool, "error"));
    bool is = text != NULL && strcmp(text, "stopped") == 0;
    if (is)
        assert_non_null(strstr(why, "the file boot says so"));
    json_decref(status);
    return is;
}

static void test_supervisor_boot_failures_stop_the_pool_until_restart(void **state)
{
    struct stage *s = *state;
    stage_set_boot(s, "fail");
    stage_write_conf(s, "workers = 2");
    stage_start_supervisor(s);
    WAIT_UNTIL(s, pool_is_stopped, NULL);
    assert_true(stage_pool_number(s, "boot_failures") >= 6);
    stage_set_boot(s, NULL);
    json_decref(stage_ask_ok(s, "{\"verb\":\"worker.restart\"}"));
    int two = 2;
    WAIT_UNTIL(s, stage_ready_count_is, &two);
    assert_int_equal(stage_pool_number(s, "boot_failures"), 0);
}

static void test_supervisor_worker_that_never_gets_ready_is_a_boot_failure(void **state)
{
    struct stage *s = *state;
    stage_set_boot(s, "hang");
    stage_write_conf(s, "workers = 1\n[supervisor]\nboot_timeout = 150ms");
    stage_start_supervisor(s);
    while (!stage_answers(s) || stage_pool_number(s, "boot_failures") == 0)
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    stage_set_boot(s, NULL);
    /* A good one may need longer on a busy host; one that hangs meanwhile has this long too, well within the deadline.
     */
    stage_write_conf(s, "workers = 1\n[supervisor]\nboot_timeout = 10s");
    json_decref(stage_ask_ok(s, "{\"verb\":\"reload\"}"));
    json_decref(stage_ask_ok(s, "{\"verb\":\"worker.restart\"}"));
    int one = 1;
    WAIT_UNTIL(s, stage_ready_count_is, &one);
}

static void test_supervisor_drain_lets_jobs_end_then_leaves(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 2", 2);
    stage_enqueue(s, "a", "{\"do\":\"ok\"}", "");
    const struct stage_job_state done = {"a", "done"};
    WAIT_UNTIL(s, stage_job_is, &done);
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    assert_int_equal(stage_wait_exit(s), 0);
    assert_int_equal(stage_stat_number(s, "instances"), 0);
    assert_int_equal(access(s->socket, F_OK), -1);
}

static void test_supervisor_interrupted_twice_hands_jobs_back_free(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    stage_enqueue(s, "long", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, stage_phase_is, "run");
    assert_int_equal(kill(s->pid, SIGINT), 0);
    json_t *reply = stage_ask_ok(s, "{\"verb\":\"status\"}");
    json_decref(reply);
    assert_int_equal(kill(s->pid, SIGINT), 0);
    assert_int_equal(stage_wait_exit(s), 0);
    json_t *j = stage_job(s, "long");
    assert_string_equal(json_string_value(json_object_get(j, "state")), "ready");
    assert_int_equal(json_integer_value(json_object_get(j, "crashes")), 0);
    assert_int_equal(json_integer_value(json_object_get(j, "handbacks")), 1);
    json_decref(j);
    assert_int_equal(stage_stat_number(s, "instances"), 0);
}

static void test_supervisor_scale_within_limits_only(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1\nworkers_max = 3", 1);
    json_decref(stage_ask_ok(s, "{\"verb\":\"worker.scale\",\"pool\":\"probe\",\"n\":3}"));
    int n = 3;
    WAIT_UNTIL(s, stage_ready_count_is, &n);
    json_t *refused = stage_ask(s, "{\"verb\":\"worker.scale\",\"pool\":\"probe\",\"n\":4}");
    assert_string_equal(json_string_value(json_object_get(refused, "code")), "BAD_ARGUMENT");
    assert_non_null(strstr(json_string_value(json_object_get(refused, "message")), "0 to 3"));
    json_decref(refused);
    assert_int_equal(kill(s->pid, SIGTTOU), 0);
    n = 2;
    WAIT_UNTIL(s, stage_ready_count_is, &n);
    json_decref(stage_ask_ok(s, "{\"verb\":\"worker.scale\",\"pool\":\"probe\",\"n\":0}"));
    n = 0;
    WAIT_UNTIL(s, stage_ready_count_is, &n);
}

static bool generation_is(struct stage *s, const void *arg)
{
    return stage_worker_number(s, 0, "generation") == *(const int *)arg && stage_pool_number(s, "ready") == 1;
}

static void test_supervisor_reload_replaces_workers_and_keeps_a_good_file(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    stage_write_conf(s, "workers = 1\nnice = 7\n[pool.more]\nkinds = probe");
    json_t *reply = stage_ask_ok(s, "{\"verb\":\"reload\"}");
    assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "changed"), 0)), "pool.probe.nice");
    assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "changed"), 1)), "pool.more.(added)");
    json_decref(reply);
    int second = 2;
    WAIT_UNTIL(s, generation_is, &second);
    stage_write_file(s->conf, "[pool.probe]\nworkers = many\n");
    reply = stage_ask(s, "{\"verb\":\"reload\"}");
    assert_true(json_is_false(json_object_get(reply, "ok")));
    assert_non_null(strstr(json_string_value(json_object_get(reply, "message")), "many"));
    json_decref(reply);
    assert_int_equal(stage_pool_number(s, "ready"), 1);
}

static void test_supervisor_reload_sees_a_changed_layout_file(void **state)
{
    struct stage *s = *state;
    char folder[512], file[600], conf[1200];
    (void)snprintf(folder, sizeof folder, "%s.layouts", s->conf);
    (void)snprintf(file, sizeof file, "%s/own.layout", folder);
    (void)snprintf(conf, sizeof conf, "workers = 1\n[pdf]\nlayouts = %s", folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    stage_up(s, conf, 1);
    json_t *reply = stage_ask_ok(s, "{\"verb\":\"reload\"}");
    assert_int_equal(json_array_size(json_object_get(reply, "changed")), 0);
    json_decref(reply);
    stage_write_file(file, "[layout]\n");
    reply = stage_ask_ok(s, "{\"verb\":\"reload\"}");
    assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "changed"), 0)), "pdf.layouts (files)");
    json_decref(reply);
    int second = 2;
    WAIT_UNTIL(s, generation_is, &second);
    (void)unlink(file);
    (void)rmdir(folder);
}

static void call(struct stage *s, const char *function, const char *a, const char *b, const char *c)
{
    redisReply *r = redisCommand(s->ctx, "FCALL %s 1 stint:{probe} %s %s %s", function, a, b, c);
    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", function, r->str);
    freeReplyObject(r);
}

static void test_supervisor_cancel_reaches_the_running_job(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 2", 2);
    stage_enqueue(s, "unwanted", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, stage_one_of_two_is, "run");
    call(s, "stint_cancel", "unwanted", "changed my mind", "test");
    const struct stage_job_state cancelled = {"unwanted", "cancelled"};
    WAIT_UNTIL(s, stage_job_is, &cancelled);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(stage_worker_number(s, i, "generation"), 1); /* asked, not killed */
}

/* Nobody hears the event: in one transaction it is written and gone, as for a supervisor that is not connected just
 * then, or whose worker claimed the job and does not show it yet. The next heartbeat tells. */
static void test_supervisor_cancel_that_nobody_heard_reaches_the_job(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 2", 2);
    stage_enqueue(s, "unwanted", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, stage_one_of_two_is, "run");
    freeReplyObject(redisCommand(s->ctx, "MULTI"));
    freeReplyObject(redisCommand(s->ctx, "FCALL stint_cancel 1 stint:{probe} unwanted reason test"));
    freeReplyObject(redisCommand(s->ctx, "XTRIM stint:{probe}:ev MAXLEN 0"));
    redisReply *r = redisCommand(s->ctx, "EXEC");
    assert_non_null(r);
    assert_int_equal(r->elements, 2);
    assert_non_null(strstr(r->element[0]->str, "cancelling"));
    assert_true(r->element[1]->integer > 0);
    freeReplyObject(r);
    const struct stage_job_state cancelled = {"unwanted", "cancelled"};
    WAIT_UNTIL(s, stage_job_is, &cancelled);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(stage_worker_number(s, i, "generation"), 1); /* asked, not killed */
}

static void test_supervisor_paused_queue_runs_at_once_when_resumed(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    WAIT_UNTIL(s, stage_phase_is, "idle");
    call(s, "stint_pause", "", "test", "test");
    for (int i = 0; i < 100; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "p%d", i);
        stage_enqueue(s, id, "{\"do\":\"ok\"}", "");
    }
    const struct stage_job_state ready = {"p99", "ready"}, done = {"p99", "done"};
    assert_true(stage_job_is(s, &ready));
    call(s, "stint_resume", "", "test", "test");
    WAIT_UNTIL(s, stage_job_is, &done);
    call(s, "stint_pause", "probe", "test", "test");
    stage_enqueue(s, "k", "{\"do\":\"ok\"}", "");
    call(s, "stint_resume", "probe", "test", "test");
    const struct stage_job_state kind_done = {"k", "done"};
    WAIT_UNTIL(s, stage_job_is, &kind_done);
    assert_int_equal(stage_stat_number(s, "drift"), 0);
}

static bool file_exists(struct stage *s, const void *arg)
{
    (void)s;
    return access(arg, F_OK) == 0;
}

static void test_supervisor_log_rotated_is_opened_anew_by_all(void **state)
{
    struct stage *s = *state;
    char log[128], old[128];
    (void)snprintf(log, sizeof log, "%s/log", s->dir);
    (void)snprintf(old, sizeof old, "%s/log.1", s->dir);
    stage_up(s, "workers = 1", 1);
    assert_int_equal(rename(log, old), 0);
    assert_int_equal(kill(s->pid, SIGUSR1), 0);
    WAIT_UNTIL(s, file_exists, log);
    int second = 2;
    WAIT_UNTIL(s, generation_is, &second); /* the worker writes to the new file, too */
}

static bool recycled_twice(struct stage *s, const void *arg)
{
    (void)arg;
    return stage_worker_number(s, 0, "generation") >= 3;
}

static void test_supervisor_workers_too_old_are_recycled_without_failure(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1\nrecycle_age = 100ms", 1);
    WAIT_UNTIL(s, recycled_twice, NULL);
    assert_int_equal(stage_pool_number(s, "restarts"), 0);
    char last[160];
    stage_worker_text(s, 0, "last_exit", last);
    assert_string_equal(last, "exit 0");
}

static void test_supervisor_hangup_and_ttin_reload_and_scale(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    stage_write_conf(s, "workers = 2");
    assert_int_equal(kill(s->pid, SIGHUP), 0);
    int n = 2;
    WAIT_UNTIL(s, stage_ready_count_is, &n);
    assert_int_equal(kill(s->pid, SIGTTIN), 0);
    n = 3;
    WAIT_UNTIL(s, stage_ready_count_is, &n);
}

static bool pool_is_degraded(struct stage *s, const void *arg)
{
    (void)arg;
    json_t *status = stage_ask_ok(s, "{\"verb\":\"status\"}");
    const json_t *pool = json_array_get(json_object_get(status, "pools"), 0);
    bool is = strcmp(json_string_value(json_object_get(pool, "state")), "degraded") == 0 &&
              strstr(json_string_value(json_object_get(pool, "error")), "more than 2 restarts") != NULL;
    json_decref(status);
    return is;
}

static void test_supervisor_crashes_beyond_the_budget_slow_down(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1\n[supervisor]\nrestart_max = 2", 1);
    for (int i = 0; i < 4; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "x%d", i);
        stage_enqueue(s, id, "{\"do\":\"segv\"}", "");
    }
    WAIT_UNTIL(s, pool_is_degraded, NULL);
    const struct stage_job_state dead = {"x3", "dead"};
    WAIT_UNTIL(s, stage_job_is, &dead); /* slower, but never given up */
}

static void test_supervisor_quiet_fetches_nothing_until_resume(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    WAIT_UNTIL(s, stage_phase_is, "idle");
    assert_int_equal(kill(s->pid, SIGTSTP), 0);
    WAIT_UNTIL(s, stage_phase_is, "quiet");
    stage_enqueue(s, "waits", "{\"do\":\"ok\"}", "");
    json_t *status = stage_ask_ok(s, "{\"verb\":\"status\"}");
    assert_string_equal(json_string_value(json_object_get(status, "state")), "quiet");
    json_decref(status);
    assert_int_equal(kill(s->pid, SIGCONT), 0);
    const struct stage_job_state done = {"waits", "done"};
    WAIT_UNTIL(s, stage_job_is, &done);
}

static void test_supervisor_redis_away_keeps_workers_and_remembers_deaths(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    stage_enqueue(s, "orphan", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, stage_phase_is, "run");
    json_int_t pid = stage_worker_number(s, 0, "pid");
    assert_int_equal(kill(s->redis.pid, SIGSTOP), 0);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
    while (stage_worker_number(s, 0, "pid") == pid) /* replaced without asking Redis */
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    assert_int_equal(kill(s->redis.pid, SIGCONT), 0);
    char text[4096];
    do
        stage_job_text(s, "orphan", text, sizeof text);
    while (strstr(text, "signal:SIGKILL") == NULL);
}

static void test_supervisor_operator_kill_and_control_errors_name_themselves(void **state)
{
    static const struct {
        const char *request, *code, *part;
    } wrong[] = {
        {"{\"verb\":\"dance\"}", "BAD_ARGUMENT", "worker.scale"},
        {"{}", "BAD_ARGUMENT", "verb"},
        {"[1]", "BAD_ARGUMENT", "object"},
        {"{\"verb\":", "BAD_ARGUMENT", "one JSON object"},
        {"{\"verb\":\"worker.scale\",\"pool\":\"nope\",\"n\":1}", "NOT_FOUND", "probe"},
        {"{\"verb\":\"worker.scale\",\"pool\":\"probe\"}", "BAD_ARGUMENT", "\"n\""},
        {"{\"verb\":\"worker.kill\",\"slot\":77}", "NOT_FOUND", "77"},
    };
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        json_t *reply = stage_ask(s, wrong[i].request);
        assert_string_equal(json_string_value(json_object_get(reply, "code")), wrong[i].code);
        assert_non_null(strstr(json_string_value(json_object_get(reply, "message")), wrong[i].part));
        json_decref(reply);
    }
    stage_enqueue(s, "k", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, stage_phase_is, "run");
    json_t *reply = stage_ask_ok(s, "{\"verb\":\"worker.kill\",\"slot\":0}");
    assert_string_equal(json_string_value(json_object_get(reply, "job")), "k");
    json_decref(reply);
    char text[4096];
    do
        stage_job_text(s, "k", text, sizeof text);
    while (strstr(text, "operator_kill") == NULL);
    struct stat st;
    assert_int_equal(stat(s->socket, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* Ready workers of the second pool. */
static bool more_ready_is(struct stage *s, const void *arg)
{
    json_t *status = stage_ask(s, "{\"verb\":\"status\"}");
    const json_t *pool = json_array_get(json_object_get(status, "pools"), 1);
    bool is = pool != NULL && json_integer_value(json_object_get(pool, "ready")) == *(const int *)arg;
    json_decref(status);
    return is;
}

static bool other_queue_is_done(struct stage *s, const void *arg)
{
    redisReply *r = redisCommand(s->ctx, "HGET stint:{other}:ledger done");
    assert_non_null(r);
    bool is = r->type == REDIS_REPLY_STRING && strcmp(r->str, arg) == 0;
    freeReplyObject(r);
    return is;
}

static void test_supervisor_reload_starts_a_new_pool_and_ends_one_that_is_gone(void **state)
{
    struct stage *s = *state;
    int none = 0, two = 2;
    stage_up(s, "workers = 1", 1);
    stage_write_conf(s, "workers = 1\n[pool.more]\nkinds = probe\nqueue = other\nworkers = 2");
    json_decref(stage_ask_ok(s, "{\"verb\":\"reload\"}"));
    WAIT_UNTIL(s, more_ready_is, &two);
    for (int i = 1; i <= 3; i++) { /* woken by the doorbell: no heartbeat of 300 ms is waited for to see it */
        char done[16];
        freeReplyObject(redisCommand(s->ctx, "XADD stint:{other}:s:normal * kind probe payload {}"));
        (void)snprintf(done, sizeof done, "%d", i);
        WAIT_UNTIL(s, other_queue_is_done, done);
    }
    stage_write_conf(s, "workers = 1");
    json_t *reply = stage_ask_ok(s, "{\"verb\":\"reload\"}");
    assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "changed"), 0)), "pool.more.(removed)");
    json_decref(reply);
    WAIT_UNTIL(s, more_ready_is, &none);
    stage_write_conf(s, "workers = 1\n[pool.more]\nkinds = probe\nqueue = other\nworkers = 2");
    json_decref(stage_ask_ok(s, "{\"verb\":\"reload\"}"));
    WAIT_UNTIL(s, more_ready_is, &two);
}

static void test_supervisor_report_that_redis_refuses_is_told_plainly(void **state)
{
    struct stage *s = *state;
    (void)setenv("STINT_SUPERVISOR_LEASE", "600s", 1);
    stage_up(s, "workers = 1", 1);
    (void)unsetenv("STINT_SUPERVISOR_LEASE");
    stage_enqueue(s, "scribbler", "{\"do\":\"scribble segv\"}", ""); /* its page names an entry that cannot be one */
    const struct stage_job_state dead = {"scribbler", "dead"};
    WAIT_UNTIL(s, stage_job_is, &dead);
    char text[4096];
    stage_job_text(s, "scribbler", text, sizeof text);
    assert_non_null(strstr(text, "Redis refused the full report"));
    assert_int_equal(stage_stat_number(s, "drift"), 0);
}

static bool cfg_is(struct stage *s, const void *arg)
{
    redisReply *r = redisCommand(s->ctx, "HGET stint:{probe}:cfg retain:probe");
    assert_non_null(r);
    bool is = r->type == REDIS_REPLY_STRING && strcmp(r->str, arg) == 0;
    freeReplyObject(r);
    return is;
}

static void test_supervisor_reload_tells_queues_what_kinds_keep(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1\n[kind.default]\nretain = 1h", 1);
    WAIT_UNTIL(s, cfg_is, "3600000");
    stage_write_conf(s, "workers = 1\n[kind.probe]\nretain = 7s");
    json_decref(stage_ask_ok(s, "{\"verb\":\"reload\"}"));
    WAIT_UNTIL(s, cfg_is, "7000");
}

int main(int argc, char *argv[])
{
    if (strcmp(argv[0], "stint-worker") == 0)
        return fake_worker_main(argc, argv);
#define T(f) cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        T(test_supervisor_job_enqueued_runs_within_the_doorbell),
        T(test_supervisor_start_tells_the_queue_what_is_tracked),
        T(test_supervisor_delayed_job_is_promoted_when_due),
        T(test_supervisor_worker_killed_is_replaced_and_its_job_moves_on),
        T(test_supervisor_each_way_to_die_has_its_cause),
        T(test_supervisor_job_past_hard_timeout_is_killed),
        T(test_supervisor_boot_failures_stop_the_pool_until_restart),
        T(test_supervisor_worker_that_never_gets_ready_is_a_boot_failure),
        T(test_supervisor_drain_lets_jobs_end_then_leaves),
        T(test_supervisor_interrupted_twice_hands_jobs_back_free),
        T(test_supervisor_scale_within_limits_only),
        T(test_supervisor_reload_replaces_workers_and_keeps_a_good_file),
        T(test_supervisor_reload_sees_a_changed_layout_file),
        T(test_supervisor_cancel_reaches_the_running_job),
        T(test_supervisor_cancel_that_nobody_heard_reaches_the_job),
        T(test_supervisor_paused_queue_runs_at_once_when_resumed),
        T(test_supervisor_log_rotated_is_opened_anew_by_all),
        T(test_supervisor_workers_too_old_are_recycled_without_failure),
        T(test_supervisor_hangup_and_ttin_reload_and_scale),
        T(test_supervisor_crashes_beyond_the_budget_slow_down),
        T(test_supervisor_quiet_fetches_nothing_until_resume),
        T(test_supervisor_redis_away_keeps_workers_and_remembers_deaths),
        T(test_supervisor_operator_kill_and_control_errors_name_themselves),
        T(test_supervisor_reload_starts_a_new_pool_and_ends_one_that_is_gone),
        T(test_supervisor_report_that_redis_refuses_is_told_plainly),
        T(test_supervisor_reload_tells_queues_what_kinds_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
