/*
 * ipc - what a supervisor and its workers say to each other, and what a worker is born with.
 *
 * Runs in: supervisor and worker. A SOCK_SEQPACKET pair; one struct ipc_msg a packet. EOF on the worker's end means its
 * parent died: it exits at once. EOF on the supervisor's end is never acted on: waitpid is.
 */
#pragma once

#include "base.h"

/* Raised by every change of what supervisor and worker share: this file, scoreboard.h, crash_page.h's head. A worker
 * that is started by a supervisor of another version does not start, and says what to do. */
enum { IPC_VERSION = 3 };
#define IPC_IDLE_MORE   "more"
#define IPC_VERSION_ENV "STINT_IPC" /* in a worker's environment: its supervisor's IPC_VERSION; absent: 1 */
#define IPC_VERSION_WORDS                                                                                              \
    "worker and supervisor are of versions that do not understand each other (%ld, %ld): run `stint upgrade`"

/* Descriptors of a freshly executed worker besides 0 (/dev/null), 1 and 2 (log). Everything above is closed. */
enum {
    WORKER_FD_SCOREBOARD = 3, /* memfd, shared map: see scoreboard.h */
    WORKER_FD_CONTROL = 4,    /* seqpacket socket to the supervisor */
    WORKER_FD_CONFIG = 5,     /* sealed memfd: the effective configuration as INI text, secrets included */
    WORKER_FD_LIFE = 6,       /* held, never used: the supervisor's lock is free when its last worker is gone too */
    WORKER_FD_CRASH = 7,      /* memfd: where it leaves what it was when it dies, see crash_page.h; /dev/null: nowhere */
    WORKER_FD_END = 8,
};

/* A worker's arguments (each --name and its value are two arguments), the last for `stint job repro` alone:
 *   stint-worker --pool NAME --instance INSTANCE --slot NUMBER --generation NUMBER [--repro run|hold]
 * slot is its cell in the scoreboard; its consumer name is INSTANCE:NUMBER:NUMBER.
 *   stint-relay --instance INSTANCE
 * has no cell: its descriptor WORKER_FD_SCOREBOARD is /dev/null. */

/* A worker started to reproduce a job: nothing it writes to PostgreSQL is committed. */
enum repro_mode {
    REPRO_NO,
    REPRO_RUN,
    REPRO_HOLD, /* …and it, or the parser's cell, stops itself (SIGSTOP) just before the work: a debugger is attached then */
};

/* Exit codes a worker uses on purpose; exit_cause.c reads them. */
enum {
    WORKER_EXIT_OK = 0,          /* drained, recycled or told to stop; no job in hand */
    WORKER_EXIT_BOOT = 70,       /* could not start: configuration, limits, sandbox */
    WORKER_EXIT_MEM_LIMIT = 71,  /* an allocation failed */
    WORKER_EXIT_FATAL = 72,      /* an error of class fatal; jobs are handed back without cost */
    WORKER_EXIT_ORPHANED = 73,   /* the supervisor is gone */
};

enum ipc_type {
    /* worker -> supervisor */
    IPC_READY = 1, /* configuration and limits stand, Redis answered or is being retried (PHASE_AWAY); text: its
                      IPC_VERSION, "" for 1 */
    IPC_IDLE, /* the last fetch came back empty; will fetch again on IPC_WAKE. Text IPC_IDLE_MORE: it did not, but the
               * worker's turn at that one of several queues is over */
    IPC_BUSY, /* it fetches again on its own */
    IPC_BOOT_FAILED, /* text: why, for the log and `stint status`; followed by exit(WORKER_EXIT_BOOT) */
    IPC_BEAT,      /* of stint-relay: it lives; text: "<state> <words>", state: active, standby or away */
    IPC_RECYCLE,   /* it will exit after this message: a recycling limit was reached; text: which */
    IPC_FENCED,    /* a fetch was refused because the host's lease has ended: beat for its queue now; text: "" */
    IPC_CELL_DIED, /* a parser cell died in the middle of a job; text: "<epoch> <job id>"; with its crash page's descriptor */
    /* supervisor -> worker */
    IPC_WAKE,   /* there may be work: fetch; text: of which part of the queue (shard.h), "" for 0. One not known yet is
                 * served from now on. Where a   pool serves several queues: "<number> <queue>", and that one alone is
                 * fetched from */
    IPC_QUIET,  /* fetch no more; go on living */
    IPC_RESUME, /* fetch again */
    IPC_STOP,   /* finish the job in hand, hand back what was not started, exit(WORKER_EXIT_OK) */
    IPC_CANCEL, /* text: "<band>:<entry id>" of the job to cancel, "<part> " before it unless it is 0; ignored when it is not the one in hand */
    IPC_CONFIG, /* with a descriptor like WORKER_FD_CONFIG: its section [match] holds from now on, nothing else of it */
    IPC_PING,   /* show that you live: the cell's alive_ms */
};

enum { IPC_TEXT_MAX = 480 };

struct ipc_msg {
    uint32_t type;           /* enum ipc_type */
    uint32_t size;           /* bytes of text used, without NUL */
    char text[IPC_TEXT_MAX]; /* NUL-terminated */
};

/* Sends without blocking. 0, -EAGAIN when the peer's buffer is full (the message is dropped), or -errno. */
int ipc_send(int fd, enum ipc_type type, const char *text);
/* The same with a descriptor, which stays the caller's. */
int ipc_send_fd(int fd, enum ipc_type type, const char *text, int pass_fd);
/* ipc_recv that takes a descriptor too: *ret_fd is the caller's, close-on-exec; -1 when none came. */
int ipc_recv_fd(int fd, struct ipc_msg *ret_msg, int *ret_fd);
/* Receives one message without blocking. 1: got one; 0: nothing there; -ENODATA: EOF; -EBADMSG: not a message; -errno. */
int ipc_recv(int fd, struct ipc_msg *ret_msg);
