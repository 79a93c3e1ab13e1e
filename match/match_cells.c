/*
 * match_cells - arrangement by place: buckets in cells, cells in districts, districts in classes.
 *
 * It refuses to know people beyond their profile and order.
 */
#include "match_index_impl.h"

#include "ticket_hash.h"
#include <math.h>

enum { CELLS_MIN = 256 };

int match_cells_init(struct match_index *ix)
{
    ix->free_bucket = ix->free_district = MATCH_NO_SLOT;
    ix->cells = calloc(CELLS_MIN, sizeof *ix->cells);
    ix->cells_mask = CELLS_MIN - 1;
    return ix->cells ? 0 : -ENOMEM;
}

void match_cells_fini(struct match_index *ix)
{
    for (uint32_t i = 0; i < ix->n_buckets; i++)
        match_bucket_fini(&ix->buckets[i].people);
    for (uint32_t i = 0; i < ix->n_districts; i++)
        free(ix->districts[i].buckets.at);
    for (size_t i = 0; i < CLASS_MAX; i++)
        free(ix->classes[i].districts.at);
    free(ix->buckets);
    free(ix->districts);
    free(ix->cells);
    free(ix->heap);
}

/* -- lists -----------------------------------------------------------------------------------------------------------
 */

static int numbers_room(struct numbers *l)
{
    if (l->n < l->cap)
        return 0;
    uint32_t cap = l->cap ? l->cap * 2 : 8;
    uint32_t *at = realloc(l->at, cap * sizeof *at);
    if (!at)
        return -ENOMEM;
    l->at = at;
    l->cap = cap;
    return 0;
}

/* -- cells -----------------------------------------------------------------------------------------------------------
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

/* -- districts -------------------------------------------------------------------------------------------------------
 */

static int16_t district_axis(int16_t cell)
{
    return (int16_t)((cell - (cell < 0 ? DISTRICT_CELLS - 1 : 0)) / DISTRICT_CELLS);
}

static struct cell district_cell(const struct cell *c)
{
    struct cell d = {.gender = c->gender, .seeking = c->seeking, .x = CELL_NONE};
    if (c->x == CELL_NONE)
        return d;
    d.x = district_axis(c->x);
    d.y = district_axis(c->y);
    d.z = district_axis(c->z);
    return d;
}

/* Room in the arrays for one more bucket and district, and for both in the heap. */
static int arrays_room(struct match_index *ix)
{
    if (ix->free_bucket == MATCH_NO_SLOT && ix->n_buckets == ix->cap_buckets) {
        uint32_t cap = ix->cap_buckets ? ix->cap_buckets * 2 : 64;
        struct place_bucket *buckets = realloc(ix->buckets, cap * sizeof *buckets);
        if (!buckets)
            return -ENOMEM;
        ix->buckets = buckets;
        ix->cap_buckets = cap;
    }
    if (ix->free_district == MATCH_NO_SLOT && ix->n_districts == ix->cap_districts) {
        uint32_t cap = ix->cap_districts ? ix->cap_districts * 2 : 16;
        struct district *districts = realloc(ix->districts, cap * sizeof *districts);
        if (!districts)
            return -ENOMEM;
        ix->districts = districts;
        ix->cap_districts = cap;
    }
    uint32_t cap = ix->cap_buckets + ix->cap_districts;
    if (ix->cap_heap >= cap)
        return 0;
    struct heap_item *heap = realloc(ix->heap, cap * sizeof *heap);
    if (!heap)
        return -ENOMEM;
    ix->heap = heap;
    ix->cap_heap = cap;
    return 0;
}

/* The district of a cell, made when there is none. */
static int district_for(struct match_index *ix, const struct cell *c, uint32_t *ret_district)
{
    struct cell at = district_cell(c);
    struct numbers *l = &ix->classes[class_of(c->gender, c->seeking)].districts;
    for (uint32_t i = 0; i < l->n; i++) {
        *ret_district = l->at[i];
        if (cell_same(&ix->districts[l->at[i]].cell, &at))
            return 0;
    }
    uint32_t d = ix->free_district != MATCH_NO_SLOT ? ix->free_district : ix->n_districts;
    struct numbers buckets = d == ix->n_districts ? (struct numbers){0} : ix->districts[d].buckets;
    if (numbers_room(l) < 0)
        return -ENOMEM;
    if (d == ix->n_districts)
        ix->n_districts++;
    else
        ix->free_district = ix->districts[d].in_class;
    ix->districts[d] = (struct district){.first = INT64_MAX, .buckets = buckets, .cell = at, .in_class = l->n};
    l->at[l->n++] = d;
    *ret_district = d;
    return 0;
}

static void district_drop(struct match_index *ix, uint32_t number)
{
    struct district *d = &ix->districts[number];
    struct numbers *l = &ix->classes[class_of(d->cell.gender, d->cell.seeking)].districts;
    uint32_t last = l->at[--l->n];
    l->at[d->in_class] = last;
    ix->districts[last].in_class = d->in_class;
    d->in_class = ix->free_district;
    ix->free_district = number;
}

/* -- buckets ---------------------------------------------------------------------------------------------------------
 */

static int bucket_make(struct match_index *ix, const struct cell *c, uint32_t *ret_bucket)
{
    uint32_t district;
    if (cells_room(ix) < 0 || arrays_room(ix) < 0 || district_for(ix, c, &district) < 0)
        return -ENOMEM;
    struct numbers *l = &ix->districts[district].buckets;
    if (numbers_room(l) < 0) {
        if (l->n == 0)
            district_drop(ix, district);
        return -ENOMEM;
    }
    uint32_t b = ix->free_bucket;
    if (b != MATCH_NO_SLOT)
        ix->free_bucket = ix->buckets[b].in_district;
    else
        b = ix->n_buckets++;
    ix->buckets[b] = (struct place_bucket){.cell = *c, .first = INT64_MAX, .district = district, .in_district = l->n};
    l->at[l->n++] = b;
    ix->classes[class_of(c->gender, c->seeking)].n_buckets++;
    cells_put(ix, b);
    *ret_bucket = b;
    return 0;
}

static void bucket_drop(struct match_index *ix, uint32_t b)
{
    struct place_bucket *p = &ix->buckets[b];
    struct numbers *l = &ix->districts[p->district].buckets;
    uint32_t last = l->at[--l->n];
    l->at[p->in_district] = last;
    ix->buckets[last].in_district = p->in_district;
    ix->classes[class_of(p->cell.gender, p->cell.seeking)].n_buckets--;
    cells_remove(ix, b);
    if (l->n == 0)
        district_drop(ix, p->district);
    match_bucket_fini(&p->people);
    p->in_district = ix->free_bucket;
    ix->free_bucket = b;
}

int match_cells_enter(struct match_index *ix, const struct match_profile *p, int64_t order, uint32_t slot,
                      uint32_t *ret_bucket)
{
    const struct match_entry entry = {order, slot, match_brief_of(p)};
    struct cell c;
    cell_of(ix, p, &c);
    uint32_t b = match_index_bucket(ix, &c);
    if (b == MATCH_NO_SLOT && bucket_make(ix, &c, &b) < 0)
        return -ENOMEM;
    struct place_bucket *bucket = &ix->buckets[b];
    if (match_bucket_add(&bucket->people, &entry) < 0) {
        if (bucket->people.count == 0)
            bucket_drop(ix, b);
        return -ENOMEM;
    }
    struct district *d = &ix->districts[bucket->district];
    bucket->first = match_bucket_first(&bucket->people);
    d->first = MIN_OF(d->first, order);
    *ret_bucket = b;
    return 0;
}

void match_cells_leave(struct match_index *ix, uint32_t bucket, int64_t order, uint32_t slot)
{
    struct place_bucket *b = &ix->buckets[bucket];
    match_bucket_remove(&b->people, order, slot);
    if (b->people.count == 0)
        bucket_drop(ix, bucket);
    else
        b->first = match_bucket_first(&b->people);
}
