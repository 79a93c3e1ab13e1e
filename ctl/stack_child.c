/*
 * stack_child - see stack_child.h. It decides nothing about order: the stack does.
 */
#include "stack_child.h"

#include "spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { LOG_KEEP_BYTES = 16 << 20, TAIL_BYTES = 4096, TAIL_LINES_MAX = 16 };

void stack_child_init(struct stack_child *c, const struct stack_dir *d, const char *name, const char *program,
                      const char *log, int death_signal)
{
    char log_name[64];
    *c = (struct stack_child){.name = name, .death_signal = death_signal, .pidfd = -1};
    (void)snprintf(c->program, sizeof c->program, "%s", program);
    (void)snprintf(log_name, sizeof log_name, "log/%s", log);
    (void)stack_dir_path(d, log_name, c->log_path);
    stack_child_arg(c, "%s", program); /* with its folder: PostgreSQL's programs find one another by it */
}

void stack_child_arg(struct stack_child *c, const char *format, ...)
{
    va_list args;
    assert(c->n_args < STACK_ARG_MAX);
    va_start(args, format);
    int n = vsnprintf(c->args[c->n_args++], STACK_ARG_BYTES, format, args);
    va_end(args);
    assert(n >= 0 && n < STACK_ARG_BYTES);
}

/* A log that grew over its limit in earlier runs makes room: one older file is kept. */
static int open_log(const struct stack_child *c, const struct stack_dir *d)
{
    struct stat st;
    char old[STACK_PATH_MAX + 4];
    if (stat(c->log_path, &st) == 0 && st.st_size > LOG_KEEP_BYTES) {
        (void)snprintf(old, sizeof old, "%s.1", c->log_path);
        (void)rename(c->log_path, old);
    }
    int fd = open(c->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd >= 0)
        (void)stack_dir_own(d, c->log_path);
    return fd;
}

int stack_child_start(struct stack_child *c, const struct stack_dir *d, int lock_fd, uint64_t now_ms, struct err *e)
{
    char *argv[STACK_ARG_MAX + 1] = {NULL};
    for (size_t i = 0; i < c->n_args; i++)
        argv[i] = c->args[i];
    AUTO_CLOSE int log_fd = open_log(c, d);
    if (log_fd < 0)
        return err_set_errno(e, errno, "cannot open the log %s", c->log_path);
    const int fds[] = {-1, log_fd, log_fd, lock_fd};
    const struct limits limits = {.parent_death_signal = c->death_signal};
    const struct spawn spawn = {.path = c->program,
                                .argv = argv,
                                .fds = fds,
                                .n_fds = ARRAY_LEN(fds),
                                .limits = &limits,
                                .new_process_group = true,
                                .uid = d->uid,
                                .gid = d->gid};
    pid_t pid;
    int rc = spawn_exec(&spawn, &pid, e);
    if (rc < 0)
        return rc;
    c->pid = pid;
    c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    c->started_ms = now_ms;
    if (c->pidfd < 0) {
        rc = err_set_errno(e, errno, "cannot watch %s", c->name);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &c->status, 0);
        c->pid = 0;
    }
    return rc;
}

bool stack_child_adopt(struct stack_child *c, pid_t pid, uint64_t now_ms)
{
    siginfo_t info = {0};
    if (pid <= 1 || pid == c->pid || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0)
        return false;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return false;
    base_close_fd(&c->pidfd);
    c->pid = pid;
    c->pidfd = pidfd;
    c->started_ms = now_ms;
    c->deaths = 0;
    return true;
}

bool stack_child_ended(struct stack_child *c, uint64_t now_ms)
{
    if (c->pid == 0 || waitpid(c->pid, &c->status, WNOHANG) != c->pid)
        return false;
    (void)close(c->pidfd);
    c->pidfd = -1;
    c->pid = 0;
    if (now_ms - c->started_ms >= STACK_CALM_MS)
        c->deaths = 0;
    c->start_at_ms =
        now_ms + MIN_OF((uint64_t)STACK_RESTART_BASE_MS << MIN_OF(c->deaths, 8U), (uint64_t)STACK_RESTART_MAX_MS);
    c->deaths++;
    return true;
}

void stack_child_signal(const struct stack_child *c, int signo)
{
    if (c->pid > 0)
        (void)kill(c->pid, signo); /* not reaped yet, so the number is still its own */
}

char *stack_child_how(const struct stack_child *c, char out[static 64])
{
    if (WIFSIGNALED(c->status))
        (void)snprintf(out, 64, "signal %d (%s)", WTERMSIG(c->status), strsignal(WTERMSIG(c->status)));
    else
        (void)snprintf(out, 64, "exit status %d", WEXITSTATUS(c->status));
    return out;
}

void stack_child_tail(const struct stack_child *c, size_t n, void (*say)(void *arg, const char *line), void *arg)
{
    char text[TAIL_BYTES + 1];
    const char *lines[TAIL_LINES_MAX];
    size_t count = 0;
    AUTO_CLOSE int fd = open(c->log_path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t got = size <= 0 ? 0 : pread(fd, text, TAIL_BYTES, size > TAIL_BYTES ? size - TAIL_BYTES : 0);
    if (got <= 0)
        return;
    text[got] = '\0';
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        lines[count++ % TAIL_LINES_MAX] = line;
    n = MIN_OF(MIN_OF(n, (size_t)TAIL_LINES_MAX), count);
    for (size_t i = count - n; i < count; i++)
        say(arg, lines[i % TAIL_LINES_MAX]);
}
