/*
 * buf - see buf.h. Grows by doubling up to its maximum; refuses rather than cuts.
 */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
    if (b == NULL)
        return;
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

static int buf_reserve(struct buf *b, size_t more)
{
    if (b->failed)
        return -ENOSPC;
    if (more > b->max - b->len) {
        b->failed = true;
        return -ENOSPC;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return 0;
    size_t cap = b->cap != 0 ? b->cap : 64;
    while (cap < need)
        cap *= 2;
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        b->failed = true;
        return -ENOMEM;
    }
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
    int rc = buf_reserve(b, len);
    if (rc < 0)
        return rc;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int buf_adds(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

/* Most texts fit where the buffer ends: they are written there at once, and measured only when they did not. */
int buf_addf(struct buf *b, const char *format, ...)
{
    va_list ap, again;
    size_t room = b->cap - b->len;
    char *at = b->data ? b->data + b->len : NULL;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(at, room, format, ap);
    va_end(ap);
    int rc = n < 0 ? -EINVAL : buf_reserve(b, (size_t)n);
    if (rc == 0 && (size_t)n >= room)
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
    va_end(again);
    if (rc == 0)
        b->len += (size_t)n;
    else if (at)
        *at = '\0';
    return rc;
}

char *buf_take(struct buf *b)
{
    char *data = b->failed ? NULL : TAKE(b->data);
    buf_fini(b);
    return data;
}
