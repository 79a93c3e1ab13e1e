/*
 * metrics_text - the families of /metrics that come from a snapshot.
 *
 * Runs in: supervisor's metrics thread. Pure.
 */
#pragma once

#include "metrics_snapshot.h"
#include "metrics_writer.h"

/* Writes every family; the caller adds others and calls metrics_end. Labels are bounded: queues, pools, kinds, bands
 * and causes of this host's configuration and tables; never an id. */
void metrics_text(struct metrics_writer *w, const struct metrics_snapshot *s);
