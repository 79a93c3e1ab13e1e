/*
 * complaint - the same trouble is told once, then once a minute, however often it is met.
 *
 * Runs in: supervisor (loop and metrics thread), worker. Pure: time is an argument. Owner: whoever embeds it (zeroed).
 */
#pragma once

#include "base.h"
#include "err.h"

enum { COMPLAINT_AGAIN_MS = 60000 };

struct complaint {
    char text[ERR_MESSAGE_MAX]; /* told last; "" when nothing is wrong */
    uint64_t told_ms;           /* monotonic */
};

/* Something is wrong: true when it is to be told, because it is news or was told a minute ago. */
bool complaint_news(struct complaint *c, const char *text, uint64_t now_ms);
/* It went well: true when something had been wrong, so that this is worth telling. */
bool complaint_over(struct complaint *c);
