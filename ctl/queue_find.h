/*
 * queue_find - every queue that has a key in this Redis, configured or not.
 *
 * Runs in: ctl. Blocks with redis.command_timeout; walks the whole keyspace.
 */
#pragma once

#include "queue_call.h"
#include "session.h"

/* Those of hosts ("_host") are among them. ERR_REFUSED when there are more than QUEUE_LIST_MAX: none is left out in
 * silence. */
int queue_find_all(struct session *s, struct queue_list *list, struct err *e);
