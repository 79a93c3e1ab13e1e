/*
 * redis_functions - the Functions library (functions/, its parts one after the other) as carried by this build, and how it is loaded.
 *
 * Runs in: supervisor, worker, ctl. Pure text; redis_sync and redis_uv do the talking.
 * Rule: load when the server has none or an older one; never replace a newer one.
 */
#pragma once

#include "base.h"

/* Said when stint_version answers what is no number. */
#define REDIS_FUNCTIONS_FOREIGN                                                                                        \
    "another program's library is named stint on this Redis: FUNCTION DELETE stint, or use another Redis"

/* What this program and the library must agree on; `local PROTOCOL` of functions/00_head.lua. A newer library of the same
 * protocol is used as it is; one of another is refused, with these words. */
enum { REDIS_FUNCTIONS_PROTOCOL = 1 };
#define REDIS_FUNCTIONS_NEWER                                                                                          \
    "a newer stint loaded its Functions into this Redis, of protocol %lld; this program speaks %d: install the newer "  \
    "version here, and `stint upgrade`"

/* Most tries to load the library when somebody else loads one at the same time. */
enum { REDIS_FUNCTIONS_ROUNDS = 3 };

/* The library's text, NUL-terminated. Static storage. */
const char *redis_functions_source(size_t *ret_len);
/* Its version: the integer of the line `local VERSION = N`. */
int redis_functions_version(void);
