/*
 * metrics_thread - see metrics_thread.h. The wiring of one thread: loop, HTTP, polling of Redis, and how it ends.
 * It refuses to start half: what can fail is done before the thread runs, by the caller who can still say no.
 */
#include "metrics_thread.h"

#include "clock.h"
#include "log.h"
#include "metrics_http.h"
#include "metrics_routes.h"
#include "stats_poll_uv.h"
#include "tcp_listen.h"
#include "wait_watch_uv.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <uv.h>

enum { METRICS_PATH_MAX = CONF_STR_MAX + 32, PORT_WATCH_MS = 1000, SHORT_MS = 250 };

struct metrics_thread {
    /* shared with the supervisor's loop */
    _Atomic bool stopping;
    _Atomic bool serve, yield; /* asked for by metrics_thread_serve and _yield, not yet done */
    int listen_fd;             /* a copy for a successor, owned; -1: none. Written before the thread runs */
    _Atomic(struct conf *) next_conf; /* handed over, not yet taken */
    uv_async_t wake;
    pthread_t thread;
    /* the thread's own from pthread_create to pthread_join */
    uv_loop_t loop;
    struct conf *conf;              /* owned */
    const struct scoreboard *board; /* borrowed; read only */
    char instance[INSTANCE_MAX];
    uint64_t started_ms;
    struct metrics_http *http; /* owned; NULL: not served */
    uv_poll_t http_poll;
    uv_timer_t http_timer;
    uv_timer_t port_watch;
    bool short_told; /* that descriptors ran out was logged */
    bool held;       /* the socket is served by another supervisor still */
    struct stats_poll poll;
    struct wait_watch wait;
    struct metrics_snapshot snapshot;
    int port;
    char port_path[METRICS_PATH_MAX]; /* "" when nothing was written */
};

static void metrics_thread_snapshot(struct metrics_thread *t)
{
    struct metrics_snapshot *s = &t->snapshot;
    uint64_t commands = 0, rtt_us = 0;
    metrics_snapshot_take(s, t->conf, t->board, t->instance, clock_mono_ms());
    redis_uv_stats(t->poll.redis, &commands, &rtt_us);
    s->started_ms = t->started_ms;
    s->redis_ready = redis_uv_ready(t->poll.redis);
    s->redis_away = t->poll.away;
    s->redis_refusal = t->poll.complaint.text;
    s->redis_info = &t->poll.info;
    s->redis_commands += commands;
    s->redis_rtt.sum_us += t->poll.rtt.sum_us;
    for (size_t i = 0; i < SCORE_BUCKETS; i++)
        s->redis_rtt.counts[i] += t->poll.rtt.counts[i];
    s->queues = t->poll.queues;
    s->n_queues = t->poll.n_queues;
}

static void on_get(void *arg, const struct metrics_request *request, struct metrics_reply *reply)
{
    struct metrics_thread *t = arg;
    metrics_thread_snapshot(t);
    const struct metrics_view view = {
        .conf = t->conf, .snapshot = &t->snapshot, .waits = &t->wait.waits, .feed_now_ms = wait_watch_now_ms(&t->wait)};
    metrics_routes_get(&view, request, reply);
    stats_poll_look(&t->poll);
}

static void on_http_timer(uv_timer_t *timer);

static void metrics_thread_serve_now(struct metrics_thread *t)
{
    metrics_http_run(t->http);
    int64_t timeout_ms = metrics_http_timeout_ms(t->http);
    if (timeout_ms >= 0)
        (void)uv_timer_start(&t->http_timer, on_http_timer, (uint64_t)timeout_ms, 0);
    else
        (void)uv_timer_stop(&t->http_timer);
}

static void on_http_timer(uv_timer_t *timer)
{
    metrics_thread_serve_now(timer->data);
}

static void on_http_readable(uv_poll_t *poll, int status, int events);

/* A connection that cannot be accepted keeps the socket readable: the thread would spin until a descriptor is free. */
static bool metrics_thread_is_short(struct metrics_thread *t)
{
    int fd = fcntl(metrics_http_fd(t->http), F_DUPFD_CLOEXEC, 0);
    if (fd >= 0) {
        (void)close(fd);
        t->short_told = false;
        return false;
    }
    if (!t->short_told)
        log_warn("readiness and metrics answer nobody for now: raise LimitNOFILE of the supervisor's service (ulimit -n)",
                 KV_S("error", err_text(-errno)));
    t->short_told = true;
    return true;
}

static void on_short_over(uv_timer_t *timer)
{
    struct metrics_thread *t = timer->data;
    (void)uv_poll_start(&t->http_poll, UV_READABLE, on_http_readable);
    metrics_thread_serve_now(t);
}

static void on_http_readable(uv_poll_t *poll, int status, int events)
{
    struct metrics_thread *t = poll->data;
    (void)status;
    (void)events;
    if (!metrics_thread_is_short(t)) {
        metrics_thread_serve_now(t);
        return;
    }
    (void)uv_poll_stop(poll);
    (void)uv_timer_start(&t->http_timer, on_short_over, SHORT_MS, 0);
}

/* The leases are given up on the connection that published. */
static void on_wait_closed(void *arg)
{
    struct metrics_thread *t = arg;
    if (t->poll.redis != NULL)
        stats_poll_close(&t->poll, NULL, NULL);
}

static void metrics_thread_close(struct metrics_thread *t)
{
    if (t->http != NULL) {
        (void)uv_poll_stop(&t->http_poll);
        uv_close((uv_handle_t *)&t->http_poll, NULL);
        uv_close((uv_handle_t *)&t->http_timer, NULL);
        uv_close((uv_handle_t *)&t->port_watch, NULL);
    }
    if (t->wait.redis != NULL)
        wait_watch_close(&t->wait, on_wait_closed, t);
    else
        on_wait_closed(t);
    uv_close((uv_handle_t *)&t->wake, NULL);
}

static void metrics_thread_begin(struct metrics_thread *t);

static void metrics_thread_quiesce(struct metrics_thread *t)
{
    if (t->http == NULL)
        return;
    metrics_http_quiesce(t->http);
    (void)uv_timer_stop(&t->port_watch);
    t->port_path[0] = '\0';
}

static void on_wake(uv_async_t *wake)
{
    struct metrics_thread *t = wake->data;
    if (atomic_exchange(&t->serve, false) && t->http != NULL && t->held)
        metrics_thread_begin(t);
    if (atomic_exchange(&t->yield, false))
        metrics_thread_quiesce(t);
    struct conf *conf = atomic_exchange(&t->next_conf, NULL);
    if (conf != NULL && stats_poll_configure(&t->poll, conf) == 0) {
        wait_watch_configure(&t->wait, conf);
        free(t->conf);
        t->conf = TAKE(conf);
    }
    free(conf);
    if (atomic_load(&t->stopping))
        metrics_thread_close(t);
}

static void *metrics_thread_main(void *arg)
{
    struct metrics_thread *t = arg;
    (void)pthread_setname_np(pthread_self(), "metrics");
    (void)uv_run(&t->loop, UV_RUN_DEFAULT); /* until metrics_thread_close left no handle */
    return NULL;
}

static struct conf *metrics_thread_copy(const struct conf *conf)
{
    struct conf *copy = malloc(sizeof *copy);
    if (copy != NULL)
        memcpy(copy, conf, sizeof *copy);
    return copy;
}

/* Writes the port beside the control socket, whole or not at all. Only a port nobody could guess is worth failing for.
 */
static int metrics_thread_tell_port(struct metrics_thread *t, struct err *e)
{
    char tmp[METRICS_PATH_MAX + 8];
    (void)snprintf(t->port_path, sizeof t->port_path, "%s/metrics.port", t->conf->supervisor.run_dir);
    (void)snprintf(tmp, sizeof tmp, "%s.new", t->port_path);
    FILE *f = fopen(tmp, "we");
    bool ok = f != NULL && fprintf(f, "%d\n", t->port) > 0;
    ok = f != NULL && fclose(f) == 0 && ok && chmod(tmp, 0644) == 0 && rename(tmp, t->port_path) == 0;
    if (ok)
        return 0;
    int code = errno;
    (void)unlink(tmp);
    t->port_path[0] = '\0';
    if (t->conf->metrics.port != 0)
        return 0;
    return err_set_errno(e, code, "cannot write %s/metrics.port, where the metrics' free port would be told",
                         t->conf->supervisor.run_dir);
}

/* Whoever looks for the port finds its file even after somebody tidied up /run. */
static void on_port_watch(uv_timer_t *timer)
{
    struct metrics_thread *t = timer->data;
    if (t->port_path[0] == '\0' || access(t->port_path, F_OK) < 0)
        (void)metrics_thread_tell_port(t, NULL);
}

/* A failure to tell the port of a socket that was taken is no failure: its file is there, the predecessor's. */
static void metrics_thread_begin(struct metrics_thread *t)
{
    t->held = false;
    (void)uv_timer_start(&t->port_watch, on_port_watch, PORT_WATCH_MS, PORT_WATCH_MS);
    (void)uv_poll_start(&t->http_poll, UV_READABLE, on_http_readable);
    (void)metrics_thread_tell_port(t, NULL);
    metrics_thread_serve_now(t);
}

/* The socket that another supervisor serves, when it is where ours should be; else one of our own. */
static int metrics_thread_listen(struct metrics_thread *t, int *taken_fd, int *ret_fd, struct err *e)
{
    const struct conf_metrics *c = &t->conf->metrics;
    t->held = *taken_fd >= 0 && tcp_listens_on(*taken_fd, c->listen, (int)c->port, &t->port);
    if (!t->held)
        return metrics_http_listen(c->listen, (int)c->port, ret_fd, &t->port, e);
    *ret_fd = *taken_fd;
    *taken_fd = -1;
    return 0;
}

static int metrics_thread_open_http(struct metrics_thread *t, int *taken_fd, struct err *e)
{
    int fd = -1;
    int rc = metrics_thread_listen(t, taken_fd, &fd, e);
    if (rc < 0)
        return rc;
    t->listen_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct metrics_http *http = metrics_http_new(fd, on_get, t, e);
    if (http == NULL)
        return ERR_BOOT_FAILURE;
    rc = uv_poll_init(&t->loop, &t->http_poll, metrics_http_fd(http));
    if (rc < 0) {
        metrics_http_free(http);
        return err_set(e, ERR_BOOT_FAILURE, "the metrics server cannot be polled: %s", uv_strerror(rc));
    }
    t->http = http;
    t->http_poll.data = t;
    (void)uv_timer_init(&t->loop, &t->http_timer);
    t->http_timer.data = t;
    (void)uv_timer_init(&t->loop, &t->port_watch);
    t->port_watch.data = t;
    if (t->held)
        return 0;
    (void)uv_timer_start(&t->port_watch, on_port_watch, PORT_WATCH_MS, PORT_WATCH_MS);
    (void)uv_poll_start(&t->http_poll, UV_READABLE, on_http_readable);
    return metrics_thread_tell_port(t, e);
}

static int metrics_thread_run(struct metrics_thread *t, struct err *e)
{
    sigset_t all, before; /* signals are the supervisor's loop's */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&t->thread, NULL, metrics_thread_main, t);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? 0 : err_set_errno(e, rc, "the metrics thread could not be started");
}

static void metrics_thread_free(struct metrics_thread *t)
{
    (void)uv_loop_close(&t->loop);
    metrics_http_free(t->http);
    base_close_fd(&t->listen_fd);
    if (t->port_path[0] != '\0')
        (void)unlink(t->port_path);
    free(atomic_load(&t->next_conf));
    free(t->conf);
    free(t);
}

struct metrics_thread *metrics_thread_start(const struct conf *conf, const struct scoreboard *board,
                                            const char *instance, int listen_fd, struct err *e)
{
    AUTO_CLOSE int taken_fd = listen_fd;
    struct metrics_thread *t = calloc(1, sizeof *t);
    struct conf *copy = metrics_thread_copy(conf);
    if (t == NULL || copy == NULL || uv_loop_init(&t->loop) < 0) {
        (void)err_set(e, ERR_OUT_OF_MEMORY, "the metrics thread could not be started: out of memory or descriptors");
        free(copy);
        free(t);
        return NULL;
    }
    t->conf = copy;
    t->board = board;
    t->listen_fd = -1;
    t->started_ms = clock_mono_ms();
    (void)snprintf(t->instance, sizeof t->instance, "%s", instance);
    (void)uv_async_init(&t->loop, &t->wake, on_wake);
    t->wake.data = t;
    int rc = conf->metrics.enabled != 0 ? metrics_thread_open_http(t, &taken_fd, e) : 0;
    if (rc == 0 && (stats_poll_open(&t->poll, &t->loop, t->conf, board) < 0 ||
                    wait_watch_open(&t->wait, &t->loop, t->conf, instance, &t->poll) < 0))
        rc = err_set(e, ERR_OUT_OF_MEMORY, "the metrics thread could not be started: out of memory");
    if (rc == 0)
        rc = metrics_thread_run(t, e);
    if (rc < 0) {
        metrics_thread_close(t);
        (void)uv_run(&t->loop, UV_RUN_DEFAULT);
        metrics_thread_free(t);
        return NULL;
    }
    log_info("metrics", KV_S("listen", t->port != 0 ? conf->metrics.listen : "off"), KV_I("port", t->port));
    return t;
}

void metrics_thread_reload(struct metrics_thread *t, const struct conf *conf)
{
    struct conf *copy = metrics_thread_copy(conf);
    if (copy == NULL)
        return;
    free(atomic_exchange(&t->next_conf, copy)); /* one not yet taken is outdated */
    (void)uv_async_send(&t->wake);
}

void metrics_thread_serve(struct metrics_thread *t)
{
    atomic_store(&t->serve, true);
    (void)uv_async_send(&t->wake);
}

void metrics_thread_yield(struct metrics_thread *t)
{
    atomic_store(&t->yield, true);
    (void)uv_async_send(&t->wake);
}

int metrics_thread_listen_fd(const struct metrics_thread *t)
{
    return t->listen_fd;
}

void metrics_thread_stop(struct metrics_thread *t)
{
    if (t == NULL)
        return;
    atomic_store(&t->stopping, true);
    (void)uv_async_send(&t->wake);
    (void)pthread_join(t->thread, NULL);
    metrics_thread_free(t);
}

int metrics_thread_port(const struct metrics_thread *t)
{
    return t->port;
}
