/*
 * match_sent - which events are in their pool's stream, so that their rows in PostgreSQL may go (match_retell_uv).
 *
 * Runs in: worker. Thread: loop only. Pure.
 * Owner: shared by match_retell_uv and by the commands under way, which may outlive it: who is last frees it.
 */
#pragma once

#include "buf.h"

enum {
    MATCH_SENT_MAX = 32768,
    MATCH_SENT_PAGE = 4096, /* rows removed by one statement */
};

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
/* The first events, at most `most`, as a PostgreSQL array literal. Caller frees; NULL: no memory. */
char *match_sent_array(const struct match_sent *sent, uint32_t most);
/* Forgets the first n, at most as many as there are: their rows are removed. */
void match_sent_forget(struct match_sent *sent, uint32_t n);
