/*
 * A host rests in a queue only while nothing of it is at stake there, and the lease it asks for outlasts its pauses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "queue_rest.h"

enum { BEAT_MS = 3000, LEASE_MS = 10000, NOW = 1000000 };

static struct queue_rest_view calm(void)
{
    return (struct queue_rest_view){
        .listening = true, .known = true, .stirred_ms = NOW - REST_AFTER_BEATS * BEAT_MS, .heartbeat_ms = BEAT_MS};
}

static void test_queue_rest_may_rests_when_nothing_is_at_stake(void **arg)
{
    (void)arg;
    struct queue_rest_view v = calm();
    assert_true(queue_rest_may(&v, NOW));
    assert_false(queue_rest_may(&v, NOW - 1)); /* others learn of its short lease first */
}

static void test_queue_rest_may_not_with_anything_at_stake(void **arg)
{
    (void)arg;
    struct queue_rest_view rows[] = {calm(), calm(), calm(), calm(), calm()};
    rows[0].listening = false;
    rows[1].known = false;
    rows[2].paused = true;
    rows[3].owing = true;
    rows[4].ready = 1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_false(queue_rest_may(&rows[i], NOW));
}

static void test_queue_rest_lease_outlasts_three_beats(void **arg)
{
    (void)arg;
    for (uint32_t queues = 0; queues <= 1000; queues++) {
        uint64_t beat_ms = queue_rest_beat_ms(BEAT_MS, queues),
                 lease_ms = queue_rest_lease_ms(LEASE_MS, BEAT_MS, queues);
        assert_true(beat_ms >= BEAT_MS && beat_ms <= MAX_OF((uint64_t)REST_MAX_MS, (uint64_t)REST_QUEUE_MS * queues));
        assert_true(lease_ms > 3 * beat_ms && lease_ms >= LEASE_MS && lease_ms <= 86400000);
    }
}

/* The widest heartbeat and the longest lease a configuration may ask for. */
static void test_queue_rest_never_asks_for_less_than_configured(void **arg)
{
    (void)arg;
    assert_int_equal(queue_rest_beat_ms(200000, 1), 200000);
    assert_int_equal(queue_rest_lease_ms(600000, 200000, 1), 800000);
}

/* However many queues: until a queue's pause has reached its bound, all of them together are as many beats as one. */
static void test_queue_rest_beats_do_not_grow_with_queues(void **arg)
{
    (void)arg;
    uint64_t one = queue_rest_beat_ms(BEAT_MS, 1);
    for (uint32_t queues = 2; one * queues <= REST_MAX_MS; queues++)
        assert_int_equal(queue_rest_beat_ms(BEAT_MS, queues), one * queues);
}

/* Very many queues: half a beat a second of all together. */
static void test_queue_rest_thousand_queues_beat_seldom(void **arg)
{
    (void)arg;
    assert_int_equal(queue_rest_beat_ms(BEAT_MS, 1000), 1000 * (uint64_t)REST_QUEUE_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_rest_may_rests_when_nothing_is_at_stake),
        cmocka_unit_test(test_queue_rest_may_not_with_anything_at_stake),
        cmocka_unit_test(test_queue_rest_lease_outlasts_three_beats),
        cmocka_unit_test(test_queue_rest_never_asks_for_less_than_configured),
        cmocka_unit_test(test_queue_rest_beats_do_not_grow_with_queues),
        cmocka_unit_test(test_queue_rest_thousand_queues_beat_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
