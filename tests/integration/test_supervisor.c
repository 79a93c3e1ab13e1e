/*
 * The supervisor against a real Redis, with workers that live and die as they are told (support/fake_worker). This program is also
 * that worker: the supervisor under test starts a copy of it named stint-worker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "fake_worker.h"
#include "redis_server.h"
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { DEADLINE_MS = 15000, LOOK_EVERY_MS = 10 };

struct stage {
    struct redis_server redis;
    redisContext *ctx;
    char dir[64], socket[96], conf[96], program[96];
    pid_t pid; /* 0: not running */
};

/* -- the supervisor under test --------------------------------------------------------------------------------------- */

static void copy_program(const char *from, const char *to)
{
    char command[1200];
    (void)snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void write_conf(const struct stage *s, const char *more)
{
    char text[2048];
    (void)snprintf(text, sizeof text,
                   "[redis]\nurl = %s\n[supervisor]\nrun_dir = %s/run\nstate_dir = %s\nlog_format = json\nheartbeat = 300ms\n"
                   "lease = 2s\nkill_grace = 200ms\nbackoff_base = 10ms\nbackoff_max = 50ms\ndrain_timeout = 10s\n"
                   "log_file = %s/log\n[metrics]\nenabled = no\n[kind.probe]\nenabled = yes\n[pool.probe]\nkinds = probe\n%s\n",
                   s->redis.url, s->dir, s->dir, s->dir, more);
    write_file(s->conf, text);
}

static void set_boot(const struct stage *s, const char *how)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/boot", s->dir);
    if (how == NULL)
        (void)unlink(path);
    else
        write_file(path, how);
}

static void start_supervisor(struct stage *s)
{
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setenv("STINT_TEST_DIR", s->dir, 1);
        (void)execl(s->program, "stint-supervisor", "--config", s->conf, (char *)NULL);
        _exit(127);
    }
}

/* One request, one reply; NULL when nobody answers. */
static json_t *ask(const struct stage *s, const char *request)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", s->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        base_close_fd(&fd);
        return NULL;
    }
    char line[65536];
    size_t len = 0;
    (void)snprintf(line, sizeof line, "%s\n", request);
    assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
    while (len < sizeof line - 1 && (len == 0 || line[len - 1] != '\n')) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, DEADLINE_MS) == 1 ? recv(fd, line + len, sizeof line - 1 - len, 0) : 0;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    (void)close(fd);
    return json_loadb(line, len, 0, NULL);
}

static json_t *ask_ok(const struct stage *s, const char *request)
{
    json_t *reply = ask(s, request);
    assert_non_null(reply);
    if (!json_is_true(json_object_get(reply, "ok")))
        fail_msg("%s: %s", request, json_string_value(json_object_get(reply, "message")));
    return reply;
}

typedef bool (*condition_fn)(struct stage *s, const void *arg);

/* Looks until the condition holds or the deadline passes. */
static void wait_until_at(struct stage *s, condition_fn holds, const void *arg, const char *what)
{
    uint64_t give_up = clock_mono_ms() + DEADLINE_MS;
    while (!holds(s, arg)) {
        if (clock_mono_ms() > give_up) {
            char command[160];
            (void)snprintf(command, sizeof command, "tail -n 40 %s/log >&2", s->dir);
            (void)!system(command);
            fail_msg("not in time: %s", what);
        }
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    }
}
#define WAIT_UNTIL(s, holds, arg) wait_until_at(s, holds, arg, #holds)

static json_int_t pool_number(struct stage *s, const char *key)
{
    json_t *status = ask(s, "{\"verb\":\"status\"}");
    json_int_t n = json_integer_value(json_object_get(json_array_get(json_object_get(status, "pools"), 0), key));
    json_decref(status);
    return n;
}

static bool ready_count_is(struct stage *s, const void *arg)
{
    return ask(s, "{\"verb\":\"ping\"}") != NULL && pool_number(s, "ready") == *(const int *)arg;
}

/* A text of worker i, copied out. */
static void worker_text(struct stage *s, size_t i, const char *key, char ret[static 160])
{
    json_t *status = ask_ok(s, "{\"verb\":\"worker.list\"}");
    const char *text = json_string_value(json_object_get(json_array_get(json_object_get(status, "workers"), i), key));
    (void)snprintf(ret, 160, "%s", text != NULL ? text : "");
    json_decref(status);
}

static json_int_t worker_number(struct stage *s, size_t i, const char *key)
{
    json_t *status = ask_ok(s, "{\"verb\":\"worker.list\"}");
    json_int_t n = json_integer_value(json_object_get(json_array_get(json_object_get(status, "workers"), i), key));
    json_decref(status);
    return n;
}

static void up(struct stage *s, const char *more, int ready)
{
    write_conf(s, more);
    start_supervisor(s);
    WAIT_UNTIL(s, ready_count_is, &ready);
}

static int wait_exit(struct stage *s)
{
    uint64_t give_up = clock_mono_ms() + DEADLINE_MS;
    int status = -1;
    while (waitpid(s->pid, &status, WNOHANG) == 0 && clock_mono_ms() < give_up)
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    s->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* -- jobs ------------------------------------------------------------------------------------------------------------ */

static void enqueue(struct stage *s, const char *id, const char *payload, const char *more)
{
    char options[256];
    (void)snprintf(options, sizeof options, "{\"kind\":\"probe\",\"id\":\"%s\"%s}", id, more);
    redisReply *r = redisCommand(s->ctx, "FCALL stint_enqueue 1 stint:{probe} %s %s", options, payload);
    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s", r->str);
    assert_non_null(strstr(r->str, "\"id\""));
    freeReplyObject(r);
}

/* The job as Redis knows it; NULL when it knows none. The caller's. */
static json_t *job(struct stage *s, const char *id)
{
    redisReply *r = redisCommand(s->ctx, "FCALL stint_job 1 stint:{probe} %s", id);
    assert_non_null(r);
    json_t *j = r->type == REDIS_REPLY_STRING ? json_loads(r->str, 0, NULL) : NULL;
    freeReplyObject(r);
    return j;
}

struct state_of {
    const char *id, *state;
};

static bool job_is(struct stage *s, const void *arg)
{
    const struct state_of *want = arg;
    json_t *j = job(s, want->id);
    const char *state = json_string_value(json_object_get(j, "state"));
    bool is = state != NULL && strcmp(state, want->state) == 0;
    json_decref(j);
    return is;
}

static bool phase_is(struct stage *s, const void *arg)
{
    char phase[160];
    worker_text(s, 0, "phase", phase);
    return strcmp(phase, arg) == 0;
}

/* The dead letter's text, as a whole, for looking into. */
static void job_text(struct stage *s, const char *id, char *ret, size_t size)
{
    redisReply *r = redisCommand(s->ctx, "FCALL stint_job 1 stint:{probe} %s", id);
    assert_non_null(r);
    (void)snprintf(ret, size, "%s", r->str != NULL ? r->str : "");
    freeReplyObject(r);
}

static json_int_t stat_number(struct stage *s, const char *key)
{
    redisReply *r = redisCommand(s->ctx, "FCALL stint_stats 1 stint:{probe}");
    assert_non_null(r);
    json_t *stats = json_loads(r->str, 0, NULL);
    freeReplyObject(r);
    json_int_t n = json_integer_value(json_object_get(stats, key));
    json_decref(stats);
    return n;
}

/* -- fixtures -------------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    char template[] = "/tmp/stint-sup-XXXXXX", from[512], to[128];
    if (s == NULL || redis_server_start(&s->redis, NULL) < 0 || mkdtemp(template) == NULL)
        return -1;
    s->ctx = redis_server_connect_functions(&s->redis);
    (void)snprintf(s->dir, sizeof s->dir, "%s", template);
    (void)snprintf(s->socket, sizeof s->socket, "%s/run/control.sock", s->dir);
    (void)snprintf(s->conf, sizeof s->conf, "%s/stint.conf", s->dir);
    (void)snprintf(s->program, sizeof s->program, "%s/stint-supervisor", s->dir);
    (void)snprintf(from, sizeof from, "%s/bin/stint-supervisor", getenv("STINT_BUILD") != NULL ? getenv("STINT_BUILD") : ".");
    copy_program(from, s->program);
    (void)snprintf(to, sizeof to, "%s/stint-worker", s->dir);
    (void)snprintf(from, sizeof from, "/proc/%d/exe", (int)getpid());
    copy_program(from, to);
    *state = s;
    return s->ctx != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct stage *s = *state;
    char command[128];
    if (s->pid > 0) {
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
    }
    redisFree(s->ctx);
    redis_server_close(&s->redis);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
    (void)!system(command);
    free(s);
    return 0;
}

/* -- tests ----------------------------------------------------------------------------------------------------------- */

static void test_supervisor_job_enqueued_runs_within_the_doorbell(void **state)
{
    struct stage *s = *state;
    up(s, "workers = 2", 2);
    WAIT_UNTIL(s, phase_is, "idle");
    for (int i = 0; i < 5; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "j%d", i);
        uint64_t before = clock_mono_ms();
        enqueue(s, id, "{\"do\":\"ok\"}", "");
        const struct state_of done = {id, "done"};
        WAIT_UNTIL(s, job_is, &done);
        assert_true(clock_mono_ms() - before < 250); /* a heartbeat would take up to 300 */
    }
    assert_int_equal(stat_number(s, "drift"), 0);
}

static void test_supervisor_delayed_job_is_promoted_when_due(void **state)
{
    struct stage *s = *state;
    up(s, "workers = 1", 1);
    enqueue(s, "later", "{\"do\":\"ok\"}", ",\"delay_ms\":400");
    const struct state_of done = {"later", "done"};
    WAIT_UNTIL(s, job_is, &done);
}

static void test_supervisor_worker_killed_is_replaced_and_its_job_moves_on(void **state)
{
    struct stage *s = *state;
    up(s, "workers = 1", 1);
    enqueue(s, "victim", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, phase_is, "run");
    json_int_t first = worker_number(s, 0, "pid");
    assert_int_equal(kill((pid_t)first, SIGKILL), 0);
    char text[4096];
    do
        job_text(s, "victim", text, sizeof text);
    while (strstr(text, "signal:SIGKILL") == NULL);
    WAIT_UNTIL(s, phase_is, "run"); /* the replacement took it up again */
    assert_int_not_equal(worker_number(s, 0, "pid"), first);
    assert_int_equal(worker_number(s, 0, "generation"), 2);
    assert_int_equal(kill((pid_t)worker_number(s, 0, "pid"), SIGKILL), 0);
    const struct state_of dead = {"victim", "dead"};
    WAIT_UNTIL(s, job_is, &dead); /* two crashes are the limit */
    char last[160];
    worker_text(s, 0, "last_exit", last);
    assert_string_equal(last, "signal:SIGKILL");
    assert_int_equal(stat_number(s, "drift"), 0);
}

static void test_supervisor_each_way_to_die_has_its_cause(void **state)
{
    static const struct {
        const char *payload, *cause;
    } deaths[] = {
        {"{\"do\":\"segv\"}", "signal:SIGSEGV"}, {"{\"do\":\"exit3\"}", "handler_error"}, {"{\"do\":\"mem\"}", "mem_limit"},
        {"{\"do\":\"xcpu\"}", "cpu_limit"},      {"{\"do\":\"sys\"}", "sandbox_violation"},
    };
    struct stage *s = *state;
    up(s, "workers = 1", 1);
    for (size_t i = 0; i < ARRAY_LEN(deaths); i++) {
        enqueue(s, deaths[i].cause, deaths[i].payload, "");
        const struct state_of dead = {deaths[i].cause, "dead"};
        WAIT_UNTIL(s, job_is, &dead);
        char text[4096], want[64];
        job_text(s, deaths[i].cause, text, sizeof text);
        (void)snprintf(want, sizeof want, "\"cause\":\"%s\"", deaths[i].cause);
        assert_non_null(strstr(text, want));
        assert_non_null(strstr(text, "\"consumer\""));
    }
    assert_int_equal(stat_number(s, "drift"), 0);
}

static void test_supervisor_job_past_hard_timeout_is_killed(void **state)
{
    struct stage *s = *state;
    up(s, "workers = 1", 1);
    enqueue(s, "slow", "{\"do\":\"hang\"}", ",\"timeout_ms\":150");
    enqueue(s, "slower", "{\"do\":\"stubborn\"}", ",\"timeout_ms\":150");
    const struct state_of slow = {"slow", "dead"}, slower = {"slower", "dead"};
    WAIT_UNTIL(s, job_is, &slow);
    WAIT_UNTIL(s, job_is, &slower);
    char text[4096];
    job_text(s, "slower", text, sizeof text);
    assert_non_null(strstr(text, "\"cause\":\"hard_timeout\""));
    assert_non_null(strstr(text, "SIGKILL")); /* TERM was ignored */
}

static bool pool_is_stopped(struct stage *s, const void *arg)
{
    (void)arg;
    json_t *status = ask(s, "{\"verb\":\"status\"}");
    const json_t *pool = json_array_get(json_object_get(status, "pools"), 0);
    const char *text = json_string_value(json_object_get(pool, "state")), *why = json_string_value(json_object_get(pool, "error"));
    bool is = text != NULL && strcmp(text, "stopped") == 0;
    if (is)
        assert_non_null(strstr(why, "the file boot says so"));
    json_decref(status);
    return is;
}

static void test_supervisor_boot_failures_stop_the_pool_until_restart(void **state)
{
    struct stage *s = *state;
    set_boot(s, "fail");
    write_conf(s, "workers = 2");
    start_supervisor(s);
    WAIT_UNTIL(s, pool_is_stopped, NULL);
    assert_true(pool_number(s, "boot_failures") >= 6);
    set_boot(s, NULL);
    json_decref(ask_ok(s, "{\"verb\":\"worker.restart\"}"));
    int two = 2;
    WAIT_UNTIL(s, ready_count_is, &two);
    assert_int_equal(pool_number(s, "boot_failures"), 0);
}

static void test_supervisor_worker_that_never_gets_ready_is_a_boot_failure(void **state)
{
    struct stage *s = *state;
    set_boot(s, "hang");
    write_conf(s, "workers = 1\n[supervisor]\nboot_timeout = 150ms");
    start_supervisor(s);
    while (ask(s, "{\"verb\":\"ping\"}") == NULL || pool_number(s, "boot_failures") == 0)
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    set_boot(s, NULL);
    int one = 1;
    WAIT_UNTIL(s, ready_count_is, &one);
}

static void test_supervisor_drain_lets_jobs_end_then_leaves(void **state)
{
    struct stage *s = *state;
    up(s, "workers = 2", 2);
    enqueue(s, "a", "{\"do\":\"ok\"}", "");
    const struct state_of done = {"a", "done"};
    WAIT_UNTIL(s, job_is, &done);
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    assert_int_equal(wait_exit(s), 0);
    assert_int_equal(stat_number(s, "instances"), 0);
    assert_int_equal(access(s->socket, F_OK), -1);
}

static void test_supervisor_interrupted_twice_hands_jobs_back_free(void **state)
{
    struct stage *s = *state;
    up(s, "workers = 1", 1);
    enqueue(s, "long", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, phase_is, "run");
    assert_int_equal(kill(s->pid, SIGINT), 0);
    json_t *reply = ask_ok(s, "{\"verb\":\"status\"}");
    json_decref(reply);
    assert_int_equal(kill(s->pid, SIGINT), 0);
    assert_int_equal(wait_exit(s), 0);
    json_t *j = job(s, "long");
    assert_string_equal(json_string_value(json_object_get(j, "state")), "ready");
    assert_int_equal(json_integer_value(json_object_get(j, "crashes")), 0);
    assert_int_equal(json_integer_value(json_object_get(j, "handbacks")), 1);
    json_decref(j);
    assert_int_equal(stat_number(s, "instances"), 0);
}

static void test_supervisor_scale_within_limits_only(void **state)
{
    struct stage *s = *state;
    up(s, "workers = 1\nworkers_max = 3", 1);
    json_decref(ask_ok(s, "{\"verb\":\"worker.scale\",\"pool\":\"probe\",\"n\":3}"));
    int n = 3;
    WAIT_UNTIL(s, ready_count_is, &n);
    json_t *refused = ask(s, "{\"verb\":\"worker.scale\",\"pool\":\"probe\",\"n\":4}");
    assert_string_equal(json_string_value(json_object_get(refused, "code")), "BAD_ARGUMENT");
    assert_non_null(strstr(json_string_value(json_object_get(refused, "message")), "0 to 3"));
    json_decref(refused);
    assert_int_equal(kill(s->pid, SIGTTOU), 0);
    n = 2;
    WAIT_UNTIL(s, ready_count_is, &n);
    json_decref(ask_ok(s, "{\"verb\":\"worker.scale\",\"pool\":\"probe\",\"n\":0}"));
    n = 0;
    WAIT_UNTIL(s, ready_count_is, &n);
}

static bool generation_is(struct stage *s, const void *arg)
{
    return worker_number(s, 0, "generation") == *(const int *)arg && pool_number(s, "ready") == 1;
}

static void test_supervisor_reload_replaces_workers_and_keeps_a_good_file(void **state)
{
    struct stage *s = *state;
    up(s, "workers = 1", 1);
    write_conf(s, "workers = 1\nnice = 7\n[pool.more]\nkinds = probe");
    json_t *reply = ask_ok(s, "{\"verb\":\"reload\"}");
    assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "changed"), 0)), "pool.probe.nice");
    assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "needs_restart"), 0)), "pool.more.(added)");
    json_decref(reply);
    int second = 2;
    WAIT_UNTIL(s, generation_is, &second);
    write_file(s->conf, "[pool.probe]\nworkers = many\n");
    reply = ask(s, "{\"verb\":\"reload\"}");
    assert_true(json_is_false(json_object_get(reply, "ok")));
    assert_non_null(strstr(json_string_value(json_object_get(reply, "message")), "many"));
    json_decref(reply);
    assert_int_equal(pool_number(s, "ready"), 1);
}

static void test_supervisor_quiet_fetches_nothing_until_resume(void **state)
{
    struct stage *s = *state;
    up(s, "workers = 1", 1);
    WAIT_UNTIL(s, phase_is, "idle");
    assert_int_equal(kill(s->pid, SIGTSTP), 0);
    WAIT_UNTIL(s, phase_is, "quiet");
    enqueue(s, "waits", "{\"do\":\"ok\"}", "");
    json_t *status = ask_ok(s, "{\"verb\":\"status\"}");
    assert_string_equal(json_string_value(json_object_get(status, "state")), "quiet");
    json_decref(status);
    assert_int_equal(kill(s->pid, SIGCONT), 0);
    const struct state_of done = {"waits", "done"};
    WAIT_UNTIL(s, job_is, &done);
}

static void test_supervisor_redis_away_keeps_workers_and_remembers_deaths(void **state)
{
    struct stage *s = *state;
    up(s, "workers = 1", 1);
    enqueue(s, "orphan", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, phase_is, "run");
    json_int_t pid = worker_number(s, 0, "pid");
    assert_int_equal(kill(s->redis.pid, SIGSTOP), 0);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
    while (worker_number(s, 0, "pid") == pid) /* replaced without asking Redis */
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    assert_int_equal(kill(s->redis.pid, SIGCONT), 0);
    char text[4096];
    do
        job_text(s, "orphan", text, sizeof text);
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
    up(s, "workers = 1", 1);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        json_t *reply = ask(s, wrong[i].request);
        assert_string_equal(json_string_value(json_object_get(reply, "code")), wrong[i].code);
        assert_non_null(strstr(json_string_value(json_object_get(reply, "message")), wrong[i].part));
        json_decref(reply);
    }
    enqueue(s, "k", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, phase_is, "run");
    json_t *reply = ask_ok(s, "{\"verb\":\"worker.kill\",\"slot\":0}");
    assert_string_equal(json_string_value(json_object_get(reply, "job")), "k");
    json_decref(reply);
    char text[4096];
    do
        job_text(s, "k", text, sizeof text);
    while (strstr(text, "operator_kill") == NULL);
    struct stat st;
    assert_int_equal(stat(s->socket, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

int main(int argc, char *argv[])
{
    if (strcmp(argv[0], "stint-worker") == 0)
        return fake_worker_main(argc, argv);
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_supervisor_job_enqueued_runs_within_the_doorbell),
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
        T(test_supervisor_quiet_fetches_nothing_until_resume),
        T(test_supervisor_redis_away_keeps_workers_and_remembers_deaths),
        T(test_supervisor_operator_kill_and_control_errors_name_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
