/*
 * slot_fsm - see slot_fsm.h. Knows which moves exist; refuses to know why one is made or to act on it.
 */
#include "slot_fsm.h"

/* One more than the state, so that a cell nobody wrote (0) means "no such move". */
static const unsigned char moves[SLOT_STATE_COUNT][SLOT_EVENT_COUNT] = {
#define X(from, event, to) [SLOT_##from][SLOT_EVENT_##event] = SLOT_##to + 1,
    SLOT_MOVES(X)
#undef X
};

static const struct {
    const char *name;
    bool live;
} states[SLOT_STATE_COUNT] = {
#define X(state, name, live) [SLOT_##state] = {name, live},
    SLOT_STATES(X)
#undef X
};

int slot_fsm_next(enum slot_state state, enum slot_event event, enum slot_state *ret_next)
{
    assert(state < SLOT_STATE_COUNT);
    assert(event < SLOT_EVENT_COUNT);
    unsigned char next = moves[state][event];
    if (next == 0)
        return -EPROTO;
    *ret_next = (enum slot_state)(next - 1);
    return 0;
}

bool slot_state_live(enum slot_state state)
{
    assert(state < SLOT_STATE_COUNT);
    return states[state].live;
}

const char *slot_state_name(enum slot_state state)
{
    return (unsigned int)state < SLOT_STATE_COUNT ? states[state].name : "unknown";
}

const char *slot_event_name(enum slot_event event)
{
    static const char *const names[SLOT_EVENT_COUNT] = {
#define X(event) #event,
        SLOT_EVENTS(X)
#undef X
    };
    assert(event < SLOT_EVENT_COUNT);
    return names[event];
}
