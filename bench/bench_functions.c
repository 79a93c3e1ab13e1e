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

/* The entries of one band in XREADGROUP's answer; NULL when there are none. */
static const redisReply *entries_of(const redisReply *read)
{
    return read && read->type == REDIS_REPLY_ARRAY && read->elements ? read->element[0]->element[1] : NULL;
}

static const char *entry_at(const redisReply *entries, size_t i)
{
    return entries->element[i]->element[0]->str;
}

static void send_acks(struct redis_sync *r, const redisReply *entries)
{
    struct bench_command c;
    call_head(&c, "stint_ack");
    bench_add(&c, "normal");
    for (size_t i = 0; i < entries->elements; i++)
        bench_add(&c, entry_at(entries, i));
    bench_send(r, &c);
}

/* The statuses of the entries from i on that are of one second, as worker/job_packed.c says them. Returns the first of
 * the next. */
static size_t send_packed(struct redis_sync *r, const redisReply *entries, size_t i)
{
    enum { SECOND_DIGITS = 10, LINE_MAX_BYTES = 96, BATCH_MAX = 1000 };
    static char text[LINE_MAX_BYTES * BATCH_MAX];
    char second[SECOND_DIGITS + 1], span[64];
    size_t end = i, len = 0;
    struct bench_command c;
    (void)snprintf(second, sizeof second, "%s", entry_at(entries, i));
    for (; end < entries->elements && strncmp(entry_at(entries, end), second, SECOND_DIGITS) == 0; end++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s 0 0 12345678 process {\"ok\":true}\n",
                                entry_at(entries, end) + SECOND_DIGITS);
    (void)snprintf(span, sizeof span, "%s-%.3s", entry_at(entries, i) + SECOND_DIGITS,
                   entry_at(entries, end - 1) + SECOND_DIGITS);
    call_head(&c, "stint_keep_packed");
    const char *const words[] = {"normal", "probe", "3600000", second, span, text};
    for (size_t word = 0; word < ARRAY_LEN(words); word++)
        bench_add(&c, words[word]);
    for (; i < end; i++)
        bench_add(&c, entry_at(entries, i));
    bench_send(r, &c);
    return end;
}

/* Sends what ends these jobs; returns how many answers come. */
static size_t send_ends(struct redis_sync *r, const redisReply *entries, bool tracked)
{
    size_t calls = 1;
    if (!tracked)
        send_acks(r, entries);
    else
        for (size_t i = send_packed(r, entries, 0); i < entries->elements; calls++)
            i = send_packed(r, entries, i);
    return calls;
}

/* As a worker does in a streak: what is done is acknowledged in one call, and the next batch read by Redis' own command
 * with the gate beside the band; both in one write. */
static double process_natively(struct redis_sync *r, long batch, bool tracked)
{
    struct bench_command c;
    char max[24];
    snprintf(max, sizeof max, "%ld", batch);
    double start = bench_now();
    redisReply *fetched = bench_cmd(r, "FCALL stint_fetch 1 " KEY " bench bench:0:1 0 1 %s native", "");
    redisReply *read = NULL;
    freeReplyObject(
        bench_cmd(r, "FCALL stint_ack 1 " KEY " normal %s", fetched->element[1]->element[0]->element[1]->str));
    freeReplyObject(fetched);
    for (;;) {
        const redisReply *entries = entries_of(read);
        size_t answers = entries ? send_ends(r, entries, tracked) : 0;
        const char *const words[] = {"XREADGROUP", "GROUP",          "workers",       "bench:0:1",        "COUNT", max,
                                     "STREAMS",    KEY ":s:express", KEY ":s:normal", KEY ":g:bench:0:1", ">",     ">",
                                     ">"};
        bench_begin(&c);
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
            bench_add(&c, words[i]);
        bench_send(r, &c);
        while (answers-- > 0)
            freeReplyObject(bench_reply(r));
        freeReplyObject(read);
        read = bench_reply(r);
        if (!entries_of(read))
            break;
    }
    freeReplyObject(read);
    return bench_now() - start;
}

void bench_functions(struct redis_sync *r, long jobs)
{
    static const struct {
        long batch, share; /* share: the slower ones measure fewer jobs */
        bool tracked, native;
        const char *measure;
    } runs[] = {
        {500, 1, false, true, "process, native batch 500 /s"},
        {500, 1, false, false, "process, batch 500 /s"},
        {64, 1, false, true, "process, native batch 64 /s"},
        {64, 1, false, false, "process, batch 64 /s"},
        {1, 5, false, false, "process, one by one /s"},
        {500, 1, true, true, "process tracked, native batch 500 /s"},
        {64, 2, true, false, "process tracked, batch 64 /s"},
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
        double took = runs[i].native ? process_natively(r, runs[i].batch, runs[i].tracked)
                                     : process(r, runs[i].batch, runs[i].tracked);
        bench_emit("functions", runs[i].measure, (double)n / took, n);
    }
    freeReplyObject(bench_cmd(r, "FCALL stint_bye 1 " KEY " bench"));
}
