/*
 * match_watch_uv - sees to it that no pool in which something is still to happen is forgotten.
 *
 * Runs in: worker. Thread: the loop's only. Owner: kind_match; frees itself after match_watch_close.
 * A pool lives by asking for its next cycle at the end of each round. That word can be lost: the worker dies after the
 * commit, Redis is full, or comes back empty. PostgreSQL still knows who waits and which pair is overdue.
 */
#pragma once

#include "kind.h"

enum {
    MATCH_WATCH_MS = 15000, /* between two looks */
    MATCH_WATCH_POOLS_MAX = 100,
};

struct match_watch;

/* Begins to look, first after one cycle. ctx is borrowed until match_watch_close. NULL: no memory. */
struct match_watch *match_watch_open(const struct worker_ctx *ctx);
/* Starts closing its handles. NULL-safe. */
void match_watch_close(struct match_watch *w);
