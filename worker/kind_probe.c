/*
 * kind_probe - why: failures must be rehearsed. A probe does in a worker what bad jobs do, on request, and nothing when asked for
 * nothing: it is also the no-op that throughput is measured with. Refuses anything not in its table; off unless [kind.probe]
 * enabled = yes.
 *
 * Payload: {"v":1,"do":"…","ms":N,"mib":N,"times":N,"stamp":B}; times: misbehave on the first N deliveries, then be ok; stamp:
 * the result says when the handler was called (started_us, the host's monotonic clock), for bench/recovery.
 */
#include "alloc.h"
#include "clock.h"
#include "json_plain.h"
#include "kind.h"
#include "probe_fault.h"

#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct probe {
    json_int_t ms, mib, times;
    bool stamp;
};

/* A sleep under way; owned by itself until its timer is closed. */
struct nap {
    uv_timer_t timer;
    struct job_run *run;
};

enum { PROBE_MIB_MAX = 1 << 20, PROBE_MS_MAX = 1 << 30, MIB = 1 << 20 };

static void probe_ok(struct job_run *run, const struct probe *p)
{
    char result[64] = "{\"ok\":true}";
    if (p->stamp)
        snprintf(result, sizeof result, "{\"ok\":true,\"started_us\":%llu}", (unsigned long long)(clock_mono_ns() / 1000));
    job_run_done(run, result);
}

static void on_nap_closed(uv_handle_t *timer)
{
    free(CONTAINER_OF(timer, struct nap, timer));
}

static void end_nap(struct job_run *run)
{
    struct nap *nap = run->data;
    run->data = NULL;
    uv_close((uv_handle_t *)&nap->timer, on_nap_closed);
}

static void on_nap_over(uv_timer_t *timer)
{
    struct job_run *run = CONTAINER_OF(timer, struct nap, timer)->run;
    end_nap(run);
    job_run_done(run, "{\"ok\":true,\"slept\":true}");
}

static void probe_sleep(struct job_run *run, const struct probe *p)
{
    struct nap *nap = alloc_zero(1, sizeof *nap);
    nap->run = run;
    run->data = nap;
    (void)uv_timer_init(run->ctx->loop, &nap->timer);
    uv_update_time(run->ctx->loop);
    (void)uv_timer_start(&nap->timer, on_nap_over, (uint64_t)p->ms, 0);
    job_run_progress(run, 0, "asleep");
}

static void probe_fail(struct job_run *run, const struct probe *p)
{
    struct err e;
    (void)p;
    err_set(&e, ERR_HANDLER_FAILED, "the probe was asked to fail");
    job_run_fail(run, &e, NULL);
}

static void probe_fail_permanent(struct job_run *run, const struct probe *p)
{
    struct err e;
    (void)p;
    err_set(&e, ERR_HANDLER_REFUSED, "the probe was asked to fail for good");
    job_run_fail(run, &e, NULL);
}

/* Faults of its own doing; under a sanitizer some come back, and then the probe was ok. */
#define FAULTS(X) X(crash) X(bus) X(ill) X(fpe) X(overflow) X(smash) X(jump)
#define X(name)                                                                                                        \
    static void probe_##name(struct job_run *run, const struct probe *p)                                               \
    {                                                                                                                  \
        probe_fault_##name();                                                                                          \
        probe_ok(run, p);                                                                                              \
    }
FAULTS(X)
#undef X

/* A call the worker's sandbox refuses. */
static void probe_syscall(struct job_run *run, const struct probe *p)
{
    probe_fault_syscall();
    probe_ok(run, p);
}

static void probe_abort(struct job_run *run, const struct probe *p)
{
    (void)run;
    (void)p;
    abort();
}

/* Blocks the loop: what a handler stuck in a library call does. ms 0: for ever. */
static void probe_hang(struct job_run *run, const struct probe *p)
{
    uint64_t until_ms = clock_mono_ms() + (uint64_t)p->ms;
    while (p->ms == 0 || clock_mono_ms() < until_ms)
        (void)poll(NULL, 0, p->ms == 0 ? -1 : (int)(until_ms - clock_mono_ms()));
    probe_ok(run, p);
}

/* Blocks the loop and a CPU. ms 0: for ever. */
static void probe_spin(struct job_run *run, const struct probe *p)
{
    uint64_t until_ms = clock_mono_ms() + (uint64_t)p->ms;
    while (p->ms == 0 || clock_mono_ms() < until_ms)
        ;
    probe_ok(run, p);
}

/* mib 0: until the limit. */
static void probe_alloc(struct job_run *run, const struct probe *p)
{
    char **blocks = alloc_zero(PROBE_MIB_MAX, sizeof *blocks);
    json_int_t n = 0;
    for (; n < PROBE_MIB_MAX && (p->mib == 0 || n < p->mib); n++) {
        blocks[n] = alloc_must(malloc(MIB));
        memset(blocks[n], 0xa5, MIB);
    }
    while (n > 0)
        free(blocks[--n]);
    free(blocks);
    probe_ok(run, p);
}

/* Leaves a child behind for ms (default 1 s): it must die with its worker's process group, or by itself. */
static void probe_fork(struct job_run *run, const struct probe *p)
{
    pid_t child = fork();
    if (child == 0) {
        (void)poll(NULL, 0, p->ms > 0 ? (int)p->ms : 1000);
        _exit(0);
    }
    struct err e;
    char result[64];
    if (child < 0) {
        err_set_errno(&e, errno, "the probe cannot fork");
        job_run_fail(run, &e, NULL);
        return;
    }
    snprintf(result, sizeof result, "{\"ok\":true,\"child\":%ld}", (long)child);
    job_run_done(run, result);
}

/* Forks until it is refused, at most FORKS_MAX times, and ends what it made. */
static void probe_fork_many(struct job_run *run, const struct probe *p)
{
    enum { FORKS_MAX = 512 };
    pid_t children[FORKS_MAX];
    size_t n = 0;
    char result[64];
    (void)p;
    while (n < FORKS_MAX && (children[n] = fork()) > 0)
        n++;
    if (n < FORKS_MAX && children[n] == 0)
        for (;;)
            (void)poll(NULL, 0, -1);
    for (size_t i = 0; i < n; i++) {
        (void)kill(children[i], SIGKILL);
        (void)waitpid(children[i], NULL, 0);
    }
    (void)snprintf(result, sizeof result, "{\"ok\":true,\"children\":%zu,\"refused\":%s}", n,
                   n < FORKS_MAX ? "true" : "false");
    job_run_done(run, result);
}

/* Tries to reach the network (the discard port of this host) and reports what the system said. */
static void probe_net(struct job_run *run, const struct probe *p)
{
    char result[128];
    (void)p;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int rc = fd < 0 ? -errno : connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 ? -errno : 0;
    if (fd >= 0)
        (void)close(fd);
    snprintf(result, sizeof result, "{\"ok\":true,\"socket\":%s,\"connect\":\"%s\"}", fd < 0 ? "false" : "true", err_name(rc));
    job_run_done(run, result);
}

/* Writes mib MiB to a file without a name. Past RLIMIT_FSIZE the kernel sends SIGXFSZ. */
static void probe_write(struct job_run *run, const struct probe *p)
{
    static const char block[65536];
    struct err e;
    AUTO_CLOSE int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_set_errno(&e, errno, "the probe cannot make a file in /tmp");
        job_run_fail(run, &e, NULL);
        return;
    }
    for (int64_t left = (int64_t)p->mib * MIB; left > 0; left -= (int64_t)sizeof block)
        if (write(fd, block, sizeof block) < 0) {
            err_set_errno(&e, errno, "the probe cannot write to its file");
            job_run_fail(run, &e, NULL);
            return;
        }
    probe_ok(run, p);
}

static void probe_exit(struct job_run *run, const struct probe *p)
{
    (void)run;
    _exit(p->ms > 0 && p->ms < 64 ? (int)p->ms : 3);
}

#define PROBES(X)                                                                                                      \
    X("ok", probe_ok) X("sleep", probe_sleep) X("fail", probe_fail) X("fail-permanent", probe_fail_permanent)          \
    X("crash", probe_crash) X("abort", probe_abort) X("hang", probe_hang) X("spin", probe_spin)                        \
    X("bus", probe_bus) X("ill", probe_ill) X("fpe", probe_fpe) X("overflow", probe_overflow)                          \
    X("smash", probe_smash) X("jump", probe_jump) X("syscall", probe_syscall)                                          \
    X("alloc", probe_alloc) X("fork", probe_fork) X("fork-many", probe_fork_many) X("net", probe_net)                  \
    X("write", probe_write) X("exit", probe_exit)

static const struct {
    const char *name;
    void (*run)(struct job_run *run, const struct probe *p);
} probes[] = {
#define X(name, function) {name, function},
    PROBES(X)
#undef X
};

static int read_number(const json_t *payload, const char *key, json_int_t most, json_int_t *ret, struct err *e)
{
    const json_t *v = json_object_get(payload, key);
    if (!v)
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > most)
        return err_set(e, ERR_BAD_PAYLOAD, "payload.%s: a whole number from 0 to %lld is expected", key, (long long)most);
    *ret = json_integer_value(v);
    return 0;
}

/* 0 and which probe to run, or ERR_BAD_PAYLOAD with e. */
static int read_payload(const struct job *job, struct probe *p, size_t *ret_which, struct err *e)
{
    json_error_t at;
    json_t *payload = json_loadb(job->payload, job->payload_len, 0, &at);
    if (!json_is_object(payload)) {
        json_decref(payload);
        return err_set(e, ERR_BAD_PAYLOAD, "the payload is no JSON object%s%s", payload ? "" : ": ", payload ? "" : at.text);
    }
    const json_t *v = json_object_get(payload, "v");
    const char *name = json_string_value(json_object_get(payload, "do"));
    int rc = 0;
    size_t which = 0;
    *p = (struct probe){.times = INT32_MAX};
    if (v && json_integer_value(v) != 1)
        rc = err_set(e, ERR_BAD_PAYLOAD, "payload.v: this build reads version 1");
    while (rc == 0 && name && which < ARRAY_LEN(probes) && strcmp(probes[which].name, name) != 0)
        which++;
    if (which == ARRAY_LEN(probes))
#define X(text, function) " " text
        rc = err_set(e, ERR_BAD_PAYLOAD, "payload.do: \"%s\" is none of" PROBES(X), name);
#undef X
    if (rc == 0)
        rc = read_number(payload, "ms", PROBE_MS_MAX, &p->ms, e);
    if (rc == 0)
        rc = read_number(payload, "mib", PROBE_MIB_MAX, &p->mib, e);
    if (rc == 0)
        rc = read_number(payload, "times", INT32_MAX, &p->times, e);
    p->stamp = json_is_true(json_object_get(payload, "stamp"));
    json_decref(payload);
    if (rc == 0)
        *ret_which = which;
    return rc;
}

static bool plain_number(const struct json_plain *payload, const char *key, json_int_t most, json_int_t *ret)
{
    const struct json_plain_member *m = json_plain_get(payload, key);
    if (!m)
        return true;
    *ret = m->integer;
    return m->type == JSON_PLAIN_INTEGER && m->integer >= 0 && m->integer <= most;
}

/* read_payload for what nearly all payloads are, in a tenth of its time: throughput is measured with probes. False: it
 * is for read_payload to read, or to say what is wrong. */
static bool read_plain_payload(const struct job *job, struct probe *p, size_t *ret_which)
{
    struct json_plain payload;
    if (!json_plain_read(&payload, job->payload, job->payload_len))
        return false;
    const struct json_plain_member *v = json_plain_get(&payload, "v"), *name = json_plain_get(&payload, "do"),
                                   *stamp = json_plain_get(&payload, "stamp");
    size_t which = 0;
    *p = (struct probe){.times = INT32_MAX, .stamp = stamp && stamp->type == JSON_PLAIN_TRUE};
    while (name && which < ARRAY_LEN(probes) && !json_plain_is(name, probes[which].name))
        which++;
    *ret_which = which;
    return which < ARRAY_LEN(probes) && (!v || (v->type == JSON_PLAIN_INTEGER && v->integer == 1)) &&
           plain_number(&payload, "ms", PROBE_MS_MAX, &p->ms) && plain_number(&payload, "mib", PROBE_MIB_MAX, &p->mib) &&
           plain_number(&payload, "times", INT32_MAX, &p->times);
}

static void probe_start(void *state, struct job_run *const runs[], size_t n)
{
    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct probe p;
        struct err e;
        size_t which = 0;
        if (!read_plain_payload(runs[i]->job, &p, &which) && read_payload(runs[i]->job, &p, &which, &e) < 0)
            job_run_fail(runs[i], &e, NULL);
        else if (runs[i]->job->epoch > (uint64_t)p.times)
            probe_ok(runs[i], &p);
        else
            probes[which].run(runs[i], &p);
    }
}

static void probe_cancel(void *state, struct job_run *run, enum cancel_reason why)
{
    (void)state;
    (void)why;
    if (!run->data)
        return;
    end_nap(run);
    job_run_cancelled(run);
}

const struct kind_ops kind_probe_ops = {.start = probe_start, .cancel = probe_cancel};
