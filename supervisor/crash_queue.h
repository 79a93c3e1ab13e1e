/*
 * crash_queue - deaths not yet told to Redis, oldest first, so that none is forgotten while it is away.
 *
 * Runs in: supervisor. Thread: loop only. Pure: no I/O, no clock.
 * Owner: a queue's link. Bounded: when it is full no worker of the queue is started, so no more can die.
 */
#pragma once

#include "base.h"
#include "cause_policy.h"

enum { CRASH_QUEUE_MAX = 256, CRASH_QUEUE_WAIT_MS = 500, CRASH_QUEUE_WAIT_MAX_MS = 30000 };

/* One dead process, as stint_crash wants to hear of it. */
struct crash_report {
    char consumer[CONSUMER_MAX];
    char blame[ENTRY_ID_MAX + 16]; /* "<band>:<entry id>", "*" or "" */
    char fingerprint[17];
    uint32_t crash_limit;
    enum cause_policy policy; /* what the cause costs the job */
    int64_t delay_ms;
    char *error_json;  /* owned */
    uint32_t refusals; /* error answers so far */
};

struct crash_queue {
    struct crash_report items[CRASH_QUEUE_MAX]; /* a ring */
    size_t head;                                /* index of the oldest */
    size_t n;
};

/* Appends; takes error_json. 0, or -ENOSPC when full (error_json stays the caller's). */
int crash_queue_push(struct crash_queue *q, const struct crash_report *report);
/* The oldest, borrowed until the next push or pop; NULL when empty. */
const struct crash_report *crash_queue_peek(const struct crash_queue *q);
/* Removes the oldest. Must not be empty. */
void crash_queue_pop(struct crash_queue *q);
/* An error answer to the oldest. What was refused once for its arguments (bad), or three times for anything else, is
 * reduced to what cannot be refused: that the process is gone, nobody named, a plain record. One refused even so goes
 * behind the others. Returns ms until the next attempt: 0 when it is another's or a reduced one's first, else
 * doubling to CRASH_QUEUE_WAIT_MAX_MS.
 * The report is never dropped: what its process held would wait for the end of our lease. */
uint64_t crash_queue_refused(struct crash_queue *q, bool bad);
bool crash_queue_full(const struct crash_queue *q);
/* Frees what is left. NULL-safe, twice-safe. */
void crash_queue_fini(struct crash_queue *q);
