/*
 * fuzz_backup_parts - any bytes as what Redis sends for a copy, as an RDB's head, as keys of a backup, as its manifest
 * (the first byte chooses): refused with a message, or taken within bounds.
 */
#include "backup_manifest.h"
#include "dump_records.h"
#include "rdb_header.h"
#include "sync_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count(void *arg, const char *bytes, size_t len, struct err *e)
{
    (void)bytes;
    (void)e;
    *(size_t *)arg += len;
    return 0;
}

/* In pieces of the size the second byte says. */
static int as_sync(const uint8_t *data, size_t size, struct err *e)
{
    struct sync_reply r;
    size_t out = 0, piece = size > 0 ? 1 + data[0] : 1;
    int rc = 0;
    sync_reply_init(&r);
    for (size_t at = 1; rc == 0 && at < size; at += piece)
        rc = sync_reply_feed(&r, (const char *)data + at, MIN_OF(piece, size - at), count, &out, e);
    if (out > size || out != r.taken || (r.state == SYNC_DONE && !r.opened))
        abort();
    return rc;
}

static int as_records(const uint8_t *data, size_t size, struct err *e)
{
    struct dump_record record;
    uint64_t n = 0;
    FILE *f = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
    if (f == NULL)
        return 0;
    int rc = dump_open(f, e);
    while (rc >= 0 && (rc = dump_next(f, &record, &n, e)) == 1) {
        if (record.key_len + record.value_len > size)
            abort();
        dump_record_fini(&record);
    }
    (void)fclose(f);
    return rc;
}

static int as_manifest(const uint8_t *data, size_t size, struct err *e)
{
    json_t *m = NULL;
    int rc = backup_manifest_read((const char *)data, size, &m, e);
    json_decref(m);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {.message = ""};
    struct rdb_header header;
    if (size == 0)
        return 0;
    int rc = data[0] % 4 == 0   ? as_sync(data + 1, size - 1, &e)
             : data[0] % 4 == 1 ? rdb_header_read(data + 1, size - 1, &header, &e)
             : data[0] % 4 == 2 ? as_records(data + 1, size - 1, &e)
                                : as_manifest(data + 1, size - 1, &e);
    if (rc < 0 && e.message[0] == '\0')
        abort();
    return 0;
}
