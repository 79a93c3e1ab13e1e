/* What is not allowed kills; what is kept stays; what cannot be allowed is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sandbox.h"
#include "sandbox_filter.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int fate(void (*act)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        act();
        syscall(SYS_exit_group, 0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void enter(void)
{
    static const struct sandbox_rule allowed[] = {
        {.call = "exit_group"},
        {.call = "write"},
        {.call = "getppid", .refuse = EXDEV},
        {.call = "tgkill", .n_args = 1, .args = {{0, UINT32_MAX, SANDBOX_OWN_PID}}},
        {.call = "madvise", .n_args = 1, .args = {{2, UINT32_MAX, 4}}},
        {.call = "madvise", .n_args = 1, .args = {{2, UINT32_MAX, 8}}},
        {.call = "lseek", .n_args = 2, .args = {{1, 4, 0}, {2, 3, 1}}},
    };
    struct sandbox_filter *filter = NULL;
    if (sandbox_filter_make(allowed, ARRAY_LEN(allowed), &filter, NULL) != 0 || sandbox_filter_enter(filter) != 0)
        _exit(9);
}

static void act_allowed(void)
{
    static const char text[] = "";
    enter();
    bool fine = syscall(SYS_write, 2, text, 0) == 0 && syscall(SYS_getppid) == -1 && errno == EXDEV &&
                syscall(SYS_madvise, 0, 0, 4) == 0 && syscall(SYS_madvise, 0, 0, 8) == 0;
    (void)syscall(SYS_lseek, -1, 0xfffb, 0xf1);
    syscall(SYS_exit_group, fine ? 0 : 1);
}

static void act_other_advice(void)
{
    enter();
    syscall(SYS_madvise, 0, 0, 5);
}

static void act_one_condition_of_two(void)
{
    enter();
    syscall(SYS_lseek, -1, 4, 1);
}

static void act_own_signal(void)
{
    int pid = getpid();
    enter();
    syscall(SYS_tgkill, pid, pid, SIGUSR1);
}

static void act_other_signal(void)
{
    int other = getppid();
    enter();
    syscall(SYS_tgkill, other, other, SIGUSR1);
}

#ifdef __x86_64__
static void act_other_abi(void)
{
    long result = 20; /* getpid of 32-bit programs */
    enter();
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
}

static void act_x32(void)
{
    enter();
    syscall(0x40000000 | SYS_write, 2, "", 0);
}
#endif

static void act_socket(void)
{
    enter();
    syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void act_open(void)
{
    enter();
    syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static void act_close_fds(void)
{
    int keep[] = {40, 7, 2, 41};
    for (size_t i = 0; i < ARRAY_LEN(keep); i++)
        if (dup2(2, keep[i]) < 0 || dup2(2, 50) < 0)
            _exit(1);
    if (sandbox_close_fds(keep, ARRAY_LEN(keep)) != 0)
        _exit(2);
    for (int fd = 0; fd < 100; fd++) {
        bool kept = fd == 40 || fd == 7 || fd == 2 || fd == 41;
        if ((fcntl(fd, F_GETFD) >= 0) != kept)
            _exit(3);
    }
}

static void act_close_all(void)
{
    if (sandbox_close_fds(NULL, 0) != 0 || fcntl(0, F_GETFD) >= 0 || fcntl(2, F_GETFD) >= 0)
        _exit(1);
}

static void test_sandbox_filter_enter_allowed_call_lives(void **arg)
{
    (void)arg;
    assert_int_equal(fate(act_allowed), 0);
}

static void test_sandbox_filter_enter_other_call_dies_of_sigsys(void **arg)
{
    (void)arg;
    assert_int_equal(fate(act_socket), 1000 + SIGSYS);
    assert_int_equal(fate(act_open), 1000 + SIGSYS);
#ifdef __x86_64__
    assert_int_equal(fate(act_other_abi), 1000 + SIGSYS);
    assert_int_equal(fate(act_x32), 1000 + SIGSYS);
#endif
}

static void test_sandbox_filter_enter_arguments_decide(void **arg)
{
    (void)arg;
    assert_int_equal(fate(act_own_signal), 1000 + SIGUSR1);
    assert_int_equal(fate(act_other_signal), 1000 + SIGSYS);
    assert_int_equal(fate(act_other_advice), 1000 + SIGSYS);
    assert_int_equal(fate(act_one_condition_of_two), 1000 + SIGSYS);
}

static void test_sandbox_filter_make_unknown_name_is_named(void **arg)
{
    (void)arg;
    static const struct sandbox_rule allowed[] = {{.call = "exit_group"}, {.call = "no_such_call"}};
    struct sandbox_filter *filter = NULL;
    struct err e = {0};
    assert_int_equal(sandbox_filter_make(allowed, ARRAY_LEN(allowed), &filter, &e), ERR_BOOT_FAILURE);
    assert_null(filter);
    assert_non_null(strstr(e.message, "no_such_call"));
}

static void test_sandbox_close_fds_only_kept_ones_stay(void **arg)
{
    (void)arg;
    assert_int_equal(fate(act_close_fds), 0);
    assert_int_equal(fate(act_close_all), 0);
}

static void test_sandbox_syscall_name_known_and_unknown(void **arg)
{
    (void)arg;
    char name[64];
    assert_string_equal(sandbox_syscall_name(SYS_openat, name, sizeof name), "openat");
    assert_string_equal(sandbox_syscall_name(99999, name, sizeof name), "system call 99999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sandbox_filter_make_unknown_name_is_named),
        cmocka_unit_test(test_sandbox_filter_enter_arguments_decide),
        cmocka_unit_test(test_sandbox_filter_enter_allowed_call_lives),
        cmocka_unit_test(test_sandbox_filter_enter_other_call_dies_of_sigsys),
        cmocka_unit_test(test_sandbox_close_fds_only_kept_ones_stay),
        cmocka_unit_test(test_sandbox_syscall_name_known_and_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
