/*
 * match_sent - which events of a pool are in its stream, so that their rows in PostgreSQL go with the pool's next round.
 *
 * Runs in: worker. Thread: loop only. Pure.
 * Owner: shared by the pool's cache and by the commands under way, which may outlive it: who is last frees it.
 */
#pragma once

#include "base.h"

enum { MATCH_SENT_MAX = 4096 };

struct match_sent {
    unsigned holders;
    uint32_t n;
    int64_t seq[MATCH_SENT_MAX];
};

/* One more holder of it. Returns it. */
struct match_sent *match_sent_hold(struct match_sent *sent);
/* One holder less; the last frees. NULL-safe. */
void match_sent_drop(struct match_sent *sent);
/* Notes an event that is in the stream; beyond MATCH_SENT_MAX it is told once more instead. */
void match_sent_add(struct match_sent *sent, int64_t seq);
/* Forgets the first n, at most as many as there are: their rows are removed. */
void match_sent_forget(struct match_sent *sent, uint32_t n);
