/*
 * bench_link - a Redis connection that keeps many commands under way, a stopwatch, and the one line a measurement
 * prints.
 *
 * Runs in: stint-bench. Blocks. A failed command ends the program: a bench of errors is worth nothing.
 */
#pragma once

#include "base.h"
#include "redis_sync.h"

enum { BENCH_PAYLOAD_BYTES = 128, BENCH_BULK = 100, BENCH_ARGS_MAX = 8192 };

/* A command under construction: texts are borrowed until bench_send. */
struct bench_command {
    int n;
    const char *argv[BENCH_ARGS_MAX];
    size_t lens[BENCH_ARGS_MAX];
};

/* Connects and loads the Functions. Ends the program when it cannot. */
void bench_open(struct redis_sync *r, const char *url);
/* Starts a command anew, and adds one text to it. */
void bench_begin(struct bench_command *c);
void bench_add(struct bench_command *c, const char *text);
/* Puts the command in the connection's buffer (texts may go), or sends it and waits for one reply (the caller's). */
void bench_send(struct redis_sync *r, const struct bench_command *c);
redisReply *bench_call(struct redis_sync *r, const struct bench_command *c);
/* Waits for one reply; an error reply ends the program. The caller's to freeReplyObject. */
redisReply *bench_reply(struct redis_sync *r);
/* A printf-like command and its reply. */
redisReply *bench_cmd(struct redis_sync *r, const char *format, ...);
/* Monotonic seconds. */
double bench_now(void);
/* The payload every job carries: JSON of BENCH_PAYLOAD_BYTES bytes that the probe kind takes for "ok". Static storage.
 */
const char *bench_payload(void);
/* Prints {"system":…,"measure":…,"value":…,"jobs":…} on its own line. */
void bench_emit(const char *system, const char *measure, double value, long jobs);
/* A whole number in [1, 100000000] from an argument; ends the program when it is none. */
long bench_count(const char *text);
