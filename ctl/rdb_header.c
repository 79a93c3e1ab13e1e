/*
 * rdb_header - see rdb_header.h. Reads no key; a value it does not know ends the reading.
 */
#include "rdb_header.h"

#include <stdio.h>

enum { OP_AUX = 0xfa, INT8 = 0xc0, INT16 = 0xc1, INT32 = 0xc2, FIELD_MAX = 64 };

struct reader {
    const uint8_t *at, *end;
};

static bool take(struct reader *r, size_t n, const uint8_t **ret)
{
    if ((size_t)(r->end - r->at) < n)
        return false;
    *ret = r->at;
    r->at += n;
    return true;
}

static bool take_int(struct reader *r, size_t bytes, char out[static FIELD_MAX])
{
    const uint8_t *p;
    if (!take(r, bytes, &p))
        return false;
    uint32_t raw = 0;
    for (size_t i = 0; i < bytes; i++)
        raw |= (uint32_t)p[i] << (8 * i);
    int32_t value = bytes == 1 ? (int8_t)raw : bytes == 2 ? (int16_t)raw : (int32_t)raw;
    (void)snprintf(out, FIELD_MAX, "%d", value);
    return true;
}

/* One string or small integer as text, cut to fit. */
static bool take_field(struct reader *r, char out[static FIELD_MAX])
{
    const uint8_t *p, *more;
    if (!take(r, 1, &p))
        return false;
    if (*p >= INT8 && *p <= INT32)
        return take_int(r, (size_t)1 << (*p - INT8), out);
    size_t len = *p & 0x3f;
    if ((*p & 0xc0) == 0x40) {
        if (!take(r, 1, &more))
            return false;
        len = len << 8 | *more;
    } else if ((*p & 0xc0) != 0) {
        return false; /* longer than any field we ask for */
    }
    if (!take(r, len, &more))
        return false;
    (void)snprintf(out, FIELD_MAX, "%.*s", (int)MIN_OF(len, (size_t)FIELD_MAX - 1), (const char *)more);
    return true;
}

static int digits(const uint8_t *at, size_t n)
{
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

int rdb_header_read(const uint8_t *bytes, size_t len, struct rdb_header *ret, struct err *e)
{
    *ret = (struct rdb_header){.version = -1};
    if (len >= 9 && memcmp(bytes, "REDIS", 5) == 0)
        ret->version = digits(bytes + 5, 4);
    else if (len >= 9 && memcmp(bytes, "VALKEY", 6) == 0)
        ret->version = digits(bytes + 6, 3);
    if (ret->version < 0)
        return err_set(e, ERR_BAD_PAYLOAD, "this is no RDB file: it does not begin with REDIS or VALKEY and a version");
    struct reader r = {bytes + 9, bytes + len};
    while (r.at < r.end && *r.at == OP_AUX) {
        char name[FIELD_MAX], value[FIELD_MAX];
        r.at++;
        if (!take_field(&r, name) || !take_field(&r, value))
            break;
        if (strcmp(name, "redis-ver") == 0 || strcmp(name, "valkey-ver") == 0)
            (void)snprintf(ret->server, sizeof ret->server, "%s", value);
        else if (strcmp(name, "ctime") == 0)
            ret->ctime_s = strtoll(value, NULL, 10);
    }
    return 0;
}
