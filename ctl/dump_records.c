/*
 * dump_records - see dump_records.h. Refuses a file that ends before its end is said, and one that goes on after it.
 */
#include "dump_records.h"

const char dump_magic[DUMP_MAGIC] = {'S', 'T', 'I', 'N', 'T', 'D', 'M', 'P', 1};

static void put(uint8_t *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *in, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

size_t dump_head(uint8_t out[static DUMP_HEAD_MAX], size_t key_len, uint64_t value_len, int64_t expire_ms)
{
    out[0] = 'K';
    put(out + 1, key_len, 2);
    put(out + 3, value_len, 8);
    put(out + 11, (uint64_t)expire_ms, 8);
    return DUMP_HEAD_MAX;
}

size_t dump_end(uint8_t out[static DUMP_HEAD_MAX], uint64_t n)
{
    out[0] = 'E';
    put(out + 1, n, 8);
    return 9;
}

static int broken(struct err *e, const char *why)
{
    return err_set(e, ERR_BAD_PAYLOAD, "the part with Redis' keys is damaged: %s", why);
}

int dump_open(FILE *f, struct err *e)
{
    char magic[DUMP_MAGIC];
    if (fread(magic, 1, sizeof magic, f) != sizeof magic || memcmp(magic, dump_magic, sizeof magic) != 0)
        return broken(e, "it does not begin as one of this version does");
    return 0;
}

static int read_end(FILE *f, uint64_t n_read, struct err *e)
{
    uint8_t n[8];
    if (fread(n, 1, sizeof n, f) != sizeof n || get(n, 8) != n_read)
        return broken(e, "it does not hold as many keys as its end says");
    return fgetc(f) == EOF ? 0 : broken(e, "it goes on after its end");
}

/* Memory grows with what is read, not with what is announced. */
static char *read_bytes(FILE *f, size_t len)
{
    enum { STEP = 1 << 20 };
    char *all = NULL;
    size_t have = 0;
    do {
        size_t want = MIN_OF(len - have, (size_t)STEP);
        char *more = realloc(all, have + want + 1);
        if (more == NULL) {
            free(all);
            return NULL;
        }
        all = more;
        if (fread(all + have, 1, want, f) != want) {
            free(all);
            return NULL;
        }
        have += want;
    } while (have < len);
    all[len] = '\0';
    return all;
}

int dump_next(FILE *f, struct dump_record *ret, uint64_t *n_read, struct err *e)
{
    uint8_t head[DUMP_HEAD_MAX];
    int type = fgetc(f);
    *ret = (struct dump_record){.key = NULL};
    if (type == 'E')
        return read_end(f, *n_read, e);
    if (type != 'K' || fread(head, 1, DUMP_HEAD_MAX - 1, f) != DUMP_HEAD_MAX - 1)
        return broken(e, "it ends in the middle, or a key does not begin where one should");
    uint64_t len = get(head + 2, 8);
    ret->key_len = (size_t)get(head, 2);
    ret->expire_ms = (int64_t)get(head + 10, 8);
    if (ret->key_len == 0 || len == 0 || len > dump_value_max_bytes || ret->expire_ms < -1)
        return broken(e, "a key has a length or an end that cannot be");
    ret->value_len = (size_t)len;
    ret->key = read_bytes(f, ret->key_len);
    ret->value = ret->key != NULL ? read_bytes(f, ret->value_len) : NULL;
    if (ret->value == NULL) {
        dump_record_fini(ret);
        return broken(e, "it ends in the middle of a key");
    }
    ++*n_read;
    return 1;
}

void dump_record_fini(struct dump_record *r)
{
    free(r->key);
    free(r->value);
    r->key = r->value = NULL;
}
