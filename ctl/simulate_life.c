/*
 * simulate_life - see simulate_life.h. It refuses to leave before the submit was answered: with several workers a leave
 * could otherwise be played first, and no app would show a button for it.
 */
#include "simulate_life.h"

void simulate_life_init(struct simulate_life *l, int64_t join_ms, int64_t leave_ms, int64_t touch_every_ms, bool silent)
{
    *l = (struct simulate_life){.join_ms = join_ms,
                                .leave_ms = leave_ms,
                                .touch_every_ms = touch_every_ms,
                                .touch_ms = SIMULATE_NEVER,
                                .silent = silent};
}

int64_t simulate_life_due_ms(const struct simulate_life *l)
{
    switch (l->stage) {
    case SIMULATE_COMING:
        return l->join_ms;
    case SIMULATE_WAITING:
        return MIN_OF(l->touch_ms, l->leave_ms);
    case SIMULATE_PAIRED:
        return l->touch_ms;
    case SIMULATE_JOINING:
    case SIMULATE_LEAVING:
    case SIMULATE_SILENT:
    case SIMULATE_GONE:
    case SIMULATE_STAGE_COUNT:
        break;
    }
    return SIMULATE_NEVER;
}

static enum simulate_act leave(struct simulate_life *l)
{
    l->stage = l->silent ? SIMULATE_SILENT : SIMULATE_LEAVING;
    return l->silent ? SIMULATE_NOTHING : SIMULATE_LEAVE;
}

enum simulate_act simulate_life_act(struct simulate_life *l, int64_t now_ms)
{
    if (simulate_life_due_ms(l) > now_ms)
        return SIMULATE_NOTHING;
    if (l->stage == SIMULATE_COMING) {
        l->stage = SIMULATE_JOINING;
        return SIMULATE_JOIN;
    }
    if (l->stage == SIMULATE_WAITING && l->leave_ms <= now_ms)
        return leave(l);
    l->touch_ms = now_ms + l->touch_every_ms;
    return SIMULATE_TOUCH;
}

void simulate_life_answered(struct simulate_life *l, int64_t now_ms)
{
    if (l->stage == SIMULATE_JOINING) {
        l->stage = SIMULATE_WAITING;
        l->touch_ms = now_ms + l->touch_every_ms;
    }
}

void simulate_life_dropped(struct simulate_life *l)
{
    if (l->stage == SIMULATE_JOINING)
        simulate_life_ended(l, SIMULATE_DROPPED);
}

bool simulate_life_paired(struct simulate_life *l, int64_t now_ms)
{
    if (l->stage != SIMULATE_JOINING && l->stage != SIMULATE_WAITING)
        return false;
    l->stage = SIMULATE_PAIRED;
    l->paired_ms = now_ms;
    l->touch_ms = now_ms + l->touch_every_ms;
    return true;
}

void simulate_life_released(struct simulate_life *l, int64_t now_ms)
{
    if (l->stage != SIMULATE_PAIRED)
        return;
    l->stage = SIMULATE_WAITING;
    l->touch_ms = now_ms;
    if (l->leave_ms != SIMULATE_NEVER)
        l->leave_ms += now_ms - l->paired_ms;
}

void simulate_life_confirmed(struct simulate_life *l)
{
    simulate_life_ended(l, SIMULATE_MATCHED);
}

void simulate_life_ended(struct simulate_life *l, enum simulate_end end)
{
    if (l->stage == SIMULATE_GONE)
        return;
    l->stage = SIMULATE_GONE;
    l->end = end;
}

void simulate_life_close(struct simulate_life *l, int64_t now_ms)
{
    l->silent = false;
    l->leave_ms = now_ms;
    if (l->stage == SIMULATE_COMING)
        l->join_ms = SIMULATE_NEVER;
    else if (l->stage == SIMULATE_SILENT)
        l->stage = SIMULATE_WAITING; /* says goodbye after all: the pool is left empty */
}
