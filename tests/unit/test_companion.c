/* A companion is there with its socket, or not at all: started, heard, ended, refused. Any program found on $PATH
 * stands for one of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "companion_uv.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { TEST_CODE = ERR_BOOT_FAILURE };

static uv_loop_t loop;

/* What the other end said, whole. */
struct heard {
    struct companion companion;
    char text[64];
    size_t len;
    bool ended;
};

static int set_up(void **arg)
{
    (void)arg;
    return uv_loop_init(&loop);
}

static int tear_down(void **arg)
{
    (void)arg;
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct heard *h = poll->data;
    (void)status;
    (void)events;
    ssize_t n = recv(h->companion.fd, h->text + h->len, sizeof h->text - 1 - h->len, MSG_DONTWAIT);
    if (n > 0)
        h->len += (size_t)n;
    if (n == 0)
        h->ended = true;
}

static int start(struct heard *h, const char *name, char *const *options, struct err *e)
{
    const struct limits limits = {.parent_death_signal = SIGKILL};
    const struct companion_program program = {name, options, &limits, TEST_CODE};
    *h = (struct heard){.companion = COMPANION_NONE};
    return companion_start(&h->companion, &loop, &program, on_readable, h, e);
}

static void test_companion_is_heard_and_its_own_end_told(void **arg)
{
    char *options[] = {(char[]){"-c"}, (char[]){"printf %s word >&3; exit 7"}, NULL};
    struct heard h;
    struct err e = {0};
    (void)arg;
    if (start(&h, "sh", options, &e) < 0)
        fail_msg("%s", e.message);
    assert_true(h.companion.pid > 0);
    while (!h.ended)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_string_equal(h.text, "word");
    siginfo_t end;
    assert_int_equal(waitid(P_PID, (id_t)h.companion.pid, &end, WEXITED | WNOWAIT), 0);
    int status = companion_end(&h.companion);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(h.companion.fd, -1);
    assert_int_equal(companion_end(&h.companion), 0);
}

static void test_companion_that_runs_is_killed_and_reaped(void **arg)
{
    char *options[] = {(char[]){"1000"}, NULL};
    struct heard h;
    struct err e = {0};
    (void)arg;
    assert_int_equal(start(&h, "sleep", options, &e), 0);
    pid_t pid = h.companion.pid;
    int status = companion_end(&h.companion);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void test_companion_that_is_missing_leaves_nothing(void **arg)
{
    struct heard h;
    struct err e = {0};
    (void)arg;
    assert_int_equal(start(&h, "stint-no-such-program", NULL, &e), TEST_CODE);
    assert_non_null(strstr(e.message, "stint-no-such-program"));
    assert_int_equal(h.companion.fd, -1);
    assert_int_equal(h.companion.pid, 0);
    assert_null(h.companion.poll);
}

static void test_companion_without_descriptors_names_the_remedy(void **arg)
{
    struct rlimit before, few;
    struct heard h;
    struct err e;
    (void)arg;
    int first_free = dup(0);
    assert_true(first_free >= 0);
    (void)close(first_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t spare = 0; spare <= 2; spare += 2) { /* none for the socket; none for the pipe */
        few = (struct rlimit){.rlim_cur = (rlim_t)first_free + spare, .rlim_max = before.rlim_max};
        e = (struct err){0};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        int rc = start(&h, "sleep", NULL, &e);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(rc, ERR_NO_DESCRIPTORS);
        assert_non_null(strstr(e.message, "raise"));
        assert_int_equal(h.companion.fd, -1);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_companion_is_heard_and_its_own_end_told),
        T(test_companion_that_runs_is_killed_and_reaped),
        T(test_companion_that_is_missing_leaves_nothing),
        T(test_companion_without_descriptors_names_the_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
