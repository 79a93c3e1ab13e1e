/*
 * pg_batch - statements and their parameters, to be sent together.
 *
 * Runs in: worker. Pure. Owner: the caller until pg_conn_send takes it.
 */
#pragma once

#include "base.h"
#include "buf.h"

enum {
    PG_BATCH_MAX = 4096,                /* most statements of one batch */
    PG_BATCH_PARAMS_MAX = 65536,        /* most parameters of all its statements together */
    PG_BATCH_TEXT_MAX_BYTES = 64 << 20, /* most bytes of all parameters together */
    PG_STATEMENT_PARAMS_MAX = 64,       /* most parameters of one statement */
};

struct pg_statement {
    const char *sql; /* borrowed until the batch is done */
    int n_params;
    size_t first_param; /* index into params */
};

struct pg_batch {
    struct pg_statement *statements; /* owned */
    size_t n, cap;
    size_t *params; /* owned; offset of each text in `text`, SIZE_MAX for NULL */
    size_t n_params, cap_params;
    struct buf text; /* NUL-terminated texts, one after the other */
};

struct pg_batch *pg_batch_new(void);    /* NULL when memory is short */
void pg_batch_free(struct pg_batch *b); /* NULL-safe */
/* Adds a statement; params are text, copied, NULL is SQL NULL; sql is borrowed until the batch is done. 0, -ENOSPC
 * beyond the maxima, -ENOMEM; the batch is as before then. */
int pg_batch_add(struct pg_batch *b, const char *sql, int n_params, const char *const params[]);
size_t pg_batch_len(const struct pg_batch *b);
/* Fills values (PG_STATEMENT_PARAMS_MAX pointers) with statement i's parameters, borrowed from the batch. */
void pg_batch_values(const struct pg_batch *b, size_t i, const char *values[static PG_STATEMENT_PARAMS_MAX]);
