/*
 * dead_page - what a list of ids knows of itself in Redis: the short form of dead letters, asked in one go.
 *
 * Runs in: ctl, console. Blocks. Payloads are left out, so a queue of megabyte letters is searched without moving them.
 */
#pragma once

#include "dead_letters.h"

struct dead_page {
    size_t n;
    struct dead_letter letters[DEAD_LETTERS_PAGE]; /* queue, id and died_ms are the caller's; the rest is read */
    bool there[DEAD_LETTERS_PAGE];                 /* it is a dead letter and passes */
};

/* Adds an id, of the same queue as the others; at most DEAD_LETTERS_PAGE (asserted). */
void dead_page_add(struct dead_page *p, const char *queue, const char *id, int64_t died_ms);
/* Reads the letters that are dead and pass the filter; the others are not there. The filter's times are not looked at
 * for letters whose died_ms the caller knew. */
int dead_page_load(struct dead_page *p, struct redis_sync *redis, const struct dead_filter *f, struct err *e);
/* Empties the page; frees what its letters own. */
void dead_page_clear(struct dead_page *p);
