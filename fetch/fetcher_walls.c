/*
 * fetcher_walls - see fetcher_walls.h. A list of what is allowed, measured with strace over names, TLS and transfers on Debian 12, with the
 * neighbours that other versions of the C library use for the same. Refuses to run with half of it.
 */
#include "fetcher_walls.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { WALLS_NOBODY = 65534 };

/* Names, TLS and libcurl; nothing that makes, names or changes a file, a process or another's memory. */
static const char *const ALLOWED[] = {
    "read", "readv", "pread64", "write", "writev", "close", "lseek", "fstat", "newfstatat", "stat", "lstat", "statx", "statfs", "fstatfs", "access",
    "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd", "fcntl", "dup", "ioctl", "flock", "fadvise64",
    "mmap", "munmap", "mremap", "mprotect", "madvise", "brk",
    "bind", "connect", "getsockopt", "setsockopt", "getsockname", "getpeername", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
    "shutdown", "socketpair", "poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "eventfd2", "pipe2", "futex", "set_robust_list", "get_robust_list", "rseq", "exit", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "sigaltstack", "restart_syscall", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "clock_gettime",
    "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "uname", "sysinfo", "sched_getaffinity", "sched_yield",
    "getrlimit", "getrusage", "membarrier", "arch_prctl", "set_tid_address", "tgkill",
};

static int walls_user(struct err *e)
{
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(WALLS_NOBODY, WALLS_NOBODY, WALLS_NOBODY) < 0 ||
                           setresuid(WALLS_NOBODY, WALLS_NOBODY, WALLS_NOBODY) < 0))
        return err_set(e, ERR_BOOT_FAILURE, "fetch: root's rights could not be given up: %s", err_text(-errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_set(e, ERR_BOOT_FAILURE, "fetch: no_new_privs could not be set: %s", err_text(-errno));
    return 0;
}

static void walls_may_read(int ruleset, const char *path)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
    struct stat st;
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return;
    if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
    (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    (void)close(rule.parent_fd);
}

/* Reads below a few folders and a few files, and nothing else of any file system. Not the whole of /etc: stint's own configuration is there. */
static int walls_files(const char *ca_file, struct err *e)
{
    static const char *const readable[] = {
        "/usr", "/lib", "/lib64", "/etc/ssl", "/etc/ca-certificates", "/etc/pki", "/etc/ld.so.cache", "/etc/localtime", /* libraries, certificates */
        "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
        "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/dev/urandom", "/proc/sys",                  /* names */
    };
    /* The rights of the first version of Landlock's interface, all but running a program from what may be read. */
    struct landlock_ruleset_attr rights = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof rights.handled_access_fs, 0);
    if (ruleset < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(readable); i++)
        walls_may_read(ruleset, readable[i]);
    if (ca_file[0] != '\0')
        walls_may_read(ruleset, ca_file);
    int rc = syscall(SYS_landlock_restrict_self, ruleset, 0) < 0
                 ? err_set(e, ERR_BOOT_FAILURE, "fetch: Landlock refused its rules: %s", err_text(-errno))
                 : 0;
    (void)close(ruleset);
    return rc;
}

static int walls_rules(scmp_filter_ctx ctx)
{
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(ALLOWED); i++) {
        int nr = seccomp_syscall_resolve_name(ALLOWED[i]);
        if (nr >= 0) /* a name this machine has not is a call nobody makes */
            rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
    }
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(families); i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
    /* The stores' own sockets are Unix ones. The C library asks there for a name server's cache first, and goes on when there is none. */
    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
    const scmp_datum_t writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
    /* Threads to look names up, no processes. clone3's flags are in memory, out of a filter's sight: the C library then uses clone. */
    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc == 0) /* names of threads; nothing of what confines this process can be taken back by it */
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0));
    return rc;
}

/* Says which call it was, so that a list too short for some system is a line in the log and no riddle. */
static void walls_on_refused(int signo, siginfo_t *info, void *context)
{
    char line[64] = "stint-fetch: refused system call     \n", *at = line + strlen("stint-fetch: refused system call ") + 3;
    (void)context;
    for (int nr = info->si_syscall; nr > 0; nr /= 10)
        *at-- = (char)('0' + nr % 10);
    ssize_t n UNUSED = write(STDERR_FILENO, line, strlen(line));
    _exit(128 + signo);
}

static int walls_calls(struct err *e)
{
    struct sigaction refused = {.sa_sigaction = walls_on_refused, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGSYS, &refused, NULL) < 0)
        return err_set(e, ERR_BOOT_FAILURE, "fetch: no handler for refused system calls: %s", err_text(-errno));
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
    int rc = ctx == NULL ? -ENOMEM : walls_rules(ctx);
    if (rc == 0)
        rc = seccomp_load(ctx);
    if (ctx != NULL)
        seccomp_release(ctx);
    return rc < 0 ? err_set(e, ERR_BOOT_FAILURE, "fetch: the system call filter could not be set: %s", err_text(rc)) : 0;
}

int fetcher_walls(const char *ca_file, struct err *e)
{
    int rc = walls_user(e);
    /* The worker's death ends this process; after the user, a change of which clears it. */
    if (rc == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        rc = err_set(e, ERR_BOOT_FAILURE, "fetch: no parent-death signal");
    if (rc == 0)
        rc = walls_files(ca_file, e);
#ifndef STINT_SANITIZED /* its runtime needs more */
    if (rc == 0)
        rc = walls_calls(e);
#else
    (void)walls_calls;
#endif
    return rc;
}
