/*
 * ftest - the Functions as a test calls them: one private Redis a program, text arguments in, replies out.
 *
 * Runs in: tests. Blocks. A transport failure ends the running cmocka test; replies are the caller's to
 * freeReplyObject.
 */
#pragma once

#include "redis_server.h"
#include <jansson.h>

/* One server and one connection for a whole test program: pass &ftest_fixture's address through cmocka's state. */
struct ftest_fixture {
    struct redis_server server;
    redisContext *ctx;
};

/* cmocka group setup and teardown: *state becomes a struct ftest_fixture with the library loaded. */
int ftest_setup(void **state);
int ftest_teardown(void **state);
/* cmocka test setup: an empty server without memory limit, one instance "h-1" with a lease of ten minutes on queue "q".
 */
int ftest_reset(void **state);
/* The connection inside cmocka's state. */
redisContext *ftest_ctx(void **state);

/* FCALL function 1 stint:{q} arguments… ; the last argument is NULL. Never NULL; error replies are replies. */
redisReply *ftest_call(redisContext *ctx, const char *function, ...) __attribute__((sentinel));
/* The same from an array of n arguments. */
redisReply *ftest_call_argv(redisContext *ctx, const char *function, int n, const char *const args[]);
/* Any other command, printf-like as redisCommand. Never NULL. */
redisReply *ftest_redis(redisContext *ctx, const char *format, ...);
/* The integer an FCALL or command answers; the reply is freed. Fails the test when it is no integer. */
long long ftest_int(redisReply *reply);
/* A copy of a string or status reply (caller frees); the reply is freed. Fails the test when it is none. */
char *ftest_text(redisReply *reply);
/* The JSON object of a string reply (json_decref); the reply is freed. Fails the test when it is none. */
json_t *ftest_json(redisReply *reply);
/* The reply must be an error that begins with code and contains part. Freed. */
void ftest_assert_error(redisReply *reply, const char *code, const char *part);

/* A number of stint_stats by its path, such as "dead", "bands.low.ready", "ledger.done"; 0 when there is none. */
long long ftest_stat(redisContext *ctx, const char *path);
/* Fails the test unless the ledger's drift is 0. */
void ftest_assert_ledger(redisContext *ctx);
/* A member of stint_job as text (caller frees): strings as they are, other values as compact JSON, "" when missing. */
char *ftest_job(redisContext *ctx, const char *id, const char *member);
/* Fails the test unless that member is value. */
void ftest_assert_job(redisContext *ctx, const char *id, const char *member, const char *value);

/* Enqueues {"kind":kind…} with these options JSON and payload; must answer state. Returns the id (caller frees). */
char *ftest_enqueue(redisContext *ctx, const char *options, const char *payload, const char *state);
/* stint_fetch for instance h-1, consumer h-1:0:1. */
redisReply *ftest_fetch(redisContext *ctx, int turn, int max);
/* Number of jobs in a FETCHED reply, and a text or number of one of them. Owned by the reply. */
size_t ftest_jobs(const redisReply *fetched);
const char *ftest_job_text(const redisReply *fetched, size_t job, int element);
long long ftest_job_int(const redisReply *fetched, size_t job, int element);
/* Fetches exactly one job; its band and entry go to the buffers. Returns the reply. */
redisReply *ftest_fetch_one(redisContext *ctx, char band[static 16], char entry[static 48]);
/* stint_finish of one op without a fetch: returns accepted. */
long long ftest_finish(redisContext *ctx, const char *op, const char *band, const char *entry, const char *id,
                       const char *a, const char *b);
/* Calls promote until it moved `count` jobs; fails the test after ten seconds. For delays of a few ms. */
void ftest_promote_until(redisContext *ctx, int count);

/* Elements of a fetched job. */
enum {
    JOB_AT_BAND,
    JOB_AT_ENTRY,
    JOB_AT_ID,
    JOB_AT_KIND,
    JOB_AT_EPOCH,
    JOB_AT_ATTEMPTS,
    JOB_AT_CRASHES,
    JOB_AT_HANDBACKS,
    JOB_AT_REPLAYS,
    JOB_AT_SUSPECT,
    JOB_AT_HAS_HASH,
    JOB_AT_CREATED,
    JOB_AT_DUE,
    JOB_AT_OPTIONS,
    JOB_AT_PAYLOAD,
};
