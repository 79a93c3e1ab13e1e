/*
 * The supervisor and its host: the service manager, processes left behind, a second supervisor, its own death, and a
 * doorbell that misses nothing. Workers are support/fake_worker, which this program also is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "fake_worker.h"
#include "supervisor_stage.h"
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static void test_supervisor_bursts_and_single_jobs_wake_without_a_heartbeat(void **state)
{
    struct stage *s = *state;
    stage_no_heartbeat();
    stage_up(s, "workers = 3", 3);
    WAIT_UNTIL(s, stage_phase_is, "idle");
    unsigned seed = 1;
    uint64_t slowest = 0;
    for (int round = 0; round < 60; round++) {
        int jobs = round % 3 == 0 ? 20 : 1;
        uint64_t before = clock_mono_ms();
        for (int i = 0; i < jobs; i++) {
            char id[32];
            (void)snprintf(id, sizeof id, "r%d-%d", round, i);
            stage_enqueue(s, id, "{\"do\":\"ok\"}", "");
            const struct stage_job_state done = {id, "done"};
            if (i == jobs - 1)
                WAIT_UNTIL(s, stage_job_is, &done);
        }
        uint64_t took = clock_mono_ms() - before;
        slowest = MAX_OF(slowest, took);
        if (took > RUNG_MS)
            fail_msg("round %d took %llu ms: a wake-up was lost", round, (unsigned long long)took);
        (void)poll(NULL, 0, rand_r(&seed) % 9); /* meets the read being armed, blocked, or being taken down */
    }
    print_message("# slowest round: %llu ms\n", (unsigned long long)slowest);
    assert_int_equal(stage_stat_number(s, "drift"), 0);
}

/* -- service manager -------------------------------------------------------------------------------------------------
 */

static bool heard(int fd, const char *line)
{
    uint64_t give_up = clock_mono_ms() + DEADLINE_MS;
    while (clock_mono_ms() < give_up) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char text[1025];
        ssize_t n = poll(&p, 1, 100) == 1 ? recv(fd, text, sizeof text - 1, 0) : 0;
        if (n <= 0)
            continue;
        text[n] = '\0';
        if (strstr(text, line) != NULL)
            return true;
    }
    return false;
}

static void test_supervisor_service_manager_hears_ready_watchdog_and_stopping(void **state)
{
    struct stage *s = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", s->dir);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)setenv("NOTIFY_SOCKET", address.sun_path, 1);
    (void)setenv("WATCHDOG_USEC", "200000", 1);
    stage_write_conf(s, "workers = 1");
    stage_start_supervisor(s);
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    assert_true(heard(fd, "READY=1"));
    assert_true(heard(fd, "WATCHDOG=1"));
    assert_int_equal(kill(s->redis.pid, SIGSTOP), 0);
    assert_true(heard(fd, "WATCHDOG=1"));
    assert_int_equal(kill(s->redis.pid, SIGCONT), 0);
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    assert_true(heard(fd, "STOPPING=1"));
    assert_int_equal(stage_wait_exit(s), 0);
    (void)close(fd);
}

/* -- processes -------------------------------------------------------------------------------------------------------
 */

/* Children of the supervisor in that state ('Z'), or all (0). */
static int children(const struct stage *s, char want)
{
    int n = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (const struct dirent *d = readdir(proc); d != NULL; d = readdir(proc)) {
        char path[300], text[512], state = 0;
        int parent = 0;
        (void)snprintf(path, sizeof path, "/proc/%s/stat", d->d_name);
        FILE *f = d->d_name[0] >= '1' && d->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        if (f == NULL)
            continue;
        const char *after = fgets(text, sizeof text, f) != NULL ? strrchr(text, ')') : NULL;
        if (after != NULL && sscanf(after, ") %c %d", &state, &parent) == 2 && parent == (int)s->pid &&
            (want == 0 || state == want))
            n++;
        (void)fclose(f);
    }
    (void)closedir(proc);
    return n;
}

static bool only_the_worker_is_left(struct stage *s, const void *arg)
{
    (void)arg;
    return children(s, 0) == 1 && children(s, 'Z') == 0;
}

static void test_supervisor_orphans_of_workers_are_reaped(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    stage_enqueue(s, "o", "{\"do\":\"orphan\"}", "");
    const struct stage_job_state done = {"o", "done"};
    WAIT_UNTIL(s, stage_job_is, &done);
    WAIT_UNTIL(s, only_the_worker_is_left, NULL);
}

static int read_child(const struct stage *s)
{
    char path[128];
    int pid = 0;
    (void)snprintf(path, sizeof path, "%s/child", s->dir);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%d", &pid) != 1)
        pid = 0;
    (void)fclose(f);
    return pid;
}

static bool child_is_known(struct stage *s, const void *arg)
{
    (void)arg;
    return read_child(s) > 0;
}

static bool process_is_gone(struct stage *s, const void *arg)
{
    (void)s;
    return kill(*(const pid_t *)arg, 0) < 0 && errno == ESRCH;
}

static void test_supervisor_worker_killed_takes_its_children_along(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    stage_enqueue(s, "c", "{\"do\":\"child hang\"}", ",\"timeout_ms\":60000");
    WAIT_UNTIL(s, child_is_known, NULL);
    pid_t child = read_child(s);
    assert_int_equal(kill((pid_t)stage_worker_number(s, 0, "pid"), SIGKILL), 0);
    WAIT_UNTIL(s, process_is_gone, &child);
}

static void test_supervisor_as_pid_one_runs_reaps_and_drains(void **state)
{
    struct stage *s = *state;
    stage_write_conf(s, "workers = 1");
    pid_t middle = fork();
    assert_true(middle >= 0);
    if (middle == 0) { /* its first child is PID 1 of a new namespace */
        if (unshare(CLONE_NEWPID) < 0)
            _exit(77);
        stage_start_supervisor(s);
        _exit(stage_wait_exit(s) == 0 ? 0 : 1);
    }
    int one = 1, status = 0;
    while (!stage_answers(s) && waitpid(middle, &status, WNOHANG) == 0)
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip(); /* not allowed to make a PID namespace here */
    WAIT_UNTIL(s, stage_ready_count_is, &one);
    json_t *ping = stage_ask_ok(s, "{\"verb\":\"ping\"}");
    assert_int_equal(json_integer_value(json_object_get(ping, "pid")), 1);
    json_decref(ping);
    stage_enqueue(s, "o", "{\"do\":\"orphan\"}", "");
    const struct stage_job_state done = {"o", "done"};
    WAIT_UNTIL(s, stage_job_is, &done);
    json_decref(stage_ask_ok(s, "{\"verb\":\"drain\"}"));
    assert_int_equal(waitpid(middle, &status, 0), middle);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* -- two supervisors, and one that died ------------------------------------------------------------------------------
 */

static void test_supervisor_second_on_the_same_socket_refuses(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    pid_t first = s->pid;
    stage_start_supervisor(s);
    assert_int_equal(stage_wait_exit(s), 1);
    s->pid = first;
    assert_true(stage_answers(s));
}

struct recorded {
    const char *job, *text;
};

static bool is_recorded(struct stage *s, const void *arg)
{
    const struct recorded *want = arg;
    char text[4096];
    stage_job_text(s, want->job, text, sizeof text);
    return strstr(text, want->text) != NULL;
}

/* Removes the proof that the supervisor is gone, as if it had run on another machine. */
static void forget_lives(const struct stage *s)
{
    char command[160];
    (void)snprintf(command, sizeof command, "rm -f %s/instances/*", s->dir);
    assert_int_equal(system(command), 0);
}

/* Before the supervisor starts: a lease nobody would wait for. */
static void set_long_lease(void)
{
    (void)setenv("STINT_SUPERVISOR_LEASE", "600s", 1);
}

static int teardown_long_lease(void **state)
{
    (void)unsetenv("STINT_SUPERVISOR_LEASE");
    return stage_teardown(state);
}

static void test_supervisor_killed_takes_workers_along_and_its_jobs_move_on_after_the_lease(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    stage_enqueue(s, "left", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, stage_phase_is, "run");
    pid_t worker = (pid_t)stage_worker_number(s, 0, "pid");
    assert_int_equal(kill(s->pid, SIGKILL), 0);
    assert_int_equal(stage_wait_exit(s), -1);
    WAIT_UNTIL(s, process_is_gone, &worker);
    forget_lives(s);
    stage_up(s, "workers = 1", 1); /* replaces the socket the dead one left */
    const struct recorded lost = {"left", "its lease ended"};
    WAIT_UNTIL(s, is_recorded, &lost);
    WAIT_UNTIL(s, stage_phase_is, "run");
    assert_int_equal(stage_stat_number(s, "drift"), 0);
}

static bool one_life_is_left(struct stage *s, const void *arg)
{
    (void)arg;
    char path[128];
    int n = 0;
    (void)snprintf(path, sizeof path, "%s/instances", s->dir);
    DIR *folder = opendir(path);
    for (const struct dirent *d = folder != NULL ? readdir(folder) : NULL; d != NULL; d = readdir(folder))
        n += d->d_name[0] != '.';
    if (folder != NULL)
        (void)closedir(folder);
    return n == 1;
}

static void test_supervisor_restarted_ends_its_predecessor_without_its_lease(void **state)
{
    struct stage *s = *state;
    set_long_lease();
    stage_up(s, "workers = 2", 2);
    stage_enqueue(s, "left", "{\"do\":\"hang\"}", "");
    WAIT_UNTIL(s, stage_one_of_two_is, "run");
    assert_int_equal(kill(s->pid, SIGKILL), 0);
    assert_int_equal(stage_wait_exit(s), -1);
    stage_up(s, "workers = 2", 2);
    const struct recorded restarted = {"left", "supervisor restarted"};
    WAIT_UNTIL(s, is_recorded, &restarted);
    const struct recorded again = {"left", "\"epoch\":2"};
    WAIT_UNTIL(s, is_recorded, &again);
    WAIT_UNTIL(s, one_life_is_left, NULL);
    assert_int_equal(stage_stat_number(s, "instances"), 1);
    assert_int_equal(stage_stat_number(s, "drift"), 0);
}

static void test_supervisor_restarted_leaves_alone_what_a_survivor_holds(void **state)
{
    struct stage *s = *state;
    set_long_lease();
    stage_up(s, "workers = 1", 1);
    stage_enqueue(s, "held", "{\"do\":\"child hang\"}", ",\"timeout_ms\":600000");
    WAIT_UNTIL(s, child_is_known, NULL);
    pid_t child = read_child(s), worker = (pid_t)stage_worker_number(s, 0, "pid");
    assert_int_equal(kill(s->pid, SIGKILL), 0);
    assert_int_equal(stage_wait_exit(s), -1);
    WAIT_UNTIL(s, process_is_gone, &worker);
    stage_up(s, "workers = 1", 1);
    stage_enqueue(s, "next", "{\"do\":\"ok\"}", ""); /* by its end the newcomer has looked */
    const struct stage_job_state done = {"next", "done"}, held = {"held", "active"};
    WAIT_UNTIL(s, stage_job_is, &done);
    assert_true(stage_job_is(s, &held)); /* a process that may still act for it lives */
    assert_int_equal(kill(child, SIGKILL), 0);
    const struct recorded restarted = {"held", "supervisor restarted"};
    WAIT_UNTIL(s, is_recorded, &restarted);
}

static void test_supervisor_leaves_no_life_behind_after_a_drain(void **state)
{
    struct stage *s = *state;
    stage_up(s, "workers = 1", 1);
    assert_true(one_life_is_left(s, NULL));
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    assert_int_equal(stage_wait_exit(s), 0);
    assert_false(one_life_is_left(s, NULL));
}

static void test_supervisor_bad_configuration_does_not_start(void **state)
{
    struct stage *s = *state;
    stage_write_file(s->conf, "[pool.probe]\nworkerz = 1\n");
    stage_start_supervisor(s);
    assert_int_equal(stage_wait_exit(s), 1);
}

int main(int argc, char *argv[])
{
    if (strcmp(argv[0], "stint-worker") == 0)
        return fake_worker_main(argc, argv);
#define T(f) cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        T(test_supervisor_bursts_and_single_jobs_wake_without_a_heartbeat),
        T(test_supervisor_service_manager_hears_ready_watchdog_and_stopping),
        T(test_supervisor_orphans_of_workers_are_reaped),
        T(test_supervisor_worker_killed_takes_its_children_along),
        T(test_supervisor_as_pid_one_runs_reaps_and_drains),
        T(test_supervisor_second_on_the_same_socket_refuses),
        T(test_supervisor_killed_takes_workers_along_and_its_jobs_move_on_after_the_lease),
        cmocka_unit_test_setup_teardown(test_supervisor_restarted_ends_its_predecessor_without_its_lease, stage_setup,
                                        teardown_long_lease),
        cmocka_unit_test_setup_teardown(test_supervisor_restarted_leaves_alone_what_a_survivor_holds, stage_setup,
                                        teardown_long_lease),
        T(test_supervisor_leaves_no_life_behind_after_a_drain),
        T(test_supervisor_bad_configuration_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
