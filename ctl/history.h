/*
 * history - a number over the last minutes, in steps of ten seconds; as a line of small bars.
 *
 * Runs in: ctl. Pure: time is an argument. Owner: the caller's struct history.
 */
#pragma once

#include "base.h"

enum { HISTORY_STEP_MS = 10000, HISTORY_STEPS = 90, HISTORY_BARS_MAX = HISTORY_STEPS * 3 + 1 };

struct history {
    int64_t newest;               /* number of the newest step; 0: none yet */
    double values[HISTORY_STEPS]; /* by number modulo; negative: not known */
};

/* Nothing is known. */
void history_init(struct history *h);
/* The number is `value` in this step from now on. */
void history_set(struct history *h, int64_t at_ms, double value);
/* So much more happened in the step of at_ms; steps older than are kept are passed over. */
void history_add(struct history *h, int64_t at_ms, double amount);
/* Nothing is missing from from_ms to now_ms: steps of which nothing was told had 0. */
void history_known(struct history *h, int64_t from_ms, int64_t now_ms);
/* Steps that are known, among the newest n. */
size_t history_count(const struct history *h, size_t n);
/* The newest `n` steps as bars from 0 to the largest, oldest first, blanks where nothing is known. skip: so many of the
 * newest are left out (a step that is not over yet would look small). Returns out. */
char *history_bars(const struct history *h, size_t n, size_t skip, char out[static HISTORY_BARS_MAX]);
