/*
 * Why: a number that is left out must not be found by subtracting those that are told. Every small distribution is
 * tried and attacked with all sums there are. Refuses to: look at how the groups are chosen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wait_groups.h"

enum { GROUPS = 4 };

static uint64_t sum(const uint64_t counts[], size_t n)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += counts[i];
    return all;
}

/* What an attacker has: the total and the groups told. The rest is one number; it must be nobody, everybody, or enough.
 */
static void attack(const uint64_t counts[static GROUPS])
{
    bool told[GROUPS];
    uint64_t rest = sum(counts, GROUPS);
    wait_groups_told(counts, GROUPS, told);
    for (size_t i = 0; i < GROUPS; i++) {
        if (!told[i])
            continue;
        assert_true(counts[i] == 0 || counts[i] >= WAIT_GROUP_MIN);
        rest -= counts[i];
    }
    assert_true(rest == 0 || rest >= WAIT_GROUP_MIN || rest == sum(counts, GROUPS));
}

static void test_groups_rest_is_never_a_small_group(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 3, 10, 19, 20, 21, 40, 1000};
    for (size_t a = 0; a < ARRAY_LEN(sizes); a++)
        for (size_t b = 0; b < ARRAY_LEN(sizes); b++)
            for (size_t c = 0; c < ARRAY_LEN(sizes); c++)
                for (size_t d = 0; d < ARRAY_LEN(sizes); d++)
                    attack((const uint64_t[]){sizes[a], sizes[b], sizes[c], sizes[d]});
}

/* Two tellings of the same people: five classes in metrics, four on the application's pages. Neither, nor their
 * difference, may hold a small group. */
static void attack_genders(const uint64_t waiting[static GENDER_COUNT])
{
    struct wait_shown s;
    wait_groups_waiting(waiting, &s);
    uint64_t total = sum(waiting, GENDER_COUNT), others = s.waiting[GENDER_NONBINARY] + s.waiting[GENDER_OTHER];
    assert_int_equal(sum(s.waiting, GENDER_COUNT), total);
    assert_true(others == 0 || others >= WAIT_GROUP_MIN);
    for (unsigned g = 0; g < GENDER_COUNT; g++) {
        assert_true(s.waiting[g] == 0 || s.waiting[g] >= WAIT_GROUP_MIN || s.waiting[g] == total);
        if (s.apart[g])
            assert_int_equal(s.waiting[g], waiting[g]);
        if (s.waiting[g] == total && total > 0) /* everybody in one number: it must not be one gender's */
            assert_true(g == GENDER_UNKNOWN || g == GENDER_OTHER || waiting[g] == total);
    }
}

static void test_groups_genders_cannot_be_subtracted(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 5, 19, 20, 25, 300};
    for (size_t i = 0; i < 7 * 7 * 7 * 7 * 7; i++)
        attack_genders(
            (const uint64_t[]){sizes[i % 7], sizes[i / 7 % 7], sizes[i / 49 % 7], sizes[i / 343 % 7], sizes[i / 2401]});
}

static void test_groups_lone_few_hide_the_smaller_of_the_rest(void **state)
{
    (void)state;
    struct wait_shown s;
    wait_groups_waiting((const uint64_t[GENDER_COUNT]){[GENDER_MALE] = 50, [GENDER_FEMALE] = 22, [GENDER_OTHER] = 3},
                        &s);
    assert_int_equal(s.waiting[GENDER_MALE], 50);
    assert_int_equal(s.waiting[GENDER_FEMALE], 0);
    assert_int_equal(s.waiting[GENDER_UNKNOWN], 25);
    assert_true(s.apart[GENDER_MALE] && !s.apart[GENDER_FEMALE] && !s.apart[GENDER_UNKNOWN]);
    wait_groups_waiting((const uint64_t[GENDER_COUNT]){[GENDER_MALE] = 14, [GENDER_FEMALE] = 6}, &s);
    assert_int_equal(s.waiting[GENDER_UNKNOWN], 20);
}

static void test_groups_counter_moves_by_whole_groups(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 200; n++) {
        uint64_t step = wait_groups_counter(n + 1) - wait_groups_counter(n);
        assert_true(step == 0 || step == WAIT_GROUP_MIN);
        assert_true(wait_groups_counter(n) <= n && n - wait_groups_counter(n) < WAIT_GROUP_MIN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_rest_is_never_a_small_group),
        cmocka_unit_test(test_groups_genders_cannot_be_subtracted),
        cmocka_unit_test(test_groups_lone_few_hide_the_smaller_of_the_rest),
        cmocka_unit_test(test_groups_counter_moves_by_whole_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
