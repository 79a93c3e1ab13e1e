/*
 * Why: recovery is what happens after something was killed, so the bench must own what it kills.
 * Refuses to: measure here. It looks (every few ms) only to know when the next kill may come.
 */
#include "bench_host.h"

#include "bench_link.h"
#include "clock.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { HOST_LOOK_MS = 3, HOST_DEADLINE_MS = 60000, HOST_REPLY_MAX = 1 << 18, HOST_WORKERS_MAX = 64 };

NORETURN static void host_give_up(const struct bench_host *h, const char *what)
{
    fprintf(stderr, "stint-bench: %s; see %s/log\n", what, h->dir);
    exit(1);
}

uint64_t bench_now_us(void)
{
    return clock_mono_ns() / 1000;
}

void bench_host_start(struct bench_host *h, const char *program)
{
    char conf[256];
    snprintf(conf, sizeof conf, "%s/stint.conf", h->dir);
    h->pid = fork();
    if (h->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execl(program, "stint-supervisor", "--config", conf, (char *)NULL);
        _exit(127);
    }
    if (h->pid < 0)
        host_give_up(h, "cannot start a supervisor");
}

/* One request; NULL while nobody answers. */
static json_t *host_ask(const struct bench_host *h, const char *request)
{
    static char line[HOST_REPLY_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/run/control.sock", h->dir) >=
        sizeof address.sun_path)
        host_give_up(h, "the folder's name is too long for a socket");
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        return NULL;
    size_t len = 0;
    while (len < sizeof line - 1 && (len == 0 || line[len - 1] != '\n')) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, HOST_DEADLINE_MS) == 1 ? recv(fd, line + len, sizeof line - 1 - len, 0) : 0;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    return json_loadb(line, len, 0, NULL);
}

/* The workers of the host; the caller's. */
static json_t *host_list(const struct bench_host *h)
{
    return host_ask(h, "{\"verb\":\"worker.list\"}\n");
}

static const char *host_text(const json_t *worker, const char *key)
{
    const char *text = json_string_value(json_object_get(worker, key));
    return text != NULL ? text : "";
}

static bool host_at_rest(const json_t *worker)
{
    const char *phase = host_text(worker, "phase");
    return strcmp(host_text(worker, "state"), "ready") == 0 && (strcmp(phase, "idle") == 0 || strcmp(phase, "run") == 0);
}

static struct bench_worker host_worker(const json_t *worker)
{
    return (struct bench_worker){
        .pid = (pid_t)json_integer_value(json_object_get(worker, "pid")),
        .slot = (int)json_integer_value(json_object_get(worker, "slot")),
        .boot_ms = json_number_value(json_object_get(worker, "boot_ms")),
    };
}

int bench_host_workers(const struct bench_host *h, struct bench_worker *ret, int most)
{
    json_t *reply = host_list(h), *workers = json_object_get(reply, "workers");
    int n = 0;
    for (size_t i = 0; i < json_array_size(workers) && n < most; i++)
        ret[n++] = host_worker(json_array_get(workers, i));
    json_decref(reply);
    return n;
}

void bench_host_wait_ready(const struct bench_host *h, int ready)
{
    for (uint64_t give_up = clock_mono_ms() + HOST_DEADLINE_MS;;) {
        int n = 0;
        json_t *reply = host_list(h), *workers = json_object_get(reply, "workers");
        for (size_t i = 0; i < json_array_size(workers); i++)
            n += host_at_rest(json_array_get(workers, i));
        json_decref(reply);
        if (n == ready)
            return;
        if (clock_mono_ms() > give_up)
            host_give_up(h, "the workers did not become ready");
        (void)poll(NULL, 0, HOST_LOOK_MS);
    }
}

struct bench_worker bench_host_wait_running(const struct bench_host *h, const char *job)
{
    struct bench_worker found = {0};
    for (uint64_t give_up = clock_mono_ms() + HOST_DEADLINE_MS;;) {
        json_t *reply = host_list(h), *workers = json_object_get(reply, "workers");
        for (size_t i = 0; i < json_array_size(workers); i++) {
            const json_t *worker = json_array_get(workers, i);
            if (strcmp(host_text(worker, "phase"), "run") == 0 && strcmp(host_text(worker, "job"), job) == 0)
                found = host_worker(worker);
        }
        json_decref(reply);
        if (found.pid > 0)
            return found;
        if (clock_mono_ms() > give_up)
            host_give_up(h, "no worker took the job");
        (void)poll(NULL, 0, HOST_LOOK_MS);
    }
}

static void host_reap(struct bench_host *h)
{
    (void)waitpid(h->pid, NULL, 0);
    h->pid = 0;
}

void bench_host_kill_supervisor(struct bench_host *h, uint64_t *ret_us)
{
    *ret_us = bench_now_us();
    (void)kill(h->pid, SIGKILL);
    host_reap(h);
}

void bench_host_kill_all(struct bench_host *h, uint64_t *ret_us)
{
    struct bench_worker workers[HOST_WORKERS_MAX];
    int n = bench_host_workers(h, workers, HOST_WORKERS_MAX);
    *ret_us = bench_now_us();
    (void)kill(h->pid, SIGKILL); /* first: what it saw of the others' end it would tell */
    for (int i = 0; i < n; i++)
        (void)kill(workers[i].pid, SIGKILL);
    host_reap(h);
}

void bench_host_stop(struct bench_host *h)
{
    if (h == NULL || h->pid <= 0)
        return;
    (void)kill(h->pid, SIGTERM);
    host_reap(h);
}
