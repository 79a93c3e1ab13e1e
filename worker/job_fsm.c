/*
 * job_fsm - why: the one place that says which moves of a claimed job exist. Refuses everything the table does not list.
 */
#include "job_fsm.h"

static const struct {
    bool legal;
    enum job_state to;
} moves[JOB_STATE_COUNT][JOB_EVENT_COUNT] = {
#define X(from, event, to_state) [from][event] = {.legal = true, .to = to_state},
    JOB_MOVES(X)
#undef X
};

int job_fsm_next(enum job_state from, enum job_event event)
{
    if ((unsigned)from >= JOB_STATE_COUNT || (unsigned)event >= JOB_EVENT_COUNT || !moves[from][event].legal)
        return -EINVAL;
    return (int)moves[from][event].to;
}

const char *job_state_name(enum job_state state)
{
    static const char *const names[] = {
#define X(id, text) [id] = text,
        JOB_STATES(X)
#undef X
    };
    return (unsigned)state < JOB_STATE_COUNT ? names[state] : "?";
}
