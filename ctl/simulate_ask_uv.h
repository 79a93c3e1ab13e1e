/*
 * simulate_ask_uv - asks the metrics thread over HTTP, one question after the other on one connection that is kept.
 *
 * Runs in: ctl. Thread: the loop's only. Never blocks.
 * A question without an answer (nobody listens, the connection broke, or SIMULATE_ASK_MAX wait already) is answered
 * with status 0, never forgotten.
 */
#pragma once

#include "metrics_address.h"
#include <uv.h>

enum { SIMULATE_ASK_MAX = 16384, SIMULATE_ASK_PATH_MAX = 320 };

struct simulate_ask; /* opaque */

/* status: of HTTP, 0 without an answer; body: borrowed, NUL-terminated. tag: the question's. */
typedef void (*simulate_ask_fn)(void *arg, uint32_t tag, int status, const char *body);

/* at is copied. Connects with the first question. NULL when its host is no numeric address, and without memory. */
struct simulate_ask *simulate_ask_new(uv_loop_t *loop, const struct metrics_address *at, simulate_ask_fn fn, void *arg);
/* GET path. The answer comes from the loop, or at once when too many wait. */
void simulate_ask_get(struct simulate_ask *a, const char *path, uint32_t tag);
/* Questions that wait. */
size_t simulate_ask_waiting(const struct simulate_ask *a);
/* Closes; questions that wait are not answered any more. Its memory is free when the loop ran out. NULL-safe. */
void simulate_ask_close(struct simulate_ask *a);
