/*
 * bench_host - a "host" of the bench: one supervisor started with a configuration, its control socket, its workers, and
 * its violent end.
 *
 * Runs in: stint-bench. Blocks, always with a deadline; a miss ends the program, for a bench of errors is worth nothing.
 */
#pragma once

#include "base.h"
#include <sys/types.h>

struct bench_host {
    char dir[200]; /* holds stint.conf; run and state folders, the log */
    pid_t pid;     /* of the supervisor; 0: not running */
};

/* One worker, as the control socket shows it. */
struct bench_worker {
    pid_t pid;
    int slot;
    double boot_ms; /* from fork to READY */
};

/* Starts `program --config dir/stint.conf`; it dies with the bench. Does not wait. */
void bench_host_start(struct bench_host *h, const char *program);
/* Waits until `ready` workers are, in phase "idle" or "run". */
void bench_host_wait_ready(const struct bench_host *h, int ready);
/* Waits until a worker of the host runs the job; which one. */
struct bench_worker bench_host_wait_running(const struct bench_host *h, const char *job);
/* The workers' boot times, at most `most`; how many there are. */
int bench_host_workers(const struct bench_host *h, struct bench_worker *ret, int most);
/* SIGKILL to the supervisor alone, at *ret_us (monotonic µs, just before); reaped. */
void bench_host_kill_supervisor(struct bench_host *h, uint64_t *ret_us);
/* The same, and to all its workers: the host is gone. */
void bench_host_kill_all(struct bench_host *h, uint64_t *ret_us);
/* SIGTERM, and waits for the end. NULL-safe, twice-safe. */
void bench_host_stop(struct bench_host *h);
/* Monotonic µs, the clock of a probe's started_us. */
uint64_t bench_now_us(void);
