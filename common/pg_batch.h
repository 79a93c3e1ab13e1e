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

/* A parameter's value. */
struct pg_param {
    const char *data; /* NULL: SQL NULL */
    int len;          /* bytes of a value in the binary format; PG_PARAM_TEXT: a text, NUL-terminated */
};
#define PG_PARAM_TEXT (-1)

struct pg_batch_param {
    size_t offset; /* in `text`; SIZE_MAX: NULL */
    int len;       /* as in pg_param */
};

struct pg_batch {
    struct pg_statement *statements; /* owned */
    size_t n, cap;
    struct pg_batch_param *params; /* owned */
    size_t n_params, cap_params;
    struct buf text; /* the values, one after the other, texts with their NUL */
};

struct pg_batch *pg_batch_new(void);    /* NULL when memory is short */
void pg_batch_free(struct pg_batch *b); /* NULL-safe */
/* Adds a statement; params are text, copied, NULL is SQL NULL; sql is borrowed until the batch is done. 0, -ENOSPC
 * beyond the maxima, -ENOMEM; the batch is as before then. */
int pg_batch_add(struct pg_batch *b, const char *sql, int n_params, const char *const params[]);
/* The same with parameters of either format. */
int pg_batch_add_params(struct pg_batch *b, const char *sql, int n_params, const struct pg_param params[]);
size_t pg_batch_len(const struct pg_batch *b);

/* A statement's parameters as libpq takes them. */
struct pg_values {
    const char *at[PG_STATEMENT_PARAMS_MAX]; /* borrowed from the batch */
    int lens[PG_STATEMENT_PARAMS_MAX], formats[PG_STATEMENT_PARAMS_MAX];
};
void pg_batch_values(const struct pg_batch *b, size_t i, struct pg_values *ret);
