/*
 * Why: shows what the Functions cost apart from processes and loops, so that a slow figure of the whole can be placed.
 * Refuses to: run a handler.
 */
#include "bench_modes.h"

#include <stdio.h>

#define KEY "stint:{bench}"
enum { UNDER_WAY = 4, OP_ARGS = 6 };

static void config_track(struct redis_sync *r, const char *value)
{
    freeReplyObject(bench_cmd(r, "FCALL stint_config 1 " KEY " track:probe %s bench", value));
}

static void call_head(struct bench_command *c, const char *function)
{
    const char *const words[] = {"FCALL", function, "1", KEY};
    bench_begin(c);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        bench_add(c, words[i]);
}

double bench_enqueue_bulk(struct redis_sync *r, long jobs)
{
    struct bench_command c;
    double start = bench_now();
    for (long sent = 0, calls = 0; sent < jobs || calls > 0;) {
        while (sent < jobs && calls < UNDER_WAY) {
            call_head(&c, "stint_enqueue_bulk");
            for (long end = MIN_OF(sent + BENCH_BULK, jobs); sent < end; sent++) {
                bench_add(&c, "{\"kind\":\"probe\"}");
                bench_add(&c, bench_payload());
            }
            bench_send(r, &c);
            calls++;
        }
        freeReplyObject(bench_reply(r));
        calls--;
    }
    return bench_now() - start;
}

static double enqueue_one_at_a_time(struct redis_sync *r, long jobs)
{
    struct bench_command c;
    double start = bench_now();
    for (long i = 0; i < jobs; i++) {
        call_head(&c, "stint_enqueue");
        bench_add(&c, "{\"kind\":\"probe\"}");
        bench_add(&c, bench_payload());
        freeReplyObject(bench_call(r, &c));
    }
    return bench_now() - start;
}

/* Adds the ops that finish the jobs of the last FETCHED. */
static void add_finished(struct bench_command *c, const redisReply *jobs, bool tracked)
{
    for (size_t i = 0; i < jobs->elements; i++) {
        redisReply *const *job = jobs->element[i]->element;
        bench_add(c, tracked ? "done" : "ack");
        bench_add(c, job[0]->str);
        bench_add(c, job[1]->str);
        bench_add(c, job[2]->str);
        bench_add(c, tracked ? "{\"ok\":true}" : "");
        bench_add(c, tracked ? "3600000" : "");
    }
}

static double process(struct redis_sync *r, long batch, bool tracked)
{
    struct bench_command c;
    char max[24], n[24], turn[24];
    snprintf(max, sizeof max, "%ld", batch);
    double start = bench_now();
    redisReply *last = NULL;
    for (long turns = 0;; turns++) {
        const redisReply *jobs = last ? last->element[1]->element[1] : NULL;
        snprintf(n, sizeof n, "%zu", jobs ? jobs->elements : 0);
        snprintf(turn, sizeof turn, "%ld", turns);
        call_head(&c, "stint_finish");
        const char *const words[] = {"bench", "bench:0:1", turn, max, n};
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
            bench_add(&c, words[i]);
        if (jobs)
            add_finished(&c, jobs, tracked);
        redisReply *next = bench_call(r, &c);
        freeReplyObject(last);
        last = next;
        if (next->element[1]->element[1]->elements == 0)
            break;
    }
    freeReplyObject(last);
    return bench_now() - start;
}

void bench_functions(struct redis_sync *r, long jobs)
{
    static const struct {
        long batch, share; /* share: the slower ones measure fewer jobs */
        bool tracked;
        const char *measure;
    } runs[] = {
        {500, 1, false, "process, batch 500 /s"},
        {64, 1, false, "process, batch 64 /s"},
        {1, 5, false, "process, one by one /s"},
        {64, 2, true, "process tracked, batch 64 /s"},
    };
    freeReplyObject(bench_cmd(r, "FCALL stint_beat 1 " KEY " bench 3600000 {}"));
    config_track(r, "0");
    bench_emit("functions", "enqueue one by one /s", (double)jobs / 5 / enqueue_one_at_a_time(r, jobs / 5), jobs / 5);
    (void)process(r, 500, false);
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        long n = jobs / runs[i].share;
        config_track(r, runs[i].tracked ? "1" : "0");
        double seconds = bench_enqueue_bulk(r, n);
        if (runs[i].share < 5 && runs[i].batch != 500)
            bench_emit("functions", runs[i].tracked ? "enqueue bulk tracked /s" : "enqueue bulk /s",
                       (double)n / seconds, n);
        bench_emit("functions", runs[i].measure, (double)n / process(r, runs[i].batch, runs[i].tracked), n);
    }
    freeReplyObject(bench_cmd(r, "FCALL stint_bye 1 " KEY " bench"));
}
