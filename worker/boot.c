/*
 * boot - why: a worker that starts half is worse than one that does not. Refuses to run outside a supervisor, which alone sets its
 * limits, renews its lease and watches its deadlines.
 */
#include "boot.h"

#include "alloc.h"
#include "clock.h"
#include "crash_guard.h"
#include "log.h"
#include "sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

static int boot_number(const char *name, const char *text, uint32_t most, uint32_t *ret, struct err *e)
{
    int64_t value;
    if (conf_parse_int(text, &value, NULL) < 0 || value < 0 || value > (int64_t)most)
        return err_set(e, ERR_BAD_ARGUMENT, "%s %s: not a whole number from 0 to %u", name, text, most);
    *ret = (uint32_t)value;
    return 0;
}

static int boot_repro(const char *text, enum repro_mode *ret, struct err *e)
{
    if (text && strcmp(text, "run") != 0 && strcmp(text, "hold") != 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--repro %s: allowed are run and hold", text);
    *ret = !text ? REPRO_NO : text[0] == 'r' ? REPRO_RUN : REPRO_HOLD;
    return 0;
}

int boot_arguments(struct boot *b, int argc, char *const argv[], struct err *e)
{
    enum { REQUIRED = 4 };
    static const char *const names[] = {"--pool", "--instance", "--slot", "--generation", "--repro"};
    const char *values[ARRAY_LEN(names)] = {NULL};
    for (int i = 1; i < argc; i += 2) {
        size_t k = 0;
        while (k < ARRAY_LEN(names) && strcmp(argv[i], names[k]) != 0)
            k++;
        if (k == ARRAY_LEN(names) || i + 1 == argc)
            return err_set(e, ERR_BAD_ARGUMENT,
                           "argument %s: %s; stint-worker is started by stint-supervisor, with --pool, --instance, --slot and "
                           "--generation",
                           argv[i], k == ARRAY_LEN(names) ? "unknown" : "its value is missing");
        values[k] = argv[i + 1];
    }
    for (size_t k = 0; k < REQUIRED; k++)
        if (!values[k])
            return err_set(e, ERR_BAD_ARGUMENT, "%s is missing; stint-worker is started by stint-supervisor, not by hand: "
                                                "use `stint up` or `stint-supervisor`", names[k]);
    *b = (struct boot){.pool_name = values[0]};
    int rc = boot_number(names[2], values[2], SCORE_SLOT_MAX - 1, &b->slot, e);
    if (rc == 0)
        rc = boot_number(names[3], values[3], UINT32_MAX, &b->generation, e);
    if (rc == 0)
        rc = boot_repro(values[REQUIRED], &b->repro, e);
    if (rc == 0 && (size_t)snprintf(b->instance, sizeof b->instance, "%s", values[1]) >= sizeof b->instance)
        rc = err_set(e, ERR_BAD_ARGUMENT, "--instance is longer than %zu characters", sizeof b->instance - 1);
    snprintf(b->consumer, sizeof b->consumer, "%s:%u:%u", b->instance, b->slot, b->generation);
    return rc;
}

/* Before anything that it shares with the supervisor is believed. */
static int boot_version(struct err *e)
{
    const char *text = getenv(IPC_VERSION_ENV);
    long theirs = text != NULL ? strtol(text, NULL, 10) : 1;
    return theirs == IPC_VERSION ? 0 : err_set(e, ERR_BOOT_FAILURE, IPC_VERSION_WORDS, (long)IPC_VERSION, theirs);
}

int boot_descriptors(struct err *e)
{
    int type = 0;
    socklen_t size = sizeof type;
    bool control = getsockopt(WORKER_FD_CONTROL, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
    if (!control || fcntl(WORKER_FD_SCOREBOARD, F_GETFD) < 0 || fcntl(WORKER_FD_CONFIG, F_GETFD) < 0 ||
        fcntl(WORKER_FD_LIFE, F_GETFD) < 0 || fcntl(WORKER_FD_CRASH, F_GETFD) < 0)
        return err_set(e, ERR_BOOT_FAILURE,
                       "descriptors %d to %d are not those a supervisor gives; stint-worker is started by stint-supervisor, not by "
                       "hand: use `stint up` or `stint-supervisor`",
                       WORKER_FD_SCOREBOARD, WORKER_FD_END - 1);
    if (close_range(WORKER_FD_END, ~0U, 0) < 0)
        return err_set_errno(e, errno, "cannot close foreign descriptors");
    for (int fd = WORKER_FD_SCOREBOARD; fd < WORKER_FD_END; fd++)
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
            return err_set_errno(e, errno, "cannot make descriptor %d close-on-exec", fd);
    return 0;
}

int boot_configuration(struct boot *b, struct err *e)
{
    log_init("worker", STDERR_FILENO, LOG_INFO, log_format_by_name("auto", STDERR_FILENO)); /* until the configuration says otherwise */
    b->conf = alloc_zero(1, sizeof *b->conf);
    int rc = boot_version(e);
    if (rc == 0)
        rc = conf_load_fd(b->conf, WORKER_FD_CONFIG, e);
    if (rc < 0)
        return rc;
    b->pool = conf_pool_of(b->conf, b->pool_name);
    if (!b->pool)
        return err_set(e, ERR_BAD_CONFIG, "--pool %s: the configuration has no section [pool.%s]", b->pool_name, b->pool_name);
    char first[KIND_MAX];
    snprintf(first, sizeof first, "%.*s", (int)MIN_OF(strcspn(b->pool->kinds, ", \t"), sizeof first - 1), b->pool->kinds);
    const char *queue = b->pool->queue[0] ? b->pool->queue : conf_queue_of_kind(b->conf, first);
    if (!queue)
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] names no queue, and its first kind \"%s\" has no default one", b->pool_name,
                       first);
    if (strlen(queue) >= sizeof b->queue)
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] queue: longer than %zu characters", b->pool_name, sizeof b->queue - 1);
    memcpy(b->queue, queue, strlen(queue) + 1);

    int level = log_level_by_name(b->conf->supervisor.log_level);
    log_init("worker", STDERR_FILENO, level < 0 ? LOG_INFO : (enum log_level)level,
             log_format_by_name(b->conf->supervisor.log_format, STDERR_FILENO));
    log_set_field("pool", b->pool_name);
    log_set_field("consumer", b->consumer);
    return 0;
}

int boot_scoreboard(struct boot *b, struct err *e)
{
    int rc = scoreboard_map(WORKER_FD_SCOREBOARD, &b->board);
    if (rc < 0)
        return err_set(e, ERR_BOOT_FAILURE, "descriptor %d is not this build's scoreboard (%s); were worker and supervisor "
                                            "installed together?", WORKER_FD_SCOREBOARD, err_name(rc));
    b->cell = &b->board->cells[b->slot];
    b->now = (struct score_now){.phase = PHASE_BOOT, .since_ms = clock_mono_ms()};
    score_publish(b->cell, &b->now);
    return 0;
}

/* What would change or watch the machine rather than this process. A worker links too much to list what it needs (TLS, DNS, libpq), so
 * what it must never do is listed. unshare, mount, umount2 and pivot_root stay where a parser is started: it gives up the network and the file
 * system by them. */
static const char *const REFUSED[] = {
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "perf_event_open", "bpf", "userfaultfd",
    "io_uring_setup", "mount_setattr", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
    "chroot", "setns", "swapon", "swapoff", "quotactl", "acct", "open_by_handle_at", "init_module",
    "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "settimeofday", "clock_settime",
    "clock_adjtime", "sethostname", "setdomainname", "iopl", "ioperm", "keyctl", "add_key", "request_key", NULL,
};
static const char *const REFUSED_TOO[] = {"execve", "execveat", "unshare", "mount", "umount2", "pivot_root", NULL};

int boot_sandbox(bool no_exec, struct err *e)
{
#ifdef STINT_SANITIZED /* it looks for leaks by ptrace */
    (void)no_exec;
    (void)e;
    (void)REFUSED;
    (void)REFUSED_TOO;
    return 0;
#else
    return sandbox_seccomp_deny(no_exec ? REFUSED_TOO : REFUSED, e);
#endif
}

void boot_crash_guard(void)
{
    int rc = crash_guard_install(WORKER_FD_CRASH, true);
    if (rc < 0) { /* no supervisor that wants one, or an old kernel: its death is told all the same */
        log_debug("this worker would leave no backtrace", KV_S("why", err_text(rc)));
        return;
    }
    log_on_line(crash_guard_words);
}

int boot_failed(const struct err *e)
{
    (void)ipc_send(WORKER_FD_CONTROL, IPC_BOOT_FAILED, e->message);
    log_error("the worker cannot start", KV_S("code", err_name(e->code)), KV_S("why", e->message));
    return WORKER_EXIT_BOOT;
}

void boot_fini(struct boot *b)
{
    scoreboard_free(b->board);
    free(b->conf);
    b->board = NULL;
    b->conf = NULL;
}
