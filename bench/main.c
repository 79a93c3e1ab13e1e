/*
 * stint-bench - one measurement a call; bench/run orders them and prints the table.
 */
#include "bench_modes.h"

#include <stdio.h>

int main(int argc, char *argv[])
{
    if (argc < 4) {
        fprintf(stderr, "usage: stint-bench ceiling|functions|drain|latency URL JOBS [LABEL]; see bench/README.md\n");
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
        bench_latency(&r, argv[2], jobs);
    else
        rc = 2;
    redis_sync_close(&r);
    return rc;
}
