/*
 * payload_diff - what an edit changes in a payload, as lines.
 *
 * Runs in: ctl. Prints only.
 */
#pragma once

#include "session.h"

/* Prints what differs as lines "- /path value", "+ /path value"; secrets by name are hidden, long texts cut. Prints at
 * most `most` lines and how many are left out. Returns how many differ. */
size_t payload_diff_print(struct session *s, const json_t *before, const json_t *after, size_t most);
