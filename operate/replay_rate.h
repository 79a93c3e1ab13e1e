/*
 * replay_rate - how fast a replay may go, as people write it: "50/s", "3000/m", "0.5", "none".
 *
 * Runs in: ctl, console. Pure.
 */
#pragma once

#include "base.h"
#include "err.h"

/* Jobs per second into *ret_rate; 0 for "none". ERR_BAD_ARGUMENT names `what` and what is allowed. */
int replay_rate_parse(const char *what, const char *text, double *ret_rate, struct err *e);
