/*
 * match_retell_uv - sees to it that every committed event is told, and removes the rows of those that were.
 *
 * Runs in: worker. Thread: the loop's only. Owner: kind_match; frees itself after match_retell_close.
 * It needs no round and no job: a pool nobody submits to any more, or whose last cycle was lost, has its events told
 * too.
 *
 *   commit ─► row, its worker's for MATCH_TELL_MS ─► told ─► in match_sent ─► removed at the next look
 *              └── overdue: claimed by a look of any worker of the queue for MATCH_TELL_MS ─► told ─► …
 *
 * So an event nobody told is told within MATCH_TELL_MS + MATCH_RETELL_MS of its commit, or of Redis or a worker being
 * back.
 */
#pragma once

#include "kind.h"
#include "match_sent.h"

enum {
    MATCH_RETELL_MS = 1000, /* between two looks */
    MATCH_RETELL_MAX = 500, /* events told by one look; more are told by another one at once */
};

struct match_retell;

/* Begins to look, first after MATCH_RETELL_MS. ctx is borrowed until match_retell_close. NULL: no memory. */
struct match_retell *match_retell_open(const struct worker_ctx *ctx);
/* Where events that are in their stream are noted; borrowed, hold it for a command under way. */
struct match_sent *match_retell_sent(struct match_retell *r);
/* Starts closing its handles. NULL-safe. */
void match_retell_close(struct match_retell *r);
