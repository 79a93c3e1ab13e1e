/*
 * exit_cause - why a worker's process ended, and what that costs the job in its hand.
 *
 * Runs in: supervisor. Thread: loop only. Pure: no I/O, no clock.
 *
 *   what we did to it     what it said            what the kernel said     what it was doing
 *   (exit_intent)    +    (exit code, ipc.h)  +   (signal, rusage)     +   (score_now)        ──►  struct exit_verdict
 *
 * In doubt the job is not blamed alone: entries that were only claimed are free, a round becomes suspect.
 */
#pragma once

#include "base.h"
#include "err.h"
#include "scoreboard.h"

/* What the supervisor itself had done to the process before it ended; the latest counts. */
enum exit_intent {
    EXIT_INTENT_NONE,
    EXIT_INTENT_STOP,          /* asked to finish and exit: drain, recycling, scale, reload, restart */
    EXIT_INTENT_BOOT_TIMEOUT,  /* ended because it was not ready in time */
    EXIT_INTENT_HARD_TIMEOUT,  /* ended because its job ran past its hard deadline */
    EXIT_INTENT_OPERATOR_KILL, /* ended by `worker.kill` */
    EXIT_INTENT_LATE_KILL,     /* signalled for a job that had ended by then; what it held since is innocent */
    EXIT_INTENT_DRAIN_KILL,    /* ended because the drain took too long or must be over at once */
    EXIT_INTENT_COUNT
};

/* Everything known about the end of one process. */
struct exit_facts {
    int wait_status; /* of wait4 */
    bool was_ready;  /* it had said READY */
    bool recycled;   /* it had said RECYCLE */
    enum exit_intent intent;
    bool score_known;     /* now is a consistent copy */
    struct score_now now; /* its last words on the scoreboard */
    bool oom_killed;      /* its memory cgroup counted an OOM kill */
    const char *refused_call; /* name of the system call its sandbox refused; NULL: not known. Borrowed */
};

/* Who pays in stint_crash. */
enum exit_blame {
    EXIT_BLAME_NOBODY, /* what it held is handed back free */
    EXIT_BLAME_ENTRY,  /* the entry of now.entry: one crash more */
    EXIT_BLAME_ROUND,  /* all it held become suspect, at no cost */
};

struct exit_verdict {
    char cause[32]; /* "" for an end without fault; else a cause of docs/protocol.md §4 */
    int code;       /* enum err_code for the error record; 0 when cause is "" */
    enum exit_blame blame;
    bool boot_failure;  /* it never became ready, and nobody asked it to end */
    bool failure;       /* counts against the restart budget */
    int exit_status;    /* -1 when a signal ended it */
    const char *signal; /* "SIGSEGV"; NULL when it exited. Static storage */
    char message[256];  /* one sentence for people */
};

/* Never fails; fills every field. */
void exit_cause_of(const struct exit_facts *facts, struct exit_verdict *ret);
/* "SIGKILL" by number, real-time signals as "SIGRT"; "SIG?" when unknown. Static storage. */
const char *exit_signal_name(int signal);
