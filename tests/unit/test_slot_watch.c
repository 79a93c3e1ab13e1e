/*
 * What time asks for, on a fake clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "slot_watch.h"

static void expect(const struct watch_view *v, uint64_t at_ms, enum watch_action before, enum watch_action from)
{
    assert_int_equal(slot_watch_action(v, at_ms - 1), before);
    assert_int_equal(slot_watch_action(v, at_ms), from);
    assert_int_equal(slot_watch_action(v, at_ms + 100000), from);
}

static void test_slot_watch_action_each_deadline_acts_when_reached(void **arg)
{
    (void)arg;
    const struct watch_view backoff = {.state = SLOT_BACKOFF, .start_at_ms = 500};
    const struct watch_view starting = {.state = SLOT_STARTING, .started_ms = 100, .boot_timeout_ms = 400};
    const struct watch_view running = {.state = SLOT_READY, .hard_deadline_ms = 500};
    const struct watch_view stopping = {.state = SLOT_STOPPING, .stop_by_ms = 500};
    const struct watch_view overrun = {.state = SLOT_STOPPING, .stop_by_ms = UINT64_MAX, .hard_deadline_ms = 500};
    const struct watch_view terminating = {.state = SLOT_TERMINATING, .kill_at_ms = 500};
    const struct watch_view old = {.state = SLOT_READY, .started_ms = 100, .recycle_age_ms = 400};
    expect(&backoff, 500, WATCH_NOTHING, WATCH_START);
    expect(&starting, 500, WATCH_NOTHING, WATCH_BOOT_TIMEOUT);
    expect(&running, 500, WATCH_NOTHING, WATCH_HARD_TIMEOUT);
    expect(&stopping, 500, WATCH_NOTHING, WATCH_STOP_TIMEOUT);
    expect(&overrun, 500, WATCH_NOTHING, WATCH_HARD_TIMEOUT);
    expect(&terminating, 500, WATCH_NOTHING, WATCH_KILL);
    expect(&old, 500, WATCH_NOTHING, WATCH_RECYCLE_AGE);
}

static void test_slot_watch_action_idle_worker_is_asked_now_and_then(void **arg)
{
    (void)arg;
    const struct watch_view idle = {.state = SLOT_READY, .idle = true, .alive_ms = 100, .pulse_ms = slot_pulse_ms(200)};
    const struct watch_view busy = {.state = SLOT_READY, .alive_ms = 100, .pulse_ms = 400};
    const struct watch_view quiet = {.state = SLOT_READY, .idle = true, .alive_ms = 100};
    expect(&idle, 500, WATCH_NOTHING, WATCH_PULSE);
    expect(&busy, 500, WATCH_NOTHING, WATCH_NOTHING);
    expect(&quiet, 500, WATCH_NOTHING, WATCH_NOTHING);
}

static void test_slot_watch_action_rss_above_limit_recycles(void **arg)
{
    (void)arg;
    struct watch_view v = {.state = SLOT_READY, .rss_bytes = 100, .recycle_rss_bytes = 100};
    assert_int_equal(slot_watch_action(&v, 1), WATCH_NOTHING);
    v.rss_bytes = 101;
    assert_int_equal(slot_watch_action(&v, 1), WATCH_RECYCLE_RSS);
    v.recycle_rss_bytes = 0;
    assert_int_equal(slot_watch_action(&v, 1), WATCH_NOTHING);
}

static void test_slot_watch_action_without_process_or_limits_nothing(void **arg)
{
    (void)arg;
    static const enum slot_state quiet[] = {SLOT_EMPTY, SLOT_KILLED, SLOT_READY};
    for (size_t i = 0; i < ARRAY_LEN(quiet); i++) {
        const struct watch_view v = {.state = quiet[i]};
        assert_int_equal(slot_watch_action(&v, UINT64_MAX / 2), WATCH_NOTHING);
    }
}

static void test_slot_watch_next_ms_busy_looks_often_idle_seldom(void **arg)
{
    (void)arg;
    struct watch_view v = {.state = SLOT_READY};
    assert_int_equal(slot_watch_next_ms(&v, 10), WATCH_BUSY_MS);
    v.idle = true;
    assert_int_equal(slot_watch_next_ms(&v, 10), WATCH_CALM_MS);
    const struct watch_view backoff = {.state = SLOT_BACKOFF, .start_at_ms = 130};
    assert_int_equal(slot_watch_next_ms(&backoff, 100), 30);
    assert_int_equal(slot_watch_next_ms(&backoff, 130), 1);
    assert_int_equal(slot_watch_next_ms(&backoff, 500), 1);
    const struct watch_view far = {.state = SLOT_TERMINATING, .kill_at_ms = UINT64_MAX};
    assert_int_equal(slot_watch_next_ms(&far, 1), WATCH_CALM_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slot_watch_action_each_deadline_acts_when_reached),
        cmocka_unit_test(test_slot_watch_action_idle_worker_is_asked_now_and_then),
        cmocka_unit_test(test_slot_watch_action_rss_above_limit_recycles),
        cmocka_unit_test(test_slot_watch_action_without_process_or_limits_nothing),
        cmocka_unit_test(test_slot_watch_next_ms_busy_looks_often_idle_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
