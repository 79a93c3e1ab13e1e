/*
 * simulate_jobs_uv - sends jobs to Redis as a producer does, many at once, and looks for their answers.
 *
 * Runs in: ctl. Thread: the loop's only. Never blocks. The connection is borrowed.
 * Jobs leave in the order they were given, in calls of stint_enqueue_bulk. What was under way when Redis went away is
 * sent again under the same id; operations on a pool may be repeated (docs/matching.md). Answers are read from the
 * jobs' hashes.
 */
#pragma once

#include "redis_uv.h"
#include <jansson.h>

enum { SIMULATE_JOB_MAX = 64 };

struct simulate_jobs; /* opaque */

enum simulate_op { SIMULATE_OP_SUBMIT, SIMULATE_OP_TOUCH, SIMULATE_OP_LEAVE, SIMULATE_OP_PAIR };

/* The end of a job: state "done", "dead", …, or "refused" by Redis; result borrowed, NULL when it left none. of: as
 * sent. */
typedef void (*simulate_jobs_fn)(void *arg, enum simulate_op op, uint32_t of, const char *id, const char *state,
                                 const json_t *result);

/* queue and actor are copied. NULL without memory. */
struct simulate_jobs *simulate_jobs_new(struct redis_uv *redis, const char *queue, const char *actor,
                                        simulate_jobs_fn fn, void *arg);
/* Sends a job of kind match. id: its own, copied; payload: taken over. answer: fn is to be called with its end. Ends
 * the process when memory is short. */
void simulate_jobs_send(struct simulate_jobs *j, enum simulate_op op, uint32_t of, const char *id, char *payload,
                        bool answer);
/* Sends what was given and looks for answers; call it every few milliseconds. */
void simulate_jobs_turn(struct simulate_jobs *j);
/* Jobs not acknowledged by Redis yet; jobs whose answer is awaited; jobs Redis acknowledged; those it refused. */
size_t simulate_jobs_unsent(const struct simulate_jobs *j);
size_t simulate_jobs_unanswered(const struct simulate_jobs *j);
size_t simulate_jobs_sent(const struct simulate_jobs *j);
size_t simulate_jobs_refused(const struct simulate_jobs *j);
/* Calls fn for the first `most` whose answer never came, with the state "". */
void simulate_jobs_give_up(struct simulate_jobs *j, size_t most);
/* Frees; only after the connection was closed, so that no reply is under way. NULL-safe. */
void simulate_jobs_free(struct simulate_jobs *j);
