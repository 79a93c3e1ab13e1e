/*
 * crash_queue - see crash_queue.h. Keeps the order of deaths; refuses to drop one to make room for another.
 */
#include "crash_queue.h"

enum {
    REDUCE_AFTER = 3,    /* refusals that may be the server's mood */
    REDUCED_CRASHES = 2, /* crash limit of a reduced report: the kind is not known any more */
};

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

/* Only the consumer's name is left of what the caller said. "*": a suspicion, which the Functions bound. */
static void reduce(struct crash_report *r)
{
    static const char plain[] = "{\"code\":\"WORKER_LOST\",\"class\":\"resource\",\"cause\":\"worker_lost\",\"message\":"
                                "\"its worker died; Redis refused the full report, which is in the supervisor's log\"}";
    char *json = strdup(plain);
    if (json != NULL) {
        free(r->error_json);
        r->error_json = json;
    }
    memcpy(r->blame, "*", sizeof "*");
    memcpy(r->fingerprint, "0000000000000000", sizeof r->fingerprint);
    r->crash_limit = REDUCED_CRASHES;
    r->policy = CAUSE_ONCE;
    r->delay_ms = 0;
}

uint64_t crash_queue_refused(struct crash_queue *q, bool bad)
{
    assert(q->n > 0);
    struct crash_report *first = &q->items[q->head];
    first->refusals = bad && first->refusals < REDUCE_AFTER ? REDUCE_AFTER : first->refusals + 1;
    if (first->refusals == REDUCE_AFTER) {
        reduce(first);
        return 0;
    }
    if (first->refusals < REDUCE_AFTER)
        return CRASH_QUEUE_WAIT_MS;
    uint64_t wait = CRASH_QUEUE_WAIT_MS;
    for (uint32_t i = REDUCE_AFTER; i < first->refusals && wait < CRASH_QUEUE_WAIT_MAX_MS; i++)
        wait *= 2;
    struct crash_report again = *first;
    q->head = (q->head + 1) % CRASH_QUEUE_MAX;
    q->items[(q->head + q->n - 1) % CRASH_QUEUE_MAX] = again;
    if (q->items[q->head].refusals < REDUCE_AFTER)
        return 0; /* the next one is another, and has not been told yet */
    return MIN_OF(wait, (uint64_t)CRASH_QUEUE_WAIT_MAX_MS);
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
