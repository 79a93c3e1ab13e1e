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

static void test_batch_size_ahead_fits_in_what_is_left_of_the_target(void **state)
{
    struct batch_size b;
    (void)state;
    batch_size_init(&b, 40, 5, false);
    assert_int_equal(batch_size_ahead(&b, 0), 0); /* nothing known yet */
    for (int i = 0; i < 20; i++) {
        batch_size_observe(&b, 50); /* 100 of them fit */
        (void)batch_size_next(&b);
    }
    assert_int_equal(b.last, 40);
    assert_int_equal(batch_size_ahead(&b, 40), 40);
    assert_int_equal(batch_size_ahead(&b, 60), 40);
    assert_int_equal(batch_size_ahead(&b, 61), 0); /* less than a batch: not worth a call */
    batch_size_observe(&b, 1000);
    assert_int_equal(batch_size_ahead(&b, 40), 0); /* one slow job is believed at once */
}

static void test_batch_size_ahead_grows_twofold(void **state)
{
    struct batch_size b;
    (void)state;
    batch_size_init(&b, 64, 5, false);
    assert_int_equal(batch_size_next(&b), 1);
    batch_size_observe(&b, 1);
    assert_int_equal(batch_size_ahead(&b, 1), 2);
    assert_int_equal(batch_size_ahead(&b, 2), 4);
    assert_int_equal(batch_size_next(&b), 8);
}

static void test_batch_size_ahead_of_rounds_is_none(void **state)
{
    struct batch_size b;
    (void)state;
    batch_size_init(&b, 64, 5, true);
    batch_size_observe(&b, 1);
    assert_int_equal(batch_size_ahead(&b, 0), 0);
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
        cmocka_unit_test(test_batch_size_ahead_fits_in_what_is_left_of_the_target),
        cmocka_unit_test(test_batch_size_ahead_grows_twofold),
        cmocka_unit_test(test_batch_size_ahead_of_rounds_is_none),
        cmocka_unit_test(test_batch_size_next_whole_is_always_the_bound),
        cmocka_unit_test(test_batch_size_init_bound_is_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
