/*
 * stack_lock - see stack_lock.h. It refuses to trust a pid file alone: after a crash or a reboot the number may be
 * anybody's.
 */
#include "stack_lock.h"

#include "clock.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { LOCK_EVERY_MS = 50 };

/* Field 22 of /proc/PID/stat: start time in clock ticks since boot. 0 when there is no such process. */
static unsigned long long start_time(pid_t pid)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *p = strrchr(text, ')'); /* the name before it may hold anything */
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p ? strtoull(p, NULL, 10) : 0;
}

static int open_lock(const struct stack_dir *d, struct err *e)
{
    char path[STACK_PATH_MAX];
    int fd = open(stack_dir_path(d, "stack.lock", path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? err_set_errno(e, errno, "cannot open %s; is the folder yours?", path) : fd;
}

/* Waits for the lock while nobody owns it but parts that are ending. There is no event to wait for: flock has no
 * deadline. */
static int await_lock(const struct stack_dir *d, int fd, int64_t wait_ms, void (*on_wait)(void *arg), void *arg,
                      struct err *e)
{
    uint64_t deadline = clock_mono_ms() + (uint64_t)wait_ms;
    bool told = false;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        pid_t pid;
        AUTO_CLOSE int pidfd = -1;
        if (stack_lock_holder(d, &pidfd, &pid, NULL) == 0)
            return err_set(e, ERR_REFUSED,
                           "a stack of %s is running already (pid %d); stop it with \"stint down --dir %s\"", d->root,
                           (int)pid, d->root);
        if (clock_mono_ms() > deadline)
            return err_set(e, ERR_TIMED_OUT,
                           "parts of an earlier stack of %s are still ending; look for them with \"fuser %s/"
                           "stack.lock\"",
                           d->root, d->root);
        if (!told && on_wait)
            on_wait(arg);
        told = true;
        (void)poll(NULL, 0, LOCK_EVERY_MS);
    }
    return 0;
}

int stack_lock_take(const struct stack_dir *d, int64_t wait_ms, void (*on_wait)(void *arg), void *arg, int *ret_fd,
                    struct err *e)
{
    char path[STACK_PATH_MAX], text[64];
    int fd = open_lock(d, e);
    int rc = fd < 0 ? fd : await_lock(d, fd, wait_ms, on_wait, arg, e);
    if (rc < 0) {
        base_close_fd(&fd);
        return rc;
    }
    int n = snprintf(text, sizeof text, "%d %llu\n", (int)getpid(), start_time(getpid()));
    AUTO_CLOSE int pid_fd =
        open(stack_dir_path(d, "stack.pid", path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (pid_fd < 0 || write(pid_fd, text, (size_t)n) != n) {
        (void)close(fd);
        return err_set_errno(e, errno, "cannot write %s; is the disk full?", path);
    }
    *ret_fd = fd;
    return 0;
}

static int nobody(const struct stack_dir *d, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "no stack is running in %s", d->root);
}

int stack_lock_holder(const struct stack_dir *d, int *ret_pidfd, pid_t *ret_pid, struct err *e)
{
    char path[STACK_PATH_MAX], text[64] = "";
    if (access(stack_dir_path(d, "stack.lock", path), F_OK) < 0)
        return nobody(d, e);
    AUTO_CLOSE int lock_fd = open_lock(d, e);
    if (lock_fd < 0)
        return lock_fd;
    if (flock(lock_fd, LOCK_SH | LOCK_NB) == 0)
        return nobody(d, e);
    AUTO_CLOSE int fd = open(stack_dir_path(d, "stack.pid", path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int pid = 0;
    unsigned long long started = 0;
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0 || sscanf(text, "%d %llu", &pid, &started) != 2 || pid <= 1)
        return err_set(e, ERR_NOT_FOUND, "a stack holds %s but %s does not name it; it may be starting: try again",
                       d->root, path);
    int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    struct pollfd dead = {.fd = pidfd, .events = POLLIN}; /* readable: it ended, though nobody has collected it */
    if (pidfd < 0 || start_time(pid) != started || poll(&dead, 1, 0) != 0) {
        base_close_fd(&pidfd); /* start_time after pidfd_open, so that the pid cannot change hands in between */
        return nobody(d, e);
    }
    *ret_pidfd = pidfd;
    *ret_pid = pid;
    return 0;
}
