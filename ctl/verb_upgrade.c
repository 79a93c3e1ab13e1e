/*
 * verb_upgrade - `stint upgrade`: has the running supervisor hand over to the installed one, and tells what happens. It
 * asks over the control socket again and again, which is the old one's first and the new one's then. Refuses to call it
 * done before the new one answers there.
 */
#include "host_control.h"
#include "queue_call.h"
#include "verb.h"

#include "clock.h"

#include <poll.h>
#include <stdio.h>

enum { LOOK_EVERY_MS = 50, MARGIN_MS = 40000 /* beyond the successor's time: for taking over, for being ended */ };

const struct arg_spec verb_upgrade_options[] = {
    {"timeout", ARG_DURATION, "1m",
     "how long the new supervisor has to be ready; default: twice supervisor.boot_timeout", NULL, 100,
     INT64_C(3600000)},
    {"wait", ARG_FLAG, NULL, "wait until the old supervisor has finished its jobs and left", NULL, 0, 0},
    {"reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256},
    {.name = NULL},
};

/* One life: who it is, as its answers said. */
struct life {
    char instance[INSTANCE_MAX], version[160], build[160];
    int64_t pid; /* 0: not known yet */
};

struct upgrade {
    struct session *s;
    const char *run_dir; /* of the supervisor, borrowed */
    struct life from, to;
    uint64_t began_ms, deadline_ms;
    int64_t took_ms, workers, jobs; /* the last two: what the old one still has; -1: unknown */
    bool gone;                      /* the old one has left */
    bool versions_said;
    char waits[640]; /* what was said last of what is waited for */
};

static void life_of(struct life *life, const json_t *from)
{
    (void)snprintf(life->instance, sizeof life->instance, "%s", json_text(from, "instance"));
    (void)snprintf(life->version, sizeof life->version, "%s", json_text(from, "version"));
    (void)snprintf(life->build, sizeof life->build, "%s", json_text(from, "build"));
    life->pid = json_number(from, "pid", 0);
}

static bool same_program(const struct upgrade *u)
{
    return strcmp(u->from.version, u->to.version) == 0 && strcmp(u->from.build, u->to.build) == 0;
}

/* -- asking ----------------------------------------------------------------------------------------------------------
 */

static int begin(struct upgrade *u, struct err *e)
{
    json_t *fields = json_object(), *reply = NULL;
    const struct args *a = &u->s->args;
    if (args_has(a, "timeout"))
        (void)json_object_set_new(fields, "timeout_ms", json_integer(args_int(a, "timeout", 0)));
    int rc = host_control_at(u->s, u->run_dir, "upgrade", fields, &reply, e);
    json_decref(fields);
    if (rc == ERR_BAD_ARGUMENT && strstr(e->message, "unknown verb") != NULL)
        return err_set(e, ERR_REFUSED,
                       "the running supervisor is of a version that knows no hand-over; restart it once: "
                       "systemctl restart stint-supervisor (it drains first)");
    if (rc < 0)
        return rc;
    life_of(&u->from, reply);
    json_decref(reply);
    out_line(&u->s->out, "supervisor %s (pid %lld, version %s) starts the installed one beside itself",
             u->from.instance, (long long)u->from.pid, u->from.version);
    return 0;
}

/* -- looking ---------------------------------------------------------------------------------------------------------
 */

static void say_versions(struct upgrade *u)
{
    if (u->versions_said)
        return;
    u->versions_said = true;
    out_line(&u->s->out, "%s (pid %lld) starts its workers: version %s -> %s%s", u->to.instance, (long long)u->to.pid,
             u->from.version, u->to.version,
             same_program(u) ? ", the same build: nothing newer is installed, it is a restart without a pause" : "");
}

static void say_born(struct upgrade *u, const json_t *handover)
{
    const json_t *successor = json_object_get(handover, "successor");
    if (json_number(successor, "pid", 0) == 0)
        return;
    life_of(&u->to, successor);
    say_versions(u);
}

static void say_waits(struct upgrade *u, const json_t *handover)
{
    const char *says = json_text(handover, "says");
    if (*says == '\0' || strcmp(says, u->waits) == 0)
        return;
    (void)snprintf(u->waits, sizeof u->waits, "%s", says);
    out_line(&u->s->out, "waiting: %s", says);
}

/* The old one's answer. 1: look again. */
static int look_at_old(struct upgrade *u, const json_t *handover, struct err *e)
{
    const char *state = json_text(handover, "state"), *error = json_text(handover, "error");
    bool failed = strcmp(state, "ending") == 0 || strcmp(state, "none") == 0;
    say_born(u, handover);
    if (!failed) {
        say_waits(u, handover);
        return 1;
    }
    return err_set(e, ERR_BOOT_FAILURE, "not handed over, and nothing has changed: %s works on. Why: %s",
                   u->from.instance, *error != '\0' ? error : "the successor is gone");
}

static void look_at_new(struct upgrade *u, const json_t *reply, const json_t *handover)
{
    const json_t *old = json_object_get(handover, "predecessor");
    life_of(&u->to, reply);
    u->gone = old == NULL;
    u->workers = old != NULL ? json_number(old, "workers", -1) : 0;
    u->jobs = old != NULL ? json_number(old, "jobs", -1) : 0;
}

/* 0: the new one answers; 1: look again; or a negative code. */
static int look(struct upgrade *u, struct err *e)
{
    json_t *reply = NULL;
    int rc = host_control_at(u->s, u->run_dir, "handover", NULL, &reply, e);
    if (rc < 0)
        return rc;
    const json_t *handover = json_object_get(reply, "handover");
    if (strcmp(json_text(reply, "instance"), u->from.instance) == 0)
        rc = look_at_old(u, handover, e);
    else
        look_at_new(u, reply, handover);
    json_decref(reply);
    return rc;
}

static int await_new(struct upgrade *u, struct err *e)
{
    for (;;) {
        int rc = look(u, e);
        if (rc <= 0)
            return rc;
        if (clock_mono_ms() >= u->deadline_ms)
            return err_set(e, ERR_TIMEOUT,
                           "the hand-over goes on, but takes too long to wait for; \"stint status\" shows it");
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    }
}

static void say_in_hand(struct upgrade *u)
{
    if (u->gone)
        out_line(&u->s->out, "the old one had nothing in hand and has left");
    else if (u->jobs < 0)
        out_line(&u->s->out, "the old one (pid %lld) finishes what it holds and leaves", (long long)u->from.pid);
    else
        out_line(&u->s->out,
                 "the old one (pid %lld) still has %lld job%s in hand, %lld worker%s; it leaves when they end",
                 (long long)u->from.pid, (long long)u->jobs, u->jobs == 1 ? "" : "s", (long long)u->workers,
                 u->workers == 1 ? "" : "s");
}

/* Until the old one has left: at most its drain, which it ends by itself. */
static int await_gone(struct upgrade *u, struct err *e)
{
    int64_t jobs = u->jobs;
    while (!u->gone) {
        (void)poll(NULL, 0, LOOK_EVERY_MS);
        int rc = look(u, e);
        if (rc < 0)
            return rc;
        if (!u->gone && u->jobs != jobs)
            say_in_hand(u);
        jobs = u->jobs;
    }
    out_line(&u->s->out, "the old one has left");
    return 0;
}

/* -- telling ---------------------------------------------------------------------------------------------------------
 */

static json_t *life_json(const struct life *life)
{
    return json_pack("{s:s, s:I, s:s, s:s}", "instance", life->instance, "pid", (json_int_t)life->pid, "version",
                     life->version, "build", life->build);
}

static void tell(struct upgrade *u)
{
    say_versions(u);
    out_tinted(&u->s->out, TINT_GREEN, "handed over after %lld ms: %s (pid %lld, version %s) works",
               (long long)u->took_ms, u->to.instance, (long long)u->to.pid, u->to.version);
    if (u->s->out.json)
        return;
    say_in_hand(u);
}

static void tell_json(struct upgrade *u)
{
    json_t *record = json_pack("{s:o, s:o, s:b, s:I, s:{s:I, s:I, s:b}}", "from", life_json(&u->from), "to",
                               life_json(&u->to), "same_build", same_program(u), "took_ms", (json_int_t)u->took_ms,
                               "old", "workers", (json_int_t)u->workers, "jobs", (json_int_t)u->jobs, "gone", u->gone);
    if (u->s->out.json)
        out_json(&u->s->out, record);
    json_decref(record);
}

static int upgrade(struct session *s, const char *run_dir, int64_t boot_timeout_ms, struct err *e)
{
    struct upgrade u = {.s = s, .run_dir = run_dir, .began_ms = clock_mono_ms(), .workers = -1, .jobs = -1};
    int rc = begin(&u, e);
    if (rc < 0)
        return rc;
    u.deadline_ms = u.began_ms + (uint64_t)args_int(&s->args, "timeout", 2 * boot_timeout_ms) + MARGIN_MS;
    rc = await_new(&u, e);
    if (rc < 0)
        return rc;
    u.took_ms = (int64_t)(clock_mono_ms() - u.began_ms);
    tell(&u);
    rc = args_has(&s->args, "wait") ? await_gone(&u, e) : 0;
    if (rc == 0)
        tell_json(&u);
    return rc;
}

/* One after the other; one that fails does not keep the next from its turn. */
int verb_upgrade(struct session *s)
{
    struct err e = {.code = 0}, first = {.code = 0};
    const struct conf *conf;
    struct host_replies all = {.n = 0};
    int rc = session_conf(s, &conf, &e);
    if (rc == 0)
        rc = host_control_all(s, "ping", NULL, &all, &e);
    for (size_t i = 0; i < all.n && rc == 0; i++) {
        struct err one = all.items[i].e;
        if (one.code != 0 || upgrade(s, all.items[i].run_dir, conf->supervisor.boot_timeout, &one) < 0) {
            if (first.code != 0)
                (void)session_fail(s, &first);
            first = one;
        }
    }
    host_replies_fini(&all);
    if (rc < 0)
        first = e;
    return first.code != 0 ? session_fail(s, &first) : EXIT_DONE;
}
