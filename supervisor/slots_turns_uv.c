/*
 * slots_turns_uv - see slots_uv.h. Workers of a pool that serves several queues are sent to one of them at a time; the line is
 * queue_turns'. Refuses to wake a worker for nothing: with an empty line it waits.
 */
#include "slots_uv.h"

struct waiting {
    const struct slots_uv *u;
    const struct slot *slot;
};

static bool serves_line(void *arg, uint32_t queue)
{
    const struct waiting *w = arg;
    return slots_serves(w->u->slots, w->slot, queue);
}

void slots_uv_next_turn(struct slots_uv *u, struct slot *slot)
{
    uint32_t queue;
    struct waiting w = {u, slot};
    if (slot->state == SLOT_READY && slot->idle && queue_turns_take(&u->slots->turns, serves_line, &w, &queue) &&
        !slots_uv_wake_slot(u, slot, queue))
        queue_turns_add(&u->slots->turns, queue, 1);
}

void slots_turns_wake(struct slots_uv *u, uint32_t queue, uint32_t n)
{
    queue_turns_add(&u->slots->turns, queue, MIN_OF(n, slots_live(u->slots)));
    for (struct slot *slot; u->slots->turns.n > 0 && (slot = slots_idle_one(u->slots, queue, false)) != NULL;) {
        slots_uv_next_turn(u, slot);
        if (slot->idle)
            return; /* it does not listen, or nothing in line is its pool's */
    }
}
