/* batch_size: first one, then as many as fit, never more than twofold growth. */
#include "batch_size.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void test_batch_size_next_unknown_is_one(void **state)
{
    struct batch_size b;
    (void)state;
    batch_size_init(&b, 64, 5, false);
    assert_int_equal(batch_size_next(&b), 1);
}

static void test_batch_size_next_fast_jobs_grow_twofold_to_the_bound(void **state)
{
    struct batch_size b;
    (void)state;
    batch_size_init(&b, 64, 5, false);
    uint32_t last = batch_size_next(&b);
    for (int i = 0; i < 10; i++) {
        batch_size_observe(&b, 3);
        uint32_t next = batch_size_next(&b);
        assert_true(next <= 2 * last && next >= last);
        last = next;
    }
    assert_int_equal(last, 64);
}

static void test_batch_size_next_fits_the_target(void **state)
{
    struct batch_size b;
    (void)state;
    batch_size_init(&b, 1000, 5, false);
    for (int i = 0; i < 50; i++) {
        batch_size_observe(&b, 500);
        (void)batch_size_next(&b);
    }
    assert_int_equal(batch_size_next(&b), 10);
}

static void test_batch_size_observe_one_slow_job_shrinks_at_once(void **state)
{
    struct batch_size b;
    (void)state;
    batch_size_init(&b, 64, 5, false);
    for (int i = 0; i < 20; i++) {
        batch_size_observe(&b, 10);
        (void)batch_size_next(&b);
    }
    assert_int_equal(batch_size_next(&b), 64);
    batch_size_observe(&b, 100000);
    assert_int_equal(batch_size_next(&b), 1);
}

static void test_batch_size_next_whole_is_always_the_bound(void **state)
{
    struct batch_size b;
    (void)state;
    batch_size_init(&b, 256, 5, true);
    batch_size_observe(&b, 10000000);
    assert_int_equal(batch_size_next(&b), 256);
}

static void test_batch_size_init_bound_is_clamped(void **state)
{
    struct batch_size b;
    (void)state;
    batch_size_init(&b, 0, 5, true);
    assert_int_equal(batch_size_next(&b), 1);
    batch_size_init(&b, 100000, 5, true);
    assert_int_equal(batch_size_next(&b), BATCH_SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_size_next_unknown_is_one),
        cmocka_unit_test(test_batch_size_next_fast_jobs_grow_twofold_to_the_bound),
        cmocka_unit_test(test_batch_size_next_fits_the_target),
        cmocka_unit_test(test_batch_size_observe_one_slow_job_shrinks_at_once),
        cmocka_unit_test(test_batch_size_next_whole_is_always_the_bound),
        cmocka_unit_test(test_batch_size_init_bound_is_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
