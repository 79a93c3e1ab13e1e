/*
 * fsck_walk - looks at everything a queue has in Redis, slice by slice, while work goes on, and again at what seemed wrong.
 *
 * Runs in: ctl. Blocks; no call of it holds the server for longer than a slice of FSCK_SLICE things takes.
 */
#pragma once

#include "fsck_findings.h"
#include "queue_call.h"
#include "session.h"

enum { FSCK_SLICE = 100 };

struct fsck_walk {
    struct session *s;     /* borrowed */
    const char *queue;     /* borrowed */
    bool postgres;         /* the cross-checks with PostgreSQL too */
    struct progress *bar;  /* borrowed */
    uint64_t expected;     /* about how many things there are to look at */
    uint64_t looked;       /* things looked at */
    uint64_t calls;        /* slices */
    uint64_t slowest_us;   /* the longest slice, as seen from here */
};

/* Walks the queue and adds what is wrong to f, looked at again until it settled or `settle_ms` passed. 0, or the error of
 * the service that failed. */
int fsck_walk_queue(struct fsck_walk *w, int64_t settle_ms, struct fsck_findings *f, struct err *e);
/* One timed Function call; for the other files of fsck. */
int fsck_walk_call(struct fsck_walk *w, const struct queue_call *c, redisReply **ret_reply, struct err *e);
