/*
 * verb_up - `stint up` and `stint down`: a stack in front, detached, or ended. Detached, the stack is a fresh process
 * of this program that tells through a pipe how its start goes; this one waits and passes it on.
 */
#include "clock.h"
#include "control_client.h"
#include "log.h"
#include "metrics_address.h"
#include "spawn.h"
#include "stack.h"
#include "stack_conf.h"
#include "stack_lock.h"
#include "verb.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

enum { READY_FD = 3, DOWN_MARGIN_MS = 180000 };

const struct arg_spec verb_up_options[] = {
    {"detach", ARG_FLAG, NULL, "return when it is ready; it goes on in the background", NULL, 0, 0},
    {"stores", ARG_FLAG, NULL, "only Redis and PostgreSQL, no supervisor: to restore a backup into them", NULL, 0, 0},
    {"user", ARG_TEXT, "USER", "for root: whom the services run as; default: stint, else nobody", NULL, 1, 63},
    {"ready-fd", ARG_INT, "N", "descriptor told how the start goes, in lines of JSON (what --detach uses)", NULL, 3,
     1023},
    {.name = NULL},
};

/* --- where everything is --- */

static int print_where(struct session *s, const struct stack_dir *d, const char *config, const char *state)
{
    struct err e = {.code = 0};
    struct metrics_address address;
    char path[STACK_PATH_MAX], metrics[CONF_STR_MAX] = "", config_path[CONF_STR_MAX];
    AUTO_FREE struct conf *conf = calloc(1, sizeof *conf);
    (void)snprintf(config_path, sizeof config_path, "%s", config ? config : stack_dir_path(d, "stint.conf", path));
    if (!conf || conf_load(conf, config_path, &e) < 0)
        return session_fail(s, &e);
    bool redis_private = strncmp(conf->redis.url, "unix://", 7) == 0 && strstr(conf->redis.url, d->root);
    bool postgres_private = strstr(conf->postgres.url, d->root) != NULL;
    const char *redis = redis_private ? conf->redis.url : "yours (redis.url)";
    const char *postgres = postgres_private ? conf->postgres.url : "yours (postgres.url)";
    if (metrics_address_find(conf, &address))
        (void)metrics_address_url(&address, metrics);
    if (s->out.json) {
        json_t *record =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "state", state, "dir", d->root, "config", config_path,
                      "redis", redis, "postgres", postgres, "control", conf->supervisor.run_dir, "metrics", metrics);
        out_json(&s->out, record);
        json_decref(record);
        return EXIT_DONE;
    }
    out_tinted(&s->out, TINT_GREEN, "stint is %s", state);
    out_line(&s->out, "  folder      %s", d->root);
    out_line(&s->out, "  config      %s", config_path);
    out_line(&s->out, "  Redis       %s", redis);
    out_line(&s->out, "  PostgreSQL  %s", postgres);
    out_line(&s->out, "  control     %s/control.sock", conf->supervisor.run_dir);
    if (metrics[0])
        out_line(&s->out, "  metrics     %s/metrics", metrics);
    out_line(&s->out, "  logs        %s/log/", d->root);
    out_line(&s->out, "  look        stint status --dir %s", d->root);
    out_line(&s->out, "  stop        stint down --dir %s", d->root);
    return EXIT_DONE;
}

/* --- in front --- */

struct teller {
    struct session *s;
    int ready_fd; /* -1: in front, for people */
};

static void tell_json(const struct teller *t, json_t *record)
{
    AUTO_FREE char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;
    if (text && t->ready_fd >= 0)
        (void)dprintf(t->ready_fd, "%s\n", text);
    json_decref(record);
}

static void tell(void *arg, const char *line)
{
    struct teller *t = arg;
    if (t->ready_fd >= 0 || t->s == NULL) {
        log_info0(line);
        tell_json(t, json_pack("{s:s%}", "say", line, strlen(line)));
    } else {
        out_remark(&t->s->out, "%s", line);
    }
}

/* The start is over: nobody listens to the descriptor any more. */
static void tell_end_of_start(struct teller *t, int rc, const struct err *e)
{
    if (t->ready_fd < 0)
        return;
    if (rc < 0)
        tell_json(t, json_pack("{s:i, s:s}", "code", e->code, "error", e->message));
    else
        tell_json(t, json_pack("{s:b}", "ready", 1));
    (void)close(t->ready_fd);
    t->ready_fd = -1;
    t->s = NULL;
}

static int run_in_front(struct session *s, const char *dir, const char *config)
{
    struct err e = {.code = 0};
    struct teller t = {.s = s, .ready_fd = (int)args_int(&s->args, "ready-fd", -1)};
    const struct stack_report report = {.arg = &t, .say = tell};
    bool detached = t.ready_fd >= 0;
    struct stack *stack = calloc(1, sizeof *stack);
    if (!stack)
        return EXIT_FAILED;
    if (detached) {
        log_init("stack", STDERR_FILENO, LOG_INFO, LOG_JSON);
        (void)fcntl(t.ready_fd, F_SETFD, FD_CLOEXEC);
        (void)setsid();
    }
    int rc = stack_open(stack, dir, args_text(&s->args, "user", NULL), config, &report, &e);
    stack->stores_only = args_has(&s->args, "stores");
    if (rc == 0)
        rc = stack_start(stack, &e);
    tell_end_of_start(&t, rc, &e);
    if (rc == 0) {
        if (!detached)
            (void)print_where(s, &stack->dir, config, "up");
        (void)fflush(s->out.to);
        rc = stack_run(stack, &e);
        stack_stop(stack);
    }
    if (rc < 0 && detached)
        log_error("the stack ends", KV_S("error", e.message));
    stack_close(stack);
    free(stack);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

/* --- detached --- */

static int start_detached(struct session *s, const struct stack_dir *d, const char *config, int *ret_read_fd,
                          struct err *e)
{
    char self[PATH_MAX], log[STACK_PATH_MAX];
    int pipe_fds[2];
    pid_t pid;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return err_set_errno(e, errno, "cannot find this program (/proc/self/exe)");
    self[n] = '\0';
    AUTO_CLOSE int log_fd =
        open(stack_dir_path(d, "log/stack.log", log), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (log_fd < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_set_errno(e, errno, "cannot open %s", log);
    const char *argv[12] = {"stint", "up", "--dir", d->root, "--ready-fd", "3"};
    size_t at = 6;
    const char *user = args_text(&s->args, "user", NULL);
    if (args_has(&s->args, "stores"))
        argv[at++] = "--stores";
    if (user) {
        argv[at++] = "--user";
        argv[at++] = user;
    }
    if (config) {
        argv[at++] = "--config";
        argv[at++] = config;
    }
    const int fds[] = {-1, log_fd, log_fd, pipe_fds[1]};
    const struct spawn spawn = {
        .path = self, .argv = (char *const *)(uintptr_t)argv, .fds = fds, .n_fds = ARRAY_LEN(fds)};
    int rc = spawn_exec(&spawn, &pid, e);
    (void)close(pipe_fds[1]);
    if (rc < 0)
        (void)close(pipe_fds[0]);
    else
        *ret_read_fd = pipe_fds[0];
    return rc;
}

/* Passes on what the detached process tells until it is ready or has failed. */
static int follow_start(struct session *s, int read_fd, struct err *e)
{
    char line[2 * ERR_MESSAGE_MAX];
    int rc = err_set(e, ERR_BOOT_FAILURE, "the stack ended while it started; see log/stack.log in its folder");
    FILE *from = fdopen(read_fd, "r");
    if (!from)
        return err_set_errno(e, errno, "cannot follow the start");
    while (fgets(line, sizeof line, from)) {
        json_t *told = json_loads(line, 0, NULL);
        const char *text = json_string_value(json_object_get(told, "say"));
        if (text)
            out_remark(&s->out, "%s", text);
        if (json_is_true(json_object_get(told, "ready")))
            rc = 0;
        text = json_string_value(json_object_get(told, "error"));
        if (text)
            rc = err_set(e, (int)json_integer_value(json_object_get(told, "code")), "%s", text);
        json_decref(told);
    }
    (void)fclose(from);
    return rc;
}

static int run_detached(struct session *s, const char *dir, const char *config)
{
    struct err e = {.code = 0};
    struct stack_dir d;
    int read_fd = -1;
    int rc = stack_dir_prepare(&d, dir, args_text(&s->args, "user", NULL), &e);
    if (rc == 0)
        rc = start_detached(s, &d, config, &read_fd, &e);
    if (rc == 0)
        rc = follow_start(s, read_fd, &e);
    return rc < 0 ? session_fail(s, &e) : print_where(s, &d, config, "up");
}

/* True when a stack of the folder runs already; then it said so. */
static bool runs_already(struct session *s, const char *dir, const char *config)
{
    struct stack_dir d;
    pid_t pid;
    AUTO_CLOSE int pidfd = -1;
    if (stack_dir_find(&d, dir, NULL) < 0 || stack_lock_holder(&d, &pidfd, &pid, NULL) < 0)
        return false;
    (void)print_where(s, &d, config, "running already");
    return true;
}

int verb_up(struct session *s)
{
    char dir[CONF_STR_MAX], real[PATH_MAX];
    const char *config = args_text(&s->args, "config", NULL);
    struct err e = {.code = 0};
    session_dir(s, dir);
    if (config && !realpath(config, real)) {
        (void)err_set(&e, ERR_NOT_FOUND, "--config: %s: %s", config, strerror(errno));
        return session_fail(s, &e);
    }
    config = config ? real : NULL;
    if (runs_already(s, dir, config))
        return EXIT_DONE;
    return args_has(&s->args, "detach") ? run_detached(s, dir, config) : run_in_front(s, dir, config);
}

/* --- down --- */

const struct arg_spec verb_down_options[] = {
    {"now", ARG_FLAG, NULL, "hand the jobs in hand back at once instead of finishing them", NULL, 0, 0},
    {"timeout", ARG_DURATION, "5m", "longest wait for the end; default: drain_timeout and a margin", NULL, 1000,
     86400000},
    {.name = NULL},
};

static void print_end(struct session *s, const struct stack_dir *d)
{
    char path[STACK_PATH_MAX], line[512];
    FILE *f = fopen(stack_dir_path(d, "run/stack.end", path), "re");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        out_line(&s->out, "  %s", line);
    }
    if (f)
        (void)fclose(f);
}

static int64_t down_timeout(struct session *s)
{
    const struct conf *conf;
    int64_t drain_ms = session_conf(s, &conf, NULL) == 0 ? conf->supervisor.drain_timeout : DOWN_MARGIN_MS;
    return args_int(&s->args, "timeout", drain_ms + DOWN_MARGIN_MS);
}

int verb_down(struct session *s)
{
    char dir[CONF_STR_MAX];
    struct err e = {.code = 0};
    struct stack_dir d;
    pid_t pid;
    AUTO_CLOSE int pidfd = -1;
    session_dir(s, dir);
    if (stack_dir_find(&d, dir, &e) < 0)
        return session_fail(s, &e);
    int rc = stack_lock_holder(&d, &pidfd, &pid, &e);
    if (rc == ERR_NOT_FOUND) {
        out_line(&s->out, "%s", e.message);
        return EXIT_DONE;
    }
    if (rc == 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0)
        rc = err_set_errno(&e, errno, "cannot stop the stack of %s (pid %d); is it another user's?", d.root, (int)pid);
    if (rc < 0)
        return session_fail(s, &e);
    if (args_has(&s->args, "now"))
        (void)syscall(SYS_pidfd_send_signal, pidfd, SIGINT, NULL, 0); /* two signals: at once */
    out_remark(&s->out, "stopping: jobs in hand are %s first", args_has(&s->args, "now") ? "handed back" : "finished");
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    if (poll(&ended, 1, (int)MIN_OF(down_timeout(s), (int64_t)INT32_MAX)) <= 0) {
        (void)err_set(&e, ERR_TIMED_OUT, "the stack of %s (pid %d) is still stopping; wait for it, or use --now",
                      d.root, (int)pid);
        return session_fail(s, &e);
    }
    out_tinted(&s->out, TINT_GREEN, "stint is down; \"stint up --dir %s\" continues where it stopped", d.root);
    print_end(s, &d);
    if (s->out.json)
        (void)fprintf(s->out.to, "{\"state\":\"down\",\"dir\":\"%s\"}\n", d.root);
    return EXIT_DONE;
}
