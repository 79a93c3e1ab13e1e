/*
 * zygote - the worker's one parser process: the library loaded, no document ever seen; forks a cell for each, ahead of it.
 *
 * Runs in: stint-parser. One thread. Blocks in poll. Reads fixed-size requests of its worker only, never a document, never a reply.
 */
#pragma once

#include "cell_walls.h"

/* Serves requests on fd until the worker closes it; setup outlives it. identity (identity.h) is told with READY. Returns the
 * exit code. */
int zygote_serve(int fd, const struct cell_setup *setup, const char *identity);
/* Tells the worker why it cannot start. */
void zygote_boot_failed(int fd, const char *why);
