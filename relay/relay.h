/*
 * relay - moves rows between Redis and PostgreSQL, for every queue of the configuration.
 *
 * Runs in: relay. One thread; everything blocks, with the configured timeouts. Owner: main's struct relay.
 * One loop: connect, take the locks of queues nobody serves, do each queue's tasks, tell the supervisor, wait. It may be
 * killed at any instruction: every task leaves what a next run finishes, and finishing twice changes nothing.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include "redis_sync.h"
#include "shard.h"
#include <jansson.h>
#include <libpq-fe.h>

enum { RELAY_INSTANCE_MAX = 96, RELAY_STOP_MS = 1000, RELAY_TOKEN_SIZE = 33 };

/* What relay_outbox knows of a queue. */
struct relay_outbox {
    char token[RELAY_TOKEN_SIZE]; /* "": not begun since the lock was taken */
    json_t *marked;               /* owned; ids marked in PostgreSQL that Redis may forget */
    size_t in_flight;             /* rows sent under this token and not marked yet */
    uint64_t pruned_ms;           /* monotonic; when old rows were last deleted */
};

struct relay_queue {
    char name[QUEUE_MAX];
    bool held; /* its advisory lock is this session's: nobody else relays it */
    struct relay_outbox outbox;
};

struct relay {
    struct conf *conf; /* owned */
    char instance[RELAY_INSTANCE_MAX];
    char actor[RELAY_INSTANCE_MAX + 16]; /* "relay@<instance>": who is said to have moved something */
    struct redis_sync redis;             /* .ctx NULL: not connected */
    PGconn *pg;                          /* owned; NULL: not connected */
    struct relay_queue queues[QUEUES_MAX];
    size_t n_queues;
    bool stopping;   /* the supervisor asked, or a signal did */
    bool said_ready; /* IPC_READY was sent */
    int told;        /* code of the trouble last logged, so that one outage is one line */
    uint64_t beat_ms;
};

/* One step of a task for a queue whose lock is held; both stores are connected. 1: there is more to do now (at most
 * RELAY_STOP_MS of work was done), 0: nothing left to do, negative with e: try again at the next look. */
typedef int (*relay_step_fn)(struct relay *r, const char *queue, struct err *e);

/* Reads configuration and queues. r is zeroed by the caller; relay_close in any case. */
int relay_open(struct relay *r, const char *instance, struct err *e);
/* Runs until the supervisor says stop; 0, or WORKER_EXIT_ORPHANED when it is gone. */
int relay_run(struct relay *r);
void relay_close(struct relay *r); /* NULL-safe, twice-safe; gives the locks back */

/* For steps that take long: tells the supervisor that we live, and looks whether it says stop. True: go on. */
bool relay_alive(struct relay *r);
