/*
 * slot_watch - what time alone asks for in one slot: a start that is due, a deadline that passed, an age or size
 * reached.
 *
 * Runs in: supervisor. Thread: loop only. Pure: no I/O, no clock.
 */
#pragma once

#include "scoreboard.h"
#include "slot_fsm.h"

/* What is to be looked at. Times are monotonic ms. */
struct watch_view {
    enum slot_state state;
    bool idle;                 /* waits for the doorbell */
    uint64_t started_ms;       /* of the process */
    uint64_t start_at_ms;      /* BACKOFF */
    uint64_t stop_by_ms;       /* STOPPING */
    uint64_t kill_at_ms;       /* TERMINATING */
    uint64_t hard_deadline_ms; /* of its job; 0: none */
    uint64_t rss_bytes;        /* 0: not known */
    uint64_t fetched_ms;       /* when its last fetch came back, or it began to wait; looked at while idle */
    uint64_t pulse_ms;         /* slot_pulse_ms; 0: never */
    uint64_t boot_timeout_ms;  /* of the configuration, as below; 0: never */
    uint64_t recycle_age_ms;
    uint64_t recycle_rss_bytes;
};

enum watch_action {
    WATCH_NOTHING,
    WATCH_START,        /* its backoff is over */
    WATCH_BOOT_TIMEOUT, /* end it: not ready in time */
    WATCH_HARD_TIMEOUT, /* end it: its job ran too long */
    WATCH_KILL,         /* the grace after TERM is over */
    WATCH_STOP_TIMEOUT, /* it was asked to stop and did not */
    WATCH_RECYCLE_AGE,  /* replace it when its turn comes */
    WATCH_RECYCLE_RSS,
    WATCH_PULSE, /* have it fetch: it has waited for so long that nothing shows whether it still would */
};

enum {
    WATCH_BUSY_MS = 50,   /* between looks while some slot may pass a deadline nobody tells us of */
    WATCH_CALM_MS = 2000, /* between looks while all wait for the doorbell */
};

/* How long an idle worker may go without a fetch before it is asked for one: the canary of /healthz. */
uint64_t slot_pulse_ms(uint64_t heartbeat_ms);
/* The one thing to do now. */
enum watch_action slot_watch_action(const struct watch_view *v, uint64_t now_ms);
/* How long this slot can be left alone: at most WATCH_CALM_MS, at least 1. */
uint64_t slot_watch_next_ms(const struct watch_view *v, uint64_t now_ms);
