/*
 * slot_start - see slot_start.h. The one place that says what a worker may have; refuses to give it the supervisor's
 * environment or any descriptor that is not in the list of ipc.h.
 */
#include "slot_start.h"

#include "buf.h"
#include "ipc.h"
#include "limits.h"
#include "spawn.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { CONFIG_TEXT_MAX = 1 << 20, START_ARGS_MAX = 14 };

/* What a worker may see of the environment: nothing that holds a secret, nothing that is a promise to the supervisor
 * alone (NOTIFY_SOCKET). */
static const char *const env_names[] = {
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
#ifdef STINT_TEST_HOOKS
    "STINT_KILL_POINT",
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
    "LSAN_OPTIONS",
    "TSAN_OPTIONS",
    "STINT_TEST_DIR",
    "STINT_TEST_CLOCK",
    "LD_PRELOAD",
#endif
};
_Static_assert(ARRAY_LEN(env_names) + 1 < START_ENV_MAX, "room for our version and the terminating NULL");

static int write_all(int fd, const char *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int slot_start_config(const struct conf *conf, int *ret_fd, struct err *e)
{
    struct buf text;
    buf_init(&text, CONFIG_TEXT_MAX);
    int rc = conf_print(conf, &text, true);
    AUTO_CLOSE int fd = -1;
    if (rc < 0) {
        (void)err_set(e, rc, "cannot write the configuration for a worker: it is larger than %d bytes",
                      CONFIG_TEXT_MAX);
        goto out;
    }
    fd = memfd_create("stint-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    rc = fd < 0 ? -errno : write_all(fd, text.data, text.len);
    if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
        rc = -errno;
    if (rc == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        rc = -errno;
    if (rc < 0) {
        (void)err_set_errno(e, -rc, "cannot make the memory file that hands a worker its configuration");
        goto out;
    }
    *ret_fd = fd;
    fd = -1;
out:
    buf_fini(&text);
    return rc;
}

static struct limits limits_of(const struct conf_pool *p)
{
    struct limits l = {
        .files = (uint64_t)p->files,
        .processes = (uint64_t)p->processes,
        .core_bytes_set = 1,
        .core_bytes = (uint64_t)p->core,
        .file_size_bytes = (uint64_t)p->file_size,
        .no_new_privs = true,
        .parent_death_signal = SIGKILL,
    };
#ifndef STINT_SANITIZED /* a sanitizer reserves terabytes of addresses */
    l.address_space_bytes = (uint64_t)p->memory;
#endif
    return l;
}

int slot_start_environment(char *ret_env[static START_ENV_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(env_names); i++) {
        const char *value = getenv(env_names[i]);
        if (value == NULL)
            continue;
        if (asprintf(&ret_env[n], "%s=%s", env_names[i], value) < 0) {
            ret_env[n] = NULL;
            return -ENOMEM;
        }
        n++;
    }
    if (asprintf(&ret_env[n], IPC_VERSION_ENV "=%d", IPC_VERSION) < 0) {
        ret_env[n] = NULL;
        return -ENOMEM;
    }
    ret_env[n + 1] = NULL;
    return 0;
}

static int start_with(const struct slot_start *in, char *const env[], int config_fd, int control_fd, pid_t *ret_pid,
                      struct err *e)
{
    char pool[QUEUE_MAX], instance[INSTANCE_MAX], slot[16], generation[16];
    (void)snprintf(pool, sizeof pool, "%s", in->pool->name);
    (void)snprintf(instance, sizeof instance, "%s", in->instance);
    (void)snprintf(slot, sizeof slot, "%u", in->slot);
    (void)snprintf(generation, sizeof generation, "%u", in->generation);
    char name[512], wrap[512], repro[8], a_pool[] = "--pool", a_slot[] = "--slot", a_instance[] = "--instance",
                                         a_generation[] = "--generation", a_repro[] = "--repro";
    char *argv[START_ARGS_MAX] = {name,       a_pool,   pool,         a_slot,     slot,
                                  a_instance, instance, a_generation, generation, NULL};
    (void)snprintf(name, sizeof name, "%s", in->wrap ? in->program : "stint-worker");
    (void)snprintf(wrap, sizeof wrap, "%s", in->wrap ? in->wrap : "");
    (void)snprintf(repro, sizeof repro, "%s", in->repro ? in->repro : "");
    size_t n = 9;
    if (in->repro) {
        argv[n++] = a_repro;
        argv[n++] = repro;
    }
    if (in->wrap) {
        memmove(argv + 1, argv, n * sizeof *argv);
        argv[0] = wrap;
    }
    const int fds[WORKER_FD_END] = {
        [0] = -1,
        [1] = in->log_fd,
        [2] = in->log_fd,
        [WORKER_FD_SCOREBOARD] = in->board_fd,
        [WORKER_FD_CONTROL] = control_fd,
        [WORKER_FD_CONFIG] = config_fd,
        [WORKER_FD_LIFE] = in->life_fd,
        [WORKER_FD_CRASH] = in->crash_fd,
    };
    struct limits limits = limits_of(in->pool);
    const struct spawn s = {
        .path = in->wrap ? in->wrap : in->program,
        .argv = argv,
        .envp = env,
        .fds = fds,
        .n_fds = ARRAY_LEN(fds),
        .limits = &limits,
        .cgroup_fd = MAX_OF(in->cgroup_fd, 0),
        .new_process_group = true,
    };
    return spawn_exec(&s, ret_pid, e);
}

int slot_start(const struct slot_start *in, pid_t *ret_pid, int *ret_control_fd, struct err *e)
{
    char *env[START_ENV_MAX] = {NULL};
    int pair[2] = {-1, -1};
    AUTO_CLOSE int config_fd = -1;
    int rc = slot_start_config(in->conf, &config_fd, e);
    if (rc < 0)
        return rc;
    rc = slot_start_environment(env);
    if (rc < 0) {
        (void)err_set_errno(e, -rc, "cannot copy the environment for a worker");
        goto out;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        rc = err_set_errno(e, errno, "cannot make the control socket of a worker; is the open-files limit too low?");
        goto out;
    }
    rc = start_with(in, env, config_fd, pair[1], ret_pid, e);
    if (rc < 0)
        goto out;
    *ret_control_fd = pair[0];
    pair[0] = -1;
out:
    base_close_fd(&pair[0]);
    base_close_fd(&pair[1]);
    for (size_t i = 0; i < START_ENV_MAX; i++)
        free(env[i]);
    return rc;
}
