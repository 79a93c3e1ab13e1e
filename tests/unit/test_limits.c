/* Limits bite in the process that took them, are never raised above the inherited ones, and a failed one is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "limits.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Runs the check in a child; its result is the exit status, 0 for well. */
static int in_child(int (*check)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(check());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool is_limit(__rlimit_resource_t what, rlim_t soft, rlim_t hard)
{
    struct rlimit now;
    return getrlimit(what, &now) == 0 && now.rlim_cur == soft && now.rlim_max == hard;
}

static int check_all_set(void)
{
    const struct limits l = {.cpu_s = 100,
                             .files = 50,
                             .core_bytes_set = 1,
                             .file_size_bytes = 4096,
                             .no_new_privs = true,
                             .parent_death_signal = SIGTERM};
    const char *what = "";
    int signo = 0;
    if (limits_apply(&l, &what) != 0)
        return 1;
    if (!is_limit(RLIMIT_CPU, 100, 101) || !is_limit(RLIMIT_NOFILE, 50, 50) || !is_limit(RLIMIT_CORE, 0, 0) ||
        !is_limit(RLIMIT_FSIZE, 4096, 4096))
        return 2;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_PDEATHSIG, &signo) != 0 || signo != SIGTERM)
        return 3;
    return 0;
}

static int check_zero_changes_nothing(void)
{
    struct rlimit before, after;
    const struct limits l = {0};
    const char *what = "";
    (void)getrlimit(RLIMIT_NOFILE, &before);
    int rc = limits_apply(&l, &what);
    (void)getrlimit(RLIMIT_NOFILE, &after);
    return rc != 0 || memcmp(&before, &after, sizeof before) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0;
}

static int check_never_raised(void)
{
    const struct rlimit low = {20, 30};
    const struct limits l = {.files = 1000};
    const char *what = "";
    if (setrlimit(RLIMIT_NOFILE, &low) != 0)
        return 1;
    return limits_apply(&l, &what) != 0 || !is_limit(RLIMIT_NOFILE, 30, 30);
}

static int check_failure_is_named(void)
{
    const struct limits l = {.parent_death_signal = 10000};
    const char *what = "";
    return limits_apply(&l, &what) != -EINVAL || strcmp(what, "parent death signal") != 0;
}

static int check_memory_bites(void)
{
#ifndef STINT_SANITIZED
    const struct limits l = {.address_space_bytes = 256u << 20};
    const char *what = "";
    if (limits_apply(&l, &what) != 0)
        return 1;
    void *p = malloc((size_t)512 << 20);
    bool got = p != NULL;
    free(p);
    return got;
#else
    return 0;
#endif
}

static void test_limits_apply_all_fields_are_set(void **arg)
{
    (void)arg;
    assert_int_equal(in_child(check_all_set), 0);
}

static void test_limits_apply_zero_changes_nothing(void **arg)
{
    (void)arg;
    assert_int_equal(in_child(check_zero_changes_nothing), 0);
}

static void test_limits_apply_above_inherited_stays_below(void **arg)
{
    (void)arg;
    assert_int_equal(in_child(check_never_raised), 0);
}

static void test_limits_apply_failure_is_named(void **arg)
{
    (void)arg;
    assert_int_equal(in_child(check_failure_is_named), 0);
}

static void test_limits_apply_memory_limit_fails_allocations(void **arg)
{
    (void)arg;
    assert_int_equal(in_child(check_memory_bites), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_apply_all_fields_are_set),
        cmocka_unit_test(test_limits_apply_zero_changes_nothing),
        cmocka_unit_test(test_limits_apply_above_inherited_stays_below),
        cmocka_unit_test(test_limits_apply_failure_is_named),
        cmocka_unit_test(test_limits_apply_memory_limit_fails_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
