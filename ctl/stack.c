/*
 * stack - see stack.h. Order is everything here: workers finish while Redis and PostgreSQL still answer, and what a
 * part has accepted is on disk before the next one ends. It refuses to go on without a part that keeps dying.
 */
#include "stack.h"

#include "clock.h"
#include "control_client.h"
#include "migrate.h"
#include "pg_dial.h"
#include "stack_conf.h"
#include "stack_lock.h"
#include "stack_services.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
    OUTSIDE_DEADLINE_MS = 10000,  /* for a service that is not ours */
    START_DEADLINE_MS = 30000,    /* silent for so long: it does not start */
    WORKING_DEADLINE_MS = 600000, /* replaying or recovering may take long */
    PATIENCE_MS = 1500,           /* before people are told what it is busy with */
    START_DEATHS_MAX = 3,
    PROBE_EVERY_MS = 50,
    REMAINS_MS = 60000, /* for parts of a stack that was killed */
    STOP_SERVICE_MS = 60000,
    STOP_MARGIN_MS = 30000, /* beyond drain_timeout, for the supervisor */
    TAIL_LINES = 8,
    FOLDER_DEPTH = 32,
};

static void say(struct stack *s, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(struct stack *s, const char *format, ...)
{
    char line[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    s->report.say(s->report.arg, line);
}

/* --- opening --- */

static int watch_signals(struct stack *s, struct err *e)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigaddset(&set, SIGUSR2);
    (void)sigaddset(&set, SIGCHLD); /* of those who are nobody's part any more */
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd < 0 ? err_set_errno(e, errno, "cannot watch for signals") : 0;
}

/* After a first start that failed: what the file was written from may be what was wrong. */
static void take_conf_back(struct stack *s)
{
    if (!s->conf_written)
        return;
    (void)unlink(s->conf_path);
    say(s, "removed %s again: the next \"stint up\" writes it anew", s->conf_path);
}

static int load_conf(struct stack *s, const char *config, struct err *e)
{
    int rc = 0;
    if (config) {
        (void)snprintf(s->conf_path, sizeof s->conf_path, "%s", config);
    } else {
        char path[STACK_PATH_MAX];
        (void)snprintf(s->conf_path, sizeof s->conf_path, "%s", stack_dir_path(&s->dir, "stint.conf", path));
        rc = stack_conf_write(&s->dir, &s->conf_written, e);
    }
    if (s->conf_written)
        say(s, "wrote %s", s->conf_path);
    s->conf = calloc(1, sizeof *s->conf);
    if (!s->conf)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the configuration");
    return rc < 0 ? rc : conf_load(s->conf, s->conf_path, e);
}

static void say_remains(void *arg)
{
    say(arg, "parts of an earlier stack are still ending; waiting for them");
}

int stack_open(struct stack *s, const char *dir, const char *user, const char *config,
               const struct stack_report *report, struct err *e)
{
    char url[CONF_STR_MAX];
    *s = (struct stack){.report = *report, .lock_fd = -1, .signal_fd = -1, .deaths_max = START_DEATHS_MAX};
    int rc = stack_dir_prepare(&s->dir, dir, user, e);
    if (rc == 0)
        rc = stack_lock_take(&s->dir, REMAINS_MS, say_remains, s, &s->lock_fd, e);
    if (rc == 0)
        rc = watch_signals(s, e);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (rc == 0)
        rc = load_conf(s, config, e);
    /* The caller's folder may be closed to the service user (a clone under /root), and PostgreSQL's programs ask where they are. */
    if (rc == 0 && chdir(s->dir.root) != 0)
        rc = err_set_errno(e, errno, "cannot enter %s", s->dir.root);
    if (rc < 0) {
        take_conf_back(s);
        return rc;
    }
    s->ours[STACK_REDIS] = strcmp(s->conf->redis.url, stack_redis_url(&s->dir, url)) == 0;
    s->ours[STACK_POSTGRES] = strcmp(s->conf->postgres.url, stack_postgres_url(&s->dir, url)) == 0;
    s->ours[STACK_SUPERVISOR] = true;
    if (s->dir.uid != 0)
        say(s, "services run as user %s, never as root", s->dir.user);
    return 0;
}

void stack_close(struct stack *s)
{
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    if (s->signal_fd >= 0)
        (void)close(s->signal_fd);
    s->lock_fd = s->signal_fd = -1;
    free(s->conf);
    s->conf = NULL;
}

/* --- one turn: signals, deaths, restarts --- */

static void read_signals(struct stack *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        if (info.ssi_signo == SIGHUP || info.ssi_signo == SIGUSR1 || info.ssi_signo == SIGUSR2) {
            stack_child_signal(&s->parts[STACK_SUPERVISOR], (int)info.ssi_signo);
            continue;
        }
        s->stop_now = s->stop_asked;
        s->stop_asked = true;
    }
}

static int given_up(struct stack *s, const struct stack_child *c, struct err *e)
{
    char how[64];
    say(s, "last lines of %s:", c->log_path);
    stack_child_tail(c, TAIL_LINES, s->report.say, s->report.arg);
    return err_set(e, ERR_BOOT_FAILURE, "%s ended %u times in a row, last with %s; see %s", c->name, c->deaths,
                   stack_child_how(c, how), c->log_path);
}

/* A supervisor that handed over (`stint upgrade`) is followed: its successor is a child of ours. */
static bool follow_supervisor(struct stack *s, uint64_t now)
{
    struct stack_child *c = &s->parts[STACK_SUPERVISOR];
    if (!stack_child_adopt(c, stack_supervisor_pid(s->conf), now))
        return false;
    say(s, "%s handed over, pid %d", c->name, (int)c->pid);
    return true;
}

/* Whoever was left to us: a supervisor that handed over and was followed, what a killed part had started. */
static void reap_others(const struct stack *s)
{
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        for (size_t i = 0; i < STACK_PART_COUNT; i++)
            if (s->parts[i].pid == info.si_pid)
                return; /* its own end is noted first */
        (void)waitpid(info.si_pid, NULL, WNOHANG);
        info.si_pid = 0;
    }
}

/* Notes deaths and starts again what is due. */
static int mind_part(struct stack *s, enum stack_part part, uint64_t now, struct err *e)
{
    struct stack_child *c = &s->parts[part];
    char how[64];
    if (stack_child_ended(c, now) && s->wanted[part] && !(part == STACK_SUPERVISOR && follow_supervisor(s, now))) {
        if (c->deaths >= s->deaths_max)
            return given_up(s, c, e);
        say(s, "%s ended with %s; it is started again", c->name, stack_child_how(c, how));
    }
    if (!s->wanted[part] || c->pid != 0 || now < c->start_at_ms)
        return 0;
    int rc = stack_child_start(c, &s->dir, s->lock_fd, now, e);
    if (rc == 0)
        say(s, "%s started, pid %d", c->name, (int)c->pid);
    return rc;
}

/* Waits for the next thing, at most timeout_ms, and deals with it. */
static int turn(struct stack *s, uint64_t timeout_ms, struct err *e)
{
    struct pollfd fds[STACK_PART_COUNT + 1] = {{.fd = s->signal_fd, .events = POLLIN}};
    uint64_t now = clock_mono_ms();
    for (size_t i = 0; i < STACK_PART_COUNT; i++) {
        const struct stack_child *c = &s->parts[i];
        fds[i + 1] = (struct pollfd){.fd = c->pid != 0 ? c->pidfd : -1, .events = POLLIN};
        if (s->wanted[i] && c->pid == 0)
            timeout_ms = MIN_OF(timeout_ms, c->start_at_ms > now ? c->start_at_ms - now : 0);
    }
    (void)poll(fds, ARRAY_LEN(fds), (int)timeout_ms);
    read_signals(s);
    int rc = 0;
    for (size_t i = 0; i < STACK_PART_COUNT && rc == 0; i++)
        rc = mind_part(s, (enum stack_part)i, clock_mono_ms(), e);
    reap_others(s);
    return rc;
}

/* --- starting --- */

static enum stack_probe probe(struct stack *s, enum stack_part part, struct err *e)
{
    switch (part) {
    case STACK_REDIS:
        return stack_redis_probe(s->conf, e);
    case STACK_POSTGRES: {
        char url[CONF_STR_MAX];
        return stack_postgres_probe(s->ours[part] ? stack_postgres_url(&s->dir, url) : s->conf->postgres.url, e);
    }
    case STACK_SUPERVISOR:
        return stack_supervisor_probe(s->conf, e);
    case STACK_PART_COUNT:
        break;
    }
    return STACK_PROBE_SILENT;
}

static int await_ready(struct stack *s, enum stack_part part, struct err *e)
{
    struct err seen = {0};
    bool told = false;
    uint64_t began = clock_mono_ms(), limit = s->ours[part] ? START_DEADLINE_MS : OUTSIDE_DEADLINE_MS;
    for (;;) {
        seen.code = 0;
        enum stack_probe found = probe(s, part, &seen);
        if (found == STACK_PROBE_READY) {
            if (seen.code != 0)
                say(s, "WARNING: %s", seen.message);
            return 0;
        }
        if (found == STACK_PROBE_WORKING)
            limit = WORKING_DEADLINE_MS;
        if (found == STACK_PROBE_WORKING && !told && clock_mono_ms() - began > PATIENCE_MS) {
            told = true;
            say(s, "%s; waiting", seen.message);
        }
        int rc = turn(s, PROBE_EVERY_MS, e);
        if (rc < 0)
            return rc;
        if (s->stop_asked)
            return err_set(e, ERR_CANCELLED, "stopped by a signal before it was ready");
        if (clock_mono_ms() - began < limit)
            continue;
        if (s->ours[part]) {
            say(s, "last lines of %s:", s->parts[part].log_path);
            stack_child_tail(&s->parts[part], TAIL_LINES, s->report.say, s->report.arg);
        }
        return err_set(e, seen.code, "%s", seen.message);
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* The first use: initdb runs to its end in a folder of its own, so that a half-made database is never mistaken for one.
 */
static int make_database_files(struct stack *s, struct err *e)
{
    struct stack_child *c = &s->parts[STACK_POSTGRES];
    char making[STACK_PATH_MAX], how[64];
    int rc = stack_initdb_init(c, &s->dir, e);
    if (rc < 0)
        return rc;
    say(s, "making PostgreSQL's files in %s/postgres (first use)", s->dir.root);
    (void)nftw(stack_dir_path(&s->dir, "postgres.new", making), remove_one, FOLDER_DEPTH, FTW_DEPTH | FTW_PHYS);
    rc = stack_child_start(c, &s->dir, s->lock_fd, clock_mono_ms(), e);
    while (rc == 0 && c->pid != 0 && !s->stop_asked)
        rc = turn(s, START_DEADLINE_MS, e);
    if (rc < 0)
        return rc;
    if (s->stop_asked) {
        stack_child_signal(c, SIGTERM);
        return err_set(e, ERR_CANCELLED, "stopped by a signal before it was ready");
    }
    if (c->status != 0) {
        stack_child_tail(c, TAIL_LINES, s->report.say, s->report.arg);
        return err_set(e, ERR_BOOT_FAILURE, "initdb ended with %s; see %s (is the disk full?)", stack_child_how(c, how),
                       c->log_path);
    }
    return stack_postgres_adopt(&s->dir, e);
}

static int init_part(struct stack *s, enum stack_part part, struct err *e)
{
    struct stack_child *c = &s->parts[part];
    switch (part) {
    case STACK_REDIS:
        return stack_redis_init(c, &s->dir, e);
    case STACK_POSTGRES: {
        int rc = stack_initdb_needed(&s->dir) ? make_database_files(s, e) : 0;
        return rc < 0 ? rc : stack_postgres_init(c, &s->dir, e);
    }
    case STACK_SUPERVISOR:
        return stack_supervisor_init(c, &s->dir, s->conf_path, e);
    case STACK_PART_COUNT:
        break;
    }
    return -EINVAL;
}

static int start_part(struct stack *s, enum stack_part part, struct err *e)
{
    static const char *const outside[] = {"Redis of redis.url", "PostgreSQL of postgres.url", ""};
    if (!s->ours[part]) {
        say(s, "using the %s; it is not started or stopped here", outside[part]);
        return await_ready(s, part, e);
    }
    int rc = init_part(s, part, e);
    if (rc == 0) {
        s->wanted[part] = true;
        rc = mind_part(s, part, clock_mono_ms(), e);
    }
    return rc < 0 ? rc : await_ready(s, part, e);
}

static void say_migration(void *arg, enum migrate_step step, const struct migration *m)
{
    struct stack *s = arg;
    if (step == MIGRATE_APPLIED)
        say(s, "migration %04d_%s applied", m->version, m->name);
    else if (step == MIGRATE_WAITING)
        say(s, "another migration is at work; waiting for it");
}

static int migrate(struct stack *s, struct err *e)
{
    int rc = s->ours[STACK_POSTGRES] ? stack_postgres_database(&s->dir, e) : 0;
    if (rc < 0)
        return rc;
    PGconn *pg = NULL;
    rc = pg_dial(&s->conf->postgres, "stint", &pg, e);
    if (rc == 0)
        rc = migrate_run(pg, false, say_migration, s, e);
    PQfinish(pg);
    return rc;
}

int stack_start(struct stack *s, struct err *e)
{
    int rc = start_part(s, STACK_REDIS, e);
    if (rc == 0)
        rc = start_part(s, STACK_POSTGRES, e);
    if (rc == 0)
        rc = migrate(s, e);
    if (rc == 0 && !s->stores_only)
        rc = start_part(s, STACK_SUPERVISOR, e);
    if (rc == 0) {
        s->deaths_max = STACK_RESTARTS_MAX;
        return 0;
    }
    stack_stop(s);
    take_conf_back(s);
    return rc;
}

int stack_run(struct stack *s, struct err *e)
{
    int rc = 0;
    while (rc == 0 && !s->stop_asked)
        rc = turn(s, STACK_CALM_MS, e);
    return rc;
}

/* --- stopping --- */

/* Notes for `stint down`, which watches from outside. */
static void note_end(struct stack *s, const char *line)
{
    char path[STACK_PATH_MAX];
    AUTO_CLOSE int fd = open(stack_dir_path(&s->dir, "run/stack.end", path),
                             O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    say(s, "%s", line);
    if (fd >= 0)
        (void)dprintf(fd, "%s\n", line);
}

/* Asks a part to end and waits; past the deadline it is ended by force. The other parts are kept alive meanwhile. */
static void stop_part(struct stack *s, enum stack_part part, int signo, int64_t timeout_ms, const char *verb)
{
    struct stack_child *c = &s->parts[part];
    struct err e;
    char line[256], how[64];
    bool forced = false, hurried = false;
    uint64_t began = clock_mono_ms(), deadline = began + (uint64_t)timeout_ms;
    s->wanted[part] = false;
    if (!s->ours[part] || c->pid == 0)
        return;
    if (part == STACK_SUPERVISOR) /* one that drains already hands the end on to nobody */
        (void)follow_supervisor(s, began);
    stack_child_signal(c, signo);
    while (c->pid != 0) {
        uint64_t now = clock_mono_ms();
        if (now >= deadline && !forced) {
            forced = true;
            stack_child_signal(c, SIGKILL);
        }
        if (part == STACK_SUPERVISOR && s->stop_now && !hurried) {
            json_t *reply = NULL;
            hurried = true;
            if (control_client_ask(s->conf->supervisor.run_dir, "stop", NULL, STOP_MARGIN_MS, &reply, NULL) == 0)
                json_decref(reply);
        }
        if (turn(s, forced ? PROBE_EVERY_MS : MIN_OF(deadline - now, (uint64_t)STOP_MARGIN_MS), &e) < 0)
            break; /* another part died too often: go on ending */
    }
    (void)stack_child_how(c, how);
    (void)snprintf(line, sizeof line, "%s %s after %.1f s%s%s%s", c->name,
                   forced ? "did not end in time and was killed" : verb, (double)(clock_mono_ms() - began) / 1000.0,
                   c->status != 0 ? " (" : "", c->status != 0 ? how : "", c->status != 0 ? ")" : "");
    note_end(s, line);
}

void stack_stop(struct stack *s)
{
    char path[STACK_PATH_MAX];
    (void)unlink(stack_dir_path(&s->dir, "run/stack.end", path));
    stop_part(s, STACK_SUPERVISOR, SIGTERM, s->conf->supervisor.drain_timeout + STOP_MARGIN_MS, "drained and stopped");
    stop_part(s, STACK_REDIS, SIGTERM, STOP_SERVICE_MS, "flushed its data and stopped");
    stop_part(s, STACK_POSTGRES, SIGINT, STOP_SERVICE_MS, "shut down");
}
