/*
 * Why: a worker is tested as the process it is, with the descriptors and the messages it has in production. Refuses to sleep: waits on
 * the control socket, on waitpid and on Redis, each with a deadline.
 */
#include "worker_harness.h"

#include "clock.h"
#include "keys.h"
#include "spawn.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { POLL_MS = 5 };

static redisReply *command(struct worker_harness *h, int argc, const char *const argv[])
{
    redisReply *reply = NULL;
    struct err e;
    if (redis_sync_argv(&h->redis, &reply, &e, argc, argv, NULL) < 0) {
        if (e.code != ERR_NOT_FOUND)
            fail_msg("%s", e.message);
        return NULL;
    }
    return reply;
}

static void function(struct worker_harness *h, const char *name, int argc, const char *const args[])
{
    char key[KEY_MAX];
    const char *argv[16] = {"FCALL", name, "1", keys_prefix(key, h->queue)};
    for (int i = 0; i < argc; i++)
        argv[4 + i] = args[i];
    freeReplyObject(command(h, 4 + argc, argv));
}

redisReply *harness_cmd(struct worker_harness *h, const char *format, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    const char *argv[16];
    int argc = 0;
    char *rest = line;
    for (char *word = strtok_r(rest, " ", &rest); word && argc < 16; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    return command(h, argc, argv);
}

void harness_open(struct worker_harness *h, const char *url, const char *queue)
{
    static unsigned serial;
    struct err e;
    *h = (struct worker_harness){.control_fd = -1, .board_fd = -1};
    snprintf(h->queue, sizeof h->queue, "%s", queue);
    snprintf(h->url, sizeof h->url, "%s", url);
    snprintf(h->instance, sizeof h->instance, "test-%d-%u", (int)getpid(), serial++);
    struct conf_redis conf = {.connect_timeout = 2000, .command_timeout = 5000};
    snprintf(conf.url, sizeof conf.url, "%s", url);
    if (redis_sync_open(&h->redis, &conf, &e) < 0 || redis_sync_functions(&h->redis, &e) < 0)
        fail_msg("%s", e.message);
    assert_int_equal(scoreboard_new(&h->board, &h->board_fd), 0);
    h->cell = &h->board->cells[0];
    harness_beat(h, HARNESS_LEASE_MS);
}

void harness_beat(struct worker_harness *h, int64_t lease_ms)
{
    char lease[24];
    snprintf(lease, sizeof lease, "%lld", (long long)lease_ms);
    function(h, "stint_beat", 3, (const char *[]){h->instance, lease, "{}"});
}

static int config_fd(const struct worker_harness *h, const char *ini)
{
    int fd = memfd_create("conf", MFD_CLOEXEC);
    assert_true(fd >= 0);
    dprintf(fd, "[redis]\nurl = %s\n%s\n", h->url, ini);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void worker_path(char path[static 512])
{
    const char *build = getenv("STINT_BUILD");
    snprintf(path, 512, "%s/bin/stint-worker", build ? build : "build/dev");
}

void harness_spawn(struct worker_harness *h, const char *pool, const char *ini, const char *environment)
{
    int pair[2];
    char path[512], generation[16];
    worker_path(path);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    snprintf(generation, sizeof generation, "%u", ++h->generation);
    snprintf(h->consumer, sizeof h->consumer, "%s:0:%s", h->instance, generation);
    char *argv[] = {path, strdup("--pool"), strdup(pool), strdup("--instance"), h->instance, strdup("--slot"), strdup("0"),
                    strdup("--generation"), generation, NULL};
    char version[32];
    (void)snprintf(version, sizeof version, IPC_VERSION_ENV "=%d", IPC_VERSION);
    char *const envp[] = {strdup("PATH=/usr/bin:/bin"), strdup("ASAN_OPTIONS=detect_leaks=1"), strdup(version),
                          environment ? strdup(environment) : NULL, NULL};
    int fd = config_fd(h, ini);
    const int fds[] = {-1, STDOUT_FILENO, STDERR_FILENO, h->board_fd, pair[1], fd, -1, -1};
    struct spawn s = {.path = path, .argv = argv, .envp = envp, .fds = fds, .n_fds = ARRAY_LEN(fds), .new_process_group = true};
    struct err e;
    if (spawn_exec(&s, &h->pid, &e) < 0)
        fail_msg("%s", e.message);
    close(pair[1]);
    close(fd);
    for (size_t i = 1; i < 8; i++)
        if (argv[i] != h->instance)
            free(argv[i]);
    for (size_t i = 0; i < 4; i++)
        free(envp[i]);
    if (h->control_fd >= 0)
        close(h->control_fd);
    h->control_fd = pair[0];
    memset(h->seen, 0, sizeof h->seen);
}

void harness_start(struct worker_harness *h, const char *pool, const char *ini, const char *environment)
{
    harness_spawn(h, pool, ini, environment);
    harness_expect(h, IPC_READY, 1);
}

/* Receives what is there. False at the end of the worker. */
static bool receive(struct worker_harness *h, int timeout_ms)
{
    struct pollfd p = {.fd = h->control_fd, .events = POLLIN};
    struct ipc_msg msg;
    if (poll(&p, 1, timeout_ms) <= 0)
        return true;
    int rc;
    while ((rc = ipc_recv(h->control_fd, &msg)) == 1) {
        assert_true(msg.type < ARRAY_LEN(h->seen));
        h->seen[msg.type]++;
        if (msg.size)
            memcpy(h->last_text, msg.text, sizeof h->last_text);
    }
    return rc != -ENODATA;
}

void harness_say(struct worker_harness *h, enum ipc_type type, const char *text)
{
    (void)ipc_send(h->control_fd, type, text);
}

void harness_reconfigure(struct worker_harness *h, const char *ini)
{
    int fd = config_fd(h, ini);
    assert_int_equal(ipc_send_fd(h->control_fd, IPC_CONFIG, "", fd), 0);
    close(fd);
}

void harness_expect(struct worker_harness *h, enum ipc_type type, uint32_t count)
{
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    while (h->seen[type] < count) {
        bool alive = receive(h, POLL_MS);
        if (h->seen[type] < count && (!alive || clock_mono_ms() > until))
            fail_msg("the worker did not say message %d (%s; last text: %s)", type, alive ? "deadline" : "it ended", h->last_text);
    }
}

int harness_wait_exit(struct worker_harness *h)
{
    int status = 0;
    int pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int ready = poll(&p, 1, HARNESS_DEADLINE_MS);
    close(pidfd);
    if (ready != 1)
        fail_msg("the worker did not end");
    assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
    h->pid = 0;
    (void)receive(h, 0);
    return status;
}

void harness_close(struct worker_harness *h)
{
    if (h->pid > 0) {
        kill(-h->pid, SIGKILL);
        kill(h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
    }
    if (h->control_fd >= 0)
        close(h->control_fd);
    if (h->board_fd >= 0)
        close(h->board_fd);
    scoreboard_free(h->board);
    redis_sync_close(&h->redis);
}

void harness_enqueue(struct worker_harness *h, const char *options, const char *payload)
{
    function(h, "stint_enqueue", 2, (const char *[]){options, payload});
    harness_say(h, IPC_WAKE, "");
}

char *harness_job(struct worker_harness *h, const char *id)
{
    char key[KEY_MAX];
    redisReply *reply = command(h, 5, (const char *[]){"FCALL", "stint_job", "1", keys_prefix(key, h->queue), id});
    char *json = reply ? strdup(reply->str) : NULL;
    if (reply)
        freeReplyObject(reply);
    return json;
}

static bool state_is(struct worker_harness *h, const char *id, const char *state, char *ret_seen, size_t size)
{
    AUTO_FREE char *text = harness_job(h, id);
    json_t *job = text ? json_loads(text, 0, NULL) : NULL;
    const char *is = json_string_value(json_object_get(job, "state"));
    snprintf(ret_seen, size, "%s", is ? is : "(no such job)");
    json_decref(job);
    return strcmp(ret_seen, state) == 0;
}

void harness_wait_state(struct worker_harness *h, const char *id, const char *state)
{
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    char seen[64];
    while (!state_is(h, id, state, seen, sizeof seen)) {
        if (clock_mono_ms() > until)
            fail_msg("job %s is %s, not %s", id, seen, state);
        function(h, "stint_promote", 1, (const char *[]){"100"});
        harness_say(h, IPC_WAKE, "");
        (void)receive(h, POLL_MS);
    }
}

void harness_wait_phase(struct worker_harness *h, enum worker_phase phase, const char *job_id)
{
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    struct score_now now;
    for (;;) {
        bool whole = score_read(h->cell, &now);
        if (whole && now.phase == (uint32_t)phase && (!job_id || strcmp(now.job_id, job_id) == 0))
            return;
        if (clock_mono_ms() > until)
            fail_msg("the worker is in phase %s with job \"%s\", not in %s", phase_name((enum worker_phase)now.phase), now.job_id,
                     phase_name(phase));
        (void)receive(h, 1);
    }
}

void harness_wait_count(struct worker_harness *h, const _Atomic uint64_t *number, uint64_t least)
{
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS, seen;
    while ((seen = atomic_load(number)) < least) {
        if (clock_mono_ms() > until)
            fail_msg("a number of the worker is %llu, not %llu", (unsigned long long)seen, (unsigned long long)least);
        (void)receive(h, 1);
    }
}

int64_t harness_json_int(const char *json, const char *path)
{
    char name[64];
    json_t *root = json ? json_loads(json, 0, NULL) : NULL;
    const json_t *at = root;
    for (const char *p = path; at && *p; p += strcspn(p, "."), p += *p == '.') {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(p, "."), p);
        at = json_object_get(at, name);
    }
    int64_t value = json_is_integer(at) ? json_integer_value(at) : -1;
    json_decref(root);
    return value;
}

bool harness_balanced(struct worker_harness *h)
{
    char key[KEY_MAX];
    redisReply *reply = command(h, 4, (const char *[]){"FCALL", "stint_stats", "1", keys_prefix(key, h->queue)});
    bool balanced = harness_json_int(reply->str, "drift") == 0;
    freeReplyObject(reply);
    return balanced;
}

void harness_end_drained(struct worker_harness *h)
{
    harness_say(h, IPC_STOP, "");
    int status = harness_wait_exit(h);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), WORKER_EXIT_OK);
    assert_true(harness_balanced(h));
    harness_close(h);
}
