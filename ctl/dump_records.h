/*
 * dump_records - keys of a Redis as DUMP gave them, one after the other in a file.
 *
 *   "STINTDMP" "\1"   then per key: 'K', u16 length of the key, u64 length of the dump, i64 ms of its end (-1: none),
 * key, dump at the end 'E', u64 number of keys          (numbers little-endian)
 *
 * Runs in: ctl. Blocks on the file only.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <stdio.h>

enum { DUMP_KEY_MAX = 65535, DUMP_HEAD_MAX = 1 + 2 + 8 + 8, DUMP_MAGIC = 9 };
static const uint64_t dump_value_max_bytes = UINT64_C(512) << 20; /* Redis takes no longer argument */

struct dump_record {
    char *key;
    size_t key_len;
    char *value;
    size_t value_len;
    int64_t expire_ms; /* ms since 1970; -1: never */
};

/* The bytes before the first record. */
extern const char dump_magic[DUMP_MAGIC];
/* The head of a record, before its key and dump; returns its length. */
size_t dump_head(uint8_t out[static DUMP_HEAD_MAX], size_t key_len, uint64_t value_len, int64_t expire_ms);
/* The end after n records; returns its length. */
size_t dump_end(uint8_t out[static DUMP_HEAD_MAX], uint64_t n);
/* Reads the bytes before the first record. ERR_BAD_PAYLOAD when they are others. */
int dump_open(FILE *f, struct err *e);
/* The next record: 1 and *ret (dump_record_fini frees), 0 at the end, which must agree with *n_read, counted here;
 * ERR_BAD_PAYLOAD, ERR_OUT_OF_MEMORY. */
int dump_next(FILE *f, struct dump_record *ret, uint64_t *n_read, struct err *e);
void dump_record_fini(struct dump_record *r); /* twice-safe */
