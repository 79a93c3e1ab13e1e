/*
 * Why: tests of the life cycle run against a real Redis, never a fake one, and never one that somebody else uses.
 * Refuses to: listen on a TCP port, share a folder, or wait without a deadline.
 */
#include "redis_server.h"
#include "stint_lua.h"
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { PROBE_EVERY_MS = 2, FOLDER_DEPTH = 16 };

static int64_t monotonic_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Only async-signal-safe calls between fork and exec: the test may have threads. */
NORETURN static void run_child(const struct redis_server *s, pid_t parent, int log_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    dup2(log_fd, STDOUT_FILENO);
    dup2(log_fd, STDERR_FILENO);
    const char *maxmemory = s->options.maxmemory ? s->options.maxmemory : "0";
    const char *aof = s->options.aof ? "yes" : "no";
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", s->socket, "--dir", s->dir, "--save", "",
           "--appendonly", aof, "--appendfsync", "everysec", "--maxmemory", maxmemory, "--maxmemory-policy",
           "noeviction", "--daemonize", "no", "--loglevel", "notice", (char *)NULL);
    _exit(127);
}

/* True once the process is gone and reaped. */
static bool reap_within(struct redis_server *s, int timeout_ms)
{
    int pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (pidfd >= 0) {
        struct pollfd p = {.fd = pidfd, .events = POLLIN};
        (void)poll(&p, 1, timeout_ms);
        close(pidfd);
    }
    if (waitpid(s->pid, NULL, WNOHANG) == 0)
        return false;
    s->pid = 0;
    return true;
}

/* A server that replays its AOF answers -LOADING: only PONG is ready. */
static bool answers_pong(const struct redis_server *s)
{
    redisContext *ctx = redis_server_connect(s);
    if (!ctx)
        return false;
    redisReply *reply = redisCommand(ctx, "PING");
    bool pong = reply && reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "PONG") == 0;
    freeReplyObject(reply);
    redisFree(ctx);
    return pong;
}

static int wait_ready(struct redis_server *s)
{
    int64_t deadline = monotonic_ms() + REDIS_SERVER_DEADLINE_MS;
    while (!answers_pong(s)) {
        /* The wait doubles as the watch for an early death: it returns at once when the process ends. */
        if (reap_within(s, PROBE_EVERY_MS))
            return -ECHILD;
        if (monotonic_ms() > deadline)
            return -ETIMEDOUT;
    }
    return 0;
}

static int launch(struct redis_server *s)
{
    char log_path[128];
    snprintf(log_path, sizeof log_path, "%s/redis.log", s->dir);
    AUTO_CLOSE int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return -errno;
    (void)unlink(s->socket);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        run_child(s, parent, log_fd);
    s->pid = pid;
    int rc = wait_ready(s);
    if (rc < 0) {
        fprintf(stderr, "redis-server did not become ready (%s); see %s\n", strerror(-rc), log_path);
        redis_server_kill(s);
    }
    return rc;
}

int redis_server_start(struct redis_server *s, const struct redis_server_options *options)
{
    *s = (struct redis_server){0};
    if (options)
        s->options = *options;
    const char *tmp = getenv("TMPDIR");
    /* A Unix socket's path holds 107 bytes: a long TMPDIR cannot be used. */
    snprintf(s->dir, sizeof s->dir, "%s/stint-redis-XXXXXX", tmp && strlen(tmp) < 32 ? tmp : "/tmp");
    if (!mkdtemp(s->dir)) {
        s->dir[0] = '\0';
        return -errno;
    }
    snprintf(s->socket, sizeof s->socket, "%s/redis.sock", s->dir);
    snprintf(s->url, sizeof s->url, "unix://%s", s->socket);
    return launch(s);
}

void redis_server_stop(struct redis_server *s)
{
    if (s->pid == 0)
        return;
    kill(s->pid, SIGTERM);
    if (!reap_within(s, REDIS_SERVER_DEADLINE_MS))
        redis_server_kill(s);
}

void redis_server_kill(struct redis_server *s)
{
    if (s->pid == 0)
        return;
    kill(s->pid, SIGKILL);
    (void)waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

int redis_server_restart(struct redis_server *s)
{
    redis_server_stop(s);
    return launch(s);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

void redis_server_close(struct redis_server *s)
{
    if (!s)
        return;
    redis_server_stop(s);
    if (s->dir[0])
        (void)nftw(s->dir, remove_entry, FOLDER_DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    s->dir[0] = '\0';
}

redisContext *redis_server_connect(const struct redis_server *s)
{
    struct timeval timeout = {.tv_sec = REDIS_SERVER_DEADLINE_MS / 1000};
    redisContext *ctx = redisConnectUnixWithTimeout(s->socket, timeout);
    if (!ctx || ctx->err) {
        redisFree(ctx);
        return NULL;
    }
    /* hiredis 0.14 leaves the descriptor open across exec. */
    (void)fcntl(ctx->fd, F_SETFD, FD_CLOEXEC);
    (void)redisSetTimeout(ctx, timeout);
    return ctx;
}

redisContext *redis_server_connect_functions(const struct redis_server *s)
{
    redisContext *ctx = redis_server_connect(s);
    if (!ctx)
        return NULL;
    redisReply *reply = redisCommand(ctx, "FUNCTION LOAD REPLACE %b", (const char *)stint_lua, (size_t)stint_lua_len);
    bool loaded = reply && reply->type == REDIS_REPLY_STRING;
    if (!loaded)
        fprintf(stderr, "FUNCTION LOAD: %s\n", reply ? reply->str : ctx->errstr);
    freeReplyObject(reply);
    if (loaded)
        return ctx;
    redisFree(ctx);
    return NULL;
}
