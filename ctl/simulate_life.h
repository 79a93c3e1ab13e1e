/*
 * simulate_life - what one person of a simulated pool does next: join, touch, leave, decide about a partner.
 *
 * Runs in: ctl. Pure: time and what the service said are arguments. Owner: the caller's array of struct simulate_life.
 *
 *   COMING ─join─► JOINING ─answer─► WAITING ─told of a pair─► PAIRED ─confirmed─► GONE
 *                                    │  ▲                        │
 *                          patience  │  └────── released ────────┘
 *                                    ▼
 *                                 LEAVING ─answer─► GONE        (SILENT: closes the app without a word; the pool finds
 * out)
 *
 * All times are milliseconds of the run's own clock, which real time and accelerated time share.
 */
#pragma once

#include "base.h"

#define SIMULATE_NEVER INT64_MAX

enum simulate_stage {
    SIMULATE_COMING,
    SIMULATE_JOINING,
    SIMULATE_WAITING,
    SIMULATE_PAIRED,
    SIMULATE_LEAVING,
    SIMULATE_SILENT,
    SIMULATE_GONE,
    SIMULATE_STAGE_COUNT,
};

enum simulate_end {
    SIMULATE_STILL,
    SIMULATE_MATCHED,
    SIMULATE_LEFT,
    SIMULATE_EXPIRED,
    SIMULATE_DROPPED,
    SIMULATE_END_COUNT
};

enum simulate_act { SIMULATE_NOTHING, SIMULATE_JOIN, SIMULATE_TOUCH, SIMULATE_LEAVE };

struct simulate_life {
    int64_t join_ms, leave_ms;        /* leave_ms: when patience ends; moved by the time spent in pairs */
    int64_t touch_every_ms, touch_ms; /* touch_ms: the next */
    int64_t paired_ms;                /* since when in this pair */
    enum simulate_stage stage;
    enum simulate_end end;
    bool silent; /* leaves without a word */
};

/* A person who is not there yet. */
void simulate_life_init(struct simulate_life *l, int64_t join_ms, int64_t leave_ms, int64_t touch_every_ms,
                        bool silent);
/* When the person does something next; SIMULATE_NEVER while it is for others to act. */
int64_t simulate_life_due_ms(const struct simulate_life *l);
/* What is due now, if anything; the stage moves with it. */
enum simulate_act simulate_life_act(struct simulate_life *l, int64_t now_ms);

/* The submit was answered: the person waits, unless something was told earlier. */
void simulate_life_answered(struct simulate_life *l, int64_t now_ms);
/* The submit was answered with a refusal. */
void simulate_life_dropped(struct simulate_life *l);
/* Told of a partner. False when the person is not there to see it: gone silently or leaving. */
bool simulate_life_paired(struct simulate_life *l, int64_t now_ms);
/* The pair was released: back to waiting with what is left of the patience, unless gone. */
void simulate_life_released(struct simulate_life *l, int64_t now_ms);
/* The pair was confirmed. */
void simulate_life_confirmed(struct simulate_life *l);
/* The leave was answered, or the pool said that the person expired. */
void simulate_life_ended(struct simulate_life *l, enum simulate_end end);
/* The run ends: whoever waits leaves now, whoever has not come does not come. */
void simulate_life_close(struct simulate_life *l, int64_t now_ms);
