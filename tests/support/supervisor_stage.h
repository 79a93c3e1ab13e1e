/*
 * supervisor_stage - a supervisor under test: its own Redis, folder, configuration and workers.
 *
 * Runs in: tests; its functions fail the running cmocka test when something is not as expected. Blocks, always with a
 * deadline. Owns: a folder made by mkdtemp, a Redis, the supervisor's process. The worker program is a copy of the
 * running test, which must therefore begin with: if (strcmp(argv[0], "stint-worker") == 0) return
 * fake_worker_main(argc, argv);
 */
#pragma once

#include "base.h"
#include "redis_server.h"
#include <jansson.h>

enum { DEADLINE_MS = 60000, LOOK_EVERY_MS = 10, RUNG_MS = 30000 };

struct stage {
    struct redis_server redis;
    redisContext *ctx;
    char dir[64], socket[96], conf[96], program[96];
    pid_t pid; /* of the supervisor; 0: not running */
};

typedef bool (*stage_condition_fn)(struct stage *s, const void *arg);

/* cmocka fixtures: *state is the struct stage; nothing but Redis runs after setup. */
int stage_setup(void **state);
int stage_teardown(void **state);

/* Writes text to path. */
void stage_write_file(const char *path, const char *text);
/* Writes the configuration: short times, one pool "probe"; more is appended to its section. */
void stage_write_conf(const struct stage *s, const char *more);
/* How workers boot from now on (fake_worker.h); NULL: as they should. */
void stage_set_boot(const struct stage *s, const char *how);
/* Before the supervisor starts: its heartbeat is a minute, so that in its first half minute what happens within RUNG_MS
 * was rung for, on the slowest host too. Until the teardown. */
void stage_no_heartbeat(void);
/* Starts the supervisor; does not wait. */
void stage_start_supervisor(struct stage *s);
/* Configuration, supervisor, and that many workers ready. */
void stage_up(struct stage *s, const char *more, int ready);
/* Waits for its end; its exit code, -1 when a signal ended it. */
int stage_wait_exit(struct stage *s);

/* One request to the control socket; the reply is the caller's, NULL when nobody answers. _ok fails the test unless
 * "ok" is true. */
json_t *stage_ask(const struct stage *s, const char *request);
json_t *stage_ask_ok(const struct stage *s, const char *request);
bool stage_answers(struct stage *s); /* somebody does */
/* Numbers and texts of the status: of the first pool, of worker i. */
json_int_t stage_pool_number(struct stage *s, const char *key);
json_int_t stage_worker_number(struct stage *s, size_t i, const char *key);
void stage_worker_text(struct stage *s, size_t i, const char *key, char ret[static 160]); /* as above */

/* Looks until the condition holds; fails the test past DEADLINE_MS, showing the log's end. */
void stage_wait_until_at(struct stage *s, stage_condition_fn holds, const void *arg, const char *what);
#define WAIT_UNTIL(s, holds, arg) stage_wait_until_at(s, holds, arg, #holds)
/* Conditions: the pool has *(const int *)arg ready workers; worker 0 is in the phase (const char *)arg. */
bool stage_ready_count_is(struct stage *s, const void *arg);
bool stage_phase_is(struct stage *s, const void *arg); /* as above */
/* Condition: worker 0 or worker 1 is in that phase. Where two wait, who of them fetches a job is theirs to settle. */
bool stage_one_of_two_is(struct stage *s, const void *arg);
struct stage_job_state {
    const char *id, *state;
};
/* Condition: the job is in the state of struct stage_job_state *arg. */
bool stage_job_is(struct stage *s, const void *arg);

/* Enqueues a probe job; more: further options, ",\"delay_ms\":5". */
void stage_enqueue(struct stage *s, const char *id, const char *payload, const char *more);
/* All that is known of a job, parsed (the caller's, NULL when it is unknown) or as text. */
json_t *stage_job(struct stage *s, const char *id);
void stage_job_text(struct stage *s, const char *id, char *ret, size_t size); /* as above */
/* A number of stint_stats. */
json_int_t stage_stat_number(struct stage *s, const char *key);
