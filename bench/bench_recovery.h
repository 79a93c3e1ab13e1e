/*
 * bench_recovery - how long a job waits after what ran it was killed.
 *
 * Runs in: stint-bench. Each prints one line a kill. The probe's handler itself says when it began (`stamp`), by the
 * monotonic clock of this machine, and the kill is stamped right before kill(2): nothing is measured by polling.
 */
#pragma once

#include "bench_link.h"

/* A worker of dir/stint.conf's pool (queue "bench") is killed `kills` times with a job in hand; `busy` other workers of
 * its `workers` hold a job that does not end, so that 0 leaves idle siblings and workers - 1 none. label names the
 * setting. Also prints the boot time of each replacement. */
void bench_recovery_worker(struct redis_sync *r, const char *program, const char *dir, long kills, int workers,
                           int busy, const char *label);
/* Two supervisors, dir/a and dir/b; the one that holds the jobs is killed with all its workers, `kills` times in turn. */
void bench_recovery_host(struct redis_sync *r, const char *program, const char *dir, long kills, int workers,
                         const char *label);
/* The supervisor alone is killed under load, `kills` times, and started again at once. */
void bench_recovery_supervisor(struct redis_sync *r, const char *program, const char *dir, long kills, int workers,
                               const char *label);
