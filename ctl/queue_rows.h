/*
 * queue_rows - a queue's numbers as stint_stats tells them, summed and shown the same way by every verb.
 *
 * Runs in: ctl. Blocks while asking; the rest is pure.
 */
#pragma once

#include "queue_call.h"
#include "session.h"

/* Asks stint_stats. *ret_stats is the caller's. */
int queue_rows_ask(struct session *s, const char *queue, json_t **ret_stats, struct err *e);
/* Sums over the bands. */
struct queue_sums {
    int64_t ready, active, oldest_ms;
};
struct queue_sums queue_rows_sum(const json_t *stats);
/* The overview table's titles and one queue's row. */
void queue_rows_table(struct table *t);
int queue_rows_row(struct table *t, const json_t *stats);
/* "pdf-parse, match" of an array of texts, or of an object's keys with their numbers ("timeout 3, crash 1"). Caller
 * frees. */
char *queue_rows_words(const json_t *value);
