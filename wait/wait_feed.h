/*
 * wait_feed - entries of the stream stint:{queue}:feed as wait events.
 *
 * Runs in: supervisor's metrics thread. Pure: parses only. The bytes are foreign: any entry may be anything.
 */
#pragma once

#include "base.h"
#include "wait_model.h"

/* One entry: n_fields alternating names and values (n even), as XREAD returns them, with lengths. 0 and *ret_event, or
 * -EBADMSG when it is not an event this build knows; ret_event is untouched then. */
int wait_feed_parse(size_t n_fields, const char *const fields[], const size_t lens[], struct wait_event *ret_event);
