/*
 * pg_array - see pg_array.h. It refuses to hand out an array that an append is missing from.
 */
#include "pg_array.h"

enum { HEADER_BYTES = 20, JSONB_VERSION = 1, NULL_LENGTH = -1 };

static void add32(struct buf *b, uint32_t value)
{
    uint32_t wire = __builtin_bswap32(value);
    (void)buf_add(b, &wire, sizeof wire);
}

static void begin(struct pg_array *a, size_t len)
{
    static const char header[HEADER_BYTES];
    if (a->n++ == 0)
        (void)buf_add(&a->data, header, sizeof header);
    add32(&a->data, (uint32_t)len);
}

void pg_array_init(struct pg_array *a, enum pg_array_type type)
{
    *a = (struct pg_array){.type = type};
    buf_init(&a->data, PG_BATCH_TEXT_MAX_BYTES);
}

void pg_array_fini(struct pg_array *a)
{
    buf_fini(&a->data);
    a->n = 0;
}

void pg_array_null(struct pg_array *a)
{
    begin(a, (size_t)NULL_LENGTH);
    a->nulls = true;
}

void pg_array_bool(struct pg_array *a, bool value)
{
    const char byte = value ? 1 : 0;
    assert(a->type == PG_ARRAY_BOOL);
    begin(a, sizeof byte);
    (void)buf_add(&a->data, &byte, sizeof byte);
}

void pg_array_int8(struct pg_array *a, int64_t value)
{
    uint64_t wire = __builtin_bswap64((uint64_t)value);
    assert(a->type == PG_ARRAY_INT8);
    begin(a, sizeof wire);
    (void)buf_add(&a->data, &wire, sizeof wire);
}

void pg_array_float8(struct pg_array *a, double value)
{
    uint64_t bits;
    assert(a->type == PG_ARRAY_FLOAT8 && sizeof bits == sizeof value);
    memcpy(&bits, &value, sizeof bits);
    bits = __builtin_bswap64(bits);
    begin(a, sizeof bits);
    (void)buf_add(&a->data, &bits, sizeof bits);
}

void pg_array_text(struct pg_array *a, const char *text)
{
    const char version = JSONB_VERSION;
    bool json = a->type == PG_ARRAY_JSONB;
    assert(json || a->type == PG_ARRAY_TEXT);
    if (!text) {
        pg_array_null(a);
        return;
    }
    size_t len = strlen(text);
    begin(a, len + (json ? 1 : 0));
    if (json)
        (void)buf_add(&a->data, &version, sizeof version);
    (void)buf_add(&a->data, text, len);
}

int pg_array_param(struct pg_array *a, struct pg_param *ret)
{
    uint32_t head[HEADER_BYTES / sizeof(uint32_t)] = {1, a->nulls, a->type, a->n, 1};
    assert(a->n > 0);
    if (a->data.failed)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        head[i] = __builtin_bswap32(head[i]);
    memcpy(a->data.data, head, sizeof head);
    *ret = (struct pg_param){.data = a->data.data, .len = (int)a->data.len};
    return 0;
}
