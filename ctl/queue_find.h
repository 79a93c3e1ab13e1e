/*
 * queue_find - every queue that has a key in this Redis, configured or not.
 *
 * Runs in: ctl. Blocks with redis.command_timeout; walks the whole keyspace.
 */
#pragma once

#include "queue_call.h"
#include "session.h"

/* At most QUEUE_LIST_MAX; those of hosts ("_host") are among them. */
int queue_find_all(struct session *s, struct queue_list *list, struct err *e);
