/*
 * queue_rest - see queue_rest.h. Refuses to rest on a guess: what is not known is at stake.
 */
#include "queue_rest.h"

enum { REST_LEASE_BEATS = 3, LEASE_MAX_MS = 86400000 /* stint_beat takes no more */ };

bool queue_rest_may(const struct queue_rest_view *v, uint64_t now_ms)
{
    return v->listening && v->known && !v->paused && !v->owing && v->ready == 0 &&
           now_ms >= v->stirred_ms + REST_AFTER_BEATS * v->heartbeat_ms;
}

uint64_t queue_rest_beat_ms(uint64_t heartbeat_ms, uint32_t queues)
{
    uint64_t ms = REST_BEATS * heartbeat_ms * MAX_OF(queues, UINT32_C(1));
    return MAX_OF(MIN_OF(ms, MAX_OF((uint64_t)REST_MAX_MS, (uint64_t)REST_QUEUE_MS * queues)), heartbeat_ms);
}

uint64_t queue_rest_lease_ms(uint64_t lease_ms, uint64_t heartbeat_ms, uint32_t queues)
{
    uint64_t ms = REST_LEASE_BEATS * queue_rest_beat_ms(heartbeat_ms, queues) + heartbeat_ms;
    return MAX_OF(MIN_OF(ms, (uint64_t)LEASE_MAX_MS), lease_ms);
}
