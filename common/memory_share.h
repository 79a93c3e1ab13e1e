/*
 * memory_share - divides the memory limit of a container among workers, so that one job that takes all it may does not
 * have the kernel end another's worker, or the supervisor.
 *
 * Runs in: supervisor (at its start and on every reload), ctl (preflight). Pure but for writing into the configuration.
 *
 * Each pool asks for workers × memory, with as many workers as it may have of itself: workers_max where it has a
 * target_wait, else `workers`. `memory` is what holds in the pool: cgroup_memory where it is set and workers have
 * groups, else memory; 0 (none) asks for all there is. When the sum is above limit - MEMORY_SHARE_OWN, every worker is
 * given the same part of what it asked for, but none less than MEMORY_SHARE_LEAST unless it asked for less; nothing is
 * ever raised.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"

/* What supervisor, its metrics thread and the relay keep for themselves, with room to grow; and what a worker needs to
 * boot and to run small jobs: resident and address space, measured (docs/operations/scaling.md). Bytes. */
#define MEMORY_SHARE_OWN   (INT64_C(64) << 20)
#define MEMORY_SHARE_LEAST (INT64_C(64) << 20)

struct memory_share {
    int64_t limit_bytes; /* 0: nothing is divided */
    int64_t asked_bytes; /* by all workers together */
    int64_t given_bytes; /* to all workers together */
    bool lowered;
    char text[256]; /* one line for people; "" without a limit */
};

/* Lowers memory (and cgroup_memory) of conf's pools. groups: each worker has a cgroup of its own. cpus: that
 * may be used, which bounds a scaled pool without workers_max. limit_bytes 0:
 * nothing is done. 0, or ERR_BAD_CONFIG with e when the workers would get less than they need; conf is as it was then.
 */
int memory_share_apply(struct conf *conf, int64_t limit_bytes, bool groups, int64_t cpus, struct memory_share *ret,
                       struct err *e);
