/*
 * stack_conf - the configuration file of a stack's folder.
 *
 * Runs in: ctl. Blocks on the disk only.
 */
#pragma once

#include "conf.h"
#include "stack_dir.h"

/* Writes DIR/stint.conf when there is none: the private services' URLs, or those of STINT_REDIS_URL and
 * STINT_POSTGRES_URL, so that a later start without them does not silently begin with empty private ones. Readable by
 * the services' user alone. *ret_written: whether it did. */
int stack_conf_write(const struct stack_dir *d, bool *ret_written, struct err *e);
