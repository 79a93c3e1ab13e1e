/*
 * Why: a bucket is asked where somebody stands by every answer to a person who waits. Whatever was entered and taken
 * out, in whatever order, it must say what counting everybody says.
 */
#include "match_bucket.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { PEOPLE = 3000, ORDERS = 700 };

static uint32_t counted(const struct match_bucket *b, int64_t order)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_chunks; i++)
        for (uint32_t k = 0; k < b->chunks[i]->n; k++)
            n += b->chunks[i]->entry[k].order < order;
    return n;
}

static void check(const struct match_bucket *b)
{
    for (int64_t order = -1; order <= ORDERS; order += 7)
        assert_int_equal(match_bucket_before(b, order), counted(b, order));
    assert_int_equal(match_bucket_before(b, INT64_MAX), b->count);
    assert_int_equal(match_bucket_before(b, INT64_MIN), 0);
}

static void test_bucket_tells_how_many_go_before(void **state)
{
    struct match_bucket b = {0};
    int64_t order[PEOPLE];
    unsigned short seed[3] = {7, 7, 7};
    (void)state;
    check(&b);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        order[i] = nrand48(seed) % ORDERS; /* several of most orders */
        assert_int_equal(match_bucket_add(&b, &(struct match_entry){.order = order[i], .slot = i}), 0);
        if (i % 500 == 1)
            check(&b);
    }
    check(&b);
    for (uint32_t i = 0; i < PEOPLE; i += 1 + (i % 3 == 0))
        match_bucket_remove(&b, order[i], i);
    check(&b);
    match_bucket_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket_tells_how_many_go_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
