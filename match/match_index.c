/*
 * match_index - the people waiting in one pool: slots and ids.
 *
 * It refuses to decide who is paired; match_cells.c arranges by place, match_query.c searches, match_apply.c decides.
 */
#include "match_index_impl.h"

#include "ticket_hash.h"

enum { IDS_MIN = 1024 };

struct match_index *match_index_new(const struct match_rules *rules)
{
    struct match_index *ix = calloc(1, sizeof *ix);
    if (!ix)
        return NULL;
    ix->rules = rules;
    ix->free_slot = MATCH_NO_SLOT;
    ix->ids = calloc(IDS_MIN, sizeof *ix->ids);
    ix->ids_mask = IDS_MIN - 1;
    if (match_cells_init(ix) < 0 || !ix->ids) {
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
    match_cells_fini(ix);
    free(ix->slots);
    free(ix->ids);
    free(ix);
}

/* -- ids -------------------------------------------------------------------------------------------------------------
 */

uint32_t match_index_find(const struct match_index *ix, const char *id)
{
    uint32_t hash = (uint32_t)ticket_hash_text(id);
    for (uint32_t i = hash & ix->ids_mask; ix->ids[i]; i = (i + 1) & ix->ids_mask) {
        const struct slot *s = &ix->slots[ix->ids[i] - 1];
        if (s->id_hash == hash && strcmp(s->w.id, id) == 0)
            return ix->ids[i] - 1;
    }
    return MATCH_NO_SLOT;
}

static void ids_put(struct match_index *ix, uint32_t slot)
{
    uint32_t i = ix->slots[slot].id_hash & ix->ids_mask;
    while (ix->ids[i])
        i = (i + 1) & ix->ids_mask;
    ix->ids[i] = slot + 1;
}

static int ids_room(struct match_index *ix)
{
    if ((uint64_t)(ix->count + 1) * 2 <= ix->ids_mask)
        return 0;
    uint32_t size = (ix->ids_mask + 1) * 2;
    uint32_t *ids = calloc(size, sizeof *ids);
    if (!ids)
        return -ENOMEM;
    free(ix->ids);
    ix->ids = ids;
    ix->ids_mask = size - 1;
    for (uint32_t slot = 0; slot < ix->n_slots; slot++)
        if (ix->slots[slot].w.id)
            ids_put(ix, slot);
    return 0;
}

/* Closes the gap a removed entry leaves in an open-addressing table: later entries of the run move up when their home
 * allows. */
static void ids_remove(struct match_index *ix, uint32_t slot)
{
    uint32_t hole = ix->slots[slot].id_hash & ix->ids_mask;
    while (ix->ids[hole] != slot + 1)
        hole = (hole + 1) & ix->ids_mask;
    for (uint32_t i = (hole + 1) & ix->ids_mask; ix->ids[i]; i = (i + 1) & ix->ids_mask) {
        uint32_t home = ix->slots[ix->ids[i] - 1].id_hash & ix->ids_mask;
        if (((i - home) & ix->ids_mask) >= ((i - hole) & ix->ids_mask)) {
            ix->ids[hole] = ix->ids[i];
            hole = i;
        }
    }
    ix->ids[hole] = 0;
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
    if (match_cells_enter(ix, &w->p, order, slot, &bucket) < 0)
        return -ENOMEM;
    if (slot == ix->free_slot)
        ix->free_slot = ix->slots[slot].bucket;
    else
        ix->n_slots++;
    ix->slots[slot] = (struct slot){.w = *w,
                                    .order = order,
                                    .cursor = MATCH_FROM_START,
                                    .bucket = bucket,
                                    .id_hash = (uint32_t)ticket_hash_text(w->id),
                                    .tried = 1};
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
    match_cells_leave(ix, s->bucket, s->order, slot);
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

uint8_t *match_index_tried(struct match_index *ix, uint32_t slot)
{
    return &ix->slots[slot].tried;
}

struct match_turns *match_index_turns(struct match_index *ix)
{
    return &ix->turns;
}
