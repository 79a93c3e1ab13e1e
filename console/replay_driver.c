/*
 * replay_driver - see replay_driver.h. One look at each run in turn; a run that must wait (its rate, its canary) holds
 * up no other. Refuses to give a run up while Redis is away: nothing moves meanwhile, and the next look goes on from
 * where it stands.
 */
#include "replay_driver.h"

#include "clock.h"
#include "log.h"
#include "stores.h"

#include <pthread.h>
#include <stdio.h>

enum { LOOK_MS = 100, AWAY_MS = 1000, IDLE_MS = 3600000 };

struct driven {
    bool used;
    struct replay_run run;
    json_t *patch; /* owned; NULL when the run does not edit, or before the first look */
    int64_t canary_timeout_ms;
    uint64_t next_ms, canary_since_ms; /* monotonic; 0: no canary is waited for */
    bool looked;
};

struct replay_driver {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    pthread_t thread;
    bool stopping;
    bool added; /* since the last wait: a run that came while others were looked at is not left until the next one */
    struct driven runs[REPLAY_DRIVER_RUNS_MAX];
    struct stores stores; /* the thread's own */
};

static void forget(struct replay_driver *d, struct driven *r)
{
    json_decref(r->patch);
    (void)pthread_mutex_lock(&d->lock);
    *r = (struct driven){.used = false};
    (void)pthread_mutex_unlock(&d->lock);
}

/* The run's merge patch, from what the run keeps: a run begun on a command line may be resumed here. */
static int first_look(struct replay_driver *d, struct driven *r, struct err *e)
{
    json_t *status = NULL;
    int rc = replay_run_status(&d->stores, &r->run, &status, e);
    const char *edit = json_text(status, "edit");
    if (rc == 0 && *edit != '\0' && (r->patch = json_loads(edit, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)) == NULL)
        rc = err_set(e, ERR_PROTOCOL, "the patch that run %s keeps is not JSON", r->run.id);
    json_decref(status);
    r->looked = rc == 0;
    return rc;
}

static void mind_canary(struct replay_driver *d, struct driven *r, const json_t *status, uint64_t now)
{
    struct err e = {.code = 0};
    json_t *paused = NULL;
    bool waits = strcmp(json_text(status, "phase"), "canary") == 0 && json_number(status, "moved", 0) == 0;
    if (!waits)
        r->canary_since_ms = 0;
    else if (r->canary_since_ms == 0)
        r->canary_since_ms = now;
    if (!waits || r->canary_timeout_ms == 0 || now - r->canary_since_ms < (uint64_t)r->canary_timeout_ms)
        return;
    if (replay_run_control(&d->stores, &r->run, "pause", "", "canary has not ended in time", &paused, &e) < 0)
        log_warn("a replay whose canary has not ended could not be paused", KV_S("run", r->run.id),
                 KV_S("why", e.message));
    json_decref(paused);
}

/* One look: moves what may move. False: the run is not this process' any more. */
static bool look(struct replay_driver *d, struct driven *r, uint64_t now)
{
    struct err e = {.code = 0};
    json_t *status = NULL;
    int rc = r->looked ? 0 : first_look(d, r, &e);
    if (rc == 0)
        rc = replay_run_step(&d->stores, &r->run, r->patch, &status, &e);
    if (rc == ERR_REDIS_UNAVAILABLE || rc == ERR_TIMED_OUT) {
        r->next_ms = now + AWAY_MS;
        return true;
    }
    if (rc < 0) { /* another driver has it, or it is gone */
        log_info("a replay is driven here no more", KV_S("run", r->run.id), KV_S("why", e.message));
        return false;
    }
    bool running = strcmp(json_text(status, "state"), "running") == 0;
    int64_t wait = json_number(status, "wait_ms", 0);
    bool idle = json_number(status, "moved", 0) == 0 && wait == 0;
    r->next_ms = now + (uint64_t)(idle ? LOOK_MS : MIN_OF(wait, (int64_t)LOOK_MS));
    if (running)
        mind_canary(d, r, status, now);
    json_decref(status);
    return running;
}

static bool is_stopping(struct replay_driver *d)
{
    (void)pthread_mutex_lock(&d->lock);
    bool stopping = d->stopping;
    (void)pthread_mutex_unlock(&d->lock);
    return stopping;
}

/* Looks at every run that is due; returns when the next one is. */
static uint64_t look_at_all(struct replay_driver *d)
{
    uint64_t next = clock_mono_ms() + IDLE_MS;
    for (size_t i = 0; i < REPLAY_DRIVER_RUNS_MAX && !is_stopping(d); i++) {
        struct driven *r = &d->runs[i];
        (void)pthread_mutex_lock(&d->lock);
        bool used = r->used;
        (void)pthread_mutex_unlock(&d->lock);
        uint64_t now = clock_mono_ms();
        if (!used)
            continue;
        if (r->next_ms <= now && !look(d, r, now))
            forget(d, r);
        else
            next = MIN_OF(next, r->next_ms);
    }
    return next;
}

static void wait_until(struct replay_driver *d, uint64_t next_ms)
{
    struct timespec until = {.tv_sec = (time_t)(next_ms / 1000), .tv_nsec = (long)(next_ms % 1000) * 1000000};
    (void)pthread_mutex_lock(&d->lock);
    if (!d->stopping && !d->added)
        (void)pthread_cond_timedwait(&d->woken, &d->lock, &until);
    d->added = false;
    (void)pthread_mutex_unlock(&d->lock);
}

static void *drive(void *arg)
{
    struct replay_driver *d = arg;
    (void)pthread_setname_np(pthread_self(), "replays");
    while (!is_stopping(d)) {
        uint64_t next = look_at_all(d);
        if (next > clock_mono_ms())
            wait_until(d, next);
    }
    for (size_t i = 0; i < REPLAY_DRIVER_RUNS_MAX; i++) {
        struct driven *r = &d->runs[i];
        json_t *status = NULL;
        if (r->used && replay_run_control(&d->stores, &r->run, "pause", "", "the console that drove it stopped",
                                          &status, NULL) == 0)
            log_info("a replay is paused: the console stops", KV_S("run", r->run.id));
        json_decref(status);
        json_decref(r->patch);
    }
    return NULL;
}

struct replay_driver *replay_driver_new(const struct conf *conf)
{
    pthread_condattr_t monotonic;
    struct replay_driver *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->stores = (struct stores){.conf = conf, .application = "stint-console"};
    (void)snprintf(d->stores.actor, sizeof d->stores.actor, "stint@console");
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&d->woken, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&d->thread, NULL, drive, d) != 0) {
        free(d);
        return NULL;
    }
    return d;
}

void replay_driver_free(struct replay_driver *d)
{
    if (d == NULL)
        return;
    (void)pthread_mutex_lock(&d->lock);
    d->stopping = true;
    (void)pthread_cond_signal(&d->woken);
    (void)pthread_mutex_unlock(&d->lock);
    (void)pthread_join(d->thread, NULL);
    stores_fini(&d->stores);
    (void)pthread_cond_destroy(&d->woken);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
}

int replay_driver_add(struct replay_driver *d, const struct replay_run *part, int64_t canary_timeout_ms, struct err *e)
{
    struct driven *mine = NULL;
    (void)pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < REPLAY_DRIVER_RUNS_MAX && mine == NULL; i++)
        if (!d->runs[i].used)
            mine = &d->runs[i];
    if (mine != NULL) {
        *mine = (struct driven){.used = true, .run = *part, .canary_timeout_ms = canary_timeout_ms};
        d->added = true;
        (void)pthread_cond_signal(&d->woken);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return mine != NULL
               ? 0
               : err_set(e, ERR_REFUSED,
                         "this console drives %d replays already; wait for one to end, or use \"stint dlq replay\"",
                         (int)REPLAY_DRIVER_RUNS_MAX);
}
