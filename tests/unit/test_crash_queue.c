/*
 * Deaths are kept in order and none is dropped for another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crash_queue.h"
#include <stdio.h>

static struct crash_report report(unsigned n)
{
    struct crash_report r = {.crash_limit = n, .error_json = strdup("{}")};
    assert_non_null(r.error_json);
    (void)snprintf(r.consumer, sizeof r.consumer, "host:%u:1", n);
    return r;
}

static void test_crash_queue_order_over_the_ring_is_first_in_first_out(void **arg)
{
    (void)arg;
    struct crash_queue *q = calloc(1, sizeof *q);
    assert_non_null(q);
    unsigned in = 0, out = 0;
    for (int round = 0; round < 5; round++) {
        while (in < out + 200) {
            struct crash_report r = report(in++);
            assert_int_equal(crash_queue_push(q, &r), 0);
        }
        while (out < in - 13) {
            assert_int_equal(crash_queue_peek(q)->crash_limit, out++);
            crash_queue_pop(q);
        }
    }
    crash_queue_fini(q);
    assert_null(crash_queue_peek(q));
    crash_queue_fini(q);
    free(q);
}

static void test_crash_queue_push_full_refuses_and_keeps_all(void **arg)
{
    (void)arg;
    struct crash_queue *q = calloc(1, sizeof *q);
    assert_non_null(q);
    for (unsigned i = 0; i < CRASH_QUEUE_MAX; i++) {
        assert_false(crash_queue_full(q));
        struct crash_report r = report(i);
        assert_int_equal(crash_queue_push(q, &r), 0);
    }
    assert_true(crash_queue_full(q));
    struct crash_report late = report(9999);
    assert_int_equal(crash_queue_push(q, &late), -ENOSPC);
    free(late.error_json);
    assert_int_equal(crash_queue_peek(q)->crash_limit, 0);
    crash_queue_fini(q);
    crash_queue_fini(NULL);
    free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_queue_order_over_the_ring_is_first_in_first_out),
        cmocka_unit_test(test_crash_queue_push_full_refuses_and_keeps_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
