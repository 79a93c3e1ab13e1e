/*
 * payload_edit - changes of a payload: JSON merge patch (RFC 7396), its text, and what differs.
 *
 * Runs in: ctl. Pure but for printing. Texts and values returned are the caller's.
 */
#pragma once

#include "session.h"

/* RFC 7396: the target patched. New reference; NULL without memory. */
json_t *payload_edit_merge(const json_t *target, const json_t *patch);
/* The value as compact JSON text, its numbers as short as they can be without becoming others. NULL without memory. */
char *payload_edit_text(const json_t *value);
/* The payload's bytes patched: *ret_text. ERR_BAD_ARGUMENT when they are not JSON; e says where. `id` is for the
 * message. */
int payload_edit_apply(const char *id, const char *bytes, size_t len, const json_t *patch, char **ret_text, struct err *e);
/* Prints what differs as lines "- /path value", "+ /path value"; secrets by name are hidden, long texts cut. Prints at
 * most `most` lines and how many are left out. Returns how many differ. */
size_t payload_edit_diff(struct session *s, const json_t *before, const json_t *after, size_t most);
