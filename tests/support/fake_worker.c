/*
 * fake_worker - see fake_worker.h. One job at a time over a blocking connection; refuses to be useful.
 */
#include "fake_worker.h"

#include "clock.h"
#include "conf.h"
#include "ipc.h"
#include "job.h"
#include "keys.h"
#include "redis_sync.h"
#include "scoreboard.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum { LEFT_CHILD_MAX_S = 300 };

struct fake {
    struct conf *conf;
    struct redis_sync redis;
    struct score_cell *cell;
    const char *instance;
    char consumer[CONSUMER_MAX];
    char prefix[KEY_MAX];
    unsigned turn;
    bool quiet;
};

static const char *option(int argc, char *argv[], const char *name)
{
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    (void)fprintf(stderr, "fake worker: no %s\n", name);
    exit(WORKER_EXIT_BOOT);
}

static void misbehave_at_boot(void)
{
    char path[512], how[32] = "";
    const char *dir = getenv("STINT_TEST_DIR");
    (void)snprintf(path, sizeof path, "%s/boot", dir != NULL ? dir : "/nowhere");
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    if (fgets(how, sizeof how, f) == NULL)
        how[0] = '\0';
    (void)fclose(f);
    if (strncmp(how, "fail", 4) == 0) {
        (void)ipc_send(WORKER_FD_CONTROL, IPC_BOOT_FAILED, "the file boot says so");
        exit(WORKER_EXIT_BOOT);
    }
    if (strncmp(how, "exit", 4) == 0)
        exit(WORKER_EXIT_OK);
    if (strncmp(how, "hang", 4) == 0)
        for (;;)
            (void)pause();
}

static void publish(struct fake *f, enum worker_phase phase, const struct job *job)
{
    struct score_now now = {.phase = phase, .since_ms = clock_mono_ms()};
    if (job != NULL) {
        now.running = 1;
        now.epoch = job->epoch;
        now.band = (uint32_t)job->band;
        now.hard_deadline_ms = now.since_ms + (uint64_t)(job->timeout_ms > 0 ? job->timeout_ms : 30000);
        (void)snprintf(now.entry, sizeof now.entry, "%s", job->entry);
        (void)snprintf(now.job_id, sizeof now.job_id, "%s", job->id);
        (void)snprintf(now.kind, sizeof now.kind, "%s", job->kind);
    }
    score_publish(f->cell, &now);
}

/* What a job that writes where it should not leaves behind for its supervisor to read. */
static void scribble(struct fake *f)
{
    struct score_now now = {.phase = PHASE_RUN, .running = 1, .since_ms = clock_mono_ms()};
    memset(now.entry, 'x', sizeof now.entry - 1);
    memset(now.kind, '%', sizeof now.kind - 1);
    memset(now.job_id, 0xff, sizeof now.job_id - 1);
    score_publish(f->cell, &now);
}

/* Hangs until the job is cancelled. */
static void wait_for_cancel(const struct job *job)
{
    for (;;) {
        struct pollfd p = {.fd = WORKER_FD_CONTROL, .events = POLLIN};
        struct ipc_msg m;
        (void)poll(&p, 1, -1);
        int rc = ipc_recv(WORKER_FD_CONTROL, &m);
        if (rc == -ENODATA)
            exit(WORKER_EXIT_ORPHANED);
        const char *entry = rc > 0 && m.type == IPC_CANCEL ? strchr(m.text, ':') : NULL;
        if (entry != NULL && strcmp(entry + 1, job->entry) == 0)
            return;
    }
}

/* A child in the worker's own process group that waits for ever; its pid is left in the test's folder. */
static void leave_child(void)
{
    char path[512];
    pid_t pid = fork();
    if (pid == 0) {
        (void)alarm(LEFT_CHILD_MAX_S); /* should its test fail, nobody else ends it */
        for (;;)
            (void)pause();
    }
    (void)snprintf(path, sizeof path, "%s/child", getenv("STINT_TEST_DIR"));
    FILE *f = fopen(path, "we");
    if (f != NULL) {
        (void)fprintf(f, "%d\n", (int)pid);
        (void)fclose(f);
    }
}

/* A grandchild in a session of its own that ends when its parent is gone: whoever inherits it has to reap it. */
static void leave_orphan(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)setsid();
        if (fork() == 0)
            (void)poll(NULL, 0, 20);
        _exit(0);
    }
    (void)waitpid(pid, NULL, 0);
}

/* True when it was cancelled. */
static bool run(const struct job *job)
{
    static const struct {
        const char *word;
        int signal, status;
    } ends[] = {{"segv", SIGSEGV, 0},
                {"xcpu", SIGXCPU, 0},
                {"sys", SIGSYS, 0},
                {"exit3", 0, 3},
                {"mem", 0, WORKER_EXIT_MEM_LIMIT}};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (strstr(job->payload, ends[i].word) == NULL)
            continue;
        if (ends[i].signal != 0) {
            (void)signal(ends[i].signal, SIG_DFL); /* a sanitizer would make an exit of it */
            (void)raise(ends[i].signal);
        }
        _exit(ends[i].status);
    }
    if (strstr(job->payload, "child") != NULL && job->epoch == 1) /* of one run only: the test ends one */
        leave_child();
    if (strstr(job->payload, "orphan") != NULL)
        leave_orphan();
    if (strstr(job->payload, "stubborn") != NULL)
        (void)signal(SIGTERM, SIG_IGN);
    if (strstr(job->payload, "stubborn") != NULL || strstr(job->payload, "hang") != NULL)
        wait_for_cancel(job);
    return strstr(job->payload, "hang") != NULL;
}

static void call(struct fake *f, redisReply **ret, int argc, const char *const argv[])
{
    struct err e = {0};
    if (redis_sync_argv(&f->redis, ret, &e, argc, argv, NULL) < 0) {
        (void)fprintf(stderr, "fake worker: %s\n", e.message);
        exit(WORKER_EXIT_FATAL);
    }
}

/* Fetches and runs one job; false when there was none. */
static bool fetch_and_run(struct fake *f)
{
    char turn[16];
    redisReply *r = NULL;
    (void)snprintf(turn, sizeof turn, "%u", f->turn++);
    publish(f, PHASE_FETCH, NULL);
    const char *fetch[] = {"FCALL", "stint_fetch", "1", f->prefix, f->instance, f->consumer, turn, "1"};
    call(f, &r, ARRAY_LEN(fetch), fetch);
    struct job job = {0};
    struct err e = {0};
    bool got =
        r->elements >= 2 && r->element[1]->elements > 0 && job_from_reply(&job, r->element[1]->element[0], &e) == 0;
    freeReplyObject(r);
    if (!got)
        return false;
    publish(f, PHASE_RUN, &job);
    if (strstr(job.payload, "scribble") != NULL)
        scribble(f);
    bool cancelled = run(&job);
    publish(f, PHASE_FINISH, &job);
    const char *op = cancelled ? "cancelled" : job.has_hash ? "done" : "ack";
    const char *a = cancelled ? "asked to" : "", *b = cancelled ? "" : "60000";
    const char *finish[] = {"FCALL",     "stint_finish",
                            "1",         f->prefix,
                            f->instance, f->consumer,
                            "1",         "0",
                            "1", /* one op: */
                            op,          band_name(job.band),
                            job.entry,   job.id,
                            a,           b};
    call(f, &r, ARRAY_LEN(finish), finish);
    freeReplyObject(r);
    atomic_fetch_add(&f->cell->jobs_run, 1);
    job_fini(&job);
    return true;
}

/* Blocks for one message; true when it is time to fetch. */
static bool listen_once(struct fake *f)
{
    struct pollfd p = {.fd = WORKER_FD_CONTROL, .events = POLLIN};
    (void)poll(&p, 1, -1);
    struct ipc_msg m;
    int rc = ipc_recv(WORKER_FD_CONTROL, &m);
    if (rc == -ENODATA)
        exit(WORKER_EXIT_ORPHANED);
    if (rc <= 0)
        return false;
    if (m.type == IPC_STOP)
        exit(WORKER_EXIT_OK);
    if (m.type == IPC_PING)
        atomic_store(&f->cell->alive_ms, clock_mono_ms());
    if (m.type == IPC_QUIET || m.type == IPC_RESUME)
        f->quiet = m.type == IPC_QUIET;
    publish(f, f->quiet ? PHASE_QUIET : PHASE_IDLE, NULL);
    return !f->quiet && (m.type == IPC_WAKE || m.type == IPC_RESUME);
}

int fake_worker_main(int argc, char *argv[])
{
    struct fake f = {.instance = option(argc, argv, "--instance"), .conf = calloc(1, sizeof *f.conf)};
    struct scoreboard *board = NULL;
    struct err e = {0};
    long slot = strtol(option(argc, argv, "--slot"), NULL, 10);
    misbehave_at_boot();
    if (f.conf == NULL || scoreboard_map(WORKER_FD_SCOREBOARD, &board) < 0 ||
        conf_load_fd(f.conf, WORKER_FD_CONFIG, &e) < 0 || redis_sync_open(&f.redis, &f.conf->redis, &e) < 0) {
        (void)ipc_send(WORKER_FD_CONTROL, IPC_BOOT_FAILED, e.message);
        return WORKER_EXIT_BOOT;
    }
    const struct conf_pool *pool = conf_pool_of(f.conf, option(argc, argv, "--pool"));
    f.cell = &board->cells[slot];
    (void)snprintf(f.consumer, sizeof f.consumer, "%s:%ld:%s", f.instance, slot, option(argc, argv, "--generation"));
    (void)keys_prefix(f.prefix, pool->queue[0] != '\0' ? pool->queue : "probe");
    char version[16];
    (void)snprintf(version, sizeof version, "%d", IPC_VERSION);
    (void)ipc_send(WORKER_FD_CONTROL, IPC_READY, version);
    for (bool fetch = true;; fetch = listen_once(&f)) {
        while (fetch && fetch_and_run(&f))
            continue;
        if (fetch) {
            publish(&f, PHASE_IDLE, NULL);
            (void)ipc_send(WORKER_FD_CONTROL, IPC_IDLE, "");
        }
    }
}
