/*
 * bench_process - see bench_process.h. Starts with vfork's cost only, which favours the peer: no shell, no output kept.
 */
#include "bench_process.h"

#include "clock.h"
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

static void process_once(char *const argv[], const posix_spawn_file_actions_t *actions, struct samples *s)
{
    pid_t pid;
    int status = 0;
    struct rusage used;
    int rc = posix_spawn(&pid, argv[0], actions, NULL, argv, environ);
    if (rc != 0 || wait4(pid, &status, 0, &used) != pid || status != 0) {
        (void)fprintf(stderr, "stint-bench-pdf: %s: %s\n", argv[0], rc != 0 ? strerror(rc) : "it failed");
        exit(1);
    }
    s->cpu_us += (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    s->peak_bytes = MAX_OF(s->peak_bytes, (uint64_t)used.ru_maxrss * 1024);
}

void bench_process_run(char *const argv[], const struct samples_plan *plan, struct samples *s)
{
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    process_once(argv, &actions, s); /* the first finds the program's files cold */
    s->cpu_us = 0;
    while (samples_more(s, plan)) {
        uint64_t begin = clock_mono_ns();
        process_once(argv, &actions, s);
        samples_add(s, begin);
    }
    samples_stop(s);
    (void)posix_spawn_file_actions_destroy(&actions);
}
