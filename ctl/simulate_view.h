/*
 * simulate_view - a run on the terminal: one line while it goes on, the report at its end.
 *
 * Runs in: ctl.
 */
#pragma once

#include "session.h"
#include "simulate_run.h"

struct simulate_view {
    struct session *s;
    bool drawn;
};

/* Draws or redraws the line on a terminal; nothing elsewhere. arg: struct simulate_view. */
void simulate_view_progress(void *arg, const struct simulate_run *r);
/* Wipes the line. */
void simulate_view_end(struct simulate_view *v);
/* The report for people; under --json the object itself. */
void simulate_view_report(struct session *s, const json_t *report);
