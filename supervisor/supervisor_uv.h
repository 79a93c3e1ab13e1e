/*
 * supervisor_uv - the wiring: one loop, its signals, and what running, quiet, draining and stopping mean.
 *
 * Runs in: supervisor. Thread: the loop's only.
 * Owns: everything below, in the order it is opened; closed in the opposite order.
 */
#pragma once

#include "autoscale_uv.h"
#include "base.h"
#include "cgroup.h"
#include "conf.h"
#include "doorbells_uv.h"
#include "host_limits.h"
#include "handover_uv.h"
#include "notify.h"
#include "pool_choice.h"
#include "predecessors_uv.h"
#include "queue_link_uv.h"
#include "relay_child_uv.h"
#include "reload.h"
#include "slots_uv.h"
#include <uv.h>

/* X(mode, name in status) */
#define SUPERVISOR_MODES(X)                                                                                            \
    X(RUNNING, "running")   /* workers fetch */                                                                        \
    X(QUIET, "quiet")       /* workers live, none fetches */                                                           \
    X(DRAINING, "draining") /* workers finish what they hold and go */                                                 \
    X(STOPPING, "stopping") /* no worker lives: deaths are told, queues are left */

enum supervisor_mode {
#define X(mode, name) SUPERVISOR_##mode,
    SUPERVISOR_MODES(X)
#undef X
};

enum { SUPERVISOR_SIGNAL_MAX = 9, SUPERVISOR_INFO_MAX = 12288 };

struct control;        /* control_uv.h */
struct metrics_thread; /* metrics_thread.h */

struct supervisor {
    uv_loop_t loop;
    struct conf *conf; /* owned: the effective configuration */
    char instance[INSTANCE_MAX];
    int log_fd; /* borrowed from main */
    uint64_t started_ms;
    uint64_t layouts_stamp; /* of the folder pdf.layouts, when it was last looked at */
    enum supervisor_mode mode;
    struct slots *slots; /* owned */
    struct cgroup_tree cgroups; /* closed after the slots */
    struct host_limits host;    /* of the container or unit, divided among the pools of conf */
    struct slots_uv procs;
    struct relay_child relay;
    struct queue_links links;
    struct predecessors past; /* supervisors of this machine that died */
    struct evidence evidence;
    struct doorbells bells;         /* owned */
    struct autoscaler *scaler;      /* owned; zeroed until the links are open */
    bool redis_was_away;            /* what the command connection said last */
    struct control *control;        /* owned */
    struct metrics_thread *metrics; /* owned; reads the slots' scoreboard */
    struct notify notify;
    struct handover handover;     /* argc, argv and hold_fd are set before supervisor_open */
    struct handover_birth *birth; /* what a hand-over gave us to begin with; borrowed; NULL: we are nobody's successor */
    uint64_t given_ms;            /* when we handed over; 0: not */
    uv_signal_t signals[SUPERVISOR_SIGNAL_MAX];
    size_t n_signals;
    uv_timer_t watchdog;  /* feeds the service manager's */
    uv_timer_t pulse;     /* tells the scoreboard that the loop turns */
    uv_timer_t stop_step; /* while draining and stopping: what is next? */
    uint64_t give_up_ms;  /* DRAINING: kill past it. STOPPING: leave without farewell past it */
    bool told_ready;      /* READY=1 was sent */
    const struct pool_choice *pools; /* the pools it runs; set before supervisor_open; borrowed; NULL: all */
    const char *repro, *wrap; /* supervisor_options; set before supervisor_open; borrowed */
    char info[SUPERVISOR_INFO_MAX];
};

/* Opens everything and starts the workers. conf (heap) is taken, also on failure. s is zeroed by the caller and must
 * not move; call supervisor_close in any case. 0, or a negative code with e: a sentence for the operator. */
int supervisor_open(struct supervisor *s, struct conf *conf, int log_fd, struct err *e);
/* Runs until stopped. */
void supervisor_run(struct supervisor *s);
/* Closes and frees all. Safe on what was opened half. */
void supervisor_close(struct supervisor *s);

/* -- what signals and the control socket ask for -- */
/* Workers finish what they hold, at most drain_timeout; then the supervisor leaves its queues and ends. */
void supervisor_drain(struct supervisor *s);
/* The same without waiting: workers are killed, what they held is handed back free. */
void supervisor_stop(struct supervisor *s);
/* Quiet or resume all pools. Nothing while draining. */
void supervisor_quiet(struct supervisor *s, bool quiet);
/* Wants n workers in the pool, whatever its target_wait, until supervisor_scale_auto or a reload. ERR_BAD_ARGUMENT naming the allowed
 * range. */
int supervisor_scale(struct supervisor *s, struct pool *pool, int64_t n, struct err *e);
/* The pool is as the configuration wants it again: `workers`, or scaled by its target_wait from where it is. */
void supervisor_scale_auto(struct supervisor *s, struct pool *pool);
/* Reads the file again. ERR_BAD_CONFIG with e keeps everything as it was. */
int supervisor_reload(struct supervisor *s, struct reload_report *ret, struct err *e);
/* Hands over to the installed stint-supervisor; timeout_ms: how long it has to be ready, 0: as configured. ERR_REFUSED
 * with e; errors that come later are in the status. */
int supervisor_upgrade(struct supervisor *s, uint64_t timeout_ms, struct err *e);
/* Opens log_file anew (rotation) and has the workers replaced, who hold the old one. */
void supervisor_reopen_log(struct supervisor *s);
/* "running", … */
const char *supervisor_mode_name(enum supervisor_mode mode);

/* -- between the four files: supervisor_uv.c, supervisor_modes_uv.c, supervisor_signals_uv.c, supervisor_handover_uv.c -- */
/* Opens the hand-over's part; takes what birth brought. */
int supervisor_handover_open(struct supervisor *s, struct err *e);
/* What an operator set at run time at the predecessor holds here too: counts of workers, quiet pools. */
void supervisor_inherit(struct supervisor *s);
/* Tells the other life how we are. */
void supervisor_handover_look(struct supervisor *s);
/* True while another life needs us to live. Past too_late_ms (monotonic) nobody is waited for. */
bool supervisor_handover_holds(const struct supervisor *s, uint64_t now_ms);
/* Queues and shards that were added to the table begin to be served. */
void supervisor_serve_added(struct supervisor *s);
/* Says how we are, to the service manager and on the scoreboard; READY=1 when all that can start did. */
void supervisor_tell(struct supervisor *s);
/* The scoreboard's half of it: what the metrics thread shows of the pools. */
void supervisor_score(struct supervisor *s);
int supervisor_signals_open(struct supervisor *s, struct err *e);
void supervisor_signals_close(struct supervisor *s);
