/*
 * replay_options - a replay's options and filter, from the command line to what a run keeps of them and back.
 *
 * Runs in: ctl. Values returned are the caller's.
 */
#pragma once

#include "dead_letters.h"
#include "session.h"

/* The options object of stint_replay_open. patch: what --edit says, or NULL. ERR_BAD_ARGUMENT. */
int replay_options_make(const struct args *a, const json_t *patch, json_t **ret_options, struct err *e);
/* What names the letters, so that a selection that was cut off can be made again: the filter, or the ids when they are
 * few. */
int replay_options_filter(struct session *s, const struct dead_letters *letters, json_t **ret_filter, struct err *e);
