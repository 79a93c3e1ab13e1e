/*
 * Why: the ceiling and stint must be driven by the same client code, or the ratio would compare clients.
 * Refuses to: retry, or to measure anything after an error.
 */
#include "bench_link.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

NORETURN static void give_up(const char *what)
{
    fprintf(stderr, "stint-bench: %s\n", what);
    exit(1);
}

void bench_open(struct redis_sync *r, const char *url)
{
    struct conf_redis conf = {.connect_timeout = 2000, .command_timeout = 60000};
    snprintf(conf.url, sizeof conf.url, "%s", url);
    struct err e = {0};
    if (redis_sync_open(r, &conf, &e) < 0 || redis_sync_functions(r, &e) < 0)
        give_up(e.message);
}

void bench_begin(struct bench_command *c)
{
    c->n = 0;
}

void bench_add(struct bench_command *c, const char *text)
{
    assert(c->n < BENCH_ARGS_MAX);
    c->argv[c->n] = text;
    c->lens[c->n++] = strlen(text);
}

void bench_send(struct redis_sync *r, const struct bench_command *c)
{
    const char *argv[BENCH_ARGS_MAX]; /* hiredis 0.14 wants a mutable array */
    memcpy(argv, c->argv, (size_t)c->n * sizeof argv[0]);
    if (redisAppendCommandArgv(r->ctx, c->n, argv, c->lens) != REDIS_OK)
        give_up(r->ctx->errstr);
}

redisReply *bench_reply(struct redis_sync *r)
{
    void *got = NULL;
    if (redisGetReply(r->ctx, &got) != REDIS_OK)
        give_up(r->ctx->errstr);
    redisReply *reply = got;
    if (reply->type == REDIS_REPLY_ERROR)
        give_up(reply->str);
    return reply;
}

redisReply *bench_call(struct redis_sync *r, const struct bench_command *c)
{
    bench_send(r, c);
    return bench_reply(r);
}

redisReply *bench_cmd(struct redis_sync *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int rc = redisvAppendCommand(r->ctx, format, ap);
    va_end(ap);
    if (rc != REDIS_OK)
        give_up(r->ctx->errstr);
    return bench_reply(r);
}

double bench_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

const char *bench_payload(void)
{
    static const char payload[] =
        "{\"v\":1,\"do\":\"ok\",\"pad\":\"012345678901234567890123456789012345678901234567890123456789012345678"
        "901234567890123456789012345678901\"}";
    static_assert(sizeof payload - 1 == BENCH_PAYLOAD_BYTES, "every system carries the same bytes");
    return payload;
}

void bench_emit(const char *system, const char *measure, double value, long jobs)
{
    printf("{\"system\":\"%s\",\"measure\":\"%s\",\"value\":%.6g,\"jobs\":%ld}\n", system, measure, value, jobs);
    fflush(stdout);
}

long bench_count(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (*end != '\0' || n < 1 || n > 100000000)
        give_up("a count is a whole number from 1 to 100000000");
    return n;
}
