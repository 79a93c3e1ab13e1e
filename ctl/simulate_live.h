/*
 * simulate_live - a run under way: who does what when it is due, and what follows from what the service says.
 *
 * Runs in: ctl. Thread: the loop's only. Never blocks. Internal to simulate_uv, which owns the struct, its loop and its
 * turns.
 */
#pragma once

#include "redis_uv.h"
#include "simulate_agenda.h"
#include "simulate_ask_uv.h"
#include "simulate_jobs_uv.h"
#include "simulate_uv.h"
#include "simulate_watch_uv.h"

enum {
    SIMULATE_DO_PERSON,
    SIMULATE_DO_PAIR,
    SIMULATE_DO_ASK,
    SIMULATE_DO_SHIFT = 30
}; /* of an agenda's entry: what, above whose */

struct simulate_live {
    struct simulate_run *run;
    struct redis_uv *redis;
    struct simulate_jobs *jobs;
    struct simulate_watch *watch;
    struct simulate_ask *ask; /* NULL: HTTP is off */
    struct simulate_agenda agenda;
    uint32_t *pair_of; /* owned; the pair a person was last told of */
    uint8_t *asked;    /* owned; how often the model was asked for a person */
    json_t *board;     /* owned; what is published of the pool; NULL: nothing yet */
    bool board_asked;
    int64_t news_ms; /* when anything was last heard of the service */
};

/* Everybody's life from the trace, the first of it on the agenda. */
void simulate_live_plan(struct simulate_live *v);
/* Everybody who is due acts. */
void simulate_live_act(struct simulate_live *v);
/* From now on nobody comes, and who is here leaves. */
void simulate_live_close(struct simulate_live *v);
/* Asks for what is published of the pool. */
void simulate_live_ask_board(struct simulate_live *v);
/* Whether all is said: nobody is here, no job is open, both sides of every answered pair were told. */
bool simulate_live_settled(const struct simulate_live *v);

/* Callbacks of the connections; arg: struct simulate_live. */
void simulate_live_on_answer(void *arg, enum simulate_op op, uint32_t of, const char *id, const char *state,
                             const json_t *result);
void simulate_live_on_event(void *arg, int64_t seq, const json_t *data);
void simulate_live_on_notice(void *arg, const char *ticket, const json_t *data);
void simulate_live_on_estimate(void *arg, uint32_t person, int status, const char *body);
