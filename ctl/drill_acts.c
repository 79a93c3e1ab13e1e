/*
 * drill_acts - see drill.h: how each fault is made. Refuses to signal any process but the one the supervisor names as
 * the worker of the drill's own job, and to leave the kind paused.
 */
#include "drill.h"
#include "host_control.h"

#include "clock.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

enum { LOOK_EVERY_MS = 20, START_WITHIN_MS = 30000, PAUSE_MS = 1000, MEMORY_MARGIN = 64 << 20 };

/* The worker that runs a job, as the supervisor says. */
struct runner {
    pid_t pid;
    int64_t slot;
    char run_dir[CONF_STR_MAX]; /* its supervisor's */
};

/* 0 and *ret_pid 0 when nobody runs it (now). */
static int find_runner(struct drill_lab *lab, const char *id, struct runner *ret, struct err *e)
{
    json_t *workers = NULL;
    int rc = host_control_workers(lab->s, &workers, e);
    if (rc < 0)
        return rc;
    *ret = (struct runner){.slot = -1};
    for (size_t i = 0; i < json_array_size(workers); i++) {
        const json_t *w = json_array_get(workers, i);
        if (strcmp(json_text(w, "job"), id) != 0 || strcmp(json_text(w, "phase"), "run") != 0)
            continue;
        *ret = (struct runner){.pid = (pid_t)json_number(w, "pid", 0), .slot = json_number(w, "slot", -1)};
        (void)snprintf(ret->run_dir, sizeof ret->run_dir, "%s", json_text(w, "run_dir"));
    }
    json_decref(workers);
    return 0;
}

/* Waits until the job runs. 0 with *ret->pid 0 when it did not start in time. */
static int await_runner(struct drill_lab *lab, const char *id, struct runner *ret, struct err *e)
{
    uint64_t until_ms = clock_mono_ms() + START_WITHIN_MS;
    for (;;) {
        int rc = find_runner(lab, id, ret, e);
        if (rc < 0 || ret->pid > 0 || clock_mono_ms() >= until_ms)
            return rc;
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    }
}

/* Waits for the job's end and judges it; since_ms: when the fault was made (monotonic). */
static int await_and_judge(struct drill_lab *lab, const struct drill *d, const char *id, uint64_t since_ms,
                           struct drill_result *ret, struct err *e)
{
    json_t *job = NULL;
    bool ended = false;
    int rc = drill_await(lab, id, (int64_t)d->within_s * 1000, &job, &ended, e);
    if (rc < 0)
        return rc;
    drill_judge(d, job, (int64_t)(clock_mono_ms() - since_ms), ret);
    if (!ended)
        drill_set(ret, DRILL_FAILED, "it is still %s after %d s; \"stint job show %s\" tells more",
                  json_text(job, "state"), d->within_s, id);
    json_decref(job);
    return 0;
}

int drill_send_and_judge(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e)
{
    char id[JOB_ID_MAX], state[32];
    uint64_t since_ms = clock_mono_ms();
    int rc = drill_send(lab, d, NULL, id, state, e);
    return rc < 0 ? rc : await_and_judge(lab, d, id, since_ms, ret, e);
}

/* -- limits ----------------------------------------------------------------------------------------------------------
 */

static int64_t memory_available(void)
{
    int64_t kib = 0;
    char line[128];
    FILE *f = fopen("/proc/meminfo", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "MemAvailable: %ld kB", &kib) == 1)
            break;
    if (f != NULL)
        (void)fclose(f);
    return kib * 1024;
}

static int act_memory(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e)
{
    const struct conf_pool *p = conf_pool_of(lab->s->stores.conf, lab->pool);
    int64_t limit = p->memory;
    if (p->cgroup_memory > 0)
        limit = limit > 0 ? MIN_OF(limit, p->cgroup_memory) : p->cgroup_memory;
    int64_t free_bytes = memory_available();
    if (limit == 0)
        drill_set(ret, DRILL_SKIPPED, "pool %s has no limit of memory: the host's own would be reached", lab->pool);
    else if (limit + MEMORY_MARGIN > free_bytes)
        drill_set(ret, DRILL_SKIPPED,
                  "a worker of pool %s may use %lld MiB and this host has %lld MiB free: the host's limit would be "
                  "reached first; lower memory in [pool.%s]",
                  lab->pool, (long long)(limit >> 20), (long long)(free_bytes >> 20), lab->pool);
    else
        return drill_send_and_judge(lab, d, ret, e);
    return 0;
}

/* Something must have refused: a group's limit of tasks, or RLIMIT_NPROC. */
static int act_fork(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e)
{
    char id[JOB_ID_MAX], state[32];
    uint64_t since_ms = clock_mono_ms();
    json_t *job = NULL;
    bool ended = false;
    int rc = drill_send(lab, d, NULL, id, state, e);
    if (rc == 0)
        rc = drill_await(lab, id, (int64_t)d->within_s * 1000, &job, &ended, e);
    if (rc < 0)
        return rc;
    drill_judge(d, job, (int64_t)(clock_mono_ms() - since_ms), ret);
    const json_t *result = json_object_get(job, "result");
    long long children = (long long)json_number(result, "children", -1);
    if (ret->verdict == DRILL_OK && json_is_true(json_object_get(result, "refused")))
        (void)snprintf(ret->happened, sizeof ret->happened,
                       "refused after %lld children; the worker lives, after %lld ms", children,
                       (long long)ret->took_ms);
    else if (ret->verdict == DRILL_OK)
        drill_set(
            ret, DRILL_SKIPPED,
            "%lld children and no refusal: nothing limits tasks here (\"stint status\" says which limits hold; tasks "
            "needs a cgroup, or set processes in [pool.%s])",
            children, lab->pool);
    json_decref(job);
    return 0;
}

/* -- while it runs ---------------------------------------------------------------------------------------------------
 */

static int kill_runner(struct drill_lab *lab, const char *id UNUSED, const struct runner *r, struct drill_result *ret,
                       struct err *e UNUSED)
{
    (void)lab;
    if (kill(r->pid, SIGKILL) == 0)
        return 0;
    drill_set(ret, DRILL_SKIPPED, "this user may not kill worker %d (%s): run the drill as the service's user or root",
              (int)r->pid, strerror(errno));
    return 0;
}

static int operator_kill(struct drill_lab *lab, const char *id UNUSED, const struct runner *r,
                         struct drill_result *ret UNUSED, struct err *e)
{
    json_t *reply = NULL, *fields = json_pack("{s:I}", "slot", (json_int_t)r->slot);
    int rc = host_control_at(lab->s, r->run_dir, "worker.kill", fields, &reply, e);
    json_decref(fields);
    json_decref(reply);
    return rc;
}

static int act_on_all(struct drill_lab *lab, const char *verb, json_t *fields, struct err *e)
{
    struct host_replies replies;
    int rc = host_control_all(lab->s, verb, fields, &replies, e);
    if (rc == 0)
        rc = host_replies_fault(&replies, e);
    host_replies_fini(&replies);
    return rc;
}

static int deploy(struct drill_lab *lab, const char *id UNUSED, const struct runner *r UNUSED,
                  struct drill_result *ret UNUSED, struct err *e)
{
    json_t *fields = json_pack("{s:s}", "pool", lab->pool);
    int rc = act_on_all(lab, "reload", NULL, e);
    if (rc == 0)
        rc = act_on_all(lab, "worker.restart", fields, e);
    json_decref(fields);
    return rc;
}

static int cancel(struct drill_lab *lab, const char *id, const struct runner *r UNUSED, struct drill_result *ret UNUSED,
                  struct err *e)
{
    struct queue_call c;
    json_t *answer = NULL;
    queue_call_init(&c, "stint_cancel", lab->queue);
    queue_call_add(&c, id);
    queue_call_add(&c, "stint drill");
    queue_call_add(&c, lab->s->stores.actor);
    int rc = queue_call_json(&lab->s->stores, &c, &answer, e);
    json_decref(answer);
    return rc;
}

/* Every worker that was there must be gone: else nothing was deployed. */
static int await_replaced(struct drill_lab *lab, pid_t before, int64_t within_ms, bool *ret_replaced, struct err *e)
{
    uint64_t until_ms = clock_mono_ms() + (uint64_t)within_ms;
    for (;;) {
        json_t *workers = NULL;
        int rc = host_control_workers(lab->s, &workers, e);
        if (rc < 0)
            return rc;
        *ret_replaced = true;
        for (size_t i = 0; i < json_array_size(workers); i++)
            *ret_replaced &= json_number(json_array_get(workers, i), "pid", 0) != before;
        json_decref(workers);
        if (*ret_replaced || clock_mono_ms() >= until_ms)
            return 0;
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    }
}

static int act_while_running(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e)
{
    static int (*const faults[])(struct drill_lab * lab, const char *id, const struct runner *r,
                                 struct drill_result *ret, struct err *e) = {
        [DRILL_KILL] = kill_runner,
        [DRILL_OPERATOR] = operator_kill,
        [DRILL_DEPLOY] = deploy,
        [DRILL_CANCEL] = cancel,
    };
    char id[JOB_ID_MAX], state[32];
    struct runner r;
    struct err away = {.code = 0};
    if (find_runner(lab, "", &r, &away) < 0) {
        drill_set(ret, DRILL_SKIPPED, "it needs the supervisor's control socket: %.380s", away.message);
        return 0;
    }
    int rc = drill_send(lab, d, NULL, id, state, e);
    if (rc == 0)
        rc = await_runner(lab, id, &r, e);
    if (rc < 0)
        return rc;
    if (r.pid == 0) {
        drill_set(ret, DRILL_FAILED, "no worker of this host started the job within %d s; is the pool up?",
                  START_WITHIN_MS / 1000);
        return 0;
    }
    uint64_t since_ms = clock_mono_ms();
    rc = faults[d->act](lab, id, &r, ret, e);
    if (rc < 0)
        return rc;
    if (ret->verdict == DRILL_SKIPPED)
        return cancel(lab, id, &r, ret, e);
    rc = await_and_judge(lab, d, id, since_ms, ret, e);
    bool replaced = true;
    if (rc == 0 && d->act == DRILL_DEPLOY && ret->verdict == DRILL_OK)
        rc = await_replaced(lab, r.pid, (int64_t)d->within_s * 1000, &replaced, e);
    if (!replaced)
        drill_set(ret, DRILL_FAILED, "the worker %d was not replaced within %d s", (int)r.pid, d->within_s);
    return rc;
}

/* -- the queue -------------------------------------------------------------------------------------------------------
 */

static int pause_kind(struct drill_lab *lab, const char *function, int64_t *ret_changed, struct err *e)
{
    struct queue_call c;
    queue_call_init(&c, function, lab->queue);
    queue_call_add(&c, "probe");
    queue_call_add(&c, lab->s->stores.actor);
    queue_call_add(&c, "stint drill");
    return queue_call_integer(&lab->s->stores, &c, ret_changed, e);
}

static int act_pause(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e)
{
    char id[JOB_ID_MAX], state[32];
    json_t *job = NULL;
    bool ended = false;
    int64_t changed = 0;
    int rc = pause_kind(lab, "stint_pause", &changed, e);
    if (rc < 0)
        return rc;
    if (changed == 0) {
        drill_set(ret, DRILL_SKIPPED,
                  "the kind probe is paused already; \"stint queue resume --kind probe\" lets it run");
        return 0;
    }
    rc = drill_send(lab, d, NULL, id, state, e);
    if (rc == 0)
        rc = drill_await(lab, id, PAUSE_MS, &job, &ended, e);
    json_decref(job);
    uint64_t since_ms = clock_mono_ms();
    int resumed; /* also after a failure: nothing may stay paused */
    struct err again = {.code = 0};
    do
        resumed = pause_kind(lab, "stint_resume", &changed, &again);
    while (resumed == 0 && changed != 0);
    if (rc == 0 && resumed < 0)
        rc = err_set(e, resumed,
                     "the kind probe is still paused (%.300s); \"stint queue resume --kind probe\" lets it run",
                     again.message);
    if (rc == 0)
        rc = await_and_judge(lab, d, id, since_ms, ret, e);
    if (rc == 0 && ended)
        drill_set(ret, DRILL_FAILED, "the job ended although its kind was paused");
    return rc;
}

static int act_duplicate(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e)
{
    char first[JOB_ID_MAX], second[JOB_ID_MAX], state[32], unique[64];
    (void)snprintf(unique, sizeof unique, "drill-%s", lab->run);
    uint64_t since_ms = clock_mono_ms();
    int rc = drill_send(lab, d, unique, first, state, e);
    if (rc == 0)
        rc = drill_send(lab, d, unique, second, state, e);
    if (rc == 0)
        rc = await_and_judge(lab, d, first, since_ms, ret, e);
    if (rc == 0 && (strcmp(state, "duplicate") != 0 || strcmp(first, second) != 0))
        drill_set(ret, DRILL_FAILED, "the second was taken as %s (%s), not as a duplicate of %s", state, second, first);
    return rc;
}

static int act_burst(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e)
{
    char id[JOB_ID_MAX], state[32];
    size_t from = lab->n_ids;
    uint64_t since_ms = clock_mono_ms();
    for (int i = 0; i < DRILL_BURST_JOBS; i++) {
        int rc = drill_send(lab, d, NULL, id, state, e);
        if (rc < 0)
            return rc;
    }
    for (size_t i = from; i < lab->n_ids; i++) {
        int rc = await_and_judge(lab, d, lab->ids[i], since_ms, ret, e);
        if (rc < 0 || ret->verdict != DRILL_OK)
            return rc;
    }
    (void)snprintf(ret->happened, sizeof ret->happened, "%d jobs done, after %lld ms", DRILL_BURST_JOBS,
                   (long long)ret->took_ms);
    return 0;
}

int drill_act(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e)
{
    static int (*const acts[])(struct drill_lab * lab, const struct drill *d, struct drill_result *ret,
                               struct err *e) = {
        [DRILL_SEND] = drill_send_and_judge, [DRILL_PARSER] = drill_act_parser,
        [DRILL_MEMORY] = act_memory,         [DRILL_FORK] = act_fork,
        [DRILL_KILL] = act_while_running,    [DRILL_OPERATOR] = act_while_running,
        [DRILL_DEPLOY] = act_while_running,  [DRILL_CANCEL] = act_while_running,
        [DRILL_PAUSE] = act_pause,           [DRILL_DUPLICATE] = act_duplicate,
        [DRILL_BURST] = act_burst,
    };
    return acts[d->act](lab, d, ret, e);
}
