/*
 * base - the few macros every file uses.
 *
 * Runs in: every process. Pure.
 */
#pragma once

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_LEN(a)        (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a)   __attribute__((format(printf, f, a)))
#define NORETURN            __attribute__((noreturn))
#define UNUSED              __attribute__((unused))
#define CACHE_LINE          64
#define MIN_OF(a, b)        ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)        ((a) > (b) ? (a) : (b))
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p) - offsetof(type, member)))

/* Frees the variable's value at scope exit: AUTO_FREE char *s = strdup(...); */
#define AUTO_FREE __attribute__((cleanup(base_free_ptr), unused))
#define AUTO_CLOSE __attribute__((cleanup(base_close_fd), unused))

/* Hands the pointer out of an AUTO_FREE variable: the variable becomes NULL, the value is the result. */
#define TAKE(p)                                                                                                        \
    __extension__({                                                                                                    \
        __typeof__(p) take_value_ = (p);                                                                               \
        (p) = NULL;                                                                                                    \
        take_value_;                                                                                                   \
    })

static inline void base_free_ptr(void *p)
{
    void *value;
    memcpy(&value, p, sizeof value);
    free(value);
}

static inline void base_close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* Longest text of a job's public names, terminating NUL included. Enforced by the enqueue Function and by every parser. */
enum {
    JOB_ID_MAX = 129,   /* [A-Za-z0-9._:-]{1,128} (plain XADD ids also hold '-') */
    ENTRY_ID_MAX = 48,  /* stream entry id, "1700000000000-0" */
    KIND_MAX = 33,      /* [a-z0-9-]{1,32} */
    QUEUE_MAX = 65,     /* [A-Za-z0-9._-]{1,64} */
    INSTANCE_MAX = 96,  /* host name (cut) + '-' + 8 random hex digits */
    CONSUMER_MAX = 128, /* INSTANCE ":" slot ":" generation */
    TRACE_MAX = 64,     /* W3C traceparent, 55 characters */
};
