/*
 * queue_turns - see queue_turns.h. Refuses to have a queue in line twice.
 */
#include "queue_turns.h"

enum { TURNS_WANTED_MAX = 256 }; /* workers a supervisor has at most */

static uint16_t *place(struct queue_turns *t, uint32_t i)
{
    return &t->line[(t->head + i) % QUEUES_MAX];
}

static void append(struct queue_turns *t, uint32_t queue)
{
    assert(t->n < QUEUES_MAX);
    *place(t, t->n++) = (uint16_t)queue;
}

void queue_turns_add(struct queue_turns *t, uint32_t queue, uint32_t n)
{
    assert(queue < QUEUES_MAX);
    if (n > 0 && t->wanted[queue] == 0)
        append(t, queue);
    t->wanted[queue] =
        (uint16_t)MIN_OF(t->wanted[queue] + MIN_OF(n, (uint32_t)TURNS_WANTED_MAX), (uint32_t)TURNS_WANTED_MAX);
}

/* Those before it move one up, so that the head's place is free. */
static void leave(struct queue_turns *t, uint32_t i)
{
    for (; i > 0; i--)
        *place(t, i) = *place(t, i - 1);
    t->head = (t->head + 1) % QUEUES_MAX;
    t->n--;
}

bool queue_turns_take(struct queue_turns *t, bool (*serves)(void *arg, uint32_t queue), void *arg, uint32_t *ret_queue)
{
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t queue = *place(t, i);
        if (!serves(arg, queue))
            continue;
        leave(t, i);
        if (--t->wanted[queue] > 0)
            append(t, queue);
        *ret_queue = queue;
        return true;
    }
    return false;
}

void queue_turns_drop(struct queue_turns *t, uint32_t queue)
{
    if (t->wanted[queue] == 0)
        return;
    uint32_t i = 0;
    while (*place(t, i) != queue)
        i++;
    leave(t, i);
    t->wanted[queue] = 0;
}
