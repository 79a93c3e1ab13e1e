/*
 * stint-worker - fetches jobs of one queue, runs them, and tells how they ended. Started by stint-supervisor only.
 */
#include "build_info.h"
#include "worker.h"

#include <signal.h>
#include <stdio.h>

static struct worker worker;

int main(int argc, char *argv[])
{
    struct boot boot = {0};
    struct err e = {0};

    /* 1. arguments */
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("stint-worker %s (%s)\n", STINT_VERSION, STINT_BUILD) < 0;
    if (boot_arguments(&boot, argc, argv, &e) < 0) {
        fprintf(stderr, "stint-worker: %s\n", e.message);
        return WORKER_EXIT_BOOT;
    }
    /* 2. only the descriptors a supervisor gives */
    if (boot_descriptors(&e) < 0) {
        fprintf(stderr, "stint-worker: %s\n", e.message);
        return WORKER_EXIT_BOOT;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    /* 3. configuration and log, 4. scoreboard */
    if (boot_configuration(&boot, &e) < 0 || boot_scoreboard(&boot, &e) < 0) {
        int code = boot_failed(&e);
        boot_fini(&boot);
        return code;
    }
    boot_crash_guard();
    /* 5. what it may never do; loop, connections, kinds, control socket; then, unless a kind does, no program is started any more */
    if (boot_sandbox(false, &e) < 0 || worker_open(&worker, &boot, &e) < 0 ||
        (!kind_set_execs(&worker.kinds) && boot_sandbox(true, &e) < 0)) {
        int code = boot_failed(&e);
        if (!worker_close(&worker))
            _exit(code);
        return code;
    }
    /* 6. run: READY is said once Redis answered or was found away; returns when drained */
    worker_run(&worker);
    /* 7. exit code */
    int code = worker.exit_code;
    if (!worker_close(&worker))
        _exit(code);
    return code;
}
