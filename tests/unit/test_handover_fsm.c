/*
 * Walks every state and event of a hand-over against a second, hand-written list of the moves that must exist.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "handover_fsm.h"

struct move {
    enum handover_state from;
    enum handover_event event;
    enum handover_state to;
};

/* Written out on purpose instead of expanded: a slip in the list of the header must not pass by being in both. */
static const struct move expected[] = {
    {HANDOVER_NONE, HANDOVER_EVENT_BEGIN, HANDOVER_STARTING},
    {HANDOVER_STARTING, HANDOVER_EVENT_READY, HANDOVER_GIVING},
    {HANDOVER_STARTING, HANDOVER_EVENT_FAIL, HANDOVER_ENDING},
    {HANDOVER_STARTING, HANDOVER_EVENT_GONE, HANDOVER_NONE},
    {HANDOVER_GIVING, HANDOVER_EVENT_TAKEN, HANDOVER_GIVEN},
    {HANDOVER_GIVING, HANDOVER_EVENT_FAIL, HANDOVER_ENDING},
    {HANDOVER_GIVING, HANDOVER_EVENT_GONE, HANDOVER_NONE},
    {HANDOVER_GIVEN, HANDOVER_EVENT_GONE, HANDOVER_NONE},
    {HANDOVER_ENDING, HANDOVER_EVENT_READY, HANDOVER_ENDING},
    {HANDOVER_ENDING, HANDOVER_EVENT_TAKEN, HANDOVER_ENDING},
    {HANDOVER_ENDING, HANDOVER_EVENT_FAIL, HANDOVER_ENDING},
    {HANDOVER_ENDING, HANDOVER_EVENT_GONE, HANDOVER_NONE},
    {HANDOVER_RISING, HANDOVER_EVENT_READY, HANDOVER_OFFERED},
    {HANDOVER_RISING, HANDOVER_EVENT_FAIL, HANDOVER_LEAVING},
    {HANDOVER_RISING, HANDOVER_EVENT_GONE, HANDOVER_NONE},
    {HANDOVER_OFFERED, HANDOVER_EVENT_TAKE, HANDOVER_TAKEN},
    {HANDOVER_OFFERED, HANDOVER_EVENT_FAIL, HANDOVER_LEAVING},
    {HANDOVER_OFFERED, HANDOVER_EVENT_GONE, HANDOVER_NONE},
    {HANDOVER_TAKEN, HANDOVER_EVENT_FAIL, HANDOVER_LEAVING},
    {HANDOVER_TAKEN, HANDOVER_EVENT_GONE, HANDOVER_NONE},
    {HANDOVER_LEAVING, HANDOVER_EVENT_TAKE, HANDOVER_LEAVING},
    {HANDOVER_LEAVING, HANDOVER_EVENT_FAIL, HANDOVER_LEAVING},
    {HANDOVER_LEAVING, HANDOVER_EVENT_GONE, HANDOVER_LEAVING},
};

static const struct move *find(enum handover_state state, enum handover_event event)
{
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        if (expected[i].from == state && expected[i].event == event)
            return &expected[i];
    return NULL;
}

static void test_handover_fsm_next_every_state_and_event_matches(void **arg)
{
    (void)arg;
    size_t found = 0;
    for (int s = 0; s < HANDOVER_STATE_COUNT; s++) {
        for (int v = 0; v < HANDOVER_EVENT_COUNT; v++) {
            enum handover_state next = HANDOVER_STATE_COUNT;
            int rc = handover_fsm_next((enum handover_state)s, (enum handover_event)v, &next);
            const struct move *m = find((enum handover_state)s, (enum handover_event)v);
            if (m == NULL) {
                assert_int_equal(rc, -EPROTO);
                assert_int_equal(next, HANDOVER_STATE_COUNT);
                continue;
            }
            assert_int_equal(rc, 0);
            assert_int_equal(next, m->to);
            found++;
        }
    }
    assert_int_equal(found, ARRAY_LEN(expected));
}

/* Whatever the other life does, its end is an event in every state in which there is one. */
static void test_handover_fsm_next_gone_is_known_wherever_somebody_is(void **arg)
{
    (void)arg;
    for (int s = 0; s < HANDOVER_STATE_COUNT; s++) {
        enum handover_state next = HANDOVER_STATE_COUNT;
        int rc = handover_fsm_next((enum handover_state)s, HANDOVER_EVENT_GONE, &next);
        assert_int_equal(rc == 0, s != HANDOVER_NONE);
    }
}

/* The old one stops working by one way only: the new one said that it has taken over. */
static void test_handover_fsm_next_given_is_reached_by_taken_alone(void **arg)
{
    (void)arg;
    for (int s = 0; s < HANDOVER_STATE_COUNT; s++) {
        for (int v = 0; v < HANDOVER_EVENT_COUNT; v++) {
            enum handover_state next = HANDOVER_STATE_COUNT;
            if (handover_fsm_next((enum handover_state)s, (enum handover_event)v, &next) == 0 &&
                next == HANDOVER_GIVEN) {
                assert_int_equal(s, HANDOVER_GIVING);
                assert_int_equal(v, HANDOVER_EVENT_TAKEN);
            }
        }
    }
}

static void test_handover_state_name_every_state_has_one(void **arg)
{
    (void)arg;
    for (int s = 0; s < HANDOVER_STATE_COUNT; s++)
        assert_string_not_equal(handover_state_name((enum handover_state)s), "unknown");
    assert_string_equal(handover_state_name(HANDOVER_STATE_COUNT), "unknown");
    for (int v = 0; v < HANDOVER_EVENT_COUNT; v++)
        assert_non_null(handover_event_name((enum handover_event)v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handover_fsm_next_every_state_and_event_matches),
        cmocka_unit_test(test_handover_fsm_next_gone_is_known_wherever_somebody_is),
        cmocka_unit_test(test_handover_fsm_next_given_is_reached_by_taken_alone),
        cmocka_unit_test(test_handover_state_name_every_state_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
