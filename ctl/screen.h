/*
 * screen - a terminal taken for a live view: keys at once, signals as events, frames drawn whole; given back as it was.
 *
 * Runs in: ctl. One thread. Owner: the caller's struct screen. Between open and close nothing else may write to the
 * terminal.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <termios.h>

struct screen {
    struct termios before; /* as it was found */
    int signal_fd;         /* owned; -1: not open */
    char typed[32];        /* that was read and is not told yet: who types fast sends more than a key at once */
    size_t n_typed;
};

/* What screen_wait saw: one of these, or a key's character (above 0). */
enum screen_event {
    SCREEN_TIME = 0,    /* the time is over */
    SCREEN_END = -1,    /* a signal, or the terminal is gone */
    SCREEN_RESIZE = -2, /* another size, or back from being stopped: draw again */
    SCREEN_NEXT = -3,   /* right, down */
    SCREEN_BACK = -4,   /* left, up */
};

/* Whether both ends are a terminal that can be drawn on. */
bool screen_possible(void);
/* Takes the terminal. 0, or an error with e; the terminal is as before then. */
int screen_open(struct screen *s, struct err *e);
/* Gives it back; twice-safe. */
void screen_close(struct screen *s);
/* Columns and rows now; 80 by 24 when it does not say. */
void screen_size(size_t *ret_columns, size_t *ret_rows);
/* Shows lines of text in the place of what was there; lines beyond the last row are not shown. One write: no flicker.
 */
void screen_draw(const char *text);
/* Waits at most timeout_ms. Returns enum screen_event, or the key typed. */
int screen_wait(struct screen *s, int64_t timeout_ms);
