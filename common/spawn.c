/*
 * spawn - see spawn.h. The window between fork and exec belongs to a copy of a process that may have had threads: the
 * child makes system calls only, tells its parent through a close-on-exec pipe which step failed, and never returns
 * from here. It refuses to run the program when any step of descriptors, user or limits fails.
 */
#include "spawn.h"

#include "build_info.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { SPAWN_FDS_MAX = 32 };

/* What the child says before it exits; `step` points into the program's text, which parent and child share until exec.
 */
struct spawn_failure {
    int sys_errno;
    const char *step;
};

static NORETURN void spawn_child_fail(int status_fd, int sys_errno, const char *step)
{
    struct spawn_failure failure = {sys_errno, step};
    ssize_t n UNUSED = write(status_fd, &failure, sizeof failure);
    _exit(127);
}

/* Handlers of the parent must not run here, and ignored signals would stay ignored across exec. */
static void spawn_child_signals(void)
{
    struct sigaction sa = {.sa_handler = SIG_DFL};
    for (int signo = 1; signo < NSIG; signo++)
        (void)sigaction(signo, &sa, NULL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Puts fds[i] at i, the status pipe right above, and closes the rest. Sources are first copied above the target range
 * so that no dup2 overwrites one still needed. Returns the status pipe's new number. */
static int spawn_child_fds(const struct spawn *s, int status_fd)
{
    int high[SPAWN_FDS_MAX];
    int floor = (int)s->n_fds + 1;
    int status = fcntl(status_fd, F_DUPFD_CLOEXEC, floor);
    if (status < 0)
        spawn_child_fail(status_fd, errno, "copying the status pipe");
    for (size_t i = 0; i < s->n_fds; i++) {
        int fd = s->fds[i] >= 0 ? s->fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
        high[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, floor);
        if (high[i] < 0)
            spawn_child_fail(status, errno, s->fds[i] >= 0 ? "copying descriptors" : "opening /dev/null");
    }
    for (size_t i = 0; i < s->n_fds; i++)
        if (dup2(high[i], (int)i) < 0)
            spawn_child_fail(status, errno, "placing descriptors");
    if (dup3(status, (int)s->n_fds, O_CLOEXEC) < 0)
        spawn_child_fail(status, errno, "placing the status pipe");
    status = (int)s->n_fds;
    if (syscall(SYS_close_range, (unsigned)status + 1, ~0u, 0) < 0)
        spawn_child_fail(status, errno, "closing descriptors (close_range needs Linux 5.9)");
    return status;
}

/* Raw system calls: glibc's wrappers would try to tell threads that do not exist here. */
static void spawn_child_user(const struct spawn *s, int status_fd)
{
    if (s->uid == 0)
        return;
    if (syscall(SYS_setgroups, 0, NULL) < 0)
        spawn_child_fail(status_fd, errno, "dropping supplementary groups");
    if (syscall(SYS_setresgid, s->gid, s->gid, s->gid) < 0)
        spawn_child_fail(status_fd, errno, "setting the group");
    if (syscall(SYS_setresuid, s->uid, s->uid, s->uid) < 0)
        spawn_child_fail(status_fd, errno, "setting the user");
}

/* Where the kernel or a container's filter knows no clone into a group: the child goes there itself, before anything that
 * could cost memory. */
static void spawn_child_enter_cgroup(const struct spawn *s, int status_fd)
{
    int fd = openat(s->cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
        spawn_child_fail(status_fd, errno, "entering its cgroup");
    (void)close(fd);
}

static NORETURN void spawn_child(const struct spawn *s, int status_fd, pid_t parent, bool in_cgroup)
{
    spawn_child_signals();
    if (s->cgroup_fd != 0 && !in_cgroup)
        spawn_child_enter_cgroup(s, status_fd);
    int status = spawn_child_fds(s, status_fd);
    if (s->new_process_group && setpgid(0, 0) < 0)
        spawn_child_fail(status, errno, "making a process group");
    spawn_child_user(s, status);
    const char *what = "limits"; /* after the user: a change of user clears the parent-death signal */
    int rc = s->limits != NULL ? limits_apply(s->limits, &what) : 0;
    if (rc < 0)
        spawn_child_fail(status, -rc, what);
    if (s->limits != NULL && s->limits->parent_death_signal != 0 && getppid() != parent)
        spawn_child_fail(status, ESRCH, "the parent died meanwhile");
    (void)execve(s->path, s->argv, s->envp != NULL ? s->envp : environ);
    spawn_child_fail(status, errno, "exec");
}

/* Waits for the pipe to close (exec) or to say what failed. 0 or a negative code; the child is reaped on failure. */
static int spawn_await(const struct spawn *s, pid_t pid, int read_fd, struct err *e)
{
    struct spawn_failure failure;
    ssize_t n;
    do
        n = read(read_fd, &failure, sizeof failure);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    pid_t reaped;
    do
        reaped = waitpid(pid, NULL, 0);
    while (reaped < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof failure)
        return err_set(e, -EIO, "starting %s: its status pipe was cut short", s->path);
    return err_set_errno(e, failure.sys_errno, "starting %s failed at: %s", s->path, failure.step);
}

/* A child born in the group: moving one afterwards waits for every processor. glibc has no wrapper; the child is as after
 * fork, and what glibc would have mended in it (locks, handlers) is not used before exec. */
static pid_t spawn_clone_into_cgroup(const struct spawn *s)
{
    struct clone_args args = {
        .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)(unsigned)s->cgroup_fd};
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static pid_t spawn_fork(const struct spawn *s, int status_fd)
{
    sigset_t all, before;
    pid_t parent = getpid();
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = s->cgroup_fd != 0 ? spawn_clone_into_cgroup(s) : -1;
    bool in_cgroup = pid >= 0;
    if (!in_cgroup)
        pid = fork();
    if (pid == 0)
        spawn_child(s, status_fd, parent, in_cgroup);
    int saved_errno = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved_errno;
    return pid;
}

int spawn_exec(const struct spawn *s, pid_t *ret_pid, struct err *e)
{
    if (s->n_fds > SPAWN_FDS_MAX)
        return err_set(e, -EINVAL, "starting %s: %zu descriptors given, at most %d allowed", s->path, s->n_fds,
                       SPAWN_FDS_MAX);
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_set_errno(e, errno, "starting %s: no status pipe", s->path);
    AUTO_CLOSE int read_fd = pipe_fds[0];
    AUTO_CLOSE int write_fd = pipe_fds[1];
    pid_t pid = spawn_fork(s, write_fd);
    if (pid < 0)
        return err_set_errno(e, errno, "starting %s: fork", s->path);
    base_close_fd(&write_fd);
    int rc = spawn_await(s, pid, read_fd, e);
    if (rc == 0)
        *ret_pid = pid;
    return rc;
}

/* Writes folder/name to ret_path when that is a program this user may run. */
static bool spawn_try(const char *folder, size_t folder_len, const char *name, char *ret_path, size_t size)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%.*s/%s", (int)folder_len, folder, name);
    if (n < 0 || (size_t)n >= sizeof path || (size_t)n >= size || path[0] != '/' || access(path, X_OK) != 0)
        return false;
    memcpy(ret_path, path, (size_t)n + 1);
    return true;
}

/* PREFIX/bin/… started us: the others are in PREFIX/libexec/stint, wherever the install put PREFIX. */
static bool spawn_beside_bin(const char *folder, size_t folder_len, const char *name, char *ret_path, size_t size)
{
    char libexec[4096 + 32];
    int n = snprintf(libexec, sizeof libexec, "%.*s/../libexec/stint", (int)folder_len, folder);
    return n > 0 && spawn_try(libexec, (size_t)n, name, ret_path, size);
}

int spawn_find_program(const char *name, char *ret_path, size_t size, struct err *e)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    size_t beside = 0;
    for (ssize_t i = 0; i < n; i++)
        if (self[i] == '/')
            beside = (size_t)i;
    if (spawn_try(self, beside, name, ret_path, size) ||
        spawn_beside_bin(self, beside, name, ret_path, size) ||
        spawn_try(STINT_LIBEXECDIR, strlen(STINT_LIBEXECDIR), name, ret_path, size) ||
        spawn_try(STINT_BINDIR, strlen(STINT_BINDIR), name, ret_path, size))
        return 0;
    const char *path = getenv("PATH");
    for (const char *p = path; p != NULL && *p != '\0';) {
        size_t len = strcspn(p, ":");
        if (spawn_try(p, len, name, ret_path, size))
            return 0;
        p += len + (p[len] == ':');
    }
    return err_set(e, -ENOENT, "the program %s was not found in %.*s, ../libexec/stint, %s, %s or $PATH; install it beside the others",
                   name, (int)beside, self, STINT_LIBEXECDIR, STINT_BINDIR);
}
