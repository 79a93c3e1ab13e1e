/*
 * crash_queue - see crash_queue.h. Keeps the order of deaths; refuses to drop one to make room for another.
 */
#include "crash_queue.h"

int crash_queue_push(struct crash_queue *q, const struct crash_report *report)
{
    if (crash_queue_full(q))
        return -ENOSPC;
    q->items[(q->head + q->n) % CRASH_QUEUE_MAX] = *report;
    q->n++;
    return 0;
}

const struct crash_report *crash_queue_peek(const struct crash_queue *q)
{
    return q->n > 0 ? &q->items[q->head] : NULL;
}

void crash_queue_pop(struct crash_queue *q)
{
    assert(q->n > 0);
    free(q->items[q->head].error_json);
    q->items[q->head].error_json = NULL;
    q->head = (q->head + 1) % CRASH_QUEUE_MAX;
    q->n--;
}

bool crash_queue_full(const struct crash_queue *q)
{
    return q->n == CRASH_QUEUE_MAX;
}

void crash_queue_fini(struct crash_queue *q)
{
    if (q == NULL)
        return;
    while (q->n > 0)
        crash_queue_pop(q);
}
