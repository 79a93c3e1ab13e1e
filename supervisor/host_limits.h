/*
 * host_limits - what the container or unit we run in leaves us, and what that does to the pools' memory.
 *
 * Runs in: supervisor. Thread: loop only. Blocks for reading a few files of /proc and /sys.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "container_limits.h"
#include "err.h"
#include "memory_share.h"
#include <jansson.h>

struct host_limits {
    struct container_limits container; /* as read last */
    struct memory_share share;
};

/* Reads the limits and divides the memory among conf's workers; logs both. groups: workers have cgroups of their own.
 * 0, or a negative code with e (too little memory for the workers); conf and h's share are as they were then. */
int host_limits_apply(struct host_limits *h, struct conf *conf, bool groups, struct err *e);
/* For `status`: {"memory_bytes","memory_free_bytes","memory_from","cpu_percent","cpu_from","cpus","text","share"}; 0
 * and "": no limit. The caller's. */
json_t *host_limits_json(const struct host_limits *h);
