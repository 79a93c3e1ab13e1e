/*
 * stack - everything on one machine: a private Redis, a private PostgreSQL and the supervisor, started in order, kept
 * alive, and ended in order.
 *
 *   start:  Redis ──► PostgreSQL ──► migrations ──► supervisor ──► ready
 *   end:    supervisor drained ──► Redis flushed ──► PostgreSQL shut down
 *
 * Runs in: ctl, as the process of `stint up` (in front, or detached). One thread; poll on a signalfd and pidfds.
 * A service whose URL the configuration points elsewhere is used as it is, neither started nor stopped.
 */
#pragma once

#include "conf.h"
#include "stack_child.h"

enum stack_part { STACK_REDIS, STACK_POSTGRES, STACK_SUPERVISOR, STACK_PART_COUNT };

/* What happens, a sentence at a time, for people. Borrowed for the stack's life. */
struct stack_report {
    void *arg;
    void (*say)(void *arg, const char *line);
};

struct stack {
    struct stack_dir dir;
    struct stack_report report;
    struct conf *conf; /* owned */
    char conf_path[CONF_STR_MAX];
    bool conf_written; /* by this start: a start that fails takes it back */
    struct stack_child parts[STACK_PART_COUNT];
    bool ours[STACK_PART_COUNT];   /* false: not part of this stack */
    bool wanted[STACK_PART_COUNT]; /* started again when it dies */
    int lock_fd, signal_fd;        /* -1: none */
    unsigned deaths_max;           /* of a part in a row, before the stack gives up */
    bool stores_only;              /* no supervisor: to be set before stack_start */
    bool stop_asked, stop_now;     /* one signal; a second one */
};

/* Makes the folder and its configuration, takes the lock, blocks the signals it will read. config: NULL for
 * DIR/stint.conf. ERR_REFUSED when a stack runs there already. stack_close in every case. */
int stack_open(struct stack *s, const char *dir, const char *user, const char *config,
               const struct stack_report *report, struct err *e);
/* Starts all parts until ready. On failure what was started is stopped again; the failed part's last log lines are
 * reported. */
int stack_start(struct stack *s, struct err *e);
/* Keeps them alive until TERM or INT. 0, or an error when a part died too often; HUP, USR1 and USR2 go to the supervisor. */
int stack_run(struct stack *s, struct err *e);
/* Ends them in order and reports how each ended, also in DIR/run/stack.end for `stint down`. A second signal meanwhile
 * makes the supervisor hand its jobs back at once. */
void stack_stop(struct stack *s);
void stack_close(struct stack *s); /* frees; twice-safe */
