/*
 * zygote - the worker's one parser process: the library loaded, no document ever seen; forks a cell for each.
 *
 * Runs in: stint-parser. One thread. Blocks in poll. Reads fixed-size requests of its worker only, never a document, never a reply.
 */
#pragma once

#include "err.h"
#include "parser_proto.h"

/* Gives up privileges and namespaces; after this the process can reach nothing. ERR_BOOT_FAILURE with e when it could not. */
int zygote_confine(struct err *e);
/* Serves requests on fd until the worker closes it. Returns the exit code. */
int zygote_serve(int fd);
/* Tells the worker why it cannot start. */
void zygote_boot_failed(int fd, const char *why);
