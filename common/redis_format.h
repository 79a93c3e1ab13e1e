/*
 * redis_format - a command as bytes for the wire (RESP array of bulk strings).
 *
 * Runs in: every process that talks to Redis. Pure.
 */
#pragma once

#include "base.h"
#include "buf.h"

enum { REDIS_COMMAND_MAX_BYTES = 64 * 1024 * 1024 }; /* most bytes of one command; nothing stint sends comes near */

/* Appends one command to out. lens may be NULL: then every argument is a NUL-terminated text. 0, or -ENOSPC / -ENOMEM
 * from the buffer, which then holds nothing of the command. Source: the RESP specification,
 * redis.io/docs/reference/protocol-spec. */
int redis_format(struct buf *out, int argc, const char *const argv[], const size_t lens[]);
