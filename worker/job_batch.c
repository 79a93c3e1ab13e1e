/*
 * job_batch - why: the one list of what this process is answerable for. Refuses to drop an item that Redis has not answered for.
 */
#include "job_batch.h"

#include "alloc.h"
#include "kind_set.h"

void job_batch_init(struct job_batch *b, size_t cap)
{
    *b = (struct job_batch){.items = alloc_zero(cap, sizeof *b->items), .cap = cap};
}

static void free_item(struct job_core *item)
{
    job_fini(&item->job);
    free(item->a);
    item->a = NULL;
}

static void free_items(struct job_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        free_item(&b->items[i]);
    b->n = b->next = b->room = 0;
}

void job_batch_fini(struct job_batch *b)
{
    free_items(b);
    free(b->items);
    *b = (struct job_batch){0};
}

void job_batch_clear(struct job_batch *b)
{
    assert(job_batch_held(b) == 0);
    free_items(b);
    b->count[JOB_GONE] = 0;
}

void job_batch_make_room(struct job_batch *b)
{
    b->room = 0;
}

struct job_core *job_batch_add(struct job_batch *b)
{
    while (b->room < b->n && b->items[b->room].state != JOB_GONE)
        b->room++;
    if (b->room == b->cap)
        return NULL;
    struct job_core *item = &b->items[b->room++];
    if (b->room > b->n) {
        b->n = b->room;
    } else {
        b->count[JOB_GONE]--;
        free_item(item);
    }
    memset(item, 0, sizeof *item);
    item->state = JOB_CLAIMED;
    b->count[JOB_CLAIMED]++;
    return item;
}

void job_batch_take_back(struct job_batch *b, struct job_core *item)
{
    assert(item->state == JOB_CLAIMED);
    b->count[JOB_CLAIMED]--;
    item->state = JOB_GONE;
    b->count[JOB_GONE]++;
}

struct job_core *job_batch_next(struct job_batch *b)
{
    if (b->count[JOB_CLAIMED] == 0)
        return NULL;
    while (b->next >= b->n || b->items[b->next].state != JOB_CLAIMED)
        b->next = b->next + 1 < b->n ? b->next + 1 : 0;
    return &b->items[b->next];
}

size_t job_batch_group(const struct job_batch *b, struct job_core *ret_group[])
{
    struct job_core *first = &b->items[b->next];
    size_t n = 0;
    ret_group[n++] = first;
    if (!first->kind->ops->batch_whole || first->job.suspect)
        return n;
    for (size_t i = 1; i < b->n; i++) {
        struct job_core *item = &b->items[(b->next + i) % b->n];
        if (item->state == JOB_CLAIMED && item->kind == first->kind && !item->job.suspect)
            ret_group[n++] = item;
    }
    return n;
}

void job_batch_move(struct job_batch *b, struct job_core *item, enum job_event event)
{
    int next = job_fsm_next(item->state, event);
    assert(next >= 0 && "a run ended twice, or was used after its end");
    b->count[item->state]--;
    item->state = (enum job_state)next;
    b->count[item->state]++;
}

size_t job_batch_active(const struct job_batch *b)
{
    return b->count[JOB_SETTLING] + b->count[JOB_RUNNING] + b->count[JOB_STOPPING];
}

size_t job_batch_held(const struct job_batch *b)
{
    return b->n - b->count[JOB_GONE];
}

const char *finish_op_name(enum finish_op op)
{
    static const char *const names[] = {
#define X(id, name) [id] = name,
        FINISH_OPS(X)
#undef X
    };
    assert((unsigned)op < FINISH_OP_COUNT);
    return names[op];
}
