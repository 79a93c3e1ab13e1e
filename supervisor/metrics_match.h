/*
 * metrics_match - the stint_match_* families, from the wait models.
 *
 * Runs in: supervisor's metrics thread. Pure.
 */
#pragma once

#include "metrics_writer.h"
#include "wait_queues.h"

/* Writes every family. class is a gender; groups too small to publish have no estimate. now_ms: on the feeds' clock. */
void metrics_match(struct metrics_writer *w, const struct wait_queues *waits, int64_t now_ms);
