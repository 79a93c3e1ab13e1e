/*
 * handover_uv - a running supervisor gives its place to a newly started one: two lives side by side, no state moved but
 * what an operator set at run time.
 *
 * Runs in: supervisor. Thread: the loop's only. Blocks for the start of a program (milliseconds).
 * Owns: the socket to the other life. Knows neither workers nor systemd: hooks do. Split over handover_uv.c (both
 * sides), handover_give_uv.c (the one that hands over) and handover_take_uv.c (the one that takes over).
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include "handover_birth.h"
#include "handover_fsm.h"
#include <jansson.h>
#include <sys/types.h>
#include <uv.h>

enum { HANDOVER_WORDS_MAX = 640, HANDOVER_VERSION_MAX = 160, HANDOVER_ARGS_MAX = 96 };

struct handover_hooks {
    void *arg;
    /* -- of the one that hands over -- */
    json_t *(*hello)(void *arg);  /* what the successor is to carry on; the caller's */
    int (*listen_fd)(void *arg);  /* the metrics' socket, borrowed; -1: none */
    void (*on_given)(void *arg);  /* the successor (pid) has taken over: drain, and trouble it no more */
    void (*on_killed)(void *arg); /* it asks to make an end: kill what is in hand */
    /* -- of the one that takes over -- */
    bool (*is_ready)(void *arg, char ret_waits[static HANDOVER_WORDS_MAX], bool *ret_hopeless);
    int (*on_take)(void *arg, struct err *e);   /* take over the sockets */
    void (*on_ours)(void *arg);                 /* the service manager listens to us from now on */
    void (*on_alone)(void *arg);                /* the predecessor is gone, and its workers with it */
    void (*on_end)(void *arg, const char *why); /* leave */
};

/* The other life, as it said. */
struct handover_peer {
    pid_t pid; /* 0: unknown */
    char instance[INSTANCE_MAX], version[HANDOVER_VERSION_MAX], build[HANDOVER_VERSION_MAX];
    int64_t workers, jobs; /* of a predecessor that drains: what it still has; -1: unknown */
};

struct handover {
    uv_loop_t *loop;         /* NULL: never initialised */
    const struct conf *conf; /* borrowed; its values change on reload */
    const char *instance;    /* borrowed */
    int argc;
    char *const *argv; /* borrowed: ours, which the successor gets too */
    int hold_fd;       /* borrowed; passed on as it was to us (supervisor_options.h); -1: none */
    bool is_successor; /* born by a hand-over */
    struct handover_hooks hooks;
    enum handover_state state;
    uint64_t state_ms; /* monotonic: since when */
    struct handover_peer peer;
    int fd;             /* owned; -1: nobody beside us */
    uv_poll_t *poll;    /* freed by the loop */
    uv_timer_t timer;   /* the deadline of the state */
    bool subreaper_off; /* until the started process has left its child to our parent */
    bool leaving_told;  /* ENDING: it said that it leaves */
    bool hurried;       /* TAKEN: the predecessor was asked to make an end */
    pid_t started;      /* the process we executed; 0: reaped */
    pid_t forked;       /* its child, the successor, before it was born; 0: not told */
    uint32_t attempts, given, failures;
    int64_t told_workers, told_jobs;
    char says[HANDOVER_WORDS_MAX];  /* what the successor waits for; "" */
    char error[HANDOVER_WORDS_MAX]; /* why the last hand-over failed; "" */
};

/* Starts nothing. birth: NULL, or what we were born with; its socket is taken. h must not move. */
int handover_init(struct handover *h, uv_loop_t *loop, const struct conf *conf, const char *instance,
                  struct handover_birth *birth, const struct handover_hooks *hooks, struct err *e);
/* Closes the socket and its handles; run the loop once more. The other life goes on. Safe when never initialised. */
void handover_close(struct handover *h);

/* Starts a successor. timeout_ms: how long it has to be ready; 0: twice boot_timeout. ERR_REFUSED with e while one is
 * under way, or as the first process of a container. */
int handover_begin(struct handover *h, uint64_t timeout_ms, struct err *e);
/* Ours is no longer to succeed: the successor is ended; why is what it is remembered by. Nothing when none is under
 * way. */
void handover_cancel(struct handover *h, const char *why);
/* A successor that does not take over tells why, and leaves. Nothing once it has taken over. */
void handover_leave(struct handover *h, const char *why);
/* One that could not even start tells why: there is nothing yet that could be left in order. */
void handover_stillborn(struct handover *h, const char *why);
/* Counts of workers changed: is a successor ready; what does a draining predecessor still have (jobs that run). */
void handover_look(struct handover *h, uint32_t workers, uint32_t jobs);
/* Asks a draining predecessor to kill what it has in hand; once. */
void handover_hurry(struct handover *h);
/* We must not end yet: another life depends on us (its service manager would kill it). */
bool handover_holds(const struct handover *h);
/* The process we executed was reaped: true when it was that. */
bool handover_reaped(struct handover *h, pid_t pid, int wait_status);
/* {"state","attempts","given","failures","error","says","for_ms"} and, with another life, "successor" or "predecessor":
 * {"pid","instance","version","build","workers","jobs"}. The caller's. */
json_t *handover_status(const struct handover *h);
