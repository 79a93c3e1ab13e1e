/*
 * assets - the pages, compiled in from static/.
 *
 * Runs in: console. Static storage.
 */
#pragma once

#include "reply.h"

/* The file of a path: "/" is index.html; NULL when there is none. */
const struct asset *assets_find(const char *path);
