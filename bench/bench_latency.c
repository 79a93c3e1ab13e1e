/*
 * Why: "starts at once" is a figure or it is nothing, and one that waits for each answer before it sends the next job
 * would leave out just the jobs that had to wait (coordinated omission: G. Tene, "How NOT to Measure Latency", 2013).
 * Refuses to: look while jobs run. Handlers stamp their first line themselves; the stamps are read afterwards.
 */
#include "bench_latency.h"

#include "bench_modes.h"
#include "clock.h"

#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>

#define KEY "stint:{bench}"
enum {
    IDLE_APART_MIN_US = 5000, /* the next job finds an idle worker, and the doorbell listening */
    IDLE_APART_MAX_US = 25000,
    READ_AT_ONCE = 500,
    PROBE_JOBS_MAX = 20000, /* drained to learn the throughput that half load is half of */
    WARM_JOBS = 5,          /* not counted: the first ones meet cold caches */
    FIRST_US = 200000,      /* after what was drained before has settled */
};

struct arrival {
    uint64_t due_us;   /* when it was meant to be sent (monotonic) */
    uint64_t start_us; /* from when its wait counts */
    char id[64];
};

/* xorshift64* (Vigna, 2016): the same arrivals in every run and on every machine. In (0, 1]. */
static double draw(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)((*state * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0 + 0x1p-54;
}

static uint64_t now_us(void)
{
    return clock_mono_ns() / 1000;
}

static const char *payload(void)
{
    static const char text[] =
        "{\"v\":1,\"do\":\"ok\",\"stamp\":true,\"pad\":\""
        "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678\"}";
    static_assert(sizeof text - 1 == BENCH_PAYLOAD_BYTES, "every measurement carries as many bytes");
    return text;
}

static void take_answer(struct arrival *a, const redisReply *reply)
{
    json_t *answer = reply->type == REDIS_REPLY_STRING ? json_loads(reply->str, 0, NULL) : NULL;
    const char *id = json_string_value(json_object_get(answer, "id"));
    if (id == NULL || id[0] == '\0' || strlen(id) >= sizeof a->id) {
        fprintf(stderr, "stint-bench: an enqueue was answered with: %s\n", reply->str ? reply->str : "no text");
        exit(1);
    }
    memcpy(a->id, id, strlen(id) + 1);
    json_decref(answer);
}

/* Waits for an answer until the monotonic µs, with the clock's own precision. */
static bool readable_until(struct redis_sync *r, uint64_t until_us)
{
    struct pollfd fd = {.fd = r->ctx->fd, .events = POLLIN};
    uint64_t now = now_us(), wait = until_us > now ? until_us - now : 0;
    const struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000), .tv_nsec = (long)(wait % 1000000) * 1000};
    return ppoll(&fd, 1, &timeout, NULL) > 0;
}

static void flush(struct redis_sync *r)
{
    for (int done = 0; !done;)
        if (redisBufferWrite(r->ctx, &done) != REDIS_OK) {
            fprintf(stderr, "stint-bench: %s\n", r->ctx->errstr);
            exit(1);
        }
}

/* Sends each job when it is due, whatever became of those before. sparse: the wait counts from right before the call,
 * unless the call before it was still unanswered; else from when it was due. */
static void offer(struct redis_sync *r, struct arrival *arrivals, long jobs, bool sparse)
{
    long sent = 0, answered = 0;
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    while (answered < jobs) {
        uint64_t now = now_us();
        bool late = answered < sent, wrote = false;
        for (; sent < jobs && arrivals[sent].due_us <= now; sent++, wrote = true) {
            arrivals[sent].start_us = sparse && !late ? now_us() : arrivals[sent].due_us;
            (void)redisAppendCommand(r->ctx, "FCALL stint_enqueue 1 " KEY " {\"kind\":\"probe\"} %s", payload());
        }
        if (wrote)
            flush(r);
        if (!readable_until(r, sent < jobs ? arrivals[sent].due_us : now + 1000000))
            continue;
        (void)redisBufferRead(r->ctx);
        for (void *got = NULL; redisGetReplyFromReader(r->ctx, &got) == REDIS_OK && got != NULL; answered++) {
            take_answer(&arrivals[answered], got);
            freeReplyObject(got);
            got = NULL;
        }
        if (r->ctx->err != 0) {
            fprintf(stderr, "stint-bench: %s\n", r->ctx->errstr);
            exit(1);
        }
    }
}

static uint64_t stamp_of(const redisReply *reply, const char *id)
{
    json_t *result = reply->type == REDIS_REPLY_STRING ? json_loads(reply->str, 0, NULL) : NULL;
    uint64_t us = (uint64_t)json_integer_value(json_object_get(result, "started_us"));
    json_decref(result);
    if (us == 0) {
        fprintf(stderr, "stint-bench: job %s left no stamp; [kind.probe] track = yes?\n", id);
        exit(1);
    }
    return us;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Milliseconds from its start to the first line of its handler, of every job, in order. The caller's. */
static double *waits_of(struct redis_sync *r, const struct arrival *arrivals, long jobs)
{
    double *ms = calloc((size_t)jobs, sizeof *ms);
    assert(ms != NULL);
    for (long from = 0; from < jobs; from += READ_AT_ONCE) {
        long end = MIN_OF(from + READ_AT_ONCE, jobs);
        for (long i = from; i < end; i++)
            (void)redisAppendCommand(r->ctx, "HGET " KEY ":j:%s result", arrivals[i].id);
        for (long i = from; i < end; i++) {
            redisReply *reply = bench_reply(r);
            ms[i] = ((double)stamp_of(reply, arrivals[i].id) - (double)arrivals[i].start_us) / 1000;
            freeReplyObject(reply);
        }
    }
    qsort(ms, (size_t)jobs, sizeof *ms, by_value);
    return ms;
}

static void emit(const char *name, const char *quantile, double value, long jobs)
{
    char measure[96];
    snprintf(measure, sizeof measure, "%s %s", name, quantile);
    bench_emit("stint", measure, value, jobs);
}

/* [upper bound in ms, jobs up to it and above the one before]: four bounds an octave. */
static void emit_histogram(const char *name, const double *ms, long jobs)
{
    printf("{\"system\":\"stint\",\"measure\":\"%s, slowest ms\",\"value\":%.6g,\"jobs\":%ld,\"histogram\":[", name,
           ms[jobs - 1], jobs);
    long at = 0;
    bool first = true;
    for (double bound = 0.0625; at < jobs; bound *= exp2(0.25)) {
        long n = 0;
        for (; at < jobs && ms[at] <= bound; at++)
            n++;
        if (n > 0)
            printf("%s[%.3g,%ld]", first ? "" : ",", bound, n);
        first = first && n == 0;
    }
    printf("]}\n");
    fflush(stdout);
}

static void measure(struct redis_sync *r, const char *name, struct arrival *arrivals, long jobs, bool sparse)
{
    long all = jobs + WARM_JOBS, before = bench_done_count(r);
    offer(r, arrivals, all, sparse);
    bench_wait_done(r, before + all);
    double *ms = waits_of(r, arrivals + WARM_JOBS, jobs);
    emit(name, "p50 ms", ms[jobs / 2], jobs);
    emit(name, "p99 ms", ms[jobs * 99 / 100], jobs);
    emit(name, "p99.9 ms", ms[jobs * 999 / 1000], jobs);
    emit_histogram(name, ms, jobs);
    free(ms);
}

static struct arrival *arrivals_new(long jobs)
{
    struct arrival *arrivals = calloc((size_t)(jobs + WARM_JOBS), sizeof *arrivals);
    assert(arrivals != NULL);
    return arrivals;
}

void bench_latency(struct redis_sync *r, long jobs)
{
    struct arrival *arrivals = arrivals_new(jobs);
    uint64_t seed = 1, at = now_us() + FIRST_US;
    for (long i = 0; i < jobs + WARM_JOBS; i++) {
        arrivals[i].due_us = at;
        at += IDLE_APART_MIN_US + (uint64_t)(draw(&seed) * (IDLE_APART_MAX_US - IDLE_APART_MIN_US));
    }
    measure(r, "latency", arrivals, jobs, true);
    free(arrivals);
}

void bench_half_load(struct redis_sync *r, long jobs, double per_second)
{
    long probe = MIN_OF(jobs, (long)PROBE_JOBS_MAX);
    double rate = per_second > 0 ? per_second : (double)probe / bench_drain_seconds(r, probe) / 2;
    struct arrival *arrivals = arrivals_new(jobs);
    uint64_t seed = 2, began = now_us() + FIRST_US;
    double at = 0;
    for (long i = 0; i < jobs + WARM_JOBS; i++) {
        arrivals[i].due_us = began + (uint64_t)at;
        at += -log(draw(&seed)) * 1e6 / rate; /* Poisson: clumps as of many producers that know nothing of each other */
    }
    bench_emit("stint", "half load, offered /s", rate, jobs);
    measure(r, "latency at half load", arrivals, jobs, false);
    free(arrivals);
}
