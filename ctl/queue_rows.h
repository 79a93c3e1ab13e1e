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
/* Those that a list for people shows: all, or of more than QUEUE_ROWS_MANY only those that hold a job, are paused or have a drift. *ret_quiet is
 * how many are left out. The caller's; NULL without memory. */
enum { QUEUE_ROWS_MANY = 50 };
json_t *queue_rows_shown(const json_t *queues, size_t *ret_quiet);
/* "and 3 more …" when any were left out. */
void queue_rows_print_quiet(struct out *o, size_t quiet);
/* The overview table's titles and one queue's row. */
void queue_rows_table(struct table *t);
int queue_rows_row(struct table *t, const json_t *stats);
/* "pdf-parse, match" of an array of texts, or of an object's keys with their numbers ("timeout 3, crash 1"). Caller
 * frees. */
char *queue_rows_words(const json_t *value);
