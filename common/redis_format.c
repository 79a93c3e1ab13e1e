/*
 * redis_format - exists because hiredis' formatter allocates a buffer per command and wants non-const arrays.
 * It knows the request form only; replies are read by hiredis.
 */
#include "redis_format.h"

int redis_format(struct buf *out, int argc, const char *const argv[], const size_t lens[])
{
    size_t start = out->len;
    int rc = buf_addf(out, "*%d\r\n", argc);
    for (int i = 0; i < argc && rc == 0; i++) {
        size_t len = lens ? lens[i] : strlen(argv[i]);
        rc = buf_addf(out, "$%zu\r\n", len);
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
