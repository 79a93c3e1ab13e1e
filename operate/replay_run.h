/*
 * replay_run - one queue's part of a replay run (docs/protocol.md §9): each of its calls, and finding a run again.
 *
 * Runs in: ctl, console. Blocks with redis.command_timeout. A status is the run as the Functions tell it, the caller's
 * to json_decref. Position and counts are Redis': this process may die between any two calls.
 */
#pragma once

#include "dead_letters.h"

enum { REPLAY_RUN_ID_MAX = 41, REPLAY_DRIVER_MAX = 160, REPLAY_STEP_MAX = 25 };

struct replay_run {
    char queue[QUEUE_MAX];
    char id[REPLAY_RUN_ID_MAX];
    char driver[REPLAY_DRIVER_MAX]; /* this process; "" until it opens or resumes the run */
};

/* The parts of a run, one a queue. */
struct replay_runs {
    size_t n;
    struct replay_run parts[QUEUE_LIST_MAX];
};

/* A new name, "r-" and 8 letters and digits. */
void replay_run_name(char ret_id[static REPLAY_RUN_ID_MAX]);
/* Opens a run; options and filter are borrowed objects. ERR_REFUSED when it exists. */
int replay_run_open(struct stores *s, struct replay_run *run, const char *reason, const json_t *options,
                    const json_t *filter, struct err *e);
/* Adds the letters of this run's queue to the selection. */
int replay_run_select(struct stores *s, const struct replay_run *run, const struct dead_letters *letters,
                      struct err *e);
/* Nothing more is selected: it may move. */
int replay_run_begin(struct stores *s, const struct replay_run *run, json_t **ret_status, struct err *e);
/* Moves the next letters, as many as the run allows now. patch: the run's merge patch, or NULL. */
int replay_run_step(struct stores *s, const struct replay_run *run, const json_t *patch, json_t **ret_status,
                    struct err *e);
/* pause, cancel, rate (value: jobs per second), resume (this process drives it from now on). */
int replay_run_control(struct stores *s, struct replay_run *run, const char *what, const char *value,
                       const char *reason, json_t **ret_status, struct err *e);
/* One call of the undo; repeat until the status says "undone". */
int replay_run_undo(struct stores *s, const struct replay_run *run, const char *reason, json_t **ret_status,
                    struct err *e);
/* Everything known of it. */
int replay_run_status(struct stores *s, const struct replay_run *run, json_t **ret_status, struct err *e);
/* The parts of run `id`: in `queue`, or wherever a configured queue knows it. ERR_NOT_FOUND. */
int replay_run_find(struct stores *s, const char *queue, const char *id, struct replay_runs *ret_runs, struct err *e);
/* The ids the run keeps in a list ("held": "<why> <id>", "started"); at most `most`. *ret_list: a JSON array. */
int replay_run_list(struct stores *s, const struct replay_run *run, const char *list, size_t most, json_t **ret_list,
                    struct err *e);
