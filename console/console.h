/*
 * console - what all requests share: configuration, who may ask, connections to the stores, and the replays this
 * process drives.
 *
 * Runs in: console. Owner: main. Its parts lock themselves; the struct does not change after console_open.
 */
#pragma once

#include "auth.h"
#include "conf.h"
#include "replay_driver.h"
#include "store_pool.h"

struct console {
    const struct conf *conf;      /* borrowed */
    struct auth *auth;            /* owned */
    struct store_pool *pool;      /* owned */
    struct replay_driver *driver; /* owned */
    char host[128];
};

/* Reads the tokens; connects to nothing yet. console_close in any case. */
int console_open(struct console *c, const struct conf *conf, struct err *e);
/* Pauses the replays that this process drives, closes connections. Twice-safe. */
void console_close(struct console *c);
