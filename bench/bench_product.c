/*
 * Why: users get a supervisor and worker processes, not Functions; these figures are theirs.
 * Refuses to: reach into the processes: it looks at Redis, as an application would.
 */
#include "bench_modes.h"

#include <poll.h>
#include <stdio.h>

#define KEY "stint:{bench}"
enum { LOOK_EVERY_MS = 2, DEADLINE_S = 120 };

long bench_done_count(struct redis_sync *r)
{
    redisReply *reply = bench_cmd(r, "HGET " KEY ":ledger done");
    long n = reply->type == REDIS_REPLY_STRING ? strtol(reply->str, NULL, 10) : 0;
    freeReplyObject(reply);
    return n;
}

void bench_wait_done(struct redis_sync *r, long done)
{
    double start = bench_now();
    for (long n; (n = bench_done_count(r)) < done;) {
        (void)poll(NULL, 0, LOOK_EVERY_MS);
        if (bench_now() - start > DEADLINE_S) {
            fprintf(stderr, "stint-bench: %ld jobs were still not done after %d s\n", done - n, DEADLINE_S);
            exit(1);
        }
    }
}

/* Fills the paused queue, then times it from resume to the last job done. */
static double fill_and_drain(struct redis_sync *r, long jobs, double *ret_fill_seconds)
{
    freeReplyObject(bench_cmd(r, "FCALL stint_pause 1 " KEY " %s bench bench", ""));
    long before = bench_done_count(r);
    *ret_fill_seconds = bench_enqueue_bulk(r, jobs);
    double start = bench_now();
    freeReplyObject(bench_cmd(r, "FCALL stint_resume 1 " KEY " %s bench bench", ""));
    bench_wait_done(r, before + jobs);
    return bench_now() - start;
}

double bench_drain_seconds(struct redis_sync *r, long jobs)
{
    double fill;
    return fill_and_drain(r, jobs, &fill);
}

void bench_drain(struct redis_sync *r, long jobs, const char *label)
{
    char measure[64];
    double fill, drain = fill_and_drain(r, jobs, &fill);
    snprintf(measure, sizeof measure, "enqueue bulk%s /s", label);
    bench_emit("stint", measure, (double)jobs / fill, jobs);
    snprintf(measure, sizeof measure, "process%s /s", label);
    bench_emit("stint", measure, (double)jobs / drain, jobs);
}
