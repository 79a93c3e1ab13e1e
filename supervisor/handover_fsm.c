/*
 * handover_fsm - see handover_fsm.h. Knows which moves exist; refuses to know why one is made or to act on it.
 */
#include "handover_fsm.h"

/* One more than the state, so that a cell nobody wrote (0) means "no such move". */
static const unsigned char moves[HANDOVER_STATE_COUNT][HANDOVER_EVENT_COUNT] = {
#define X(from, event, to) [HANDOVER_##from][HANDOVER_EVENT_##event] = HANDOVER_##to + 1,
    HANDOVER_MOVES(X)
#undef X
};

int handover_fsm_next(enum handover_state state, enum handover_event event, enum handover_state *ret_next)
{
    assert(state < HANDOVER_STATE_COUNT);
    assert(event < HANDOVER_EVENT_COUNT);
    unsigned char next = moves[state][event];
    if (next == 0)
        return -EPROTO;
    *ret_next = (enum handover_state)(next - 1);
    return 0;
}

const char *handover_state_name(enum handover_state state)
{
    static const char *const names[HANDOVER_STATE_COUNT] = {
#define X(state, name) [HANDOVER_##state] = name,
        HANDOVER_STATES(X)
#undef X
    };
    return (unsigned int)state < HANDOVER_STATE_COUNT ? names[state] : "unknown";
}

const char *handover_event_name(enum handover_event event)
{
    static const char *const names[HANDOVER_EVENT_COUNT] = {
#define X(event) #event,
        HANDOVER_EVENTS(X)
#undef X
    };
    assert(event < HANDOVER_EVENT_COUNT);
    return names[event];
}
