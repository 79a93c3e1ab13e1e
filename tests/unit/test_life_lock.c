/*
 * The proof that a supervisor is gone: a lock that the kernel lets go with its last holder, read by those who come after.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "life_lock.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static char dir[64];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/stint-life-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

/* A process that holds the lock of `instance` until it is killed; `worker`: only a child of the one that made it does. */
static pid_t holder(const char *instance, const char *redis, bool worker)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct life_lock life;
        struct err e;
        if (life_lock_open(&life, dir, instance, redis, &e) < 0)
            _exit(1);
        pid_t child = worker ? fork() : 0;
        if (child > 0)
            _exit(0);
        pid_t self = getpid();
        (void)!write(ready[1], &self, sizeof self);
        for (;;)
            (void)pause();
    }
    pid_t self = 0;
    assert_int_equal(read(ready[0], &self, sizeof self), sizeof self);
    if (worker)
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return self;
}

static void test_life_lock_scan_dead_supervisor_is_found_once(void **state)
{
    (void)state;
    struct life_scan scan = {0};
    pid_t pid = holder("old-1", "r/0", false);
    life_lock_scan(&scan, dir, "new-1", "r/0");
    assert_int_equal(scan.n, 0);
    assert_int_equal(scan.living, 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    life_lock_scan(&scan, dir, "new-1", "r/0");
    assert_int_equal(scan.n, 1);
    assert_string_equal(scan.dead[0].instance, "old-1");
    life_lock_scan(&scan, dir, "new-1", "r/0");
    assert_int_equal(scan.n, 1);
    assert_int_equal(scan.living + scan.dying, 0);
    life_lock_forget(&scan, 0);
    life_lock_scan(&scan, dir, "new-1", "r/0");
    assert_int_equal(scan.n, 0);
}

static void test_life_lock_scan_surviving_worker_keeps_it_dying(void **state)
{
    (void)state;
    struct life_scan scan = {0};
    pid_t worker = holder("old-1", "r/0", true);
    life_lock_scan(&scan, dir, "new-1", "r/0");
    assert_int_equal(scan.n, 0);
    assert_int_equal(scan.dying, 1);
    assert_int_equal(kill(worker, SIGKILL), 0);
    for (int looks = 0; scan.n == 0 && looks < 100000; looks++)
        life_lock_scan(&scan, dir, "new-1", "r/0");
    assert_int_equal(scan.n, 1);
    life_lock_forget(&scan, 0);
}

static void write_life(const char *name, const char *text)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/instances/%s", dir, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_life_lock_scan_file_that_proves_nothing_is_left_alone(void **state)
{
    (void)state;
    struct life_scan scan = {0};
    struct life_lock own;
    struct err e;
    char path[160];
    assert_int_equal(life_lock_open(&own, dir, "new-1", "r/0", &e), 0);
    write_life("empty-1", "");
    write_life("other-name-1", "{\"instance\":\"somebody-else\",\"pid\":1,\"boot\":\"x\",\"redis\":\"r/0\"}");
    write_life("other-boot-1", "{\"instance\":\"other-boot-1\",\"pid\":1,\"boot\":\"x\",\"redis\":\"r/0\"}");
    pid_t pid = holder("other-redis-1", "another/0", false);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    life_lock_scan(&scan, dir, "new-1", "r/0");
    assert_int_equal(scan.n, 0);
    (void)snprintf(path, sizeof path, "%s/instances/other-redis-1", dir);
    assert_int_equal(access(path, F_OK), 0);
    (void)snprintf(path, sizeof path, "%s/instances/other-boot-1", dir);
    assert_int_equal(access(path, F_OK), -1); /* of an earlier boot: its lease ended long ago */
    life_lock_close(&own, true);
}

static void test_life_lock_open_folder_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    struct life_lock life;
    struct err e = {0};
    assert_true(life_lock_open(&life, "/proc/nowhere", "new-1", "r/0", &e) < 0);
    assert_non_null(strstr(e.message, "/proc/nowhere"));
    assert_int_equal(life.fd, -1);
    life_lock_close(&life, true);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_life_lock_scan_dead_supervisor_is_found_once),
        T(test_life_lock_scan_surviving_worker_keeps_it_dying),
        T(test_life_lock_scan_file_that_proves_nothing_is_left_alone),
        T(test_life_lock_open_folder_that_cannot_be_made_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
