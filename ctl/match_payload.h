/*
 * match_payload - the payload of a match job from the options of `stint match submit`, or from a line of a file of
 * tickets.
 *
 * Runs in: ctl. Pure.
 */
#pragma once

#include "session.h"

/* {"v":1,"op":"submit","pool":…, …} from the options. *ret_payload is the caller's. ERR_BAD_ARGUMENT names what is
 * missing. */
int match_payload_from_args(const struct args *a, json_t **ret_payload, struct err *e);
/* A line of a file of tickets as a line of the enqueue form; --pool fills in a missing "pool". Is an enqueue_bulk_fn.
 */
int match_payload_from_line(struct session *s, const json_t *line, json_t **ret_line, struct err *e);
