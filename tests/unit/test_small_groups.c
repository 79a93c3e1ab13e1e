/*
 * Why: a number that is left out must not be found by subtracting those that are told, nor by what is said of it
 * instead. Every small distribution is tried and attacked with all sums there are. Refuses to: look at how the groups
 * are chosen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "small_groups.h"

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
    small_groups_told(counts, GROUPS, told);
    for (size_t i = 0; i < GROUPS; i++) {
        if (!told[i])
            continue;
        assert_true(counts[i] == 0 || counts[i] >= SMALL_GROUP_MIN);
        rest -= counts[i];
    }
    assert_true(rest == 0 || rest >= SMALL_GROUP_MIN || rest == sum(counts, GROUPS));
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

/* -- what is said of those that are not told
 * ---------------------------------------------------------------------------
 */

enum { SIZES = 64, THREE = 3 };

/* One distribution, as an attacker sees it. */
struct seen {
    uint32_t counts[THREE];
    uint64_t numbers; /* total and groups told: all that can be subtracted */
    uint64_t words;   /* what is said of the others */
};

static int by_numbers(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    return x->numbers != y->numbers ? (x->numbers < y->numbers ? -1 : 1)
           : x->words != y->words   ? (x->words < y->words ? -1 : 1)
                                    : 0;
}

static struct seen see(const uint64_t counts[static THREE])
{
    bool told[THREE];
    struct seen s = {.numbers = sum(counts, THREE)};
    small_groups_told(counts, THREE, told);
    for (size_t i = 0; i < THREE; i++) {
        s.counts[i] = (uint32_t)counts[i];
        s.numbers = s.numbers << 8 | (told[i] ? counts[i] + 1 : 0);
        s.words = s.words << 16 | (uint16_t)(told[i] ? 0 : small_groups_from(counts, told, THREE, i) + 2);
    }
    return s;
}

/* Which sizes below SMALL_GROUP_MIN group i may have, by bits, among distributions that look alike. */
static uint32_t possible(const struct seen seen[], size_t n, size_t i)
{
    uint32_t bits = 0;
    for (size_t k = 0; k < n; k++)
        bits |= seen[k].counts[i] < SMALL_GROUP_MIN ? UINT32_C(1) << seen[k].counts[i] : 0;
    return bits;
}

/* Everybody who could be, with numbers and rule known to the attacker: what is said besides must not make a small group
 * smaller. */
static void test_groups_words_narrow_no_small_group(void **state)
{
    struct seen *all = calloc((size_t)SIZES * SIZES * SIZES, sizeof *all);
    size_t n = 0, said = 0;
    (void)state;
    assert_non_null(all);
    for (uint64_t a = 0; a < SIZES; a++)
        for (uint64_t b = 0; b < SIZES; b++)
            for (uint64_t c = 0; c < SIZES; c++)
                all[n++] = see((const uint64_t[]){a, b, c});
    qsort(all, n, sizeof *all, by_numbers);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && all[to].numbers == all[from].numbers; to++)
            continue;
        for (size_t first = from, last; first < to; first = last) {
            for (last = first; last < to && all[last].words == all[first].words; last++)
                continue;
            for (size_t i = 0; i < THREE; i++) {
                uint32_t with = possible(all + first, last - first, i), without = possible(all + from, to - from, i);
                said += with != 0 && last - first < to - from;
                if (with != 0 && with != without)
                    fail_msg("group %zu of %u, %u, %u: %x, not %x", i, all[first].counts[0], all[first].counts[1],
                             all[first].counts[2], with, without);
            }
        }
    }
    assert_true(said > 1000); /* something is said at all */
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_rest_is_never_a_small_group),
        cmocka_unit_test(test_groups_words_narrow_no_small_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
