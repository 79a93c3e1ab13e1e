/*
 * confine - see confine.h. Each wall stands alone: one that the host does not allow is told and the others stand. Only rights that could not be
 * given up refuse the start; seccomp, the wall no cell runs without, is the cell's own.
 */
#include "confine.h"

#include "landlock.h"
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { CONFINE_NOBODY = 65534 };

static const char *const names[WALL_COUNT] = {
#define X(name, text) [WALL_##name] = (text),
    WALL_TABLE(X)
#undef X
};

static int confine_step(bool done)
{
    return done ? 0 : errno;
}

static void confine_namespaces(struct walls *w)
{
    static const struct {
        enum wall wall;
        int flag;
    } spaces[] = {{WALL_NETWORK, CLONE_NEWNET}, {WALL_PIDS, CLONE_NEWPID}, {WALL_IPC, CLONE_NEWIPC}, {WALL_UTS, CLONE_NEWUTS}, {WALL_ROOT, CLONE_NEWNS}};
    w->error[WALL_USER] = confine_step(unshare(CLONE_NEWUSER) == 0);
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
        w->error[spaces[i].wall] = confine_step(unshare(spaces[i].flag) == 0);
}

/* The cells' pid namespace lives as long as its first process: it does nothing but end with the zygote, and the kernel then ends every
 * cell. Cells see neither the zygote nor the worker there. */
static int confine_init(struct walls *w)
{
    int pipe_fds[2];
    char byte;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return errno;
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGCHLD, SIG_IGN);
        (void)dup2(pipe_fds[0], 0);
        (void)close_range(1, ~0U, 0);
        while (read(0, &byte, 1) < 0 && errno == EINTR)
            continue;
        _exit(0);
    }
    int error = pid < 0 ? errno : 0;
    (void)close(pipe_fds[0]);
    if (pid < 0)
        (void)close(pipe_fds[1]);
    w->init_pid = MAX_OF(pid, 0);
    w->init_fd = pid < 0 ? -1 : pipe_fds[1];
    return error;
}

static bool confine_empty_root(void)
{
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2") == 0 &&
           chdir("/proc") == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
}

/* A host may forbid mounting by a filter that kills: a child finds out. */
static int confine_root(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGSYS, SIG_DFL);
        _exit(unshare(CLONE_NEWNS) == 0 && confine_empty_root() ? 0 : MAX_OF(errno, 1));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return errno;
    if (status != 0)
        return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
    return confine_step(confine_empty_root());
}

static int confine_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap);
    return confine_step(syscall(SYS_capset, &head, none) == 0);
}

static int confine_rights(struct err *e)
{
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(CONFINE_NOBODY, CONFINE_NOBODY, CONFINE_NOBODY) < 0 ||
                           setresuid(CONFINE_NOBODY, CONFINE_NOBODY, CONFINE_NOBODY) < 0))
        return err_set(e, ERR_BOOT_FAILURE, "parser: root's rights could not be given up: %s", err_text(-errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_set(e, ERR_BOOT_FAILURE, "parser: no_new_privs could not be set: %s", err_text(-errno));
    /* The worker's own CPU limit is set job by job; a zygote started in the middle of one must not die of it. */
    struct rlimit cpu;
    if (getrlimit(RLIMIT_CPU, &cpu) == 0) {
        cpu.rlim_cur = cpu.rlim_max;
        (void)setrlimit(RLIMIT_CPU, &cpu);
    }
    return 0;
}

int confine_enter(struct walls *w, struct err *e)
{
    *w = (struct walls){.landlock_fd = -1, .init_fd = -1};
    int rc = confine_rights(e);
    if (rc < 0)
        return rc;
    confine_namespaces(w);
    if (w->error[WALL_PIDS] == 0)
        w->error[WALL_PIDS] = confine_init(w);
    if (w->error[WALL_ROOT] == 0)
        w->error[WALL_ROOT] = confine_root();
    w->error[WALL_CAPABILITIES] = confine_capabilities();
    w->landlock_abi = landlock_abi();
    w->landlock_fd = landlock_deny_all();
    int entered = w->landlock_fd < 0 ? w->landlock_fd : landlock_enter(w->landlock_fd);
    w->error[WALL_LANDLOCK] = entered < 0 ? -entered : 0;
    return 0;
}

const char *confine_wall_name(enum wall wall)
{
    return names[wall];
}

void confine_describe(const struct walls *w, char *ret_text, size_t size)
{
    size_t at = 0;
    ret_text[0] = '\0';
    for (int missing = 0; missing < 2; missing++)
        for (size_t i = 0, n = 0; i < WALL_COUNT; i++) {
            if ((w->error[i] != 0) != (missing == 1) || at >= size)
                continue;
            const char *before = n++ > 0 ? ", " : missing ? "; missing: " : "holds: ";
            at += (size_t)snprintf(ret_text + at, size - at, "%s%s", before, names[i]);
            if (missing && at < size)
                at += (size_t)snprintf(ret_text + at, size - at, " (%s)", strerror(w->error[i]));
            else if (i == WALL_LANDLOCK && at < size)
                at += (size_t)snprintf(ret_text + at, size - at, " (version %d)", w->landlock_abi);
        }
}
