/* People by gender as pages and metrics tell them: no small group in either, nor in their difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wait_groups.h"

static uint64_t sum(const uint64_t counts[], size_t n)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += counts[i];
    return all;
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
        cmocka_unit_test(test_groups_genders_cannot_be_subtracted),
        cmocka_unit_test(test_groups_lone_few_hide_the_smaller_of_the_rest),
        cmocka_unit_test(test_groups_counter_moves_by_whole_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
