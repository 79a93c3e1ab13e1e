/*
 * match_bucket - the sorted chunks.
 *
 * It refuses to merge chunks: a chunk goes when it is empty, which is enough for people who come and go.
 */
#include "match_bucket.h"

/* Last chunk whose first order is <= order; 0 when there is none. */
static uint32_t chunk_for(const struct match_bucket *b, int64_t order)
{
    uint32_t low = 0, high = b->n_chunks;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (b->chunks[mid]->order[0] <= order)
            low = mid;
        else
            high = mid;
    }
    return low;
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
    struct match_chunk *old = b->chunks[at], *c = malloc(sizeof *c);
    if (!c || insert_chunk(b, at + 1, c) < 0) {
        free(c);
        return -ENOMEM;
    }
    /* People arrive in order, so the last chunk is left nearly full; others are halved. */
    uint32_t keep = at + 2 == b->n_chunks ? MATCH_CHUNK - MATCH_CHUNK / 8 : MATCH_CHUNK / 2;
    c->n = old->n - keep;
    memcpy(c->order, old->order + keep, c->n * sizeof c->order[0]);
    memcpy(c->slot, old->slot + keep, c->n * sizeof c->slot[0]);
    old->n = keep;
    return 0;
}

static int first_chunk(struct match_bucket *b, int64_t order, uint32_t slot)
{
    struct match_chunk *c = malloc(sizeof *c);
    if (!c || insert_chunk(b, 0, c) < 0) {
        free(c);
        return -ENOMEM;
    }
    c->n = 1;
    c->order[0] = order;
    c->slot[0] = slot;
    b->count++;
    return 0;
}

int match_bucket_add(struct match_bucket *b, int64_t order, uint32_t slot)
{
    if (b->n_chunks == 0)
        return first_chunk(b, order, slot);
    uint32_t at = chunk_for(b, order);
    if (b->chunks[at]->n == MATCH_CHUNK) {
        int r = split_chunk(b, at);
        if (r < 0)
            return r;
        at = chunk_for(b, order);
    }
    struct match_chunk *c = b->chunks[at];
    uint32_t i = c->n;
    while (i > 0 && c->order[i - 1] > order)
        i--;
    memmove(c->order + i + 1, c->order + i, (c->n - i) * sizeof c->order[0]);
    memmove(c->slot + i + 1, c->slot + i, (c->n - i) * sizeof c->slot[0]);
    c->order[i] = order;
    c->slot[i] = slot;
    c->n++;
    b->count++;
    return 0;
}

static void drop_at(struct match_bucket *b, uint32_t at, uint32_t i)
{
    struct match_chunk *c = b->chunks[at];
    c->n--;
    b->count--;
    memmove(c->order + i, c->order + i + 1, (c->n - i) * sizeof c->order[0]);
    memmove(c->slot + i, c->slot + i + 1, (c->n - i) * sizeof c->slot[0]);
    if (c->n > 0)
        return;
    free(c);
    b->n_chunks--;
    memmove(b->chunks + at, b->chunks + at + 1, (b->n_chunks - at) * sizeof *b->chunks);
}

void match_bucket_remove(struct match_bucket *b, int64_t order, uint32_t slot)
{
    /* Equal orders may fill several chunks: start at the first that may hold it. */
    for (uint32_t at = match_bucket_seek(b, order); at < b->n_chunks && b->chunks[at]->order[0] <= order; at++) {
        const struct match_chunk *c = b->chunks[at];
        for (uint32_t i = 0; i < c->n; i++) {
            if (c->slot[i] == slot && c->order[i] == order) {
                drop_at(b, at, i);
                return;
            }
        }
    }
    assert(!"a waiter is not where the index put it");
}

void match_bucket_fini(struct match_bucket *b)
{
    for (uint32_t i = 0; i < b->n_chunks; i++)
        free(b->chunks[i]);
    free(b->chunks);
    *b = (struct match_bucket){0};
}

uint32_t match_bucket_seek(const struct match_bucket *b, int64_t from)
{
    uint32_t low = 0, high = b->n_chunks;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const struct match_chunk *c = b->chunks[mid];
        if (c->order[c->n - 1] < from)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}
