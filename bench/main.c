/*
 * stint-bench - one measurement a call; bench/run and bench/recovery order them and print the table.
 */
#include "bench_latency.h"
#include "bench_modes.h"
#include "bench_recovery.h"

#include <signal.h>
#include <stdio.h>

/* recover-worker|recover-host|recover-supervisor URL KILLS LABEL SUPERVISOR DIR WORKERS [BUSY]; -1: not one of them. */
static int recover(struct redis_sync *r, const char *mode, long kills, int argc, char *argv[])
{
    if (argc < 4 || strncmp(mode, "recover-", strlen("recover-")) != 0)
        return -1;
    const char *label = argv[0], *program = argv[1], *dir = argv[2];
    int workers = (int)bench_count(argv[3]), busy = argc > 4 ? atoi(argv[4]) : 0;
    (void)signal(SIGPIPE, SIG_IGN);
    if (strcmp(mode, "recover-worker") == 0)
        bench_recovery_worker(r, program, dir, kills, workers, busy, label);
    else if (strcmp(mode, "recover-host") == 0)
        bench_recovery_host(r, program, dir, kills, workers, label);
    else if (strcmp(mode, "recover-supervisor") == 0)
        bench_recovery_supervisor(r, program, dir, kills, workers, label);
    else
        return -1;
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc < 4) {
        fprintf(stderr, "usage: stint-bench ceiling|functions|drain|latency|half-load|recover-… URL JOBS [LABEL|RATE "
                        "…]; see bench/README.md\n");
        return 2;
    }
    const char *mode = argv[1], *label = argc > 4 ? argv[4] : "";
    long jobs = bench_count(argv[3]);
    struct redis_sync r;
    bench_open(&r, argv[2]);
    int rc = 0;
    if (strcmp(mode, "ceiling") == 0)
        bench_ceiling(&r, jobs);
    else if (strcmp(mode, "functions") == 0)
        bench_functions(&r, jobs);
    else if (strcmp(mode, "drain") == 0)
        bench_drain(&r, jobs, label);
    else if (strcmp(mode, "latency") == 0)
        bench_latency(&r, jobs);
    else if (strcmp(mode, "half-load") == 0)
        bench_half_load(&r, jobs, argc > 4 ? (double)bench_count(argv[4]) : 0);
    else if (recover(&r, mode, jobs, argc - 4, argv + 4) < 0)
        rc = 2;
    redis_sync_close(&r);
    return rc;
}
