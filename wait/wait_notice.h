/*
 * wait_notice - which of the people who asked to be told are to be told what, and when (docs/wait-model.md, §3).
 *
 * Runs in: supervisor's metrics thread. Thread: its owner's only. Pure: time is an argument, estimates come by a
 * callback. Owner: whoever called wait_notice_new; one a pool. Holds ids of tickets that consented, and only while they
 * wait. Memory: at most WAIT_NOTICE_MAX tickets, about 200 bytes each; more are counted in `untold`.
 *
 * Told is: the expected end of the wait moved by more than 30 s and a quarter of what was said; a match within 30 s
 * became likely; the reason became another and stayed so. Each ticket is heard of at most every 10 s, a pool at most
 * WAIT_NOTICE_PER_S times a second; whose turn did not come is looked at first the next time.
 */
#pragma once

#include "wait_model.h"

enum {
    WAIT_NOTICE_MAX = 4096,
    WAIT_NOTICE_PER_S = 20,
};

enum wait_change { WAIT_CHANGE_MOVED = 1, WAIT_CHANGE_SOON = 2, WAIT_CHANGE_REASON = 4 };

/* What is to be told to one. Borrowed for the call. */
struct wait_news {
    const char *id;
    unsigned changes; /* set of enum wait_change */
    int64_t at_ms;
    struct wait_estimate now;
    double was_p50_s, was_p90_s; /* what would be left by what was said last */
};

struct wait_notice;

/* Estimate of somebody waiting, by hash; false: waits no more. */
typedef bool (*wait_notice_ask_fn)(void *arg, uint64_t hash, int64_t now_ms, struct wait_estimate *ret);
typedef void (*wait_notice_tell_fn)(void *arg, const struct wait_news *news);

/* NULL when memory is out. */
struct wait_notice *wait_notice_new(void);
void wait_notice_free(struct wait_notice *n); /* NULL-safe */
/* Takes in who begins or stops to wait; events of people who did not ask (no id) are passed over. */
void wait_notice_event(struct wait_notice *n, const struct wait_event *ev);
/* Looks at up to `looks` tickets, in turn, and tells what changed. The first look at one only notes what is said.
 * Returns how many it looked at. */
size_t wait_notice_step(struct wait_notice *n, int64_t now_ms, size_t looks, wait_notice_ask_fn ask,
                        wait_notice_tell_fn tell, void *arg);
/* Somebody else told meanwhile: what was said is no longer known. */
void wait_notice_restart(struct wait_notice *n);
/* Tickets watched, and how many could not be. */
size_t wait_notice_watched(const struct wait_notice *n, uint64_t *ret_untold);
