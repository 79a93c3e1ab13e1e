/*
 * replay_driver - goes on with the replay runs that somebody began on a page, until they are done or somebody says
 * otherwise.
 *
 * Runs in: console. Thread: one of its own, with connections of its own; the calls here may come from any. Position and
 * counts are Redis': a console that dies leaves runs that anybody can resume.
 */
#pragma once

#include "replay_run.h"

enum { REPLAY_DRIVER_RUNS_MAX = 64 };

struct replay_driver; /* heap */

/* Starts the thread; borrows conf. NULL without memory. */
struct replay_driver *replay_driver_new(const struct conf *conf);
/* Pauses what it drives, saying why, and joins the thread. NULL-safe. */
void replay_driver_free(struct replay_driver *d);
/* Drives a part from now on; its driver is this process. canary_timeout_ms: the part is paused when its canary has not
 * ended by then. ERR_REFUSED when REPLAY_DRIVER_RUNS_MAX are driven already. */
int replay_driver_add(struct replay_driver *d, const struct replay_run *part, int64_t canary_timeout_ms, struct err *e);
