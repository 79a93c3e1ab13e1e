/*
 * zygote - see zygote.h. Decides nothing about documents: it forks, waits, kills what is late and reports how each cell ended.
 */
#include "zygote.h"

#include "cell.h"
#include "clock.h"
#include "sandbox.h"
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { ZYGOTE_NOBODY = 65534, ZYGOTE_FDS = 2 };

struct zygote_cell {
    pid_t pid; /* 0: free */
    uint64_t id, started_ns, deadline_ms;
    bool timed_out, cancelled;
};

struct zygote {
    int fd, children_fd;
    uint64_t base_bytes;
    struct zygote_cell cells[PARSER_CELLS_MAX];
};

int zygote_confine(struct err *e)
{
    struct err why = {0};
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(ZYGOTE_NOBODY, ZYGOTE_NOBODY, ZYGOTE_NOBODY) < 0 ||
                           setresuid(ZYGOTE_NOBODY, ZYGOTE_NOBODY, ZYGOTE_NOBODY) < 0))
        return err_set(e, ERR_BOOT_FAILURE, "parser: root's rights could not be given up: %s", err_text(-errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_set(e, ERR_BOOT_FAILURE, "parser: no_new_privs could not be set: %s", err_text(-errno));
    /* The worker's own CPU limit is set job by job; a zygote started in the middle of one must not die of it. */
    struct rlimit cpu;
    if (getrlimit(RLIMIT_CPU, &cpu) == 0) {
        cpu.rlim_cur = cpu.rlim_max;
        (void)setrlimit(RLIMIT_CPU, &cpu);
    }
    (void)sandbox_namespaces(&why); /* seccomp stands on its own where the kernel refuses them */
    return 0;
}

static uint64_t zygote_address_space(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%llu", &pages) != 1)
            pages = 0;
        (void)fclose(file);
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void zygote_send(int fd, const struct parser_report *report)
{
    while (send(fd, report, sizeof *report, MSG_NOSIGNAL) < 0 && errno == EINTR)
        continue;
}

void zygote_boot_failed(int fd, const char *why)
{
    struct parser_report report = {.magic = PARSER_MAGIC, .type = PARSER_BOOT_FAILED};
    (void)snprintf(report.text, sizeof report.text, "%.*s", PARSER_TEXT_MAX - 1, why);
    zygote_send(fd, &report);
}

static void zygote_refuse(struct zygote *z, uint64_t id, const char *why)
{
    struct parser_report report = {.magic = PARSER_MAGIC, .type = PARSER_REPORT, .id = id,
                                   .wait_status = PARSER_EXIT_SANDBOX << 8};
    (void)snprintf(report.text, sizeof report.text, "%s", why);
    zygote_send(z->fd, &report);
}

static void zygote_start(struct zygote *z, const struct parser_request *r, const int fds[ZYGOTE_FDS])
{
    struct zygote_cell *cell = NULL;
    for (size_t i = 0; i < PARSER_CELLS_MAX && cell == NULL; i++)
        if (z->cells[i].pid == 0)
            cell = &z->cells[i];
    if (cell == NULL) {
        zygote_refuse(z, r->id, "all cells are taken");
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        cell_run(r, fds[0], fds[1], z->base_bytes);
    if (pid < 0) {
        zygote_refuse(z, r->id, strerror(errno));
        return;
    }
    *cell = (struct zygote_cell){.pid = pid, .id = r->id, .started_ns = clock_mono_ns(),
                                 .deadline_ms = clock_mono_ms() + MAX_OF(r->wall_ms, 1u)};
}

static void zygote_cancel(struct zygote *z, uint64_t id)
{
    for (size_t i = 0; i < PARSER_CELLS_MAX; i++)
        if (z->cells[i].pid != 0 && z->cells[i].id == id) {
            z->cells[i].cancelled = true;
            (void)kill(z->cells[i].pid, SIGKILL);
        }
}

/* One request. False when the worker is gone. */
static bool zygote_receive(struct zygote *z)
{
    struct parser_request r;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(ZYGOTE_FDS * sizeof(int))];
    } control;
    struct iovec io = {&r, sizeof r};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(z->fd, &message, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (n == 0)
        return false;
    int fds[ZYGOTE_FDS] = {-1, -1};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fds))
        memcpy(fds, CMSG_DATA(c), sizeof fds);
    bool whole = n == (ssize_t)sizeof r && r.magic == PARSER_MAGIC && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
    r.expect[sizeof r.expect - 1] = '\0';
    r.password[sizeof r.password - 1] = '\0';
    if (whole && r.type == PARSER_PARSE && fds[0] >= 0 && fds[1] >= 0)
        zygote_start(z, &r, fds);
    else if (whole && r.type == PARSER_CANCEL)
        zygote_cancel(z, r.id);
    for (size_t i = 0; i < ZYGOTE_FDS; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    explicit_bzero(r.password, sizeof r.password);
    return true;
}

static void zygote_reap(struct zygote *z)
{
    struct signalfd_siginfo ignored;
    (void)!read(z->children_fd, &ignored, sizeof ignored);
    struct rusage usage;
    int status;
    for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;)
        for (size_t i = 0; i < PARSER_CELLS_MAX; i++) {
            struct zygote_cell *cell = &z->cells[i];
            if (cell->pid != pid)
                continue;
            struct parser_report report = {
                .magic = PARSER_MAGIC,
                .type = PARSER_REPORT,
                .id = cell->id,
                .wait_status = status,
                .timed_out = cell->timed_out,
                .cancelled = cell->cancelled,
                .wall_us = (uint32_t)MIN_OF((clock_mono_ns() - cell->started_ns) / 1000, (uint64_t)UINT32_MAX),
                .cpu_us = (uint32_t)((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
                                     usage.ru_stime.tv_usec),
                .rss_bytes = (uint64_t)usage.ru_maxrss * 1024,
            };
            cell->pid = 0;
            zygote_send(z->fd, &report);
        }
}

/* Kills what is late; milliseconds until the next is, -1 when nothing runs. */
static int zygote_deadlines(struct zygote *z)
{
    uint64_t now = clock_mono_ms(), next = UINT64_MAX;
    for (size_t i = 0; i < PARSER_CELLS_MAX; i++) {
        struct zygote_cell *cell = &z->cells[i];
        if (cell->pid == 0 || cell->timed_out)
            continue;
        if (cell->deadline_ms <= now) {
            cell->timed_out = true;
            (void)kill(cell->pid, SIGKILL);
        } else {
            next = MIN_OF(next, cell->deadline_ms);
        }
    }
    return next == UINT64_MAX ? -1 : (int)MIN_OF(next - now, (uint64_t)3600000);
}

int zygote_serve(int fd)
{
    sigset_t children;
    struct zygote z = {.fd = fd, .base_bytes = zygote_address_space()};
    (void)sigemptyset(&children);
    (void)sigaddset(&children, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &children, NULL) < 0 || (z.children_fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        zygote_boot_failed(fd, "parser: the children's signal could not be taken");
        return 1;
    }
    struct parser_report ready = {.magic = PARSER_MAGIC, .type = PARSER_READY};
    zygote_send(fd, &ready);
    struct pollfd polled[2] = {{.fd = fd, .events = POLLIN}, {.fd = z.children_fd, .events = POLLIN}};
    for (bool alive = true; alive;) {
        int timeout = zygote_deadlines(&z);
        if (poll(polled, ARRAY_LEN(polled), timeout) < 0 && errno != EINTR)
            break;
        if (polled[1].revents != 0)
            zygote_reap(&z);
        if (polled[0].revents != 0)
            alive = zygote_receive(&z);
    }
    for (size_t i = 0; i < PARSER_CELLS_MAX; i++)
        if (z.cells[i].pid != 0)
            (void)kill(z.cells[i].pid, SIGKILL);
    return 0;
}
