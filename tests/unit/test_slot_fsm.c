/*
 * Walks every state and event of a worker slot against a second, hand-written list of the moves that must exist.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "slot_fsm.h"

struct move {
    enum slot_state from;
    enum slot_event event;
    enum slot_state to;
};

/* Written out on purpose instead of expanded: a slip in the list of the header must not pass by being in both. */
static const struct move expected[] = {
    {SLOT_EMPTY, SLOT_EVENT_SPAWNED, SLOT_STARTING},
    {SLOT_EMPTY, SLOT_EVENT_DEFER, SLOT_BACKOFF},
    {SLOT_BACKOFF, SLOT_EVENT_SPAWNED, SLOT_STARTING},
    {SLOT_BACKOFF, SLOT_EVENT_DEFER, SLOT_BACKOFF},
    {SLOT_BACKOFF, SLOT_EVENT_VACATE, SLOT_EMPTY},
    {SLOT_STARTING, SLOT_EVENT_READY, SLOT_READY},
    {SLOT_STARTING, SLOT_EVENT_STOP, SLOT_STOPPING},
    {SLOT_STARTING, SLOT_EVENT_TERM, SLOT_TERMINATING},
    {SLOT_STARTING, SLOT_EVENT_KILL, SLOT_KILLED},
    {SLOT_STARTING, SLOT_EVENT_EXITED, SLOT_EMPTY},
    {SLOT_READY, SLOT_EVENT_STOP, SLOT_STOPPING},
    {SLOT_READY, SLOT_EVENT_TERM, SLOT_TERMINATING},
    {SLOT_READY, SLOT_EVENT_KILL, SLOT_KILLED},
    {SLOT_READY, SLOT_EVENT_EXITED, SLOT_EMPTY},
    {SLOT_STOPPING, SLOT_EVENT_READY, SLOT_STOPPING},
    {SLOT_STOPPING, SLOT_EVENT_TERM, SLOT_TERMINATING},
    {SLOT_STOPPING, SLOT_EVENT_KILL, SLOT_KILLED},
    {SLOT_STOPPING, SLOT_EVENT_EXITED, SLOT_EMPTY},
    {SLOT_TERMINATING, SLOT_EVENT_READY, SLOT_TERMINATING},
    {SLOT_TERMINATING, SLOT_EVENT_KILL, SLOT_KILLED},
    {SLOT_TERMINATING, SLOT_EVENT_EXITED, SLOT_EMPTY},
    {SLOT_KILLED, SLOT_EVENT_READY, SLOT_KILLED},
    {SLOT_KILLED, SLOT_EVENT_EXITED, SLOT_EMPTY},
};

static const struct move *find(enum slot_state state, enum slot_event event)
{
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        if (expected[i].from == state && expected[i].event == event)
            return &expected[i];
    return NULL;
}

static void test_slot_fsm_next_every_state_and_event_matches(void **arg)
{
    (void)arg;
    size_t found = 0;
    for (int s = 0; s < SLOT_STATE_COUNT; s++) {
        for (int v = 0; v < SLOT_EVENT_COUNT; v++) {
            enum slot_state next = SLOT_STATE_COUNT;
            int rc = slot_fsm_next((enum slot_state)s, (enum slot_event)v, &next);
            const struct move *m = find((enum slot_state)s, (enum slot_event)v);
            if (m == NULL) {
                assert_int_equal(rc, -EPROTO);
                assert_int_equal(next, SLOT_STATE_COUNT);
                continue;
            }
            assert_int_equal(rc, 0);
            assert_int_equal(next, m->to);
            found++;
        }
    }
    assert_int_equal(found, ARRAY_LEN(expected));
}

static void test_slot_fsm_next_exit_is_accepted_exactly_when_live(void **arg)
{
    (void)arg;
    for (int s = 0; s < SLOT_STATE_COUNT; s++) {
        enum slot_state next = SLOT_STATE_COUNT;
        int rc = slot_fsm_next((enum slot_state)s, SLOT_EVENT_EXITED, &next);
        assert_int_equal(rc == 0, slot_state_live((enum slot_state)s));
    }
}

static void test_slot_state_name_every_state_has_one(void **arg)
{
    (void)arg;
    for (int s = 0; s < SLOT_STATE_COUNT; s++)
        assert_string_not_equal(slot_state_name((enum slot_state)s), "unknown");
    assert_string_equal(slot_state_name(SLOT_STATE_COUNT), "unknown");
    for (int v = 0; v < SLOT_EVENT_COUNT; v++)
        assert_non_null(slot_event_name((enum slot_event)v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slot_fsm_next_every_state_and_event_matches),
        cmocka_unit_test(test_slot_fsm_next_exit_is_accepted_exactly_when_live),
        cmocka_unit_test(test_slot_state_name_every_state_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
