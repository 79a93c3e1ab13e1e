/*
 * worker_harness - the smallest supervisor: one real stint-worker on a real Redis, for tests and benches.
 *
 * Runs in: tests and benches. Blocks, always with a deadline.
 * Owns: the worker process, the scoreboard, the control socket and a Redis connection; the Redis server is the caller's.
 */
#pragma once

#include "conf.h"
#include "ipc.h"
#include "redis_sync.h"
#include "scoreboard.h"
#include <sys/types.h>

enum { HARNESS_DEADLINE_MS = 60000, HARNESS_LEASE_MS = 600000 };

struct worker_harness {
    char queue[QUEUE_MAX], instance[INSTANCE_MAX], consumer[CONSUMER_MAX], url[CONF_STR_MAX];
    struct scoreboard *board;
    struct score_cell *cell; /* the worker's */
    int board_fd, control_fd;
    pid_t pid;               /* 0: not running */
    uint32_t generation;
    uint32_t seen[16];       /* messages received so far, by enum ipc_type */
    char last_text[IPC_TEXT_MAX];
    struct redis_sync redis;
};

/* Connects to the server at url and beats once for a fresh instance name. Asserts on failure (cmocka). */
void harness_open(struct worker_harness *h, const char *url, const char *queue);
/* Starts a worker with the configuration text `ini` (besides [redis] url). pool is a section of ini. environment: "NAME=value" or
 * NULL. Waits for IPC_READY. */
void harness_start(struct worker_harness *h, const char *pool, const char *ini, const char *environment);
/* The same without waiting for anything. */
void harness_spawn(struct worker_harness *h, const char *pool, const char *ini, const char *environment);
void harness_close(struct worker_harness *h);
/* Tells the worker to stop, sees it end as it should with a ledger that balances, and closes. */
void harness_end_drained(struct worker_harness *h);

void harness_beat(struct worker_harness *h, int64_t lease_ms);
void harness_say(struct worker_harness *h, enum ipc_type type, const char *text);
/* Hands the running worker another configuration text, as a supervisor does after a reload. */
void harness_reconfigure(struct worker_harness *h, const char *ini);
/* Waits until `count` messages of the type were received in all. */
void harness_expect(struct worker_harness *h, enum ipc_type type, uint32_t count);
/* Waits for the exit and returns its waitpid status. */
int harness_wait_exit(struct worker_harness *h);
/* Enqueues and rings. options e.g. "{\"kind\":\"probe\",\"id\":\"a\"}". */
void harness_enqueue(struct worker_harness *h, const char *options, const char *payload);
/* One command by printf-like words; the reply is the caller's. */
redisReply *harness_cmd(struct worker_harness *h, const char *format, ...) PRINTF_LIKE(2, 3);
/* The whole stint_job JSON of id (caller frees), NULL when not found. */
char *harness_job(struct worker_harness *h, const char *id);
/* Waits until the job's state is `state`; promotes what is due meanwhile, and answers IPC_IDLE with IPC_WAKE after a promote. */
void harness_wait_state(struct worker_harness *h, const char *id, const char *state);
/* Waits until the cell says phase (and, when entry_of is not NULL, running that job). */
void harness_wait_phase(struct worker_harness *h, enum worker_phase phase, const char *job_id);
/* Waits until a number of the worker's page has come up to `least`: the worker counts a job's end after Redis has it.
 */
void harness_wait_count(struct worker_harness *h, const _Atomic uint64_t *number, uint64_t least);
/* Integer of a JSON text by a "a.b" path; -1 when it is not there. */
int64_t harness_json_int(const char *json, const char *path);
/* True when the ledger balances (stint_stats drift = 0). */
bool harness_balanced(struct worker_harness *h);
