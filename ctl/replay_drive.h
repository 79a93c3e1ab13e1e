/*
 * replay_drive - goes on with a replay run until it is done, stopped, or somebody says otherwise.
 *
 * Runs in: ctl. Blocks. One interrupt (SIGINT, SIGTERM) pauses the run and returns; a second ends the process. A Redis that
 * goes away is waited for up to a minute: a step whose answer was lost moved its letters or did not, and the next one
 * goes on from there either way.
 */
#pragma once

#include "replay_run.h"
#include "session.h"

struct replay_drive {
    int64_t canary_timeout_ms; /* longest wait for a canary's ends; 0: none */
    bool wait;                 /* also wait until every replayed job has ended */
};

/* Drives the parts one after the other; they must be this process' (opened or resumed by it). A part that stops ends the
 * whole. Prints progress and reports; *ret_code is the exit code. */
int replay_drive_all(struct session *s, struct replay_runs *runs, const struct replay_drive *how, int *ret_code,
                     struct err *e);
/* Only watches a part until its jobs have ended or an interrupt. */
int replay_drive_follow(struct session *s, const struct replay_run *run, struct err *e);
