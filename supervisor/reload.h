/*
 * reload - what a changed configuration changes now, and what needs a restart.
 *
 * Runs in: supervisor. Thread: loop only. Pure but for reload_apply writing into the effective configuration.
 */
#pragma once

#include "base.h"
#include "conf.h"

enum { RELOAD_NAMES_MAX = 64, RELOAD_NAME_MAX = 128 };

/* Dotted names ("pool.pdf.workers") of keys that differ; beyond the maximum only counted. */
struct reload_names {
    char names[RELOAD_NAMES_MAX][RELOAD_NAME_MAX];
    size_t n;
};

struct reload_report {
    struct reload_names changed;       /* reloadable: taken over */
    struct reload_names needs_restart; /* not reloadable: the old value stays */
};

/* Takes every reloadable key of fresh into current; pools keep their rows (and addresses); pools and kinds
 * that are new are added, a pool that is gone is left with no workers wanted. */
void reload_apply(struct conf *current, const struct conf *fresh, struct reload_report *ret);
