/*
 * match_index - arrangement of the people waiting in one pool: slots, ids, buckets.
 *
 * It refuses to decide who is paired; match_query.c searches, match_engine.c decides.
 */
#include "match_index_impl.h"

#include "ticket_hash.h"
#include <math.h>

enum { IDS_MIN = 1024, CELLS_MIN = 256 };

struct match_index *match_index_new(const struct match_rules *rules)
{
    struct match_index *ix = calloc(1, sizeof *ix);
    if (!ix)
        return NULL;
    ix->rules = rules;
    ix->free_slot = ix->free_bucket = MATCH_NO_SLOT;
    ix->ids = calloc(IDS_MIN, sizeof *ix->ids);
    ix->cells = calloc(CELLS_MIN, sizeof *ix->cells);
    ix->ids_mask = IDS_MIN - 1;
    ix->cells_mask = CELLS_MIN - 1;
    if (!ix->ids || !ix->cells) {
        match_index_free(ix);
        return NULL;
    }
    return ix;
}

void match_waiter_fini(struct match_waiter *w)
{
    free(w->id);
    free(w->p.lists);
    *w = (struct match_waiter){0};
}

void match_waiter_gone(struct match_waiter *w)
{
    int64_t silent = w->presence_ms ? w->touched_ms + w->presence_ms : INT64_MAX;
    w->p.gone_ms = MIN_OF(silent, w->expires_ms);
}

void match_index_free(struct match_index *ix)
{
    if (!ix)
        return;
    for (uint32_t i = 0; i < ix->n_slots; i++)
        if (ix->slots[i].w.id)
            match_waiter_fini(&ix->slots[i].w);
    for (uint32_t i = 0; i < ix->n_buckets; i++)
        match_bucket_fini(&ix->buckets[i].people);
    for (size_t i = 0; i < CLASS_MAX; i++)
        free(ix->classes[i].buckets);
    free(ix->slots);
    free(ix->ids);
    free(ix->buckets);
    free(ix->cells);
    free(ix->heap);
    free(ix);
}

/* -- ids -------------------------------------------------------------------------------------------------------------
 */

static uint32_t id_home(const struct match_index *ix, const char *id)
{
    return (uint32_t)ticket_hash_text(id) & ix->ids_mask;
}

uint32_t match_index_find(const struct match_index *ix, const char *id)
{
    for (uint32_t i = id_home(ix, id); ix->ids[i]; i = (i + 1) & ix->ids_mask)
        if (strcmp(ix->slots[ix->ids[i] - 1].w.id, id) == 0)
            return ix->ids[i] - 1;
    return MATCH_NO_SLOT;
}

static void ids_put(struct match_index *ix, uint32_t slot)
{
    uint32_t i = id_home(ix, ix->slots[slot].w.id);
    while (ix->ids[i])
        i = (i + 1) & ix->ids_mask;
    ix->ids[i] = slot + 1;
}

static int ids_room(struct match_index *ix)
{
    if ((uint64_t)(ix->count + 1) * 2 <= ix->ids_mask)
        return 0;
    uint32_t size = (ix->ids_mask + 1) * 2, *old = ix->ids, old_mask = ix->ids_mask;
    uint32_t *ids = calloc(size, sizeof *ids);
    if (!ids)
        return -ENOMEM;
    ix->ids = ids;
    ix->ids_mask = size - 1;
    for (uint32_t i = 0; i <= old_mask; i++)
        if (old[i])
            ids_put(ix, old[i] - 1);
    free(old);
    return 0;
}

/* Closes the gap a removed entry leaves in an open-addressing table: later entries of the run move up when their home
 * allows. */
static void ids_remove(struct match_index *ix, uint32_t slot)
{
    uint32_t hole = id_home(ix, ix->slots[slot].w.id);
    while (ix->ids[hole] != slot + 1)
        hole = (hole + 1) & ix->ids_mask;
    for (uint32_t i = (hole + 1) & ix->ids_mask; ix->ids[i]; i = (i + 1) & ix->ids_mask) {
        uint32_t home = id_home(ix, ix->slots[ix->ids[i] - 1].w.id);
        if (((i - home) & ix->ids_mask) >= ((i - hole) & ix->ids_mask)) {
            ix->ids[hole] = ix->ids[i];
            hole = i;
        }
    }
    ix->ids[hole] = 0;
}

/* -- buckets ---------------------------------------------------------------------------------------------------------
 */

static uint32_t cell_home(const struct match_index *ix, const struct cell *c)
{
    uint64_t a = (uint64_t)c->gender << 56 | (uint64_t)c->seeking << 48 | (uint64_t)c->band << 40;
    uint64_t b = (uint64_t)(uint16_t)c->x << 32 | (uint64_t)(uint16_t)c->y << 16 | (uint64_t)(uint16_t)c->z;
    return (uint32_t)ticket_hash_mix(a ^ (b * UINT64_C(0x9e3779b97f4a7c15))) & ix->cells_mask;
}

static bool cell_same(const struct cell *a, const struct cell *b)
{
    return a->gender == b->gender && a->seeking == b->seeking && a->band == b->band && a->x == b->x && a->y == b->y &&
           a->z == b->z;
}

uint32_t match_index_bucket(const struct match_index *ix, const struct cell *c)
{
    for (uint32_t i = cell_home(ix, c); ix->cells[i]; i = (i + 1) & ix->cells_mask)
        if (cell_same(&ix->buckets[ix->cells[i] - 1].cell, c))
            return ix->cells[i] - 1;
    return MATCH_NO_SLOT;
}

static void cells_put(struct match_index *ix, uint32_t bucket)
{
    uint32_t i = cell_home(ix, &ix->buckets[bucket].cell);
    while (ix->cells[i])
        i = (i + 1) & ix->cells_mask;
    ix->cells[i] = bucket + 1;
}

static void cells_remove(struct match_index *ix, uint32_t bucket)
{
    uint32_t hole = cell_home(ix, &ix->buckets[bucket].cell);
    while (ix->cells[hole] != bucket + 1)
        hole = (hole + 1) & ix->cells_mask;
    for (uint32_t i = (hole + 1) & ix->cells_mask; ix->cells[i]; i = (i + 1) & ix->cells_mask) {
        uint32_t home = cell_home(ix, &ix->buckets[ix->cells[i] - 1].cell);
        if (((i - home) & ix->cells_mask) >= ((i - hole) & ix->cells_mask)) {
            ix->cells[hole] = ix->cells[i];
            hole = i;
        }
    }
    ix->cells[hole] = 0;
}

static int cells_room(struct match_index *ix)
{
    if ((uint64_t)(ix->n_buckets + 1) * 2 <= ix->cells_mask)
        return 0;
    uint32_t size = (ix->cells_mask + 1) * 2, *old = ix->cells, old_mask = ix->cells_mask;
    uint32_t *cells = calloc(size, sizeof *cells);
    if (!cells)
        return -ENOMEM;
    ix->cells = cells;
    ix->cells_mask = size - 1;
    for (uint32_t i = 0; i <= old_mask; i++)
        if (old[i])
            cells_put(ix, old[i] - 1);
    free(old);
    return 0;
}

static int buckets_room(struct match_index *ix)
{
    if (ix->free_bucket != MATCH_NO_SLOT || ix->n_buckets < ix->cap_buckets)
        return 0;
    uint32_t cap = ix->cap_buckets ? ix->cap_buckets * 2 : 64;
    struct place_bucket *buckets = realloc(ix->buckets, cap * sizeof *buckets);
    if (!buckets)
        return -ENOMEM;
    ix->buckets = buckets;
    struct heap_item *heap = realloc(ix->heap, cap * sizeof *heap);
    if (!heap)
        return -ENOMEM;
    ix->heap = heap;
    ix->cap_buckets = cap;
    return 0;
}

static int class_room(struct class_list *l)
{
    if (l->n < l->cap)
        return 0;
    uint32_t cap = l->cap ? l->cap * 2 : 16;
    uint32_t *buckets = realloc(l->buckets, cap * sizeof *buckets);
    if (!buckets)
        return -ENOMEM;
    l->buckets = buckets;
    l->cap = cap;
    return 0;
}

static int bucket_make(struct match_index *ix, const struct cell *c, uint32_t *ret_bucket)
{
    struct class_list *l = &ix->classes[class_of(c->gender, c->seeking)];
    if (cells_room(ix) < 0 || buckets_room(ix) < 0 || class_room(l) < 0)
        return -ENOMEM;
    uint32_t b = ix->free_bucket;
    if (b != MATCH_NO_SLOT)
        ix->free_bucket = ix->buckets[b].in_class;
    else
        b = ix->n_buckets++;
    ix->buckets[b] = (struct place_bucket){.cell = *c, .in_class = l->n};
    l->buckets[l->n++] = b;
    cells_put(ix, b);
    *ret_bucket = b;
    return 0;
}

static void bucket_drop(struct match_index *ix, uint32_t b)
{
    struct place_bucket *p = &ix->buckets[b];
    struct class_list *l = &ix->classes[class_of(p->cell.gender, p->cell.seeking)];
    uint32_t last = l->buckets[--l->n];
    l->buckets[p->in_class] = last;
    ix->buckets[last].in_class = p->in_class;
    cells_remove(ix, b);
    match_bucket_fini(&p->people);
    p->in_class = ix->free_bucket;
    ix->free_bucket = b;
}

static void cell_of(const struct match_index *ix, const struct match_profile *p, struct cell *ret)
{
    double edge = cell_edge(ix);
    *ret = (struct cell){.gender = p->gender, .seeking = p->seeking, .band = p->age / BAND_YEARS, .x = CELL_NONE};
    if (!(p->flags & MATCH_PLACED))
        return;
    ret->x = (int16_t)floor((double)p->pos[0] / edge);
    ret->y = (int16_t)floor((double)p->pos[1] / edge);
    ret->z = (int16_t)floor((double)p->pos[2] / edge);
}

/* -- slots -----------------------------------------------------------------------------------------------------------
 */

static int slots_room(struct match_index *ix)
{
    if (ix->free_slot != MATCH_NO_SLOT || ix->n_slots < ix->cap_slots)
        return 0;
    uint32_t cap = ix->cap_slots ? ix->cap_slots * 2 : 256;
    struct slot *slots = realloc(ix->slots, cap * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    ix->slots = slots;
    ix->cap_slots = cap;
    return 0;
}

static int enter_bucket(struct match_index *ix, const struct match_waiter *w, int64_t order, uint32_t slot,
                        uint32_t *ret_bucket)
{
    struct cell c;
    cell_of(ix, &w->p, &c);
    uint32_t b = match_index_bucket(ix, &c);
    if (b == MATCH_NO_SLOT && bucket_make(ix, &c, &b) < 0)
        return -ENOMEM;
    int r = match_bucket_add(&ix->buckets[b].people, order, slot);
    if (r < 0 && ix->buckets[b].people.count == 0)
        bucket_drop(ix, b);
    *ret_bucket = b;
    return r;
}

int match_index_add(struct match_index *ix, struct match_waiter *w, uint32_t *ret_slot)
{
    if (ix->count >= MATCH_WAITING_MAX)
        return -ENOSPC;
    if (match_index_find(ix, w->id) != MATCH_NO_SLOT)
        return -EEXIST;
    if (ids_room(ix) < 0 || slots_room(ix) < 0)
        return -ENOMEM;
    int64_t order = match_index_order(ix, w);
    uint32_t slot = ix->free_slot != MATCH_NO_SLOT ? ix->free_slot : ix->n_slots, bucket;
    if (enter_bucket(ix, w, order, slot, &bucket) < 0)
        return -ENOMEM;
    if (slot == ix->free_slot)
        ix->free_slot = ix->slots[slot].bucket;
    else
        ix->n_slots++;
    ix->slots[slot] = (struct slot){.w = *w, .order = order, .cursor = MATCH_FROM_START, .bucket = bucket};
    *w = (struct match_waiter){0};
    ids_put(ix, slot);
    ix->count++;
    ix->by_gender[ix->slots[slot].w.p.gender]++;
    *ret_slot = slot;
    return 0;
}

struct match_waiter *match_index_at(struct match_index *ix, uint32_t slot)
{
    assert(slot < ix->n_slots && ix->slots[slot].w.id);
    return &ix->slots[slot].w;
}

void match_index_take(struct match_index *ix, uint32_t slot, struct match_waiter *ret)
{
    struct slot *s = &ix->slots[slot];
    assert(slot < ix->n_slots && s->w.id);
    ids_remove(ix, slot);
    match_bucket_remove(&ix->buckets[s->bucket].people, s->order, slot);
    if (ix->buckets[s->bucket].people.count == 0)
        bucket_drop(ix, s->bucket);
    ix->count--;
    ix->by_gender[s->w.p.gender]--;
    *ret = s->w;
    *s = (struct slot){.bucket = ix->free_slot};
    ix->free_slot = slot;
}

uint32_t match_index_next(const struct match_index *ix, uint32_t from)
{
    for (; from < ix->n_slots; from++)
        if (ix->slots[from].w.id)
            return from;
    return MATCH_NO_SLOT;
}

const struct match_rules *match_index_rules(const struct match_index *ix)
{
    return ix->rules;
}

uint32_t match_index_count(const struct match_index *ix)
{
    return ix->count;
}

uint32_t match_index_count_gender(const struct match_index *ix, unsigned gender)
{
    return gender < GENDER_COUNT ? ix->by_gender[gender] : 0;
}

int64_t *match_index_cursor(struct match_index *ix, uint32_t slot)
{
    return &ix->slots[slot].cursor;
}
