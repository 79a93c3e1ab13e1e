/*
 * dead_scan - the dead letters a filter names, one after the other in order of death, over all its queues.
 *
 * Runs in: ctl, console. Blocks. Memory is one page a queue, however many letters there are. Reads only; letters may be
 * removed between two calls, by the caller too: what is left is still seen once.
 */
#pragma once

#include "dead_letters.h"

struct dead_scan; /* heap */

/* Asks nothing but times and sizes yet. The filter's texts are borrowed until dead_scan_close. */
int dead_scan_open(struct stores *s, const struct dead_filter *f, struct dead_scan **ret_scan, struct err *e);
/* The next letter, at most filter.limit: 1 with *ret_letter (borrowed until the next call), 0 at the end, negative with
 * e. */
int dead_scan_next(struct dead_scan *d, const struct dead_letter **ret_letter, struct err *e);
/* How many letters there were to look at when it was opened (0: unknown); for a bar. */
size_t dead_scan_total(const struct dead_scan *d);
/* Whether the search ended at filter.pages_max rather than at its end; *ret_ms: the time of death it came to. */
bool dead_scan_cut(const struct dead_scan *d, int64_t *ret_ms);
/* Frees; NULL-safe. */
void dead_scan_close(struct dead_scan *d);
