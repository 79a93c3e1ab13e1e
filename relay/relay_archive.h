/*
 * relay_archive - the relay's task of keeping dead letters within their bounds ([dead]).
 *
 * Runs in: relay. Blocks.
 */
#pragma once

#include "relay.h"

/* A relay_step_fn: archives the oldest letters of the queue while one of its bounds is passed. */
int relay_archive_step(struct relay *r, const char *queue, struct err *e);
