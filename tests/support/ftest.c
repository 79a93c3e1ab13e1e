/*
 * Why: a test of an arrow should read as the arrow, not as reply plumbing.
 * Refuses to: hide an error reply, or wait without a deadline.
 */
#include "ftest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

enum { ARGS_MAX = 512, DEADLINE_MS = 60000 };

int ftest_setup(void **state)
{
    struct ftest_fixture *f = calloc(1, sizeof *f);
    *state = f;
    if (!f || redis_server_start(&f->server, NULL) < 0)
        return -1;
    f->ctx = redis_server_connect_functions(&f->server);
    return f->ctx ? 0 : -1;
}

int ftest_teardown(void **state)
{
    struct ftest_fixture *f = *state;
    if (!f)
        return 0;
    redisFree(f->ctx);
    redis_server_close(&f->server);
    free(f);
    return 0;
}

redisContext *ftest_ctx(void **state)
{
    const struct ftest_fixture *f = *state;
    return f->ctx;
}

int ftest_reset(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_redis(ctx, "CONFIG SET maxmemory 0"));
    freeReplyObject(ftest_redis(ctx, "FLUSHALL"));
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-1", "600000", "{}", NULL));
    return 0;
}

redisReply *ftest_redis(redisContext *ctx, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = redisvCommand(ctx, format, ap);
    va_end(ap);
    if (!reply)
        fail_msg("%s: %s", format, ctx->errstr);
    return reply;
}

redisReply *ftest_call_argv(redisContext *ctx, const char *function, int n, const char *const args[])
{
    const char *argv[ARGS_MAX] = {"FCALL", function, "1", "stint:{q}"};
    assert_true(n + 4 <= ARGS_MAX);
    for (int i = 0; i < n; i++)
        argv[4 + i] = args[i];
    redisReply *reply = redisCommandArgv(ctx, 4 + n, argv, NULL);
    if (!reply)
        fail_msg("%s: %s", function, ctx->errstr);
    return reply;
}

redisReply *ftest_call(redisContext *ctx, const char *function, ...)
{
    const char *args[ARGS_MAX];
    int n = 0;
    va_list ap;
    va_start(ap, function);
    for (const char *a; (a = va_arg(ap, const char *)) != NULL;)
        args[n++] = a;
    va_end(ap);
    return ftest_call_argv(ctx, function, n, args);
}

long long ftest_int(redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER)
        fail_msg("expected an integer, got type %d: %s", reply->type, reply->str ? reply->str : "");
    long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}

char *ftest_text(redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
        fail_msg("expected a string, got type %d: %s", reply->type, reply->str ? reply->str : "");
    char *copy = strdup(reply->str);
    freeReplyObject(reply);
    return copy;
}

json_t *ftest_json(redisReply *reply)
{
    AUTO_FREE char *text = ftest_text(reply);
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    if (!json_is_object(json))
        fail_msg("expected a JSON object (%s): %s", error.text, text);
    return json;
}

void ftest_assert_error(redisReply *reply, const char *code, const char *part)
{
    if (reply->type != REDIS_REPLY_ERROR)
        fail_msg("expected an error %s, got type %d: %s", code, reply->type, reply->str ? reply->str : "");
    if (strncmp(reply->str, code, strlen(code)) != 0 || !strstr(reply->str, part))
        fail_msg("expected \"%s … %s …\", got \"%s\"", code, part, reply->str);
    freeReplyObject(reply);
}

long long ftest_stat(redisContext *ctx, const char *path)
{
    json_t *stats = ftest_json(ftest_call(ctx, "stint_stats", NULL));
    const json_t *at = stats;
    char copy[128], *save = NULL;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *name = strtok_r(copy, ".", &save); name; name = strtok_r(NULL, ".", &save))
        at = json_object_get(at, name);
    long long value = json_integer_value(at);
    json_decref(stats);
    return value;
}

void ftest_assert_ledger(redisContext *ctx)
{
    json_t *stats = ftest_json(ftest_call(ctx, "stint_stats", NULL));
    if (json_integer_value(json_object_get(stats, "drift")) != 0)
        fail_msg("the ledger drifts: %s", json_dumps(stats, JSON_COMPACT));
    json_decref(stats);
}

char *ftest_job(redisContext *ctx, const char *id, const char *member)
{
    json_t *job = ftest_json(ftest_call(ctx, "stint_job", id, NULL));
    const json_t *value = json_object_get(job, member);
    char *text = !value                  ? strdup("")
                 : json_is_string(value) ? strdup(json_string_value(value))
                                         : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(job);
    return text;
}

void ftest_assert_job(redisContext *ctx, const char *id, const char *member, const char *value)
{
    AUTO_FREE char *text = ftest_job(ctx, id, member);
    if (strcmp(text, value) != 0)
        fail_msg("job %s: %s is \"%s\", expected \"%s\"", id, member, text, value);
}

char *ftest_enqueue(redisContext *ctx, const char *options, const char *payload, const char *state)
{
    json_t *answer = ftest_json(ftest_call(ctx, "stint_enqueue", options, payload, NULL));
    const char *got = json_string_value(json_object_get(answer, "state"));
    if (!got || strcmp(got, state) != 0)
        fail_msg("enqueue %s answered %s, expected %s", options, json_dumps(answer, JSON_COMPACT), state);
    char *id = strdup(json_string_value(json_object_get(answer, "id")));
    json_decref(answer);
    return id;
}

redisReply *ftest_fetch(redisContext *ctx, int turn, int max)
{
    char turn_text[16], max_text[16];
    snprintf(turn_text, sizeof turn_text, "%d", turn);
    snprintf(max_text, sizeof max_text, "%d", max);
    redisReply *reply = ftest_call(ctx, "stint_fetch", "h-1", "h-1:0:1", turn_text, max_text, NULL);
    if (reply->type != REDIS_REPLY_ARRAY)
        fail_msg("fetch: %s", reply->str);
    return reply;
}

size_t ftest_jobs(const redisReply *fetched)
{
    assert_int_equal(fetched->elements, 3);
    return fetched->element[1]->elements;
}

static const redisReply *job_element(const redisReply *fetched, size_t job, int element)
{
    assert_true(job < ftest_jobs(fetched));
    assert_int_equal(fetched->element[1]->element[job]->elements, JOB_AT_PAYLOAD + 1);
    return fetched->element[1]->element[job]->element[element];
}

const char *ftest_job_text(const redisReply *fetched, size_t job, int element)
{
    const redisReply *r = job_element(fetched, job, element);
    assert_int_equal(r->type, REDIS_REPLY_STRING);
    return r->str;
}

long long ftest_job_int(const redisReply *fetched, size_t job, int element)
{
    const redisReply *r = job_element(fetched, job, element);
    assert_int_equal(r->type, REDIS_REPLY_INTEGER);
    return r->integer;
}

redisReply *ftest_fetch_one(redisContext *ctx, char band[static 16], char entry[static 48])
{
    redisReply *fetched = ftest_fetch(ctx, 0, 1);
    assert_string_equal(fetched->element[0]->str, "ok");
    snprintf(band, 16, "%s", ftest_job_text(fetched, 0, JOB_AT_BAND));
    snprintf(entry, 48, "%s", ftest_job_text(fetched, 0, JOB_AT_ENTRY));
    return fetched;
}

long long ftest_finish(redisContext *ctx, const char *op, const char *band, const char *entry, const char *id,
                       const char *a, const char *b)
{
    redisReply *reply =
        ftest_call(ctx, "stint_finish", "h-1", "h-1:0:1", "0", "0", "1", op, band, entry, id, a, b, NULL);
    if (reply->type != REDIS_REPLY_ARRAY)
        fail_msg("finish %s: %s", op, reply->str);
    long long accepted = reply->element[0]->integer;
    freeReplyObject(reply);
    return accepted;
}

void ftest_promote_until(redisContext *ctx, int count)
{
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long long moved = 0; moved < count;) {
        redisReply *reply = ftest_call(ctx, "stint_promote", "100", NULL);
        moved += reply->element[0]->integer;
        freeReplyObject(reply);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - start.tv_sec) * 1000 > DEADLINE_MS)
            fail_msg("%lld of %d jobs became due in time", moved, count);
    }
}
