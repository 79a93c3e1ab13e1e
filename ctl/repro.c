/*
 * repro - see repro.h. It imitates nothing: the real supervisor starts the real worker. It refuses to run a job whose payload is
 * gone, or whose kind no pool of this configuration runs, for then limits and sandbox would be guessed.
 */
#include "repro.h"

#include "buf.h"
#include "clock.h"
#include "job_wait.h"
#include "queue_call.h"
#include "repro_conf.h"
#include "repro_debug.h"
#include "stack_services.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
    READY_MAX_MS = 60000, /* valgrind starts slowly */
    STOP_MAX_MS = 10000,
    STEP_MS = 500,
    TAIL = 12,
    SCAN_COUNT = 1000,
};

static void remark(void *arg, const char *line)
{
    struct repro *r = arg;
    AUTO_FREE char *shown = out_harmless(line, strlen(line));
    out_remark(&r->s->out, "  %s", shown ? shown : "");
}

/* As the user the real supervisor of this host runs as: whoever owns its folder. */
static int make_folder(struct repro *r, const struct conf *conf, struct err *e)
{
    struct stat st;
    bool known = geteuid() == 0 && stat(conf->supervisor.run_dir, &st) == 0;
    const struct passwd *pw = known && st.st_uid != 0 ? getpwuid(st.st_uid) : NULL;
    char path[sizeof r->root];
    (void)snprintf(path, sizeof path, "/tmp/stint-%.40s", r->queue);
    if (mkdir(path, 0700) < 0) /* fails when it is there: nobody else's folder is used */
        return err_set_errno(e, errno, "cannot make the folder %s", path);
    memcpy(r->root, path, sizeof path);
    int rc = stack_dir_prepare(&r->dir, r->root, pw ? pw->pw_name : NULL, e);
    if (rc == 0 && known && st.st_uid == 0) {
        r->dir.uid = r->dir.gid = 0;
        (void)snprintf(r->dir.user, sizeof r->dir.user, "root");
    }
    return rc;
}

static int start(struct repro *r, struct err *e)
{
    char path[STACK_PATH_MAX];
    int rc = repro_conf_write(r->conf, &r->dir, path, e);
    if (rc == 0)
        rc = stack_supervisor_init(&r->supervisor, &r->dir, path, e);
    if (rc < 0)
        return rc;
    stack_child_arg(&r->supervisor, "--repro");
    stack_child_arg(&r->supervisor, "%s", r->tool == REPRO_TOOL_GDB ? "hold" : "run");
    if (r->tool == REPRO_TOOL_VALGRIND) {
        rc = repro_debug_wrapper(&r->dir, path, e);
        if (rc < 0)
            return rc;
        stack_child_arg(&r->supervisor, "--wrap");
        stack_child_arg(&r->supervisor, "%s", path);
    }
    return stack_child_start(&r->supervisor, &r->dir, -1, clock_mono_ms(), e);
}

static int died(struct repro *r, struct err *e)
{
    char how[64];
    stack_child_tail(&r->supervisor, TAIL, remark, r);
    return err_set(e, ERR_BOOT_FAILURE, "the private supervisor ended (%s); the last lines of its log are above",
                   stack_child_how(&r->supervisor, how));
}

static int wait_ready(struct repro *r, struct err *e)
{
    int limit_ms = r->tool == REPRO_TOOL_NONE ? READY_MAX_MS / 4 : READY_MAX_MS;
    uint64_t deadline = clock_mono_ms() + (uint64_t)limit_ms;
    struct err why = {.code = 0};
    while (stack_supervisor_probe(r->conf, &why) != STACK_PROBE_READY) {
        if (stack_child_ended(&r->supervisor, clock_mono_ms()))
            return died(r, e);
        if (clock_mono_ms() > deadline) {
            stack_child_tail(&r->supervisor, TAIL, remark, r);
            return err_set(e, ERR_BOOT_FAILURE, "the worker is not ready after %d s: %.400s", limit_ms / 1000,
                           why.message);
        }
        (void)poll(NULL, 0, STEP_MS / 20);
    }
    return 0;
}

int repro_open(struct repro *r, struct session *s, const json_t *job, enum repro_tool tool, struct err *e)
{
    const struct conf *conf;
    struct redis_sync *redis;
    uint32_t random = 0;
    *r = (struct repro){.s = s, .job = job, .tool = tool, .supervisor = {.pidfd = -1}};
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = (uint32_t)getpid();
    (void)snprintf(r->queue, sizeof r->queue, "repro-%08x", random);
    int rc = session_conf(s, &conf, e);
    if (rc == 0 && tool == REPRO_TOOL_GDB)
        rc = repro_debug_check(e);
    if (rc == 0)
        rc = session_redis(s, &redis, e); /* a service that is away is better said before anything is started */
    if (rc == 0)
        rc = repro_conf_make(conf, job, r->queue, tool, &r->conf, e);
    if (rc == 0 && repro_conf_stores(json_text(job, "kind"))) {
        PGconn *pg;
        rc = session_pg(s, &pg, e);
    }
    if (rc == 0)
        rc = make_folder(r, conf, e);
    if (rc == 0)
        rc = repro_conf_place(r->conf, r->root, e);
    if (rc == 0)
        rc = start(r, e);
    return rc == 0 ? wait_ready(r, e) : rc;
}

/* The envelope as the last delivery had it: counters one less, for the claim to come raises them. */
static int enqueue(struct repro *r, struct err *e)
{
    char key[128], counters[160];
    const char *payload = json_text(r->job, "payload"), *band = json_text(r->job, "band");
    size_t payload_len = json_string_length(json_object_get(r->job, "payload"));
    AUTO_FREE char *options = repro_conf_options(r->job, r->tool);
    struct redis_sync *redis;
    redisReply *reply = NULL;
    int rc = session_redis(r->s, &redis, e);
    if (rc < 0 || !options)
        return rc < 0 ? rc : err_set(e, ERR_OUT_OF_MEMORY, "no memory for the job's options");
    (void)snprintf(key, sizeof key, "stint:{%s}:s:%s", r->queue, *band ? band : "normal");
    (void)snprintf(counters, sizeof counters, "%lld,%lld,%lld,0,%lld,0,%lld",
                   (long long)MAX_OF(json_number(r->job, "epoch", 1) - 1, INT64_C(0)),
                   (long long)MAX_OF(json_number(r->job, "attempts", 1) - 1, INT64_C(0)),
                   (long long)MAX_OF(json_number(r->job, "crashes", 1) - 1, INT64_C(0)),
                   (long long)json_number(r->job, "replays", 0), (long long)json_number(r->job, "created_ms", 0));
    const char *const argv[] = {"XADD", key,  "*",  "kind", json_text(r->job, "kind"), "id", json_text(r->job, "id"),
                                "o",    options, "n",  counters, "payload", payload};
    size_t lens[ARRAY_LEN(argv)];
    for (size_t i = 0; i < ARRAY_LEN(argv); i++)
        lens[i] = strlen(argv[i]);
    lens[ARRAY_LEN(argv) - 1] = payload_len;
    rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, lens);
    if (rc == 0)
        freeReplyObject(reply);
    return rc;
}

int repro_run(struct repro *r, json_t **ret_after, struct err *e)
{
    const char *id = json_text(r->job, "id"), *kind = json_text(r->job, "kind");
    int64_t limit_ms = conf_kind_of(r->conf, kind)->timeout + r->conf->supervisor.kill_grace + READY_MAX_MS;
    bool debugged = r->tool != REPRO_TOOL_GDB;
    int rc = enqueue(r, e);
    if (rc < 0)
        return rc;
    for (uint64_t deadline = clock_mono_ms() + (uint64_t)limit_ms;;) {
        if (!debugged && (rc = repro_debug_attach(r->supervisor.pid, &debugged, e)) < 0)
            return rc;
        rc = job_wait_end(r->s, r->queue, id, STEP_MS, ret_after, e);
        if (rc == ERR_NOT_FOUND) /* an entry that was never more than an entry is found once it ended */
            (void)poll(NULL, 0, STEP_MS / 20);
        else if (rc != ERR_TIMEOUT)
            return rc;
        if (stack_child_ended(&r->supervisor, clock_mono_ms()))
            return died(r, e);
        if (clock_mono_ms() > deadline)
            return err_set(e, ERR_TIMEOUT, "the job has not ended %lld ms after its hard timeout; look at its worker with "
                                           "--keep", (long long)READY_MAX_MS);
    }
}

static void end_supervisor(struct repro *r)
{
    uint64_t deadline = clock_mono_ms() + STOP_MAX_MS;
    stack_child_signal(&r->supervisor, SIGTERM);
    while (r->supervisor.pid > 0 && !stack_child_ended(&r->supervisor, clock_mono_ms())) {
        if (clock_mono_ms() > deadline)
            stack_child_signal(&r->supervisor, SIGKILL);
        (void)poll(NULL, 0, STEP_MS / 20);
    }
}

/* One page of the scratch queue's keys; 0 when it was the last. */
static int64_t remove_page(struct redis_sync *redis, const char *pattern, int64_t cursor)
{
    redisReply *page = NULL;
    struct err e;
    if (redis_sync_cmd(redis, &page, &e, "SCAN %lld MATCH %s COUNT %d", (long long)cursor, pattern, SCAN_COUNT) < 0)
        return 0;
    cursor = page->elements == 2 ? strtoll(page->element[0]->str, NULL, 10) : 0;
    for (size_t i = 0; page->elements == 2 && i < page->element[1]->elements; i++) {
        redisReply *gone = NULL;
        if (redis_sync_cmd(redis, &gone, &e, "UNLINK %s", page->element[1]->element[i]->str) == 0)
            freeReplyObject(gone);
    }
    freeReplyObject(page);
    return cursor;
}

static void remove_scratch(struct repro *r)
{
    char pattern[128];
    struct redis_sync *redis;
    struct err e;
    (void)snprintf(pattern, sizeof pattern, "stint:{%s}:*", r->queue);
    if (session_redis(r->s, &redis, &e) < 0) {
        out_remark(&r->s->out, "Redis is away: the keys %s are left there; delete them when it is back", pattern);
        return;
    }
    for (int64_t cursor = 0; (cursor = remove_page(redis, pattern, cursor)) != 0;)
        continue;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void repro_close(struct repro *r)
{
    enum { OPEN_FOLDERS = 8 };
    if (r->supervisor.pid > 0)
        end_supervisor(r);
    if (r->conf)
        remove_scratch(r);
    if (r->root[0] && r->keep)
        out_remark(&r->s->out, "logs are kept in %s/log", r->root);
    else if (r->root[0])
        (void)nftw(r->root, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    free(r->conf);
    r->conf = NULL;
}

bool repro_same_failure(const json_t *before, const json_t *after)
{
    const json_t *was = job_wait_last_error(before), *is = job_wait_last_error(after);
    return was && is && strcmp(json_text(was, "code"), json_text(is, "code")) == 0 &&
           strcmp(json_text(was, "cause"), json_text(is, "cause")) == 0;
}
