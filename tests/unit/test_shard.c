/* Parts of a queue: names, where a job belongs, whose turn it is, and their numbers as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "queue_sum.h"
#include "shard.h"
#include "shard_turn.h"

static void test_names_go_there_and_back(void **arg)
{
    (void)arg;
    char name[QUEUE_MAX], longest[QUEUE_MAX];
    assert_true(shard_name(name, "mail", 0));
    assert_string_equal(name, "mail");
    for (uint32_t part = 0; part < SHARD_PARTS_MAX; part++) {
        assert_true(shard_name(name, "mail", part));
        assert_int_equal(shard_part_of("mail", name), part);
    }
    assert_string_equal(name, "mail.31");
    static const char *const others[] = {"mai",     "mails",   "mail.",    "mail.32", "mail.01",
                                         "mail.1a", "mail.-1", "mail.100", "mail.1.1"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(shard_part_of("mail", others[i]), -1);
    memset(longest, 'q', sizeof longest);
    longest[QUEUE_MAX - 1] = '\0';
    assert_true(shard_name(name, longest, 0));
    assert_false(shard_name(name, longest, 1));
}

static void test_a_key_is_always_of_the_same_part(void **arg)
{
    (void)arg;
    /* The check value of CRC-32, as published with its parameters: "123456789" is cbf43926. */
    assert_int_equal(shard_of_key("123456789", 9, 32), 0xcbf43926u % 32 + 1);
    assert_int_equal(shard_of_key("123456789", 9, 3), 0xcbf43926u % 3 + 1);
    assert_int_equal(shard_of_key("123456789", 9, 1), 0);
    assert_int_equal(shard_parts(1), 1);
    assert_int_equal(shard_parts(2), 3);
}

static void test_without_shards_an_empty_fetch_is_rest(void **arg)
{
    (void)arg;
    struct shard_turn t;
    shard_turn_init(&t, 1, 5);
    for (uint64_t ms = 1; ms < 200; ms += 40) {
        assert_false(shard_turn_next(&t, ms));
        assert_false(shard_turn_over(&t, ms + 39));
        assert_true(shard_turn_fetched(&t, false));
        shard_turn_woken(&t, "");
    }
    assert_int_equal(t.part, 0);
}

static void test_rest_only_after_every_part_gave_nothing(void **arg)
{
    (void)arg;
    struct shard_turn t;
    uint64_t seen = 0;
    shard_turn_init(&t, 4, 2);
    for (int i = 0; i < 3; i++) {
        (void)shard_turn_next(&t, 10);
        seen |= UINT64_C(1) << t.part;
        assert_false(shard_turn_fetched(&t, false));
    }
    (void)shard_turn_next(&t, 10);
    seen |= UINT64_C(1) << t.part;
    assert_true(shard_turn_fetched(&t, false));
    assert_int_equal(seen, 0xf);
}

static void test_a_full_part_is_left_after_its_turn(void **arg)
{
    (void)arg;
    struct shard_turn t;
    uint32_t visits[3] = {0};
    shard_turn_init(&t, 3, 0);
    for (uint64_t ms = 1; ms < 1 + 9 * SHARD_TURN_MS; ms++) {
        (void)shard_turn_next(&t, ms);
        assert_false(shard_turn_fetched(&t, true));
        visits[t.part]++;
    }
    assert_int_equal(visits[0], visits[1]);
    assert_int_equal(visits[1], visits[2]);
}

static void test_a_wake_up_names_the_next_part(void **arg)
{
    (void)arg;
    struct shard_turn t;
    shard_turn_init(&t, 3, 0);
    (void)shard_turn_next(&t, 10);
    shard_turn_woken(&t, "2");
    assert_false(shard_turn_fetched(&t, false)); /* it came while the call was under way */
    assert_true(shard_turn_next(&t, 10));
    assert_int_equal(t.part, 2);
    shard_turn_woken(&t, "6"); /* not known until now */
    assert_int_equal(t.parts, 7);
    assert_true(shard_turn_next(&t, 10));
    assert_int_equal(t.part, 6);
    static const char *const wrong[] = {"-1", "33", "99999999999"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        shard_turn_woken(&t, wrong[i]);
    assert_int_equal(t.parts, 7);
}

static void test_lost_calls_are_looked_for_where_they_were_made(void **arg)
{
    (void)arg;
    struct shard_turn t;
    shard_turn_init(&t, 3, 1);
    shard_turn_lost(&t);
    shard_turn_woken(&t, "2");
    assert_true(shard_turn_next(&t, 10));
    shard_turn_lost(&t);
    assert_true(shard_turn_late(&t));
    assert_int_equal(t.part, 1);
    assert_true(shard_turn_late(&t));
    assert_int_equal(t.part, 2);
    assert_false(shard_turn_late(&t));
}

static void test_a_part_that_refuses_is_left(void **arg)
{
    (void)arg;
    struct shard_turn t;
    shard_turn_init(&t, 2, 0);
    (void)shard_turn_next(&t, 1000);
    shard_turn_leave(&t);
    assert_true(shard_turn_next(&t, 1001));
    assert_false(shard_turn_fetched(&t, false)); /* the one that refused may have jobs */
}

static void test_sums_hide_nothing(void **arg)
{
    (void)arg;
    json_t *sum = json_loads(
        "{\"queue\":\"q\",\"now\":5,\"paused\":false,\"paused_kinds\":[],\"shards_served\":2,\"instances\":2,\"drift\":"
        "1,"
        "\"next_due\":-1,\"bands\":{\"low\":{\"ready\":1,\"oldest_ms\":9}},\"dead_causes\":[],\"ledger\":{\"done\":3}}",
        0, NULL);
    json_t *part = json_loads(
        "{\"queue\":\"q.0\",\"now\":6,\"paused\":true,\"paused_kinds\":[\"probe\"],\"instances\":2,\"drift\":-1,"
        "\"next_due\":70,\"bands\":{\"low\":{\"ready\":2,\"oldest_ms\":4}},\"dead_causes\":{\"oom_kill\":1},"
        "\"ledger\":{\"done\":4,\"died\":1}}",
        0, NULL);
    json_t *want =
        json_loads("{\"queue\":\"q\",\"now\":6,\"paused\":true,\"paused_kinds\":[\"probe\"],\"shards_served\":2,"
                   "\"instances\":2,\"drift\":2,"
                   "\"next_due\":70,\"bands\":{\"low\":{\"ready\":3,\"oldest_ms\":9}},\"dead_causes\":{\"oom_kill\":1},"
                   "\"ledger\":{\"done\":7,\"died\":1}}",
                   0, NULL);
    assert_non_null(sum);
    assert_non_null(part);
    assert_int_equal(queue_sum_shards(sum), 2);
    assert_int_equal(queue_sum_shards(part), 1);
    queue_sum_add(sum, part);
    assert_true(json_equal(sum, want));
    json_decref(sum);
    json_decref(part);
    json_decref(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_go_there_and_back),
        cmocka_unit_test(test_a_key_is_always_of_the_same_part),
        cmocka_unit_test(test_without_shards_an_empty_fetch_is_rest),
        cmocka_unit_test(test_rest_only_after_every_part_gave_nothing),
        cmocka_unit_test(test_a_full_part_is_left_after_its_turn),
        cmocka_unit_test(test_a_wake_up_names_the_next_part),
        cmocka_unit_test(test_lost_calls_are_looked_for_where_they_were_made),
        cmocka_unit_test(test_a_part_that_refuses_is_left),
        cmocka_unit_test(test_sums_hide_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
