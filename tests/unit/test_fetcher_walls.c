/*
 * fetcher_walls, from inside: a child gives up what stint-fetch gives up, then does what somebody would who took that process over.
 */
#include "fetcher_walls.h"

#include "base.h"
#include <fcntl.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { REFUSED = 128 + SIGSYS, DID_IT = 10, DID_NOT = 11, NO_WALLS = 12 };

static int in_walls(bool (*act)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct err e = {0};
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, STDERR_FILENO);
        if (fetcher_walls("", &e) < 0)
            _exit(NO_WALLS);
        _exit(act() ? DID_IT : DID_NOT);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool make_file(void) { return open("/tmp/stint-walls", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0; }
static bool open_to_write(void) { return open("/dev/null", O_WRONLY | O_CLOEXEC) >= 0; }
static bool open_both(void) { return open("/dev/null", O_RDWR | O_CLOEXEC) >= 0; }
static bool truncate_file(void) { return truncate("/tmp/stint-walls", 0) == 0; }
static bool make_folder(void) { return mkdir("/tmp/stint-walls.d", 0700) == 0; }
static bool remove_file(void) { return unlink("/tmp/stint-walls") == 0; }
static bool rename_file(void) { return rename("/tmp/stint-walls", "/tmp/stint-walls2") == 0; }
static bool link_file(void) { return symlink("/etc/passwd", "/tmp/stint-walls.l") == 0; }
static bool change_mode(void) { return chmod("/tmp", 0777) == 0; }
static bool make_memory_file(void) { return syscall(SYS_memfd_create, "x", 0) >= 0; }
static bool start_program(void) { return execl("/bin/true", "true", (char *)NULL) == 0; }
static bool start_process(void) { return fork() >= 0; }
static bool start_vfork(void) { return syscall(SYS_vfork) >= 0; }
static bool kill_parent(void) { return kill(getppid(), 0) == 0; }
static bool trace_parent(void) { return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0; }
static bool open_parent(void) { return syscall(SYS_pidfd_open, getppid(), 0) >= 0; }
static bool read_parent(void)
{
    char byte;
    struct iovec mine = {&byte, 1}, theirs = {(void *)(uintptr_t)in_walls, 1};
    return process_vm_readv(getppid(), &mine, 1, &theirs, 1, 0) == 1;
}
static bool raw_socket(void) { return socket(AF_PACKET, SOCK_RAW, 0) >= 0; }
static bool vsock(void) { return socket(AF_VSOCK, SOCK_STREAM, 0) >= 0; }
static bool listen_for(void) { return listen(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 1) == 0; }
static bool become_dumpable(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0; }
static bool take_back_death(void) { return prctl(PR_SET_PDEATHSIG, 0) == 0; }
static bool raise_limit(void)
{
    struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_FSIZE, &none) == 0;
}
static bool change_user(void) { return setuid(0) == 0; }
static bool new_namespace(void) { return unshare(CLONE_NEWUSER) == 0; }
static bool mount_something(void) { return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL) == 0; }
static bool use_rings(void) { return syscall(SYS_io_uring_setup, 1, NULL) >= 0; }
static bool use_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0) >= 0; }
static bool use_keys(void) { return syscall(SYS_keyctl, 0, 0, 0, 0, 0) >= 0; }
static bool share_memory(void) { return syscall(SYS_shmget, 0, 4096, 0600) >= 0; }
static bool new_filter(void) { return syscall(SYS_seccomp, 0, 0, NULL) == 0; }
static bool set_clock(void) { return syscall(SYS_clock_settime, 0, NULL) == 0; }
static bool old_calls(void) { return syscall(SYS_open, "/tmp/stint-walls", O_CREAT | O_WRONLY, 0600) >= 0; }
static bool open_by_how(void)
{
    uint64_t how[3] = {O_CREAT | O_WRONLY, 0600, 0};
    return syscall(SYS_openat2, AT_FDCWD, "/tmp/stint-walls", how, sizeof how) >= 0;
}

static void test_fetcher_walls_attacker_is_refused(void **state)
{
    static const struct {
        const char *what;
        bool (*act)(void);
    } acts[] = {
#define ACT(name) {#name, name}
        ACT(make_file), ACT(open_to_write), ACT(open_both), ACT(truncate_file), ACT(make_folder), ACT(remove_file), ACT(rename_file), ACT(link_file),
        ACT(change_mode), ACT(make_memory_file), ACT(start_program), ACT(start_process), ACT(start_vfork), ACT(kill_parent), ACT(trace_parent),
        ACT(open_parent), ACT(read_parent), ACT(raw_socket), ACT(vsock), ACT(listen_for), ACT(become_dumpable), ACT(take_back_death), ACT(raise_limit),
        ACT(change_user), ACT(new_namespace), ACT(mount_something), ACT(use_rings), ACT(use_bpf), ACT(use_keys), ACT(share_memory), ACT(new_filter),
        ACT(set_clock), ACT(old_calls), ACT(open_by_how),
#undef ACT
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        int ended = in_walls(acts[i].act);
        if (ended != REFUSED)
            fail_msg("%s: ended with %d, expected %d (SIGSYS)", acts[i].what, ended, REFUSED);
    }
    print_message("# %zu acts tried, all refused\n", ARRAY_LEN(acts));
}

static bool read_home(void) { return open("/root/.bashrc", O_RDONLY | O_CLOEXEC) >= 0 || open("/var/lib", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0; }
static bool read_configuration(void) { return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0; }
static bool read_processes(void) { return open("/proc/1/environ", O_RDONLY | O_CLOEXEC) >= 0 || open("/proc/self/mem", O_RDONLY | O_CLOEXEC) >= 0; }

/* Redis and PostgreSQL of this host, where they listen at paths. */
static bool unix_socket(void) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0; }

static void test_fetcher_walls_unix_sockets_are_not_to_be_had(void **state)
{
    (void)state;
    assert_int_equal(in_walls(unix_socket), DID_NOT);
}

/* What may be read is narrowed by Landlock, where the kernel has it. */
static void test_fetcher_walls_files_elsewhere_are_not_read(void **state)
{
    (void)state;
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 0) {
        print_message("# skip - this kernel has no Landlock: what may be read is what the user may\n");
        skip();
    }
    assert_int_equal(in_walls(read_home), DID_NOT);
    assert_int_equal(in_walls(read_configuration), DID_NOT);
    assert_int_equal(in_walls(read_processes), DID_NOT);
}

static void *thread_work(void *arg)
{
    *(bool *)arg = true;
    return NULL;
}
static bool need_threads(void)
{
    pthread_t thread;
    bool ran = false;
    return pthread_create(&thread, NULL, thread_work, &ran) == 0 && pthread_join(thread, NULL) == 0 && ran;
}
static bool need_names(void)
{
    struct addrinfo *list = NULL;
    return getaddrinfo("localhost", "80", NULL, &list) == 0 && list != NULL;
}
static bool need_sockets(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 && socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}
static bool need_certificates(void) { return open("/etc/ssl", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0; }

static void test_fetcher_walls_its_work_is_possible(void **state)
{
    bool (*const needs[])(void) = {need_threads, need_names, need_sockets, need_certificates};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(needs); i++)
        assert_int_equal(in_walls(needs[i]), DID_IT);
}

int main(void)
{
#ifdef STINT_SANITIZED
    print_message("SKIPPED: the list of system calls has no room for a sanitizer's own\n");
    return 77;
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetcher_walls_attacker_is_refused),
        cmocka_unit_test(test_fetcher_walls_unix_sockets_are_not_to_be_had),
        cmocka_unit_test(test_fetcher_walls_files_elsewhere_are_not_read),
        cmocka_unit_test(test_fetcher_walls_its_work_is_possible),
    };
    return cmocka_run_group_tests_name("fetcher_walls", tests, NULL, NULL);
}
