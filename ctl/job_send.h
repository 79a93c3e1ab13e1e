/*
 * job_send - one job sent by a verb that builds the payload itself (match, pdf).
 *
 * Runs in: ctl. Blocks.
 */
#pragma once

#include "session.h"

/* Enqueues kind with this payload in --queue, or the kind's own queue. The verb's table must have --queue. ret_id: its
 * id. A refusal by the Function is ERR_REFUSED with its reason. */
int job_send(struct session *s, const char *kind, const json_t *payload, char ret_queue[static QUEUE_MAX],
             char ret_id[static JOB_ID_MAX], struct err *e);
