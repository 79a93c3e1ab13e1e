/*
 * pool_choice - which pools of the configuration a supervisor runs: all, or those that --pool names.
 *
 * Runs in: supervisor. Pure. Owner: the options; names are borrowed from argv.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"

struct pool_choice {
    const char *names[CONF_POOL_MAX]; /* borrowed */
    size_t n;                         /* 0: all pools */
};

/* One name more; naming it twice is naming it once. ERR_BAD_ARGUMENT past CONF_POOL_MAX names. */
int pool_choice_add(struct pool_choice *choice, const char *name, struct err *e);
/* Takes every other pool out of c, the order of the rest kept. ERR_BAD_ARGUMENT names a pool that is not there and
 * those that are; c is unchanged then. */
int pool_choice_apply(const struct pool_choice *choice, struct conf *c, struct err *e);
