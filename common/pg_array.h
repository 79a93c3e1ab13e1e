/*
 * pg_array - a column of a statement's rows as one PostgreSQL array in the binary format.
 *
 * Runs in: worker. Pure. Owner: the caller until pg_array_fini; pg_batch_add_params copies it. `unnest($1::bigint[],
 * …)` makes rows of such columns; numbers cost the server a copy and texts need no quoting. An append that does not fit
 * is told once, by pg_array_param.
 *
 * Format (PostgreSQL, array_send and array_recv): dimensions, has-nulls flag, element type's OID, elements, lower
 * bound, then each element as its length (-1: NULL) and its bytes; all integers are 32 bits, the highest byte first.
 */
#pragma once

#include "base.h"
#include "buf.h"
#include "pg_batch.h"

/* OIDs of pg_type.dat: fixed since PostgreSQL has them. */
enum pg_array_type {
    PG_ARRAY_BOOL = 16,
    PG_ARRAY_INT8 = 20,
    PG_ARRAY_TEXT = 25,
    PG_ARRAY_FLOAT8 = 701,
    PG_ARRAY_JSONB = 3802,
};

struct pg_array {
    enum pg_array_type type;
    uint32_t n;
    bool nulls;
    struct buf data;
};

/* Empty; at most PG_BATCH_TEXT_MAX_BYTES. */
void pg_array_init(struct pg_array *a, enum pg_array_type type);
/* Frees. Twice-safe. */
void pg_array_fini(struct pg_array *a);
void pg_array_null(struct pg_array *a);
void pg_array_bool(struct pg_array *a, bool value);
void pg_array_int8(struct pg_array *a, int64_t value);
void pg_array_float8(struct pg_array *a, double value);
/* Of PG_ARRAY_TEXT, or of PG_ARRAY_JSONB when the text is JSON; NULL is SQL NULL. */
void pg_array_text(struct pg_array *a, const char *text);
/* Borrows the bytes of an array that is not empty as a parameter, until it is changed. 0; -ENOMEM when an append did
 * not fit. */
int pg_array_param(struct pg_array *a, struct pg_param *ret);
