/*
 * worker - the wiring of one worker process: what it was born with, its connections, and the cycle that ties them.
 *
 * Runs in: worker. Thread: the loop's only one. Owner: main.c.
 */
#pragma once

#include "boot.h"
#include "fetch.h"
#include "job_run.h"
#include "job_usage.h"
#include "shard_turn.h"
#include "store_gate.h"
#include "supervisor_link.h"

struct worker {
    struct boot boot;
    uv_loop_t loop;
    bool loop_open;
    bool cycle_open;  /* fetch, runner and gate have handles */
    bool said_ready;
    bool redis_away;
    struct redis_uv *redis;
    struct pg_pool *pg;
    struct kind_set kinds;
    struct job_batch batch;
    struct job_runner runner;
    struct store_gate gate;
    struct supervisor_link link;
    struct fetch fetch;
    struct shard_turn turn;
    char whole_queue[QUEUE_MAX]; /* of which boot.queue is the part that is fetched from now: whatever is in hand came from there */
    struct job_usage usage;
    uint64_t busy_until_us; /* monotonic; the end of the last job that ended: what the scoreboard's busy_us reaches to */
    int exit_code; /* WORKER_EXIT_OK unless something said otherwise */
};

/* Takes over *boot. Opens the loop, the connections, the kinds and the control socket. 0 or a negative code with e; call
 * worker_close in either case. */
int worker_open(struct worker *w, struct boot *boot, struct err *e);
/* Runs until told to stop and nothing is in hand. */
void worker_run(struct worker *w);
/* Closes kinds and connections and waits for their handles, at most WORKER_CLOSE_MS. False: something is
 * still under way, and the process must end with _exit: exit(3) would wait for libuv's threads, one of which may be looking a
 * name up that nobody answers for. */
bool worker_close(struct worker *w);
/* Takes [match] over from the configuration in fd, which stays the caller's; what cannot be read is logged and changes nothing. */
void worker_take_config(struct worker *w, int fd);
/* Publishes phase in the scoreboard unless it is there already. */
void worker_phase(struct worker *w, enum worker_phase phase);

enum { WORKER_CLOSE_MS = 1000 };
