/*
 * peer - what the clients in C of the comparison have in common: the job's bytes, the clock, the schedule of an open
 * loop and the records of starts.
 *
 * Runs in: stint-bench-peer, a client or a worker of one system, one thread. Every error ends the program: a bench of
 * errors is worth nothing.
 */
#pragma once

#include "base.h"

enum { PEER_WINDOW = 256, PEER_BODY_MAX = 1 << 20 };

/* What was asked for on the command line. */
struct peer_order {
    const char *mode;    /* bulk, single, pipelined, pace, calm, work */
    const char *address; /* unix:///…, or host:port */
    long jobs;
    size_t bytes; /* of a job's payload */
    double rate;  /* jobs a second of "pace" and "calm" */
};

/* One send of a job, or of several: starts n jobs from number `first` on; their answers are read by `settle`. */
typedef void (*peer_send)(void *link, long first, long n, uint64_t intended_us);
typedef void (*peer_settle)(void *link);

/* How one system's client sends. */
struct peer_client {
    void *link;
    peer_send send;     /* into a buffer or onto the wire */
    peer_settle settle; /* flushes, and waits for one answer */
    long bulk;          /* jobs a send in mode bulk */
    int bulk_window;    /* such sends under way */
};

/* Ends the program with what and, when errno is set, why. */
NORETURN void peer_give_up(const char *what);
/* Monotonic µs. */
uint64_t peer_now_us(void);
/* A JSON object of order->bytes bytes, with "t":intended_us (and "stamp", which makes stint's probe
 * tell when it began) when that is not 0; static, until the next call. */
const char *peer_payload(const struct peer_order *order, uint64_t intended_us, size_t *ret_len);
/* Sends order->jobs jobs in the mode and prints {"jobs","start_us","seconds","cpu_s","late_us"}: late_us is how far
 * behind its schedule the worst send of "pace" was. */
void peer_produce(const struct peer_order *order, const struct peer_client *client);
/* The first line of a no-op handler: when the payload holds "t", adds the record (t, now, pid) to the file
 * $BENCH_STAMPS. A payload with "hang" sleeps for ten minutes the first time that it is seen (the file
 * $BENCH_STAMPS.hung does not exist yet). */
void peer_handle(const char *payload, size_t len);

/* The systems: each produces, or works until it is killed. */
void peer_ceiling(const struct peer_order *order);
void peer_stint(const struct peer_order *order);
void peer_stint_plain(const struct peer_order *order);
void peer_beanstalkd(const struct peer_order *order);
