/*
 * Why: a figure means something beside what the same server can do at best, measured in the same minute.
 * Refuses to: do anything a queue needs beyond add, claim, acknowledge and delete.
 */
#include "bench_modes.h"

#include <stdio.h>

enum { CLAIM = 500, WINDOW = 1000 };
#define STREAM "bench:ceiling"

static double enqueue(struct redis_sync *r, long jobs)
{
    struct bench_command c;
    double start = bench_now();
    for (long sent = 0, seen = 0; seen < jobs;) {
        for (; sent < jobs && sent - seen < WINDOW; sent++) {
            char id[40];
            snprintf(id, sizeof id, "01a20146-9e6f-7001-baef-%012lx", (unsigned long)sent);
            bench_begin(&c);
            const char *const words[] = {"XADD", STREAM, "*", "kind", "probe", "id", id, "payload", bench_payload()};
            for (size_t i = 0; i < ARRAY_LEN(words); i++)
                bench_add(&c, words[i]);
            bench_send(r, &c);
        }
        for (long end = seen + WINDOW / 2 < sent ? seen + WINDOW / 2 : sent; seen < end; seen++)
            freeReplyObject(bench_reply(r));
    }
    return bench_now() - start;
}

/* One variadic command over the entries of a claim. */
static void over_entries(struct redis_sync *r, const redisReply *entries, const char *const head[], int n_head)
{
    struct bench_command c;
    bench_begin(&c);
    for (int i = 0; i < n_head; i++)
        bench_add(&c, head[i]);
    for (size_t i = 0; i < entries->elements; i++)
        bench_add(&c, entries->element[i]->element[0]->str);
    bench_send(r, &c);
}

static double process(struct redis_sync *r)
{
    static const char *const ack[] = {"XACK", STREAM, "g"}, *const del[] = {"XDEL", STREAM};
    double start = bench_now();
    for (;;) {
        redisReply *read = bench_cmd(r, "XREADGROUP GROUP g c COUNT %d STREAMS " STREAM " >", CLAIM);
        if (read->type != REDIS_REPLY_ARRAY || read->elements == 0) {
            freeReplyObject(read);
            return bench_now() - start;
        }
        const redisReply *entries = read->element[0]->element[1];
        over_entries(r, entries, ack, ARRAY_LEN(ack));
        over_entries(r, entries, del, ARRAY_LEN(del));
        freeReplyObject(bench_reply(r));
        freeReplyObject(bench_reply(r));
        freeReplyObject(read);
    }
}

void bench_ceiling(struct redis_sync *r, long jobs)
{
    freeReplyObject(bench_cmd(r, "DEL " STREAM));
    freeReplyObject(bench_cmd(r, "XGROUP CREATE " STREAM " g 0 MKSTREAM"));
    bench_emit("redis", "enqueue bulk /s", (double)jobs / enqueue(r, jobs), jobs);
    bench_emit("redis", "process /s", (double)jobs / process(r), jobs);
    freeReplyObject(bench_cmd(r, "DEL " STREAM));
}
