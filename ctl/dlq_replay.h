/*
 * dlq_replay - gives dead letters another run, in batches of at most 100.
 *
 * Runs in: ctl. Blocks.
 */
#pragma once

#include "dead_letters.h"

/* Replays the letters with the verb's --band, --delay, --guard, and --payload or --edit (one letter only). Prints what
 * became of them; *ret_code: EXIT_REFUSED when the loop guard held any back, else EXIT_DONE. A lost service in between
 * is an error that says how many were replayed; saying the same again goes on. */
int dlq_replay_run(struct session *s, const struct dead_letters *letters, int *ret_code, struct err *e);
/* RFC 7396: the target patched. New reference; NULL without memory. Pure. */
json_t *dlq_replay_merge(const json_t *target, const json_t *patch);
