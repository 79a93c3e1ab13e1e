/*
 * slots_uv - the life of worker processes: started, spoken to, watched, ended, reaped.
 *
 * Runs in: supervisor. Thread: the loop's only.
 * Owns: every worker process and the descriptors to it. Knows nothing of Redis: what must be told there is handed to a
 * hook. Split over slots_uv.c (starting, asking, ending), slots_watch_uv.c (what time asks for), slot_ipc_uv.c (what
 * workers say) and reaper_uv.c (what waitpid says).
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "crash_queue.h"
#include "evidence_uv.h"
#include "slot_watch.h"
#include "slots.h"
#include <sys/resource.h>
#include <uv.h>

struct slots_hooks {
    void *arg;
    /* A process of the queue is gone and may have held jobs: report is to be told to Redis (takes error_json). */
    void (*on_death)(void *arg, const struct slot *slot, uint32_t queue, const struct crash_report *report);
    /* A process of the queue left a page of itself. Takes item->page_fd. */
    void (*on_page)(void *arg, const struct evidence_item *item);
    /* False while no more deaths of the queue can be remembered: no worker is started then. */
    bool (*may_start)(void *arg, uint32_t queue);
    /* A worker of the queue began to wait for a wake-up. */
    void (*on_idle)(void *arg, uint32_t queue);
    /* A worker of the queue that waited is about to fetch, and not only to show that it lives. */
    void (*on_busy)(void *arg, uint32_t queue);
    /* Redis has given a worker of the queue nothing because the host's lease has ended. */
    void (*on_fenced)(void *arg, uint32_t queue);
    /* A child that is no worker ended: the relay, or one inherited. True when it was known. */
    bool (*on_other)(void *arg, pid_t pid, int wait_status);
    /* A worker became ready or a process is gone: counts changed. */
    void (*on_change)(void *arg);
};

struct slot_io; /* one process's control socket on the loop; freed by the loop */

struct slots_uv {
    uv_loop_t *loop;
    struct slots *slots;     /* borrowed */
    const struct conf *conf; /* borrowed; its values change on reload */
    const char *instance;    /* borrowed */
    const struct cgroup_tree *cgroups; /* borrowed; where each worker gets a group */
    char program[512];       /* absolute path of the worker */
    const char *repro, *wrap; /* slot_start.h; borrowed; NULL: none */
    int log_fd;              /* borrowed */
    int life_fd;             /* borrowed; set before the first start; -1: none */
    struct slots_hooks hooks;
    uint32_t conf_serial; /* raised by what makes running workers outdated */
    bool quiet;           /* workers that become ready are told to fetch nothing */
    bool draining;        /* nothing is started any more */
    uint64_t rss_read_ms; /* when resident memory was last read */
    uint64_t fetch_pulse_ms; /* when an idle worker was last asked for a fetch to show that it would */
    uv_timer_t watch;
    uv_timer_t refill; /* starts what takes the place of the dead */
    uv_signal_t sigchld;
    struct slot_io *io[SCORE_SLOT_MAX]; /* NULL: no process */
};

/* Finds the worker program and starts watching; starts no worker. u stays the caller's and must not move.
 * ERR_BOOT_FAILURE with e. */
int slots_uv_init(struct slots_uv *u, uv_loop_t *loop, struct slots *slots, const struct conf *conf,
                  const char *instance, const struct cgroup_tree *cgroups, int log_fd, const struct slots_hooks *hooks,
                  struct err *e);
/* Closes its handles; run the loop once more afterwards. Processes must be gone. */
void slots_uv_close(struct slots_uv *u);

/* Starts and retires until each pool has what it wants. */
void slots_uv_apply(struct slots_uv *u);
/* The same within ms at the latest, on a turn of the loop's own: a start blocks for milliseconds, and what this turn has to
 * tell (a death) goes first. */
void slots_uv_apply_within(struct slots_uv *u, uint64_t ms);
/* Of queues that a pool serves together: the slot's worker, if it waits, is sent to the next in line. */
void slots_uv_next_turn(struct slots_uv *u, struct slot *slot);
/* n workers more have something to do in a listed queue: those that wait are sent, in the line's order; what nobody is free for waits in line. */
void slots_turns_wake(struct slots_uv *u, uint32_t queue, uint32_t n);
/* Wakes up to n idle workers that serve the queue's bands, or (lane) its lane; returns how many were woken. Of a
 * listed queue (struct slots) 0: what nobody is free for waits in line. */
uint32_t slots_uv_wake(struct slots_uv *u, uint32_t queue, bool lane, uint32_t n);
/* Has the slot's worker, which waits, show that it lives: by a fetch of its own when it is its turn, else by answering. */
void slots_uv_pulse(struct slots_uv *u, struct slot *slot);
/* Wakes the slot's worker, which waits, for work in the queue or part of a queue; false when it takes no message. */
bool slots_uv_wake_slot(struct slots_uv *u, struct slot *slot, uint32_t queue);
/* Tells all workers of a queue of a part they may not know: they serve it too from now on. */
void slots_uv_tell_part(struct slots_uv *u, uint32_t queue);
/* Asks the worker that runs the entry ("<band>:<entry id>") to cancel it, again if it was asked before; true when it
 * was not. */
bool slots_uv_cancel(struct slots_uv *u, uint32_t queue, const char *which);
/* QUIET or RESUME to the slot. */
void slots_uv_quiet(struct slots_uv *u, struct slot *slot, bool quiet);
/* Asks the slot's process to finish its job and exit; retire: nothing takes its place. */
void slots_uv_stop(struct slots_uv *u, struct slot *slot, bool retire);
/* SIGTERM to the slot's process group, SIGKILL after kill_grace. */
void slots_uv_term(struct slots_uv *u, struct slot *slot, enum exit_intent intent);
/* SIGKILL to the slot's process group. */
void slots_uv_kill(struct slots_uv *u, struct slot *slot, enum exit_intent intent);
/* Asks all to stop and starts none. */
void slots_uv_drain(struct slots_uv *u);
/* Ends a drain at once: SIGKILL to all that live; what they held is handed back free. */
void slots_uv_drain_kill(struct slots_uv *u);
/* Running workers are outdated: replaced one by one. */
void slots_uv_roll(struct slots_uv *u);
/* Running workers are handed the configuration: of it they take [match] over. Who cannot be told is replaced instead. */
void slots_uv_hand_config(struct slots_uv *u);
/* A stopped pool is tried again. */
void slots_uv_retry_pool(struct slots_uv *u, struct pool *pool);
/* Looks at all slots within ms at the latest. */
void slots_uv_look_within(struct slots_uv *u, uint64_t ms);

/* -- between the four files -- */
/* Starts a process in an empty or waiting slot. */
void slots_uv_start(struct slots_uv *u, struct slot *slot);
/* A start or a run failed: the slot starts again now or after its backoff, or its pool stops. */
void slots_uv_failed(struct slots_uv *u, struct slot *slot, bool boot_failure, const char *why);
/* Listens to a fresh process. */
int slot_ipc_open(struct slots_uv *u, struct slot *slot);
/* Reads what it still had to say, then closes. */
void slot_ipc_close(struct slots_uv *u, struct slot *slot);
/* Reaps every child that is gone, ours or inherited. */
void reaper_run(struct slots_uv *u);
