/*
 * match_events - the newest events of a pool's stream (docs/matching.md, "Events"), and how many pairs came of late.
 *
 * Runs in: ctl. Blocks with redis.command_timeout. Owner: the caller's struct match_events.
 */
#pragma once

#include "history.h"
#include "keys.h"
#include "session.h"

enum { MATCH_EVENTS_KEPT = 40, MATCH_EVENT_TEXT_MAX = 320 };

struct match_event {
    int64_t at_ms, seq;
    char word[12];                    /* "matched", "released", "gone" */
    char what[MATCH_EVENT_TEXT_MAX];  /* in numbers, without ids; harmless */
    char whose[MATCH_EVENT_TEXT_MAX]; /* ids; harmless */
};

struct match_events {
    char key[KEY_MAX], last[ENTRY_ID_MAX]; /* stream, and last entry taken; "": none yet */
    struct match_event newest[MATCH_EVENTS_KEPT];
    size_t n;               /* newest last, n <= MATCH_EVENTS_KEPT */
    struct history matched; /* pairs */
};

/* Nothing of that pool was read yet. */
void match_events_init(struct match_events *m, const char *queue, const char *pool);
/* Reads what is new; the first time the last minutes. now_ms: Redis' clock. */
int match_events_read(struct match_events *m, struct session *s, int64_t now_ms, struct err *e);
/* Takes one entry: its id and its "seq" and "data". What is no event is passed over. Pure. */
void match_events_take(struct match_events *m, const char *id, const char *seq, const char *data);
