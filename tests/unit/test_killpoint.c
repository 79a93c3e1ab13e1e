/* A chosen point kills, exactly when it was passed often enough; any other does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base.h"
#include "killpoint.h"

#include <signal.h>
#include <sys/wait.h>

/* How a child ended that passed points a, b, b, b with the choice set: the signal, or -1 when it lived. */
static int fate(const char *choice)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (choice != NULL)
            (void)setenv("STINT_KILL_POINT", choice, 1);
        KILL_POINT("a");
        for (int i = 0; i < 3; i++)
            KILL_POINT("b");
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static void test_killpoint_chosen_point_kills(void **arg)
{
    (void)arg;
#ifndef STINT_TEST_HOOKS
    skip();
#endif
    assert_int_equal(fate("a"), SIGKILL);
    assert_int_equal(fate("b:2"), SIGKILL);
}

static void test_killpoint_other_or_later_point_lives(void **arg)
{
    (void)arg;
    assert_int_equal(fate(NULL), -1);
    assert_int_equal(fate("ab"), -1);
    assert_int_equal(fate("b:3"), -1);
}

static void test_killpoint_file_kills_as_often_as_it_says(void **arg)
{
    (void)arg;
#ifndef STINT_TEST_HOOKS
    skip();
#endif
    char choice[] = "@/tmp/stint-killpoint-XXXXXX";
    int fd = mkstemp(choice + 1);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "b 2\n", 4), 4);
    (void)close(fd);
    assert_int_equal(fate(choice), SIGKILL);
    assert_int_equal(fate(choice), SIGKILL);
    assert_int_equal(fate(choice), -1);
    (void)unlink(choice + 1);
    assert_int_equal(fate(choice), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killpoint_chosen_point_kills),
        cmocka_unit_test(test_killpoint_other_or_later_point_lives),
        cmocka_unit_test(test_killpoint_file_kills_as_often_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
