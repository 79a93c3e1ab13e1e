/*
 * redis_functions - the Functions library (functions/, its parts one after the other) as carried by this build, and how it is loaded.
 *
 * Runs in: supervisor, worker, ctl. Pure text; redis_sync and redis_uv do the talking.
 * Rule: load when the server has none or an older one; never replace a newer one.
 */
#pragma once

#include "base.h"

/* The library's text, NUL-terminated. Static storage. */
const char *redis_functions_source(size_t *ret_len);
/* Its version: the integer of the line `local VERSION = N`. */
int redis_functions_version(void);
