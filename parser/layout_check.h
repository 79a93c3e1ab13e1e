/*
 * layout_check - runs the examples of layouts: each is drawn as a PDF, read as any document is, and held against what it must give.
 *
 * Runs in: stint-parser --layout-check. Blocks on the CPU. The documents are its own, drawn from files of an operator's.
 */
#pragma once

#include "layout_set.h"
#include <jansson.h>

/* Runs layout's examples, recognised among all of set. Appends {"file","line","example","message"} to findings for each difference.
 * Returns how many events were compared. */
size_t layout_check_run(const struct layout_set *set, const struct layout *layout, json_t *findings);
