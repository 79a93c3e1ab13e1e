/*
 * relay_child_uv - see relay_child_uv.h. Outside the pools: it runs no job and is nobody's to scale. Refuses to judge it
 * by anything but waitpid and its silence, and to let it keep the supervisor from ending.
 */
#include "relay_child_uv.h"

#include "clock.h"
#include "ipc.h"
#include "limits.h"
#include "log.h"
#include "slot_start.h"
#include "spawn.h"
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { RELAY_FILES = 64, RELAY_NICE = 5, RELAY_ARGS_MAX = 4 };

static void on_timer(uv_timer_t *timer);
static void start(struct relay_child *c);

static const struct {
    const char *name;
    bool live;
} states[] = {
#define X(state, name, live) [RELAY_CHILD_##state] = {name, live},
    RELAY_CHILD_STATES(X)
#undef X
};

bool relay_child_live(const struct relay_child *c)
{
    return states[c->state].live;
}

void relay_child_init(struct relay_child *c, uv_loop_t *loop, const struct conf *conf, const char *instance, int log_fd)
{
    *c = (struct relay_child){.loop = loop, .conf = conf, .instance = instance, .log_fd = log_fd, .control_fd = -1};
    (void)uv_timer_init(loop, &c->timer);
    c->timer.data = c;
}

static void decide_in(struct relay_child *c, uint64_t ms)
{
    c->due_ms = clock_mono_ms() + ms;
    (void)uv_timer_start(&c->timer, on_timer, MAX_OF(ms, UINT64_C(1)), 0);
}

/* -- starting --------------------------------------------------------------------------------------------------------
 */

static int execute(struct relay_child *c, char *const env[], int config_fd, int control_fd, struct err *e)
{
    char instance[128], name[] = "stint-relay", a_instance[] = "--instance";
    (void)snprintf(instance, sizeof instance, "%s", c->instance);
    char *const argv[RELAY_ARGS_MAX] = {name, a_instance, instance, NULL};
    const int fds[WORKER_FD_END] = {
        [0] = -1,
        [1] = c->log_fd,
        [2] = c->log_fd,
        [WORKER_FD_SCOREBOARD] = -1,
        [WORKER_FD_CONTROL] = control_fd,
        [WORKER_FD_CONFIG] = config_fd,
        [WORKER_FD_LIFE] = -1,
        [WORKER_FD_CRASH] = -1,
    };
    struct limits limits = {
        .files = RELAY_FILES,
        .core_bytes_set = 1,
        .nice = RELAY_NICE,
        .no_new_privs = true,
        .parent_death_signal = SIGKILL,
    };
#ifndef STINT_SANITIZED /* a sanitizer reserves terabytes of addresses */
    limits.address_space_bytes = (uint64_t)c->conf->relay.memory;
#endif
    const struct spawn s = {.path = c->program,
                            .argv = argv,
                            .envp = env,
                            .fds = fds,
                            .n_fds = ARRAY_LEN(fds),
                            .limits = &limits,
                            .new_process_group = true};
    return spawn_exec(&s, &c->pid, e);
}

static int start_process(struct relay_child *c, struct err *e)
{
    char *env[START_ENV_MAX] = {NULL};
    int pair[2] = {-1, -1};
    AUTO_CLOSE int config_fd = -1;
    int rc = spawn_find_program("stint-relay", c->program, sizeof c->program, e);
    if (rc == 0)
        rc = slot_start_config(c->conf, &config_fd, e);
    if (rc < 0)
        return rc;
    rc = slot_start_environment(env);
    if (rc == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        rc = -errno;
    if (rc < 0)
        (void)err_set_errno(e, -rc, "cannot make what the relay is born with");
    else
        rc = execute(c, env, config_fd, pair[1], e);
    if (rc == 0) {
        c->control_fd = pair[0];
        pair[0] = -1;
    }
    base_close_fd(&pair[0]);
    base_close_fd(&pair[1]);
    for (size_t i = 0; i < START_ENV_MAX; i++)
        free(env[i]);
    return rc;
}

static void failed(struct relay_child *c, const char *why)
{
    const struct conf_supervisor *s = &c->conf->supervisor;
    uint64_t delay =
        backoff_next_ms(&c->backoff, (uint64_t)s->backoff_base, (uint64_t)s->backoff_max, clock_mono_ms());
    (void)snprintf(c->error, sizeof c->error, "%.*s", RELAY_WORDS_MAX - 1, why);
    log_warn("the relay starts again later", KV_S("why", why), KV_I("delay_ms", delay));
    c->state = RELAY_CHILD_BACKOFF;
    c->restarts++;
    decide_in(c, delay);
}

/* -- listening -------------------------------------------------------------------------------------------------------
 */

static void on_message(struct relay_child *c, const struct ipc_msg *m)
{
    c->heard_ms = clock_mono_ms();
    if (m->type == IPC_BOOT_FAILED)
        (void)snprintf(c->error, sizeof c->error, "%.*s", RELAY_WORDS_MAX - 1, m->text);
    if (m->type != IPC_BEAT)
        return;
    if (c->state == RELAY_CHILD_STARTING) {
        c->state = RELAY_CHILD_RUNNING;
        c->error[0] = '\0';
        log_info("relay ready", KV_I("relay_pid", c->pid), KV_I("boot_ms", c->heard_ms - c->started_ms));
    }
    (void)snprintf(c->says, sizeof c->says, "%.*s", RELAY_WORDS_MAX - 1, m->text);
}

static bool receive(struct relay_child *c)
{
    for (;;) {
        struct ipc_msg m;
        int rc = ipc_recv(c->control_fd, &m);
        if (rc > 0)
            on_message(c, &m);
        else if (rc != -EBADMSG)
            return rc == 0;
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    if (!receive(poll->data))
        (void)uv_poll_stop(poll); /* EOF stays readable; only waitpid tells its end */
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static int listen_to(struct relay_child *c)
{
    c->poll = calloc(1, sizeof *c->poll);
    int rc = c->poll == NULL ? -ENOMEM : uv_poll_init(c->loop, c->poll, c->control_fd);
    if (rc < 0) {
        free(c->poll);
        c->poll = NULL;
        return rc;
    }
    c->poll->data = c;
    return uv_poll_start(c->poll, UV_READABLE, on_readable);
}

static void stop_listening(struct relay_child *c)
{
    if (c->poll != NULL) {
        (void)receive(c);
        uv_close((uv_handle_t *)c->poll, on_poll_closed);
        c->poll = NULL;
    }
    base_close_fd(&c->control_fd);
}

static void start(struct relay_child *c)
{
    struct err e = {.code = 0};
    if (start_process(c, &e) < 0) {
        failed(c, e.message);
        return;
    }
    c->state = RELAY_CHILD_STARTING;
    c->started_ms = c->heard_ms = clock_mono_ms();
    c->says[0] = '\0';
    int rc = listen_to(c);
    if (rc < 0)
        log_error("cannot listen to the relay: it is taken for stalled", KV_S("error", err_text(rc)));
    decide_in(c, (uint64_t)c->conf->relay.stall);
}

/* -- ending ----------------------------------------------------------------------------------------------------------
 */

static void send_signal(struct relay_child *c, int signum, enum relay_child_state state)
{
    c->state = state;
    if (kill(-c->pid, signum) < 0 && errno != ESRCH)
        log_error("cannot signal the relay", KV_I("relay_pid", c->pid), KV_S("error", strerror(errno)));
}

static void stop(struct relay_child *c)
{
    if (c->state != RELAY_CHILD_STARTING && c->state != RELAY_CHILD_RUNNING)
        return;
    send_signal(c, SIGTERM, RELAY_CHILD_STOPPING);
    decide_in(c, (uint64_t)c->conf->supervisor.kill_grace);
}

static bool wanted(const struct relay_child *c)
{
    return c->conf->relay.enabled != 0 && !c->ending;
}

static void look_for_stall(struct relay_child *c, uint64_t now_ms)
{
    uint64_t silent_ms = now_ms - c->heard_ms, stall_ms = (uint64_t)c->conf->relay.stall;
    if (silent_ms < stall_ms) {
        decide_in(c, stall_ms - silent_ms);
        return;
    }
    log_warn("the relay says nothing: it is killed", KV_I("relay_pid", c->pid), KV_I("silent_ms", silent_ms));
    (void)snprintf(c->error, sizeof c->error, "killed: it said nothing for %llu s ([relay] stall)",
                   (unsigned long long)silent_ms / 1000);
    send_signal(c, SIGKILL, RELAY_CHILD_KILLED);
}

static void on_timer(uv_timer_t *timer)
{
    struct relay_child *c = timer->data;
    switch (c->state) {
    case RELAY_CHILD_STARTING:
    case RELAY_CHILD_RUNNING:
        look_for_stall(c, clock_mono_ms());
        return;
    case RELAY_CHILD_STOPPING:
        send_signal(c, SIGKILL, RELAY_CHILD_KILLED);
        return;
    case RELAY_CHILD_BACKOFF:
        if (wanted(c))
            start(c);
        else
            c->state = RELAY_CHILD_OFF;
        return;
    case RELAY_CHILD_OFF:
    case RELAY_CHILD_KILLED:
        return;
    }
}

static void words_of_end(const struct relay_child *c, int wait_status, char *out, size_t size)
{
    if (c->error[0] != '\0')
        (void)snprintf(out, size, "%s", c->error);
    else if (WIFSIGNALED(wait_status))
        (void)snprintf(out, size, "killed by signal %d (%s)", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    else
        (void)snprintf(out, size, "ended with code %d", WEXITSTATUS(wait_status));
}

bool relay_child_reaped(struct relay_child *c, pid_t pid, int wait_status)
{
    char why[RELAY_WORDS_MAX];
    if (!relay_child_live(c) || pid != c->pid)
        return false;
    stop_listening(c);
    words_of_end(c, wait_status, why, sizeof why);
    bool asked = c->state == RELAY_CHILD_STOPPING;
    log_info("relay ended", KV_I("relay_pid", pid), KV_S("end", asked ? "as asked" : why));
    c->pid = 0;
    c->says[0] = '\0';
    (void)uv_timer_stop(&c->timer);
    c->state = RELAY_CHILD_OFF;
    if (wanted(c) && asked)
        start(c); /* its configuration was old */
    else if (wanted(c))
        failed(c, why);
    return true;
}

void relay_child_apply(struct relay_child *c, bool restart)
{
    if (!wanted(c) || (restart && relay_child_live(c))) {
        stop(c);
        if (c->state == RELAY_CHILD_BACKOFF) {
            (void)uv_timer_stop(&c->timer);
            c->state = RELAY_CHILD_OFF;
        }
        return;
    }
    if (c->state == RELAY_CHILD_OFF || (restart && c->state == RELAY_CHILD_BACKOFF)) {
        backoff_reset(&c->backoff);
        start(c);
    }
}

void relay_child_end(struct relay_child *c)
{
    c->ending = true;
    relay_child_apply(c, false);
}

json_t *relay_child_status(const struct relay_child *c)
{
    return json_pack("{s:s,s:i,s:s,s:I,s:s}", "state", states[c->state].name, "pid", (int)c->pid, "says", c->says,
                     "restarts", (json_int_t)c->restarts, "error", c->error);
}

void relay_child_close(struct relay_child *c)
{
    if (c->loop == NULL)
        return;
    stop_listening(c);
    uv_close((uv_handle_t *)&c->timer, NULL);
}
