/*
 * fsck_repair - mends what was found, a few at a time, each looked at again by the server before it is touched.
 *
 * Runs in: ctl. Blocks.
 */
#pragma once

#include "fsck_findings.h"

/* How it went. */
struct fsck_repaired {
    size_t mended, gone, left; /* gone: right by itself meanwhile; left: not touched, the reason was said */
};

/* Mends the findings of one queue, which are in their order, and says what became of each. Adds to *sums. */
int fsck_repair_run(struct session *s, const struct fsck_findings *f, struct fsck_repaired *sums, struct err *e);
