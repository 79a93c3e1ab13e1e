/*
 * match_bucket - the sorted chunks.
 *
 * It refuses to merge chunks: a chunk goes when it is empty, which is enough for people who come and go.
 */
#include "match_bucket.h"

/* Equal orders are kept by slot, so that any of a million of them is found as fast. */
static bool before(const struct match_entry *e, int64_t order, uint32_t slot)
{
    return e->order != order ? e->order < order : e->slot < slot;
}

/* Last chunk whose first entry is not after (order, slot); 0 when there is none. */
static uint32_t chunk_for(const struct match_bucket *b, int64_t order, uint32_t slot)
{
    uint32_t low = 0, high = b->n_chunks;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (before(&b->chunks[mid]->entry[0], order, slot))
            low = mid;
        else
            high = mid;
    }
    return low;
}

enum { CHUNK_MIN = 2 };

static struct match_chunk *new_chunk(uint32_t cap)
{
    struct match_chunk *c = malloc(sizeof *c + cap * sizeof c->entry[0]);
    if (!c)
        return NULL;
    c->n = 0;
    c->cap = cap;
    return c;
}

static int widen_chunk(struct match_bucket *b, uint32_t at)
{
    uint32_t cap = b->chunks[at]->cap * 2;
    struct match_chunk *c = realloc(b->chunks[at], sizeof *c + cap * sizeof c->entry[0]);
    if (!c)
        return -ENOMEM;
    c->cap = cap;
    b->chunks[at] = c;
    return 0;
}

static int insert_chunk(struct match_bucket *b, uint32_t at, struct match_chunk *c)
{
    if (b->n_chunks == b->cap) {
        uint32_t cap = b->cap ? b->cap * 2 : 1;
        struct match_chunk **grown = realloc(b->chunks, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        b->chunks = grown;
        b->cap = cap;
    }
    memmove(b->chunks + at + 1, b->chunks + at, (b->n_chunks - at) * sizeof *b->chunks);
    b->chunks[at] = c;
    b->n_chunks++;
    return 0;
}

static int split_chunk(struct match_bucket *b, uint32_t at)
{
    struct match_chunk *old = b->chunks[at], *c = new_chunk(MATCH_CHUNK);
    if (!c || insert_chunk(b, at + 1, c) < 0) {
        free(c);
        return -ENOMEM;
    }
    /* People arrive in order, so the last chunk is left nearly full; others are halved. */
    uint32_t keep = at + 2 == b->n_chunks ? MATCH_CHUNK - MATCH_CHUNK / 8 : MATCH_CHUNK / 2;
    c->n = old->n - keep;
    memcpy(c->entry, old->entry + keep, c->n * sizeof c->entry[0]);
    old->n = keep;
    return 0;
}

static int first_chunk(struct match_bucket *b, const struct match_entry *e)
{
    struct match_chunk *c = new_chunk(CHUNK_MIN);
    if (!c || insert_chunk(b, 0, c) < 0) {
        free(c);
        return -ENOMEM;
    }
    c->n = 1;
    c->entry[0] = *e;
    b->count++;
    return 0;
}

int match_bucket_add(struct match_bucket *b, const struct match_entry *e)
{
    if (b->n_chunks == 0)
        return first_chunk(b, e);
    uint32_t at = chunk_for(b, e->order, e->slot);
    if (b->chunks[at]->n == b->chunks[at]->cap) {
        int r = b->chunks[at]->cap < MATCH_CHUNK ? widen_chunk(b, at) : split_chunk(b, at);
        if (r < 0)
            return r;
        at = chunk_for(b, e->order, e->slot);
    }
    struct match_chunk *c = b->chunks[at];
    uint32_t i = c->n;
    while (i > 0 && !before(&c->entry[i - 1], e->order, e->slot))
        i--;
    memmove(c->entry + i + 1, c->entry + i, (c->n - i) * sizeof c->entry[0]);
    c->entry[i] = *e;
    c->n++;
    b->count++;
    return 0;
}

static void drop_at(struct match_bucket *b, uint32_t at, uint32_t i)
{
    struct match_chunk *c = b->chunks[at];
    c->n--;
    b->count--;
    memmove(c->entry + i, c->entry + i + 1, (c->n - i) * sizeof c->entry[0]);
    if (c->n > 0)
        return;
    free(c);
    b->n_chunks--;
    memmove(b->chunks + at, b->chunks + at + 1, (b->n_chunks - at) * sizeof *b->chunks);
}

/* Place of the first entry that is not before (order, slot). */
static void seek(const struct match_bucket *b, int64_t order, uint32_t slot, uint32_t *ret_chunk, uint32_t *ret_at)
{
    uint32_t low = 0, high = b->n_chunks;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const struct match_chunk *c = b->chunks[mid];
        if (before(&c->entry[c->n - 1], order, slot))
            low = mid + 1;
        else
            high = mid;
    }
    *ret_chunk = low;
    *ret_at = 0;
    while (low < b->n_chunks && before(&b->chunks[low]->entry[*ret_at], order, slot))
        ++*ret_at;
}

void match_bucket_remove(struct match_bucket *b, int64_t order, uint32_t slot)
{
    uint32_t at, i;
    seek(b, order, slot, &at, &i);
    assert(at < b->n_chunks && b->chunks[at]->entry[i].slot == slot);
    drop_at(b, at, i);
}

void match_bucket_seek(const struct match_bucket *b, int64_t from, uint32_t *ret_chunk, uint32_t *ret_at)
{
    seek(b, from, 0, ret_chunk, ret_at);
}

static uint32_t count_chunks(const struct match_bucket *b, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += b->chunks[i]->n;
    return n;
}

/* Chunks are counted from the nearer end: who asks has mostly just come, and everybody is before them. */
uint32_t match_bucket_before(const struct match_bucket *b, int64_t order)
{
    uint32_t chunk, at;
    seek(b, order, 0, &chunk, &at);
    uint32_t whole =
        chunk < b->n_chunks / 2 ? count_chunks(b, 0, chunk) : b->count - count_chunks(b, chunk, b->n_chunks);
    return whole + at;
}

void match_bucket_fini(struct match_bucket *b)
{
    for (uint32_t i = 0; i < b->n_chunks; i++)
        free(b->chunks[i]);
    free(b->chunks);
    *b = (struct match_bucket){0};
}
