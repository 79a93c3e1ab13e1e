/* A child has exactly the descriptors named, no inherited signal state, its limits, and a parent that knows what
 * failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int out_fds[2];

static int set_up(void **arg)
{
    (void)arg;
    return pipe2(out_fds, O_CLOEXEC);
}

static int tear_down(void **arg)
{
    (void)arg;
    base_close_fd(&out_fds[0]);
    base_close_fd(&out_fds[1]);
    return 0;
}

/* Runs a shell script with descriptor 1 = the pipe; returns what it wrote (static) after it ended well. */
static const char *run_script(const char *script, struct spawn *s)
{
    static char text[8192];
    struct err e = {0};
    pid_t pid = -1;
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(script), NULL};
    s->path = "/bin/sh";
    s->argv = argv;
    int rc = spawn_exec(s, &pid, &e);
    free(argv[2]);
    if (rc < 0)
        fail_msg("%s", e.message);
    base_close_fd(&out_fds[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(out_fds[0], text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return text;
}

static void test_spawn_exec_no_other_descriptor_leaks(void **arg)
{
    (void)arg;
    int leak[5];
    for (size_t i = 0; i < ARRAY_LEN(leak); i++) { /* as a careless library opens them */
        leak[i] = open("/dev/null", O_RDONLY);     /* NOLINT */
        assert_true(leak[i] >= 0);
    }
    int fds[] = {-1, out_fds[1], -1, leak[2]};
    struct spawn s = {.fds = fds, .n_fds = ARRAY_LEN(fds)};
    assert_string_equal(
        run_script("cd /proc/self/fd && for f in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
                   "[ -e $f ] && printf '%s ' $f; done; true",
                   &s),
        "0 1 2 3 ");
    for (size_t i = 0; i < ARRAY_LEN(leak); i++)
        base_close_fd(&leak[i]);
}

static void test_spawn_exec_descriptors_may_be_swapped(void **arg)
{
    (void)arg;
    /* The pipe's number is a target of another one and the other way round. */
    int target = out_fds[1];
    assert_true(target < 30);
    int fds[32];
    for (int i = 0; i <= target; i++)
        fds[i] = i == 1 ? target : i == target ? 1 : -1;
    struct spawn s = {.fds = fds, .n_fds = (size_t)target + 1};
    assert_string_equal(run_script("echo here", &s), "here\n");
}

static void test_spawn_exec_signals_start_clean(void **arg)
{
    (void)arg;
    sigset_t blocked, before;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
    void (*old)(int) = signal(SIGUSR1, SIG_IGN);
    int fds[] = {-1, out_fds[1], -1};
    struct spawn s = {.fds = fds, .n_fds = ARRAY_LEN(fds)};
    assert_string_equal(run_script("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2 | tr '\\n' ' '", &s),
                        "0000000000000000 0000000000000000 ");
    (void)signal(SIGUSR1, old);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void test_spawn_exec_limits_and_group_are_set(void **arg)
{
    (void)arg;
    struct limits l = {
        .files = 64, .core_bytes_set = 1, .no_new_privs = true, .parent_death_signal = SIGKILL, .nice = 3};
    int fds[] = {-1, out_fds[1], -1};
    struct spawn s = {.fds = fds, .n_fds = ARRAY_LEN(fds), .limits = &l, .new_process_group = true};
    const char *text = run_script("ulimit -n; ulimit -c; grep -c 'NoNewPrivs:.1' /proc/self/status; "
                                  "read -r _ _ _ _ group _ < /proc/self/stat; [ $group = $$ ] && echo group; "
                                  "cut -d' ' -f19 /proc/self/stat",
                                  &s);
    char wanted[64]; /* niceness adds up, and this test may have been started with some */
    (void)snprintf(wanted, sizeof wanted, "64\n0\n1\ngroup\n%d\n", MIN_OF(getpriority(PRIO_PROCESS, 0) + 3, 19));
    assert_string_equal(text, wanted);
}

static void test_spawn_exec_missing_program_is_told_and_reaped(void **arg)
{
    (void)arg;
    struct err e = {0};
    pid_t pid = -7;
    char *argv[] = {(char[]){"x"}, NULL};
    int fds[] = {-1, -1, -1};
    struct spawn s = {.path = "/nonexistent/program", .argv = argv, .fds = fds, .n_fds = 3};
    assert_int_equal(spawn_exec(&s, &pid, &e), -ENOENT);
    assert_int_equal(pid, -7);
    assert_string_equal(e.message, "starting /nonexistent/program failed at: exec: No such file or directory");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_spawn_exec_bad_descriptor_is_told(void **arg)
{
    (void)arg;
    struct err e = {0};
    pid_t pid;
    char *argv[] = {(char[]){"true"}, NULL};
    int fds[] = {-1, 1000000};
    struct spawn s = {.path = "/bin/true", .argv = argv, .fds = fds, .n_fds = 2};
    assert_int_equal(spawn_exec(&s, &pid, &e), -EBADF);
    assert_non_null(strstr(e.message, "copying descriptors"));
    s.n_fds = 1000;
    assert_int_equal(spawn_exec(&s, &pid, &e), -EINVAL);
}

static void test_spawn_exec_user_is_dropped(void **arg)
{
    (void)arg;
    if (geteuid() != 0)
        skip();
    int fds[] = {-1, out_fds[1], -1};
    struct limits l = {.parent_death_signal = SIGKILL};
    struct spawn s = {.fds = fds, .n_fds = ARRAY_LEN(fds), .uid = 65534, .gid = 65534, .limits = &l};
    assert_string_equal(run_script("id -u; id -g; id -G", &s), "65534\n65534\n65534\n");
}

/* A plain folder is no group, so the clone into it fails and the child must go there itself: what it writes shows. */
static void test_spawn_exec_without_clone_into_cgroup_child_enters_itself(void **arg)
{
    (void)arg;
    char dir[] = "/tmp/stint-spawn-XXXXXX", procs[64], text[8] = "";
    assert_non_null(mkdtemp(dir));
    (void)snprintf(procs, sizeof procs, "%s/cgroup.procs", dir);
    AUTO_CLOSE int fd = open(procs, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    AUTO_CLOSE int group = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int out[] = {-1, out_fds[1], -1};
    struct spawn s = {.fds = out, .n_fds = ARRAY_LEN(out), .cgroup_fd = group};
    assert_string_equal(run_script("echo here", &s), "here\n");
    assert_int_equal(read(fd, text, sizeof text - 1), 1);
    assert_string_equal(text, "0");
    assert_int_equal(unlink(procs), 0);

    struct err e = {0};
    pid_t pid = -7;
    char *argv[] = {(char[]){"sh"}, NULL};
    int fds[] = {-1, -1, -1};
    struct spawn refused = {.path = "/bin/sh", .argv = argv, .fds = fds, .n_fds = 3, .cgroup_fd = group};
    assert_int_equal(spawn_exec(&refused, &pid, &e), -ENOENT);
    assert_non_null(strstr(e.message, "entering its cgroup"));
    assert_int_equal(pid, -7);
    assert_int_equal(rmdir(dir), 0);
}

static void test_spawn_find_program_unknown_lists_places(void **arg)
{
    (void)arg;
    struct err e = {0};
    char path[4096];
    assert_int_equal(spawn_find_program("stint-no-such", path, sizeof path, &e), -ENOENT);
    assert_non_null(strstr(e.message, "stint-no-such"));
    assert_non_null(strstr(e.message, "libexec"));
    assert_int_equal(spawn_find_program("test_spawn", path, sizeof path, &e), 0);
    assert_int_equal(path[0], '/');
    assert_int_equal(spawn_find_program("sh", path, sizeof path, &e), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_spawn_exec_no_other_descriptor_leaks),
        T(test_spawn_exec_descriptors_may_be_swapped),
        T(test_spawn_exec_signals_start_clean),
        T(test_spawn_exec_limits_and_group_are_set),
        T(test_spawn_exec_missing_program_is_told_and_reaped),
        T(test_spawn_exec_bad_descriptor_is_told),
        T(test_spawn_exec_user_is_dropped),
        T(test_spawn_exec_without_clone_into_cgroup_child_enters_itself),
        T(test_spawn_find_program_unknown_lists_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
