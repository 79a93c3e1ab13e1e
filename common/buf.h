/*
 * buf - a growing byte buffer with a stated maximum.
 *
 * Runs in: every process. Owner: whoever embeds it. Always NUL-terminated after the last byte, so buf.data is a string.
 */
#pragma once

#include "base.h"

struct buf {
    char *data;  /* owned; NULL until the first append */
    size_t len;  /* bytes used, without the NUL */
    size_t cap;  /* bytes allocated */
    size_t max;  /* most bytes it may hold */
    bool failed; /* an append did not fit or memory ran out; later appends do nothing */
};

/* An empty buffer that will hold at most max bytes; allocates nothing yet. */
void buf_init(struct buf *b, size_t max);
/* Frees; the buffer may be used again. NULL-safe. */
void buf_fini(struct buf *b);
/* Empties, keeps memory, clears failed. */
void buf_clear(struct buf *b);
/* Append; on overflow or no memory sets b->failed and returns -ENOSPC or -ENOMEM; 0 when appended. */
int buf_add(struct buf *b, const void *data, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_addf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* Hands the string to the caller (free it); the buffer becomes empty. NULL when nothing was ever appended or it failed. */
char *buf_take(struct buf *b);
