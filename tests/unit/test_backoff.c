/*
 * Delays and budgets on a fake clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backoff.h"

static void test_backoff_next_ms_failures_in_a_row_doubles_to_max(void **arg)
{
    (void)arg;
    static const uint64_t expected[] = {100, 200, 400, 800, 1000, 1000, 1000};
    struct backoff b = {0};
    uint64_t now = 5;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        uint64_t delay = backoff_next_ms(&b, 100, 1000, now);
        assert_int_equal(delay, expected[i]);
        now += delay;
    }
}

static void test_backoff_next_ms_after_calm_starts_over(void **arg)
{
    (void)arg;
    struct backoff b = {0};
    for (int i = 0; i < 5; i++)
        (void)backoff_next_ms(&b, 100, 1000, 1000);
    assert_int_equal(backoff_next_ms(&b, 100, 1000, 1000 + 2000), 1000);
    assert_int_equal(backoff_next_ms(&b, 100, 1000, 3000 + 2001), 100);
}

static void test_backoff_next_ms_extreme_settings_stays_within(void **arg)
{
    (void)arg;
    struct backoff b = {.failures = UINT32_MAX, .last_fail_ms = 7};
    assert_int_equal(backoff_next_ms(&b, 1, 3600000, 7), 3600000);
    assert_int_equal(b.failures, UINT32_MAX);
    backoff_reset(&b);
    assert_int_equal(backoff_next_ms(&b, 60000, 1, 7), 1); /* base above max */
}

static void test_restart_budget_take_beyond_max_is_refused_until_it_leaks(void **arg)
{
    (void)arg;
    struct restart_budget r = {0};
    for (int i = 0; i < 10; i++)
        assert_true(restart_budget_take(&r, 10, 60000, 1000));
    assert_false(restart_budget_take(&r, 10, 60000, 1000));
    assert_false(restart_budget_take(&r, 10, 60000, 6999));
    assert_true(restart_budget_take(&r, 10, 60000, 7001)); /* a tenth of the window gives one back */
    assert_false(restart_budget_take(&r, 10, 60000, 7002));
    for (int i = 0; i < 10; i++)
        assert_true(restart_budget_take(&r, 10, 60000, 1000000));
}

static void test_backoff_boot_failures_max_grows_with_the_pool(void **arg)
{
    (void)arg;
    assert_int_equal(backoff_boot_failures_max(1), 5);
    assert_int_equal(backoff_boot_failures_max(64), 68);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_next_ms_failures_in_a_row_doubles_to_max),
        cmocka_unit_test(test_backoff_next_ms_after_calm_starts_over),
        cmocka_unit_test(test_backoff_next_ms_extreme_settings_stays_within),
        cmocka_unit_test(test_restart_budget_take_beyond_max_is_refused_until_it_leaks),
        cmocka_unit_test(test_backoff_boot_failures_max_grows_with_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
