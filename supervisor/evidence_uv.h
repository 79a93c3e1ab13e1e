/*
 * evidence_uv - what is learnt of a death after it was told: the backtrace, from the page the process left, by a
 * stint-backtrace started for it; then added to the job's error record.
 *
 * Runs in: supervisor. Thread: the loop's only.
 * Owns: the pages handed to it, one child at a time, the texts not yet told. Bounded: EVIDENCE_MAX deaths wait, of more the
 * backtrace is not made (their records are whole without it).
 */
#pragma once

#include "base.h"
#include "queue_link_uv.h"
#include <sys/types.h>
#include <uv.h>

enum { EVIDENCE_MAX = 16 };

/* One dead process of a queue's worker. */
struct evidence_item {
    int page_fd;     /* owned; -1: read already */
    uint32_t queue;
    uint64_t epoch;            /* of the job's claim */
    char job_id[JOB_ID_MAX];   /* "": it ran none, or several: the backtrace goes to the log only */
    char what[48];             /* of whom, for the log: "worker" or "parser cell" */
    char *json;                /* owned: what to add to the record; NULL: not made yet */
    uint32_t tries;
};

struct evidence {
    uv_loop_t *loop; /* NULL: never initialised */
    struct queue_links *links; /* borrowed */
    struct evidence_item items[EVIDENCE_MAX]; /* the first is worked on */
    size_t n;
    pid_t child; /* 0: none */
    int out_fd;  /* memory file the child prints to; -1: none */
    bool telling;
    uv_timer_t timer;
};

/* v must not move. links is borrowed and may be opened later. */
void evidence_init(struct evidence *v, uv_loop_t *loop, struct queue_links *links);
/* Takes item->page_fd in any case; copies the rest. Does nothing now: the death is told first. */
void evidence_add(struct evidence *v, const struct evidence_item *item);
/* A child that is no worker ended: true when it was ours. */
bool evidence_reaped(struct evidence *v, pid_t pid);
/* Ends the child, drops what is left. Run the loop once more. Safe when never initialised. */
void evidence_close(struct evidence *v);
