/*
 * zygote - see zygote.h. Decides nothing about documents: it forks, waits, kills what is late or done and reports how each cell ended.
 */
#include "zygote.h"

#include "cell.h"
#include "clock.h"
#include "packet.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { ZYGOTE_CELLS = 3 * PARSER_CELLS_MAX, ZYGOTE_SPARES_LOST_MAX = 3, ZYGOTE_POLLED = 2 + ZYGOTE_CELLS, ZYGOTE_WORDS = 2 };

enum cell_state { CELL_SPARE, CELL_RUNNING, CELL_ENDING };

struct zygote_cell {
    pid_t pid; /* 0: free */
    int fd;    /* where it waits for its request and speaks (struct cell_word); kept until it is dead */
    enum cell_state state; /* spare: it was sent no request; ending: reported, killed and not yet dead */
    uint64_t id, started_ns, deadline_ms;
    bool timed_out, cancelled, taken;
    unsigned words;    /* packets it said; more than ZYGOTE_WORDS are not read */
    bool held;         /* a debugger sees it to its own end */
    uint32_t cpu_s;
    uint64_t memory_bytes;
};

struct zygote {
    int fd, children_fd;
    const struct cell_setup *setup;
    size_t spares_wanted; /* as many as ran at once so far, at least one */
    int spares_lost;      /* in a row, without a request: beyond the maximum none is made ahead */
    struct zygote_cell cells[ZYGOTE_CELLS];
};

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

/* Forks a cell that waits for its request. NULL with errno when that is not possible. */
static struct zygote_cell *zygote_fork(struct zygote *z)
{
    struct zygote_cell *cell = NULL;
    int pair[2];
    for (size_t i = 0; i < ZYGOTE_CELLS && cell == NULL; i++)
        if (z->cells[i].pid == 0)
            cell = &z->cells[i];
    if (cell == NULL) {
        errno = EAGAIN;
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return NULL;
    pid_t pid = fork();
    if (pid == 0)
        cell_run(pair[1], z->setup);
    int error = errno;
    (void)close(pair[1]);
    if (pid < 0) {
        (void)close(pair[0]);
        errno = error;
        return NULL;
    }
    *cell = (struct zygote_cell){.pid = pid, .fd = pair[0], .state = CELL_SPARE};
    return cell;
}

static size_t zygote_count(const struct zygote *z, enum cell_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < ZYGOTE_CELLS; i++)
        n += z->cells[i].pid != 0 && z->cells[i].state == state;
    return n;
}

static void zygote_keep_spares(struct zygote *z)
{
    while (z->spares_lost < ZYGOTE_SPARES_LOST_MAX && zygote_count(z, CELL_SPARE) < z->spares_wanted)
        if (zygote_fork(z) == NULL)
            return; /* tried again at the next event; a document does not depend on it */
}

/* True when the cell has the request now. */
static bool zygote_hand(struct zygote_cell *cell, const struct parser_request *r, const int fds[PARSER_FDS])
{
    bool sent = packet_send(cell->fd, r, sizeof *r, fds, PARSER_FDS) == 0;
    cell->state = CELL_RUNNING;
    cell->id = sent ? r->id : 0;
    cell->held = r->hold != 0;
    cell->cpu_s = r->cpu_s;
    cell->memory_bytes = r->memory_bytes;
    cell->started_ns = clock_mono_ns();
    cell->deadline_ms = sent ? clock_mono_ms() + MAX_OF(r->wall_ms, 1u) : UINT64_MAX;
    return sent;
}

static void zygote_start(struct zygote *z, const struct parser_request *r, const int fds[PARSER_FDS])
{
    if (zygote_count(z, CELL_RUNNING) >= PARSER_CELLS_MAX) {
        zygote_refuse(z, r->id, "all cells are taken");
        return;
    }
    bool given = false;
    for (size_t i = 0; i < ZYGOTE_CELLS && !given; i++)
        if (z->cells[i].pid != 0 && z->cells[i].state == CELL_SPARE)
            given = zygote_hand(&z->cells[i], r, fds); /* one that was killed in this moment does not take it */
    struct zygote_cell *cell = given ? NULL : zygote_fork(z);
    if (!given && (cell == NULL || !zygote_hand(cell, r, fds))) {
        zygote_refuse(z, r->id, strerror(errno));
        return;
    }
    z->spares_lost = 0;
    z->spares_wanted = MAX_OF(z->spares_wanted, zygote_count(z, CELL_RUNNING));
}

static void zygote_cancel(struct zygote *z, uint64_t id)
{
    for (size_t i = 0; i < ZYGOTE_CELLS; i++)
        if (z->cells[i].pid != 0 && z->cells[i].id == id && id != 0) {
            z->cells[i].cancelled = true;
            (void)kill(z->cells[i].pid, SIGKILL);
        }
}

/* One request. False when the worker is gone. */
static bool zygote_receive(struct zygote *z)
{
    struct parser_request r;
    int fds[PARSER_FDS];
    ssize_t n = packet_receive(z->fd, &r, sizeof r, fds, PARSER_FDS, 0);
    if (n <= 0)
        return n == -EAGAIN || n == -EMSGSIZE;
    bool whole = n == (ssize_t)sizeof r && r.magic == PARSER_MAGIC;
    r.expect[sizeof r.expect - 1] = '\0';
    r.password[sizeof r.password - 1] = '\0';
    if (whole && r.type == PARSER_PARSE && fds[0] >= 0 && fds[1] >= 0)
        zygote_start(z, &r, fds);
    else if (whole && r.type == PARSER_CANCEL)
        zygote_cancel(z, r.id);
    for (size_t i = 0; i < PARSER_FDS; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    explicit_bzero(&r, sizeof r); /* cells to come are forked from this memory */
    return true;
}

static void zygote_report(struct zygote *z, const struct zygote_cell *cell, int status, uint64_t cpu_us, uint64_t peak_bytes)
{
    struct parser_report report = {
        .magic = PARSER_MAGIC,
        .type = PARSER_REPORT,
        .id = cell->id,
        .wait_status = status,
        .timed_out = cell->timed_out,
        .cancelled = cell->cancelled,
        .unread = !cell->taken,
        .cpu_spent = cpu_us >= (uint64_t)MAX_OF(cell->cpu_s, 1u) * 1000000,
        .wall_us = (uint32_t)MIN_OF((clock_mono_ns() - cell->started_ns) / 1000, (uint64_t)UINT32_MAX),
        .cpu_us = (uint32_t)MIN_OF(cpu_us, (uint64_t)UINT32_MAX),
        .rss_bytes = peak_bytes,
    };
    zygote_send(z->fd, &report);
}

/* The cell's document is answered: the rest of the process, its end among it, is nobody's wait. It is killed at once, whatever it would still do;
 * the reader seals the reply before it looks. Of its word, the end of the reply alone is believed; its memory within what it was allowed. */
static void zygote_done(struct zygote *z, struct zygote_cell *cell, uint64_t peak_bytes)
{
    clockid_t clock;
    struct timespec cpu;
    if (cell->id == 0 || cell->held || cell->timed_out || cell->cancelled || zygote_count(z, CELL_ENDING) >= PARSER_CELLS_MAX)
        return; /* reported at its end: that is the next thing it does, or its deadline comes */
    if (clock_getcpuclockid(cell->pid, &clock) != 0 || clock_gettime(clock, &cpu) < 0 || kill(cell->pid, SIGKILL) < 0)
        return;
    zygote_report(z, cell, 0, (uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / 1000,
                  MIN_OF(peak_bytes, z->setup->base_bytes + cell->memory_bytes));
    cell->state = CELL_ENDING;
    cell->id = 0;
}

static bool zygote_listens(const struct zygote_cell *cell)
{
    return cell->pid != 0 && cell->state == CELL_RUNNING && cell->words < ZYGOTE_WORDS;
}

/* One packet, or the end of file, of the few that are read of a cell: what says more cannot keep this process busy. True when it said that it is
 * done. */
static bool zygote_hear(struct zygote_cell *cell, struct cell_word *ret_word)
{
    *ret_word = (struct cell_word){0};
    ssize_t n = recv(cell->fd, ret_word, sizeof *ret_word, MSG_DONTWAIT);
    cell->words += n >= 0;
    bool whole = n == (ssize_t)sizeof *ret_word, first = !cell->taken;
    cell->taken = cell->taken || (whole && ret_word->says == CELL_TAKEN);
    return whole && !first && ret_word->says == CELL_DONE;
}

static void zygote_ended(struct zygote *z, struct zygote_cell *cell, int status, const struct rusage *usage)
{
    struct cell_word word;
    if (!cell->taken && zygote_listens(cell))
        (void)zygote_hear(cell, &word);
    if (cell->id != 0)
        zygote_report(z, cell, status, (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
                                           (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec), (uint64_t)usage->ru_maxrss * 1024);
    else if (cell->state != CELL_ENDING)
        z->spares_lost++;
    (void)close(cell->fd);
    *cell = (struct zygote_cell){.fd = -1};
}

/* False when the cells' pid namespace is gone: none can be made any more. */
static bool zygote_reap(struct zygote *z)
{
    struct signalfd_siginfo ignored;
    (void)!read(z->children_fd, &ignored, sizeof ignored);
    struct rusage usage;
    int status;
    for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;) {
        if (pid == z->setup->walls.init_pid)
            return false;
        for (size_t i = 0; i < ZYGOTE_CELLS; i++) {
            struct zygote_cell *cell = &z->cells[i];
            if (cell->pid == pid)
                zygote_ended(z, cell, status, &usage);
        }
    }
    return true;
}

/* Kills what is late; milliseconds until the next is, -1 when nothing runs. */
static int zygote_deadlines(struct zygote *z)
{
    uint64_t now = clock_mono_ms(), next = UINT64_MAX;
    for (size_t i = 0; i < ZYGOTE_CELLS; i++) {
        struct zygote_cell *cell = &z->cells[i];
        if (cell->pid == 0 || cell->id == 0 || cell->timed_out)
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

/* Which of the cells are heard: that of polled[2 + i] is cells[i]. */
static void zygote_poll_cells(const struct zygote *z, struct pollfd polled[ZYGOTE_POLLED])
{
    for (size_t i = 0; i < ZYGOTE_CELLS; i++)
        polled[2 + i] = (struct pollfd){.fd = zygote_listens(&z->cells[i]) ? z->cells[i].fd : -1, .events = POLLIN};
}

static void zygote_hear_cells(struct zygote *z, const struct pollfd polled[ZYGOTE_POLLED])
{
    struct cell_word word;
    for (size_t i = 0; i < ZYGOTE_CELLS; i++)
        if (polled[2 + i].revents != 0 && zygote_hear(&z->cells[i], &word))
            zygote_done(z, &z->cells[i], word.peak_bytes);
}

int zygote_serve(int fd, const struct cell_setup *setup, const char *identity)
{
    sigset_t children;
    struct zygote z = {.fd = fd, .setup = setup, .spares_wanted = 1};
    (void)sigemptyset(&children);
    (void)sigaddset(&children, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &children, NULL) < 0 || (z.children_fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        zygote_boot_failed(fd, "parser: the children's signal could not be taken");
        return 1;
    }
    struct parser_report ready = {.magic = PARSER_MAGIC, .type = PARSER_READY};
    confine_describe(&setup->walls, ready.text, sizeof ready.text);
    (void)snprintf(ready.layouts, sizeof ready.layouts, "%s", setup->layouts->digest);
    (void)snprintf(ready.identity, sizeof ready.identity, "%s", identity);
    zygote_send(fd, &ready);
    struct pollfd polled[ZYGOTE_POLLED] = {{.fd = fd, .events = POLLIN}, {.fd = z.children_fd, .events = POLLIN}};
    for (bool alive = true; alive;) {
        zygote_keep_spares(&z);
        int timeout = zygote_deadlines(&z);
        zygote_poll_cells(&z, polled);
        if (poll(polled, ARRAY_LEN(polled), timeout) < 0 && errno != EINTR)
            break;
        zygote_hear_cells(&z, polled);
        if (polled[1].revents != 0)
            alive = zygote_reap(&z);
        if (alive && polled[0].revents != 0)
            alive = zygote_receive(&z);
    }
    for (size_t i = 0; i < ZYGOTE_CELLS; i++)
        if (z.cells[i].pid != 0)
            (void)kill(z.cells[i].pid, SIGKILL);
    return 0;
}
