/*
 * Who of a batch runs together: a round for kinds that take one, and a suspect never with others. How many ends of a
 * large one go into a call: no more than a Function takes.
 */
#include "fetch_call.h"
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

static void end_and_tell(struct job_batch *b, struct job_core *item)
{
    static const enum job_event events[] = {JOB_EV_START, JOB_EV_END, JOB_EV_ASK, JOB_EV_ANSWER};
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        job_batch_move(b, item, events[i]);
}

/* Jobs claimed while others are in hand: those that are gone make room, nobody else moves, and who came first is run
 * first. */
static void test_job_batch_places_are_used_again(void **state)
{
    (void)state;
    static const struct kind_ops single_ops = {.batch_whole = false};
    struct kind_slot kind = {.ops = &single_ops};
    struct job_batch b;
    fill(&b, &kind, "......");
    assert_null(job_batch_add(&b));
    for (size_t i = 0; i < CAP; i++)
        if (i != 1) {
            b.items[i].job.payload = strdup("{}");
            b.items[i].a = strdup("{}"); /* both are freed when the place is used again */
        }
    for (size_t i = 0; i < 4; i++)
        if (i != 1)
            end_and_tell(&b, &b.items[i]);
    job_batch_move(&b, &b.items[1], JOB_EV_START);
    assert_int_equal(job_batch_held(&b), 3);
    assert_ptr_equal(job_batch_next(&b), &b.items[4]);
    job_batch_make_room(&b);
    assert_ptr_equal(job_batch_add(&b), &b.items[0]);
    assert_ptr_equal(job_batch_add(&b), &b.items[2]);
    assert_int_equal(b.count[JOB_GONE], 1);
    assert_int_equal(b.count[JOB_CLAIMED], 4);
    static const size_t order[] = {4, 5, 0, 2};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        assert_ptr_equal(job_batch_next(&b), &b.items[order[i]]);
        end_and_tell(&b, job_batch_next(&b));
    }
    assert_null(job_batch_next(&b));
    job_batch_fini(&b);
}

static void test_job_batch_a_job_that_cannot_be_read_is_taken_back(void **state)
{
    (void)state;
    struct kind_slot kind = {0};
    struct job_batch b;
    fill(&b, &kind, "..");
    job_batch_take_back(&b, &b.items[1]);
    assert_int_equal(job_batch_held(&b), 1);
    assert_ptr_equal(job_batch_next(&b), &b.items[0]);
    job_batch_fini(&b);
}

/* A batch of n jobs of the normal band that have ended with op. */
static void fill_ended(struct job_batch *b, size_t n, enum finish_op op)
{
    job_batch_init(b, n);
    for (size_t i = 0; i < n; i++) {
        struct job_core *item = job_batch_add(b);
        item->job.band = BAND_NORMAL;
        item->op = op;
        job_batch_move(b, item, JOB_EV_START);
        job_batch_move(b, item, JOB_EV_END);
    }
}

static void test_job_batch_ends_of_a_large_one_are_told_in_calls_that_are_taken(void **state)
{
    (void)state;
    enum { ENDS = FETCH_ENDS_MAX + 500 };
    struct fetch_args args;
    struct job_batch b;
    fetch_args_init(&args, "q", "", ENDS);
    fill_ended(&b, ENDS, FINISH_DEAD);
    fetch_args_finish(&args, "i", "i:0:1", 0, 0, &b, 0);
    assert_string_equal(args.argv[8], "1000"); /* FCALL stint_finish 1 K instance consumer turn max n */
    assert_int_equal(b.count[JOB_TELLING], FETCH_ENDS_MAX);
    assert_int_equal(b.count[JOB_ENDED], 500);
    job_batch_fini(&b);
    fill_ended(&b, ENDS, FINISH_ACK);
    assert_true(fetch_args_short(&args, &b, 0));
    assert_int_equal(args.n, 5 + FETCH_ENDS_MAX); /* FCALL stint_ack 1 K band, the entries */
    assert_true(fetch_args_short(&args, &b, 1));
    assert_int_equal(args.n, 5 + 500);
    assert_false(fetch_args_short(&args, &b, 2));
    job_batch_fini(&b);
    fetch_args_fini(&args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_batch_group_of_a_round_leaves_suspects_out),
        cmocka_unit_test(test_job_batch_group_of_a_suspect_is_itself),
        cmocka_unit_test(test_job_batch_group_of_single_jobs_is_one),
        cmocka_unit_test(test_job_batch_places_are_used_again),
        cmocka_unit_test(test_job_batch_a_job_that_cannot_be_read_is_taken_back),
        cmocka_unit_test(test_job_batch_ends_of_a_large_one_are_told_in_calls_that_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
