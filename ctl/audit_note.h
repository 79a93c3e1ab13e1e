/*
 * audit_note - tells the audit log what an operator did that no Function told it already.
 *
 * Runs in: ctl. Blocks with redis.command_timeout. What was done stays done: a Redis that is away costs a remark, not the
 * action.
 */
#pragma once

#include "audit_read.h"
#include "session.h"

/* One entry: action ("worker.kill"), reason, and the members of `details` (strings, numbers, booleans; borrowed; may be
 * NULL) as fields, at most 14. queue: the one concerned, or NULL for this host, whose name is added. */
void audit_note(struct session *s, const char *queue, const char *action, const char *reason, const json_t *details);
/* The same for a control-socket verb that changed something (others are left out): what was asked and what was answered. */
void audit_note_control(struct session *s, const char *verb, const json_t *asked, const json_t *answered);
