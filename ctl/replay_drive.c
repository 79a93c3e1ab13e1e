/*
 * replay_drive - see replay_drive.h. Refuses to keep anything of a run to itself: killed at any line, another process goes
 * on with `resume` as if nothing had been.
 */
#include "replay_drive.h"

#include "clock.h"
#include "job_wait.h"
#include "payload_edit.h"
#include "replay_view.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

enum { LOOK_MS = 100, AWAY_MAX_MS = 60000, AWAY_STEP_MS = 250, HINT_AFTER_MS = 3000 };

/* One part being driven. */
struct drive {
    struct session *s;
    struct replay_run *run;
    const struct replay_drive *how;
    struct replay_view view;
    json_t *patch;  /* owned; NULL when the run does not edit */
    json_t *status; /* owned; the latest */
    int signals_fd;
    uint64_t away_since_ms, waiting_since_ms; /* monotonic; 0: not */
    bool interrupted, hinted;
};

static int open_signals(sigset_t *old)
{
    sigset_t mask;
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGINT);
    (void)sigaddset(&mask, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &mask, old);
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* From now on a signal ends the process as usual: the second interrupt must work even when Redis hangs. */
static void close_signals(int *fd, const sigset_t *old)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
    (void)sigprocmask(SIG_SETMASK, old, NULL);
}

/* True when an interrupt came. */
static bool pause_for(const struct drive *d, int64_t ms)
{
    struct signalfd_siginfo info;
    struct pollfd p = {.fd = d->signals_fd, .events = POLLIN};
    return poll(&p, 1, (int)MAX_OF(ms, (int64_t)0)) > 0 && read(d->signals_fd, &info, sizeof info) > 0;
}

static bool state_is(const json_t *status, const char *state)
{
    return strcmp(json_text(status, "state"), state) == 0;
}

/* A call failed. 0 when Redis is away for less than a minute and the call is to be made again. */
static int forgive(struct drive *d, int rc, struct err *e)
{
    uint64_t now = clock_mono_ms();
    if (rc != ERR_REDIS_UNAVAILABLE && rc != ERR_TIMED_OUT)
        return rc;
    if (d->away_since_ms == 0) {
        replay_view_end(&d->view);
        out_remark(&d->s->out, "Redis is away; run %s goes on when it is back", d->run->id);
        d->away_since_ms = now;
    }
    if (now - d->away_since_ms > AWAY_MAX_MS) {
        char why[ERR_MESSAGE_MAX];
        (void)snprintf(why, sizeof why, "%s", e->message);
        return err_set(e, rc, "%.500s; when it is back, \"stint dlq replay resume %s\" goes on where the run is", why,
                       d->run->id);
    }
    d->interrupted = pause_for(d, AWAY_STEP_MS);
    *e = (struct err){.code = 0};
    return 0;
}

/* A canary that does not end: first why that may be, then a pause. */
static int watch_canary(struct drive *d, struct err *e)
{
    uint64_t now = clock_mono_ms();
    bool waits = strcmp(json_text(d->status, "phase"), "canary") == 0 && json_number(d->status, "moved", 0) == 0;
    if (!waits)
        d->waiting_since_ms = 0;
    else if (d->waiting_since_ms == 0)
        d->waiting_since_ms = now;
    if (!waits || now - d->waiting_since_ms < HINT_AFTER_MS)
        return 0;
    if (!d->hinted) {
        replay_view_end(&d->view);
        job_wait_hint(d->s, d->run->queue);
        d->hinted = true;
    }
    if (d->how->canary_timeout_ms == 0 || now - d->waiting_since_ms < (uint64_t)d->how->canary_timeout_ms)
        return 0;
    json_decref(d->status);
    d->status = NULL;
    replay_view_end(&d->view);
    out_remark(&d->s->out, "the canary has not ended in time (--canary-timeout); the run is paused");
    return replay_run_control(&d->s->stores, d->run, "pause", "", "canary has not ended in time", &d->status, e);
}

/* One look at the run, moving what may move. *ret_wait_ms: how long until the next. */
static int advance(struct drive *d, int64_t *ret_wait_ms, struct err *e)
{
    json_t *status = NULL;
    int rc = replay_run_step(&d->s->stores, d->run, d->patch, &status, e);
    if (rc < 0)
        return forgive(d, rc, e);
    d->away_since_ms = 0;
    json_decref(d->status);
    d->status = status;
    replay_view_update(&d->view, d->run, status);
    int64_t wait = json_number(status, "wait_ms", 0);
    bool idle = json_number(status, "moved", 0) == 0 && wait == 0;
    *ret_wait_ms = idle ? LOOK_MS : MIN_OF(wait, (int64_t)LOOK_MS);
    return watch_canary(d, e);
}

/* Jobs that were replayed and not put back have not all ended. */
static bool has_open_ends(const json_t *status)
{
    return replay_view_ended(status) + json_number(status, "undone", 0) < json_number(status, "replayed", 0);
}

static int watch_ends(struct drive *d, struct err *e)
{
    int rc = 0;
    while (rc == 0 && !d->interrupted && has_open_ends(d->status)) {
        json_t *status = NULL;
        d->interrupted = pause_for(d, LOOK_MS);
        rc = replay_run_status(&d->s->stores, d->run, &status, e);
        if (rc < 0) {
            rc = forgive(d, rc, e);
            continue;
        }
        d->away_since_ms = 0;
        json_decref(d->status);
        d->status = status;
        replay_view_update(&d->view, d->run, status);
    }
    return rc;
}

/* The part's merge patch, from what the run keeps. */
static int load_patch(struct drive *d, struct err *e)
{
    int rc = replay_run_status(&d->s->stores, d->run, &d->status, e);
    const char *edit = json_text(d->status, "edit");
    if (rc == 0 && *edit != '\0') {
        d->patch = json_loads(edit, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (d->patch == NULL)
            rc = err_set(e, ERR_PROTOCOL, "the patch that run %s keeps is not JSON", d->run->id);
    }
    return rc;
}

/* An interrupt: the run pauses, and says how to go on. */
static int interrupt(struct drive *d, struct err *e)
{
    json_t *status = NULL;
    replay_view_end(&d->view);
    out_remark(&d->s->out, "pausing run %s (once more ends at once and leaves the run to \"resume\")", d->run->id);
    int rc = replay_run_control(&d->s->stores, d->run, "pause", "", "interrupted", &status, e);
    if (rc == ERR_REFUSED) /* it ended just now */
        rc = replay_run_status(&d->s->stores, d->run, &status, e);
    if (rc == 0) {
        json_decref(d->status);
        d->status = status;
    }
    return rc;
}

static int drive_one(struct drive *d, struct err *e)
{
    sigset_t old;
    int rc = load_patch(d, e);
    d->signals_fd = open_signals(&old);
    while (rc == 0 && !d->interrupted && state_is(d->status, "running")) {
        int64_t wait_ms = 0;
        rc = advance(d, &wait_ms, e);
        if (rc == 0 && state_is(d->status, "running") && !d->interrupted)
            d->interrupted = pause_for(d, wait_ms);
    }
    bool cut = d->interrupted;
    if (rc == 0 && !cut && d->how->wait && state_is(d->status, "done"))
        rc = watch_ends(d, e);
    close_signals(&d->signals_fd, &old);
    if (rc == 0 && cut && state_is(d->status, "running"))
        rc = interrupt(d, e);
    replay_view_end(&d->view);
    return rc;
}

int replay_drive_all(struct session *s, struct replay_runs *runs, const struct replay_drive *how, int *ret_code,
                     struct err *e)
{
    int rc = 0, code = EXIT_DONE;
    bool go_on = true;
    for (size_t i = 0; rc == 0 && go_on && i < runs->n; i++) {
        struct drive d = {.s = s, .run = &runs->parts[i], .how = how, .signals_fd = -1};
        uint64_t began = clock_mono_ms();
        replay_view_init(&d.view, s);
        rc = drive_one(&d, e);
        if (rc == 0) {
            replay_view_report(s, d.run, d.status, (int64_t)(clock_mono_ms() - began));
            go_on = state_is(d.status, "done") && !d.interrupted;
            code = MAX_OF(code, replay_view_code(d.status));
            code = how->wait && json_number(d.status, "failed", 0) > 0 ? EXIT_FAILED : code;
        }
        if (rc == 0 && !go_on && i + 1 < runs->n)
            out_remark(&s->out, "the run's other queues wait; \"stint dlq replay resume %s\" goes on with all", d.run->id);
        json_decref(d.status);
        json_decref(d.patch);
    }
    *ret_code = code;
    return rc;
}

int replay_drive_follow(struct session *s, const struct replay_run *run, struct err *e)
{
    sigset_t old;
    struct replay_run part = *run;
    const struct replay_drive how = {.wait = true};
    struct drive d = {.s = s, .run = &part, .how = &how};
    replay_view_init(&d.view, s);
    int rc = replay_run_status(&s->stores, run, &d.status, e);
    d.signals_fd = open_signals(&old);
    while (rc == 0 && !d.interrupted && (state_is(d.status, "running") || has_open_ends(d.status))) {
        json_t *status = NULL;
        replay_view_update(&d.view, run, d.status);
        d.interrupted = pause_for(&d, LOOK_MS);
        rc = replay_run_status(&s->stores, run, &status, e);
        if (rc < 0) {
            rc = forgive(&d, rc, e);
            continue;
        }
        json_decref(d.status);
        d.status = status;
    }
    close_signals(&d.signals_fd, &old);
    replay_view_end(&d.view);
    json_decref(d.status);
    return rc;
}
