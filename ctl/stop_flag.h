/*
 * stop_flag - a long verb that must clean up after itself hears of Ctrl-C and SIGTERM here.
 *
 * Runs in: ctl. The first signal sets the flag; the second ends the process as usual.
 */
#pragma once

#include "base.h"
#include "err.h"

/* From now on SIGINT, SIGTERM and SIGHUP set the flag. */
void stop_flag_watch(void);
bool stop_flag_is_set(void);
/* 0, or ERR_CANCELLED with e when it is set. */
int stop_flag_check(struct err *e);
