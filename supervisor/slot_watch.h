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
    uint64_t alive_ms;         /* when it last showed that it lives, by a fetch or an answer; looked at while idle */
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
    WATCH_PULSE, /* ask it whether it lives: it has waited for so long that nothing shows */
};

enum {
    WATCH_BUSY_MS = 50,   /* between looks while some slot may pass a deadline nobody tells us of */
    WATCH_CALM_MS = 2000, /* between looks while all wait for the doorbell */
};

/* How long an idle worker may show nothing before it is asked whether it lives: the canary of /healthz. */
uint64_t slot_pulse_ms(uint64_t heartbeat_ms);
/* How often one idle worker of the host, each in its turn, is asked to show it by a fetch: the whole way to Redis and back. A
 * host's workers are as many as it likes, Redis is asked no more often. */
uint64_t slot_fetch_pulse_ms(uint64_t heartbeat_ms);
/* The one thing to do now. */
enum watch_action slot_watch_action(const struct watch_view *v, uint64_t now_ms);
/* How long this slot can be left alone: at most WATCH_CALM_MS, at least 1. */
uint64_t slot_watch_next_ms(const struct watch_view *v, uint64_t now_ms);
