/*
 * Who of a batch runs together: a round for kinds that take one, and a suspect never with others.
 */
#include "job_batch.h"
#include "kind_set.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { CAP = 6 };

/* A batch of claimed jobs of the kind, suspects as given ('s'; '.' is none). */
static void fill(struct job_batch *b, struct kind_slot *kind, const char *suspects)
{
    job_batch_init(b, CAP);
    for (size_t i = 0; suspects[i] != '\0'; i++) {
        struct job_core *item = job_batch_add(b);
        item->kind = kind;
        item->job.suspect = suspects[i] == 's';
    }
}

static void test_job_batch_group_of_a_round_leaves_suspects_out(void **state)
{
    (void)state;
    static const struct kind_ops round_ops = {.batch_whole = true};
    struct kind_slot kind = {.ops = &round_ops}, other = {.ops = &round_ops};
    struct job_batch b;
    struct job_core *group[CAP];
    fill(&b, &kind, "..s..");
    b.items[4].kind = &other;
    assert_int_equal(job_batch_group(&b, group), 3);
    assert_ptr_equal(group[0], &b.items[0]);
    assert_ptr_equal(group[1], &b.items[1]);
    assert_ptr_equal(group[2], &b.items[3]);
    job_batch_move(&b, &b.items[1], JOB_EV_RETURN); /* no more to be run here */
    assert_int_equal(job_batch_group(&b, group), 2);
    job_batch_fini(&b);
}

static void test_job_batch_group_of_a_suspect_is_itself(void **state)
{
    (void)state;
    static const struct kind_ops round_ops = {.batch_whole = true};
    struct kind_slot kind = {.ops = &round_ops};
    struct job_batch b;
    struct job_core *group[CAP];
    fill(&b, &kind, "s..s");
    assert_int_equal(job_batch_group(&b, group), 1);
    assert_ptr_equal(group[0], &b.items[0]);
    b.next = 3;
    assert_int_equal(job_batch_group(&b, group), 1);
    assert_ptr_equal(group[0], &b.items[3]);
    job_batch_fini(&b);
}

static void test_job_batch_group_of_single_jobs_is_one(void **state)
{
    (void)state;
    static const struct kind_ops single_ops = {.batch_whole = false};
    struct kind_slot kind = {.ops = &single_ops};
    struct job_batch b;
    struct job_core *group[CAP];
    fill(&b, &kind, "....");
    assert_int_equal(job_batch_group(&b, group), 1);
    job_batch_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_batch_group_of_a_round_leaves_suspects_out),
        cmocka_unit_test(test_job_batch_group_of_a_suspect_is_itself),
        cmocka_unit_test(test_job_batch_group_of_single_jobs_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
