/* The one format of time in logs and records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"

static void test_clock_iso8601_known_times_are_written(void **arg)
{
    (void)arg;
    char out[25];
    assert_string_equal(clock_iso8601(0, out), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_iso8601(INT64_C(1795314720123), out), "2026-11-22T02:32:00.123Z");
    assert_string_equal(clock_iso8601(-1, out), "1969-12-31T23:59:59.999Z");
}

static void test_clock_iso8601_absurd_time_stays_in_bounds(void **arg)
{
    (void)arg;
    char out[25];
    assert_int_equal(strlen(clock_iso8601(INT64_MAX, out)), 24);
    assert_int_equal(strlen(clock_iso8601(INT64_MIN, out)), 24);
}

static void test_clock_mono_never_goes_back(void **arg)
{
    (void)arg;
    uint64_t last = clock_mono_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_mono_ns();
        assert_true(now >= last);
        last = now;
    }
    assert_true(clock_mono_ms() >= last / 1000000u);
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_iso8601_known_times_are_written),
        cmocka_unit_test(test_clock_iso8601_absurd_time_stays_in_bounds),
        cmocka_unit_test(test_clock_mono_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
