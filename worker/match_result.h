/*
 * match_result - what a match job answers, as JSON (docs/matching.md, "Results").
 *
 * Runs in: worker. Thread: loop only. Pure.
 */
#pragma once

#include "match_published.h"
#include "match_round.h"

enum { MATCH_RESULT_LIST_MAX = 100 }; /* entries of `dropped` in a cycle's result; the events tell all */

/* The result of operation `number` once the round is finished; the caller frees it. published: the wait model's
 * figures, or NULL. NULL: no memory. */
char *match_result_json(struct match_round *r, const struct match_published *published, const struct match_op *op,
                        uint32_t number, const struct match_reply *reply);
