/*
 * replay_selection - what names the letters of a replay run, kept with it, so that a selection that was cut off can be
 * made again.
 *
 * Runs in: ctl, console. Blocks.
 */
#pragma once

#include "dead_letters.h"
#include "replay_run.h"

enum { REPLAY_SELECTION_IDS = 100 }; /* named letters of a run whose ids are kept */

/* The filter as a run keeps it. New reference. */
json_t *replay_selection_filter(const struct dead_filter *f);
/* Finds the letters of queue `queue` that `filter` (as above) names and that died until before_ms, at most `most`.
 * ERR_REFUSED when the filter does not hold the ids. */
int replay_selection_find(struct stores *s, const char *queue, const json_t *filter, int64_t before_ms, size_t most,
                          struct dead_letters *ret_letters, struct err *e);
/* A run that was cut off before it had all its letters selects them again and begins: nothing has moved yet. Nothing to
 * do for any other. */
int replay_selection_again(struct stores *s, const struct replay_run *run, struct err *e);
