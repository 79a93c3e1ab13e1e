/* job_fsm: every state with every event, against a table written by hand here. */
#include "job_fsm.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { NO = -EINVAL };

/* rows: states; columns: SETTLE START CANCEL END RETURN ASK LOST ANSWER */
static const int expected[JOB_STATE_COUNT][JOB_EVENT_COUNT] = {
    {JOB_SETTLING, JOB_RUNNING, NO, JOB_ENDED, JOB_RETURNED, NO, NO, NO},  /* claimed */
    {NO, JOB_RUNNING, NO, JOB_ENDED, JOB_RETURNED, NO, NO, NO},            /* settling */
    {NO, NO, JOB_STOPPING, JOB_ENDED, JOB_RETURNED, NO, NO, NO},           /* running */
    {NO, NO, NO, JOB_ENDED, JOB_RETURNED, NO, NO, NO},                     /* stopping */
    {NO, NO, NO, NO, NO, JOB_TELLING, NO, NO},                             /* ended */
    {NO, NO, NO, NO, NO, NO, JOB_ENDED, JOB_GONE},                         /* telling */
    {NO, NO, NO, NO, NO, JOB_RETURNING, NO, NO},                           /* returned */
    {NO, NO, NO, NO, NO, NO, JOB_RETURNED, JOB_GONE},                      /* returning */
    {NO, NO, NO, NO, NO, NO, NO, NO},                                      /* gone */
};

static void test_job_fsm_next_every_state_and_event_is_as_stated(void **state)
{
    size_t looked = 0;
    (void)state;
    for (int from = 0; from < JOB_STATE_COUNT; from++)
        for (int event = 0; event < JOB_EVENT_COUNT; event++, looked++)
            if (job_fsm_next((enum job_state)from, (enum job_event)event) != expected[from][event])
                fail_msg("%s, event %d: %d, not %d", job_state_name((enum job_state)from), event,
                         job_fsm_next((enum job_state)from, (enum job_event)event), expected[from][event]);
    assert_int_equal(looked, JOB_STATE_COUNT * JOB_EVENT_COUNT);
}

static void test_job_fsm_next_out_of_range_is_refused(void **state)
{
    (void)state;
    assert_int_equal(job_fsm_next(JOB_STATE_COUNT, JOB_EV_END), -EINVAL);
    assert_int_equal(job_fsm_next(JOB_CLAIMED, JOB_EVENT_COUNT), -EINVAL);
}

static void test_job_fsm_only_an_answer_lets_a_job_go(void **state)
{
    (void)state;
    for (int from = 0; from < JOB_STATE_COUNT; from++)
        for (int event = 0; event < JOB_EVENT_COUNT; event++)
            if (job_fsm_next((enum job_state)from, (enum job_event)event) == JOB_GONE)
                assert_int_equal(event, JOB_EV_ANSWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_fsm_next_every_state_and_event_is_as_stated),
        cmocka_unit_test(test_job_fsm_next_out_of_range_is_refused),
        cmocka_unit_test(test_job_fsm_only_an_answer_lets_a_job_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
