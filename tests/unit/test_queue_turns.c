/*
 * With a thousand queues and a few workers, whose turn it is decides whether one customer waits for all others; and a worker that is sent
 * from queue to queue goes where it was sent, gives others a turn, and remembers where a call was lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "queue_turns.h"
#include "shard_turn.h"

static bool any(void *arg, uint32_t queue)
{
    (void)arg;
    (void)queue;
    return true;
}

static bool odd(void *arg, uint32_t queue)
{
    (void)arg;
    return queue % 2 != 0;
}

static uint32_t take(struct queue_turns *t, bool (*serves)(void *, uint32_t))
{
    uint32_t queue = UINT32_MAX;
    bool took = queue_turns_take(t, serves, NULL, &queue);
    assert_int_equal(took, queue != UINT32_MAX);
    return queue;
}

static void test_queue_turns_full_queue_waits_behind_the_others(void **arg)
{
    (void)arg;
    static struct queue_turns t;
    t = (struct queue_turns){.n = 0};
    queue_turns_add(&t, 7, 100);
    queue_turns_add(&t, 1, 1);
    queue_turns_add(&t, 2, 2);
    static const uint32_t order[] = {7, 1, 2, 7, 2, 7, 7};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        assert_int_equal(take(&t, any), order[i]);
    queue_turns_drop(&t, 7);
    queue_turns_drop(&t, 7);
    assert_int_equal(take(&t, any), UINT32_MAX);
}

static void test_queue_turns_pools_take_their_own(void **arg)
{
    (void)arg;
    static struct queue_turns t;
    t = (struct queue_turns){.n = 0};
    for (uint32_t queue = 0; queue < QUEUES_MAX; queue++)
        queue_turns_add(&t, queue, 1);
    queue_turns_add(&t, 4, 0);
    for (uint32_t queue = 1; queue < QUEUES_MAX; queue += 2)
        assert_int_equal(take(&t, odd), queue);
    assert_int_equal(take(&t, odd), UINT32_MAX);
    queue_turns_drop(&t, 0);
    for (uint32_t queue = 2; queue < QUEUES_MAX; queue += 2)
        assert_int_equal(take(&t, any), queue);
    assert_int_equal(t.n, 0);
}

static void test_shard_turn_sent_goes_where_it_is_sent(void **arg)
{
    (void)arg;
    static struct shard_turn t;
    shard_turn_init_sent(&t, "first");
    assert_false(shard_turn_next(&t, 100));
    assert_true(shard_turn_fetched(&t, false)); /* nothing there: it waits */
    shard_turn_woken(&t, "17 customer-17");
    assert_true(shard_turn_over(&t, 101));
    assert_true(shard_turn_next(&t, 101));
    assert_int_equal(t.part, 17);
    assert_string_equal(t.name, "customer-17");
    assert_false(shard_turn_fetched(&t, true));
    assert_false(shard_turn_over(&t, 101 + SHARD_TURN_MS - 1));
    assert_true(shard_turn_yields(&t, 101 + SHARD_TURN_MS));
    shard_turn_woken(&t, "17 customer-17"); /* the same once more is another turn */
    assert_false(shard_turn_yields(&t, 101 + SHARD_TURN_MS));
    assert_false(shard_turn_next(&t, 200));
    assert_true(shard_turn_yields(&t, 200 + SHARD_TURN_MS));
    shard_turn_woken(&t, "18 customer-18"); /* … and elsewhere none to give up */
    assert_false(shard_turn_yields(&t, 200 + SHARD_TURN_MS));
    assert_true(shard_turn_next(&t, 200 + SHARD_TURN_MS));
    static const char *const wrong[] = {"", "18", "x y", "99999 far", "3",
                                        "1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        shard_turn_woken(&t, wrong[i]);
    assert_false(shard_turn_next(&t, 200 + SHARD_TURN_MS));
    assert_string_equal(t.name, "customer-18");
}

static void test_shard_turn_sent_remembers_where_calls_were_lost(void **arg)
{
    (void)arg;
    static struct shard_turn t;
    char text[QUEUE_MAX];
    shard_turn_init_sent(&t, "first");
    for (int i = 0; i <= SHARD_LATE_MAX; i++) {
        (void)snprintf(text, sizeof text, "%d q%d", i + 1, i + 1);
        shard_turn_woken(&t, text);
        assert_true(shard_turn_next(&t, 1));
        shard_turn_lost(&t);
        shard_turn_lost(&t);
    }
    for (int i = SHARD_LATE_MAX; i > 0; i--) { /* the oldest was left out */
        assert_true(shard_turn_late(&t));
        (void)snprintf(text, sizeof text, "q%d", i + 1);
        assert_int_equal(t.part, i + 1);
        assert_string_equal(t.name, text);
    }
    assert_false(shard_turn_late(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_turns_full_queue_waits_behind_the_others),
        cmocka_unit_test(test_queue_turns_pools_take_their_own),
        cmocka_unit_test(test_shard_turn_sent_goes_where_it_is_sent),
        cmocka_unit_test(test_shard_turn_sent_remembers_where_calls_were_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
