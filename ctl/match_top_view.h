/*
 * match_top_view - one screen of a pool: both sides with their waits as bars, the last minutes, balance, calibration,
 * events.
 *
 * Runs in: ctl. Pure: what is shown is an argument, and drawn on a canvas of any size.
 */
#pragma once

#include "canvas.h"
#include "match_events.h"

struct match_top_state {
    const json_t *stats; /* the pool's published record, groups hidden */
    size_t index, n;     /* which of how many pools */
    const struct history *waiting;
    const struct match_events *events;
    int64_t now_ms; /* Redis' clock */
    bool ids;       /* events with ids: those are the application's */
    bool live;      /* a footer with the keys */
    bool paused;
    const char *trouble; /* why the numbers are not new; NULL: they are */
};

/* Draws. From 20 columns on; what does not fit in height is left out from the bottom. */
void match_top_view(const struct match_top_state *state, struct canvas *c);
/* "30-90 s", "2.5-8 min", "10-20+ min": half within, nine in ten within, as short as can be. Returns out. */
char *match_top_band(char out[static 32], double p50_s, double p90_s);
