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

static void test_crash_queue_refused_reduces_then_lets_the_others_go_first(void **arg)
{
    (void)arg;
    struct crash_queue *q = calloc(1, sizeof *q);
    assert_non_null(q);
    struct crash_report bad = report(7), good = report(8);
    (void)snprintf(bad.blame, sizeof bad.blame, "normal:no entry");
    assert_int_equal(crash_queue_push(q, &bad), 0);
    assert_int_equal(crash_queue_push(q, &good), 0);
    assert_int_equal(crash_queue_refused(q, true), 0); /* reduced, and told again at once */
    assert_string_equal(crash_queue_peek(q)->consumer, "host:7:1");
    assert_string_equal(crash_queue_peek(q)->blame, "*");
    assert_non_null(strstr(crash_queue_peek(q)->error_json, "refused"));
    assert_int_equal(crash_queue_refused(q, true), 0); /* behind the other one, whose turn it is */
    assert_string_equal(crash_queue_peek(q)->consumer, "host:8:1");
    crash_queue_pop(q);
    uint64_t before = 0, wait = 0;
    for (int i = 0; i < 20; i++, before = wait) {
        wait = crash_queue_refused(q, true);
        assert_in_range(wait, MAX_OF(before, (uint64_t)CRASH_QUEUE_WAIT_MS), CRASH_QUEUE_WAIT_MAX_MS);
        assert_int_equal(q->n, 1);
    }
    assert_int_equal(wait, CRASH_QUEUE_WAIT_MAX_MS);
    crash_queue_fini(q);
    free(q);
}

static void test_crash_queue_refused_for_the_servers_mood_keeps_the_report(void **arg)
{
    (void)arg;
    struct crash_queue *q = calloc(1, sizeof *q);
    assert_non_null(q);
    struct crash_report r = report(7);
    (void)snprintf(r.blame, sizeof r.blame, "normal:1-0");
    assert_int_equal(crash_queue_push(q, &r), 0);
    assert_int_equal(crash_queue_refused(q, false), CRASH_QUEUE_WAIT_MS);
    assert_int_equal(crash_queue_refused(q, false), CRASH_QUEUE_WAIT_MS);
    assert_string_equal(crash_queue_peek(q)->blame, "normal:1-0");
    assert_int_equal(crash_queue_refused(q, false), 0);
    assert_string_equal(crash_queue_peek(q)->blame, "*");
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
        cmocka_unit_test(test_crash_queue_refused_reduces_then_lets_the_others_go_first),
        cmocka_unit_test(test_crash_queue_refused_for_the_servers_mood_keeps_the_report),
        cmocka_unit_test(test_crash_queue_push_full_refuses_and_keeps_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
