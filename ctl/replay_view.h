/*
 * replay_view - what a person or a program sees of a replay run: progress while it moves, its numbers, what was left alone.
 *
 * Runs in: ctl. Prints only. Progress goes to standard error on a terminal; under --json one object a second at most and one
 * at each change of state, to standard output.
 */
#pragma once

#include "replay_run.h"
#include "session.h"

struct replay_view {
    struct session *s;
    uint64_t began_ms, shown_ms; /* monotonic */
    int64_t began_at;            /* letters behind us when this process took over */
    char last_state[16], last_phase[16];
    bool drawn;
};

/* Nothing is shown yet. */
void replay_view_init(struct replay_view *v, struct session *s);
/* Shows the run as `status` tells it. */
void replay_view_update(struct replay_view *v, const struct replay_run *run, const json_t *status);
/* Wipes the progress line. */
void replay_view_end(struct replay_view *v);

/* The outcome of a part that moves no more: how many, what was left alone and why, how to watch and to undo it. */
void replay_view_report(struct session *s, const struct replay_run *run, const json_t *status, int64_t took_ms);
/* Everything about one part, for `stint dlq replay status`. */
void replay_view_whole(struct session *s, const struct replay_run *run, const json_t *status);
/* Letters of the run that were looked at so far, and how many of its replayed jobs have ended. */
int64_t replay_view_passed(const json_t *status);
int64_t replay_view_ended(const json_t *status);
/* The exit code the run's numbers deserve. */
int replay_view_code(const json_t *status);
/* A record of the run for --json: the status with "queue" and "event". New reference. */
json_t *replay_view_record(const struct replay_run *run, const json_t *status, const char *event);
