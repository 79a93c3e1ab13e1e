/*
 * predecessors_uv - ends, without waiting for their leases, the supervisors of this machine that died.
 *
 * Runs in: supervisor. Thread: the loop's only. Blocks for a few file operations at a time.
 * Owns: our own life lock, and those of the dead until their jobs were moved on.
 */
#pragma once

#include "conf.h"
#include "life_lock.h"
#include "queue_link_uv.h"
#include <uv.h>

enum { PREDECESSORS_REDIS_MAX = 320 };

struct predecessors {
    uv_timer_t timer;
    bool open;                 /* the timer must be closed */
    const struct conf *conf;   /* borrowed */
    const char *instance;      /* borrowed */
    struct queue_links *links; /* borrowed, from predecessors_watch on */
    char redis[PREDECESSORS_REDIS_MAX];
    struct life_lock own; /* fd -1: the folder cannot be used; nobody will end us early */
    struct life_scan scan;
    uint32_t hurried; /* looks made in a hurry so far */
};

/* Takes our own lock. A folder that cannot be used is told in the log and is no reason not to run. p must not move. */
void predecessors_open(struct predecessors *p, uv_loop_t *loop, const struct conf *conf, const char *instance);
/* Looks for the dead now, and again with every heartbeat; links ends them. */
void predecessors_watch(struct predecessors *p, struct queue_links *links);
/* One of them may just have died: looks at once. */
void predecessors_look(struct predecessors *p);
/* An instance was ended in every queue: its file goes. */
void predecessors_ended(struct predecessors *p, const char *instance);
/* clean: our own instance left every queue with nothing in it, so that nobody has to end it. Safe on what was never
 * opened. */
void predecessors_close(struct predecessors *p, bool clean);
