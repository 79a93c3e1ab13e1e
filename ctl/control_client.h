/*
 * control_client - asks the supervisor over its control socket: one JSON object a line, there and back.
 *
 * Runs in: ctl. Blocks, at most the timeout given. The descriptor is close-on-exec and lives for one call.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <jansson.h>

/* Sends {"verb":verb, …fields} and waits for the answer. fields: an object (borrowed) or NULL.
 * 0: *ret_reply is the caller's, its "ok" is true. A socket that is not there, refuses or stays
 * silent is -ECONNREFUSED with e naming the socket and the remedy. A refusal of the supervisor ("ok":false) is
 * ERR_REFUSED, ERR_NOT_FOUND or ERR_BAD_ARGUMENT by its code. */
int control_client_ask(const char *run_dir, const char *verb, json_t *fields, int64_t timeout_ms, json_t **ret_reply,
                       struct err *e);
