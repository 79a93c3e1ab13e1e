/*
 * supervisor_stage - see supervisor_stage.h. Every wait has a deadline and looks at a condition; on a miss the log's
 * end is shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor_stage.h"

#include "clock.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* -- the supervisor under test ---------------------------------------------------------------------------------------
 */

static void stage_copy_program(const char *from, const char *to)
{
    char command[1200];
    (void)snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

void stage_write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

void stage_write_conf(const struct stage *s, const char *more)
{
    char text[2048];
    (void)snprintf(
        text, sizeof text,
        "[redis]\nurl = %s\n[supervisor]\nrun_dir = %s/run\nstate_dir = %s\nlog_format = json\nheartbeat = 300ms\n"
        "lease = 2s\nkill_grace = 200ms\nbackoff_base = 10ms\nbackoff_max = 50ms\ndrain_timeout = 10s\n"
        "log_file = %s/log\n[metrics]\nenabled = no\n[kind.probe]\nenabled = yes\n[pool.probe]\nkinds = probe\n%s\n",
        s->redis.url, s->dir, s->dir, s->dir, more);
    stage_write_file(s->conf, text);
}

void stage_no_heartbeat(void)
{
    (void)setenv("STINT_SUPERVISOR_HEARTBEAT", "60s", 1);
    (void)setenv("STINT_SUPERVISOR_LEASE", "600s", 1);
}

void stage_set_boot(const struct stage *s, const char *how)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/boot", s->dir);
    if (how == NULL)
        (void)unlink(path);
    else
        stage_write_file(path, how);
}

void stage_start_supervisor(struct stage *s)
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
json_t *stage_ask(const struct stage *s, const char *request)
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

json_t *stage_ask_ok(const struct stage *s, const char *request)
{
    json_t *reply = stage_ask(s, request);
    assert_non_null(reply);
    if (!json_is_true(json_object_get(reply, "ok")))
        fail_msg("%s: %s", request, json_string_value(json_object_get(reply, "message")));
    return reply;
}

/* Looks until the condition holds or the deadline passes. */
void stage_wait_until_at(struct stage *s, stage_condition_fn holds, const void *arg, const char *what)
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

json_int_t stage_pool_number(struct stage *s, const char *key)
{
    json_t *status = stage_ask(s, "{\"verb\":\"status\"}");
    json_int_t n = json_integer_value(json_object_get(json_array_get(json_object_get(status, "pools"), 0), key));
    json_decref(status);
    return n;
}

bool stage_answers(struct stage *s)
{
    json_t *reply = stage_ask(s, "{\"verb\":\"ping\"}");
    bool answers = reply != NULL;
    json_decref(reply);
    return answers;
}

bool stage_ready_count_is(struct stage *s, const void *arg)
{
    return stage_answers(s) && stage_pool_number(s, "ready") == *(const int *)arg;
}

/* A text of worker i, copied out. */
void stage_worker_text(struct stage *s, size_t i, const char *key, char ret[static 160])
{
    json_t *status = stage_ask_ok(s, "{\"verb\":\"worker.list\"}");
    const char *text = json_string_value(json_object_get(json_array_get(json_object_get(status, "workers"), i), key));
    (void)snprintf(ret, 160, "%s", text != NULL ? text : "");
    json_decref(status);
}

json_int_t stage_worker_number(struct stage *s, size_t i, const char *key)
{
    json_t *status = stage_ask_ok(s, "{\"verb\":\"worker.list\"}");
    json_int_t n = json_integer_value(json_object_get(json_array_get(json_object_get(status, "workers"), i), key));
    json_decref(status);
    return n;
}

void stage_up(struct stage *s, const char *more, int ready)
{
    stage_write_conf(s, more);
    stage_start_supervisor(s);
    WAIT_UNTIL(s, stage_ready_count_is, &ready);
}

int stage_wait_exit(struct stage *s)
{
    uint64_t give_up = clock_mono_ms() + DEADLINE_MS;
    int status = -1;
    while (waitpid(s->pid, &status, WNOHANG) == 0 && clock_mono_ms() < give_up)
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    s->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* -- jobs ------------------------------------------------------------------------------------------------------------
 */

void stage_enqueue(struct stage *s, const char *id, const char *payload, const char *more)
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
json_t *stage_job(struct stage *s, const char *id)
{
    redisReply *r = redisCommand(s->ctx, "FCALL stint_job 1 stint:{probe} %s", id);
    assert_non_null(r);
    json_t *j = r->type == REDIS_REPLY_STRING ? json_loads(r->str, 0, NULL) : NULL;
    freeReplyObject(r);
    return j;
}

bool stage_job_is(struct stage *s, const void *arg)
{
    const struct stage_job_state *want = arg;
    json_t *j = stage_job(s, want->id);
    const char *state = json_string_value(json_object_get(j, "state"));
    bool is = state != NULL && strcmp(state, want->state) == 0;
    json_decref(j);
    return is;
}

bool stage_phase_is(struct stage *s, const void *arg)
{
    char phase[160];
    stage_worker_text(s, 0, "phase", phase);
    return strcmp(phase, arg) == 0;
}

bool stage_one_of_two_is(struct stage *s, const void *arg)
{
    char phase[160];
    bool is = false;
    for (size_t i = 0; i < 2 && !is; i++) {
        stage_worker_text(s, i, "phase", phase);
        is = strcmp(phase, arg) == 0;
    }
    return is;
}

/* The dead letter's text, as a whole, for looking into. */
void stage_job_text(struct stage *s, const char *id, char *ret, size_t size)
{
    redisReply *r = redisCommand(s->ctx, "FCALL stint_job 1 stint:{probe} %s", id);
    assert_non_null(r);
    (void)snprintf(ret, size, "%s", r->str != NULL ? r->str : "");
    freeReplyObject(r);
}

json_int_t stage_stat_number(struct stage *s, const char *key)
{
    redisReply *r = redisCommand(s->ctx, "FCALL stint_stats 1 stint:{probe}");
    assert_non_null(r);
    json_t *stats = json_loads(r->str, 0, NULL);
    freeReplyObject(r);
    json_int_t n = json_integer_value(json_object_get(stats, key));
    json_decref(stats);
    return n;
}

/* -- fixtures --------------------------------------------------------------------------------------------------------
 */

/* The program under test: in $STINT_BUILD, else in the build this test was built in. */
static int find_supervisor(char *ret_path, size_t size)
{
    char self[384] = "";
    const char *build = getenv("STINT_BUILD");
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    for (int up = 0; n > 0 && up < 2; up++) {
        char *slash = strrchr(self, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    (void)snprintf(ret_path, size, "%s/bin/stint-supervisor", build != NULL ? build : self);
    if (access(ret_path, X_OK) == 0)
        return 0;
    (void)fprintf(stderr, "no program to test at %s: build it, or set STINT_BUILD\n", ret_path);
    return -ENOENT;
}

int stage_setup(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    char template[] = "/tmp/stint-sup-XXXXXX", from[512], to[128];
    if (s == NULL || find_supervisor(from, sizeof from) < 0 || redis_server_start(&s->redis, NULL) < 0 ||
        mkdtemp(template) == NULL) {
        free(s);
        return -1;
    }
    s->ctx = redis_server_connect_functions(&s->redis);
    (void)snprintf(s->dir, sizeof s->dir, "%s", template);
    (void)snprintf(s->socket, sizeof s->socket, "%s/run/control.sock", s->dir);
    (void)snprintf(s->conf, sizeof s->conf, "%s/stint.conf", s->dir);
    (void)snprintf(s->program, sizeof s->program, "%s/stint-supervisor", s->dir);
    stage_copy_program(from, s->program);
    (void)snprintf(to, sizeof to, "%s/stint-worker", s->dir);
    (void)snprintf(from, sizeof from, "/proc/%d/exe", (int)getpid());
    stage_copy_program(from, to);
    *state = s;
    return s->ctx != NULL ? 0 : -1;
}

int stage_teardown(void **state)
{
    struct stage *s = *state;
    char command[128];
    if (s->pid > 0) {
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
    }
    (void)unsetenv("STINT_SUPERVISOR_HEARTBEAT");
    (void)unsetenv("STINT_SUPERVISOR_LEASE");
    redisFree(s->ctx);
    redis_server_close(&s->redis);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
    (void)!system(command);
    free(s);
    return 0;
}
