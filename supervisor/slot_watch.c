/*
 * slot_watch - see slot_watch.h. Refuses to act: a deadline here becomes a signal elsewhere (slots_uv).
 */
#include "slot_watch.h"

enum { PULSE_BEATS = 2, FETCH_PULSE_BEATS = 20 };

static enum watch_action ready_action(const struct watch_view *v, uint64_t now_ms)
{
    if (v->hard_deadline_ms != 0 && now_ms >= v->hard_deadline_ms)
        return WATCH_HARD_TIMEOUT;
    if (v->recycle_rss_bytes != 0 && v->rss_bytes > v->recycle_rss_bytes)
        return WATCH_RECYCLE_RSS;
    if (v->recycle_age_ms != 0 && now_ms - v->started_ms >= v->recycle_age_ms)
        return WATCH_RECYCLE_AGE;
    if (v->idle && v->pulse_ms != 0 && now_ms >= v->alive_ms + v->pulse_ms)
        return WATCH_PULSE;
    return WATCH_NOTHING;
}

uint64_t slot_pulse_ms(uint64_t heartbeat_ms)
{
    return PULSE_BEATS * heartbeat_ms;
}

uint64_t slot_fetch_pulse_ms(uint64_t heartbeat_ms)
{
    return FETCH_PULSE_BEATS * heartbeat_ms;
}

enum watch_action slot_watch_action(const struct watch_view *v, uint64_t now_ms)
{
    switch (v->state) {
    case SLOT_BACKOFF:
        return now_ms >= v->start_at_ms ? WATCH_START : WATCH_NOTHING;
    case SLOT_STARTING:
        return now_ms - v->started_ms >= v->boot_timeout_ms ? WATCH_BOOT_TIMEOUT : WATCH_NOTHING;
    case SLOT_READY:
        return ready_action(v, now_ms);
    case SLOT_STOPPING:
        if (v->hard_deadline_ms != 0 && now_ms >= v->hard_deadline_ms)
            return WATCH_HARD_TIMEOUT;
        return now_ms >= v->stop_by_ms ? WATCH_STOP_TIMEOUT : WATCH_NOTHING;
    case SLOT_TERMINATING:
        return now_ms >= v->kill_at_ms ? WATCH_KILL : WATCH_NOTHING;
    case SLOT_EMPTY:
    case SLOT_KILLED:
    case SLOT_STATE_COUNT:
        break;
    }
    return WATCH_NOTHING;
}

static uint64_t until(uint64_t at_ms, uint64_t now_ms, uint64_t most_ms)
{
    uint64_t left = at_ms > now_ms ? at_ms - now_ms : 0;
    return MAX_OF(MIN_OF(left, most_ms), UINT64_C(1));
}

uint64_t slot_watch_next_ms(const struct watch_view *v, uint64_t now_ms)
{
    switch (v->state) {
    case SLOT_BACKOFF:
        return until(v->start_at_ms, now_ms, WATCH_CALM_MS);
    case SLOT_STARTING:
        return until(v->started_ms + v->boot_timeout_ms, now_ms, WATCH_CALM_MS);
    case SLOT_TERMINATING:
        return until(v->kill_at_ms, now_ms, WATCH_CALM_MS);
    case SLOT_READY:
        return v->idle ? WATCH_CALM_MS : WATCH_BUSY_MS;
    case SLOT_STOPPING:
        return WATCH_BUSY_MS;
    case SLOT_EMPTY:
    case SLOT_KILLED:
    case SLOT_STATE_COUNT:
        break;
    }
    return WATCH_CALM_MS;
}
