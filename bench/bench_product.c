/*
 * Why: users get a supervisor and worker processes, not Functions; these figures are theirs.
 * Refuses to: reach into the processes: it looks at Redis, as an application would.
 */
#include "bench_modes.h"

#include <poll.h>
#include <stdio.h>

#define KEY "stint:{bench}"
enum { LOOK_EVERY_MS = 2, DEADLINE_S = 120, CALM_MS = 3 };

static long done_count(struct redis_sync *r)
{
    redisReply *reply = bench_cmd(r, "HGET " KEY ":ledger done");
    long n = reply->type == REDIS_REPLY_STRING ? strtol(reply->str, NULL, 10) : 0;
    freeReplyObject(reply);
    return n;
}

void bench_drain(struct redis_sync *r, long jobs, const char *label)
{
    char measure[64];
    freeReplyObject(bench_cmd(r, "FCALL stint_pause 1 " KEY " %s bench bench", ""));
    long before = done_count(r);
    double seconds = bench_enqueue_bulk(r, jobs);
    snprintf(measure, sizeof measure, "enqueue bulk%s /s", label);
    bench_emit("stint", measure, (double)jobs / seconds, jobs);
    double start = bench_now();
    freeReplyObject(bench_cmd(r, "FCALL stint_resume 1 " KEY " %s bench bench", ""));
    while (done_count(r) < before + jobs) {
        (void)poll(NULL, 0, LOOK_EVERY_MS);
        if (bench_now() - start > DEADLINE_S) {
            fprintf(stderr, "stint-bench: only %ld of %ld jobs were done in %d s\n", done_count(r) - before, jobs,
                    DEADLINE_S);
            exit(1);
        }
    }
    snprintf(measure, sizeof measure, "process%s /s", label);
    bench_emit("stint", measure, (double)jobs / (bench_now() - start), jobs);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Reads keyspace messages until the finished entry is deleted. */
static void wait_deleted(struct redis_sync *listener)
{
    for (bool deleted = false; !deleted;) {
        redisReply *message = bench_reply(listener);
        deleted = message->elements == 3 && message->element[2]->str && strcmp(message->element[2]->str, "xdel") == 0;
        freeReplyObject(message);
    }
}

void bench_latency(struct redis_sync *r, const char *url, long jobs)
{
    struct redis_sync listener;
    bench_open(&listener, url);
    freeReplyObject(bench_cmd(r, "CONFIG SET notify-keyspace-events Kt"));
    freeReplyObject(bench_cmd(&listener, "SUBSCRIBE __keyspace@0__:" KEY ":s:normal"));
    double *ms = calloc((size_t)jobs, sizeof *ms);
    for (long i = 0; i < jobs; i++) {
        double start = bench_now();
        freeReplyObject(bench_cmd(r, "FCALL stint_enqueue 1 " KEY " {\"kind\":\"probe\"} %s", bench_payload()));
        wait_deleted(&listener);
        ms[i] = (bench_now() - start) * 1000;
        (void)poll(NULL, 0, CALM_MS); /* the next job must find an idle worker, as the first did */
    }
    qsort(ms, (size_t)jobs, sizeof *ms, by_value);
    bench_emit("stint", "latency p50 ms", ms[jobs / 2], jobs);
    bench_emit("stint", "latency p99 ms", ms[jobs * 99 / 100], jobs);
    free(ms);
    freeReplyObject(bench_cmd(r, "CONFIG SET notify-keyspace-events %s", ""));
    redis_sync_close(&listener);
}
