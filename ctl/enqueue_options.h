/*
 * enqueue_options - the options object of stint_enqueue, from a command line or from a line of a bulk file.
 *
 * Runs in: ctl. Pure but for the configuration it reads the default queue from.
 */
#pragma once

#include "queue_call.h"
#include "session.h"

/* From the options of `stint enqueue`. *ret_options is the caller's. */
int enqueue_options_from_args(struct session *s, const char *kind, json_t **ret_options, struct err *e);
/* What decides the shard of a job: its unique key, else its id; NULL: it has neither, and any will do. The caller's. */
char *enqueue_options_key(const json_t *options);
/* From a bulk line's object: everything but "payload" and "queue" (the Function judges each option); actor is added
 * when the line has none. */
int enqueue_options_from_line(struct session *s, const json_t *line, json_t **ret_options, struct err *e);
/* The queue a job of this kind goes to: `given`, else the one the configuration names. ERR_BAD_ARGUMENT lists known
 * kinds. */
int enqueue_options_queue(struct session *s, const char *kind, const char *given, char ret_queue[static QUEUE_MAX],
                          struct err *e);
/* "2026-11-22T08:00:00Z", "…+02:00", without zone: local time. Milliseconds since 1970. Pure but for TZ. */
int enqueue_options_time(const char *text, int64_t *ret_wall_ms, struct err *e);
