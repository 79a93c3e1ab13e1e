/*
 * redis_format - exists because hiredis' formatter allocates a buffer per command and wants non-const arrays.
 * It knows the request form only; replies are read by redis_reader.
 */
#include "redis_format.h"

/* Adds a head like "$12\r\n": printf would take longer than all the rest. */
static int add_head(struct buf *out, char type, size_t number)
{
    char text[24], *at = text + sizeof text;
    *--at = '\n';
    *--at = '\r';
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    *--at = type;
    return buf_add(out, at, (size_t)(text + sizeof text - at));
}

int redis_format(struct buf *out, int argc, const char *const argv[], const size_t lens[])
{
    size_t start = out->len;
    int rc = add_head(out, '*', (size_t)argc);
    for (int i = 0; i < argc && rc == 0; i++) {
        size_t len = lens ? lens[i] : strlen(argv[i]);
        rc = add_head(out, '$', len);
        if (rc == 0)
            rc = buf_add(out, argv[i], len);
        if (rc == 0)
            rc = buf_add(out, "\r\n", 2);
    }
    if (rc < 0 && out->data) { /* half a command would shift every answer after it */
        out->len = start;
        out->data[start] = '\0';
        out->failed = false;
    }
    return rc;
}
