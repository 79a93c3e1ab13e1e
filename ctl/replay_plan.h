/*
 * replay_plan - what a replay would do, before it does anything: by fingerprint, with counts, an example, what the loop
 * guard would hold back, and an edit as a diff.
 *
 * Runs in: ctl. Reads Redis for the examples' payloads; writes nothing.
 */
#pragma once

#include "dead_letters.h"
#include "session.h"

enum { REPLAY_PLAN_GUARD = 5 }; /* most replays of a job without --guard: the Functions' default */

/* Prints the plan; reorders the letters. patch: the merge patch, or NULL. *ret_guarded: held back by the loop guard. */
int replay_plan_print(struct session *s, struct dead_letters *letters, int64_t guard, const json_t *patch,
                      size_t *ret_guarded, struct err *e);
/* The payload a letter has now, its bytes and its token (docs/protocol.md §3). The caller frees both.
 * ERR_NOT_FOUND when it is no dead letter any more. */
int replay_plan_payload(struct session *s, const struct dead_letter *letter, char **ret_bytes, size_t *ret_len,
                        char **ret_token, struct err *e);
