/*
 * rdb_header - the first fields of an RDB: which server wrote it, when, in which version of the format.
 *
 * Runs in: ctl. Pure. Format: the magic "REDIS" and four digits (Valkey 9: "VALKEY" and three), then auxiliary fields
 * 0xFA name value, each a length-prefixed string or a small integer.
 */
#pragma once

#include "base.h"
#include "err.h"

enum { RDB_HEADER_BYTES = 1024 }; /* as many of the first bytes as are ever needed */

struct rdb_header {
    int version;     /* of the format */
    char server[64]; /* redis-ver or valkey-ver; "" when not told */
    int64_t ctime_s; /* when it was begun, by that host's clock; 0 when not told */
};

/* Reads the fields among the first len bytes; what is cut off is left out. ERR_BAD_PAYLOAD when it is no RDB. */
int rdb_header_read(const uint8_t *bytes, size_t len, struct rdb_header *ret, struct err *e);
