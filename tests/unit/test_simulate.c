/* A simulated pool's parts without a pool: lives, agenda, and the scoring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "simulate_agenda.h"
#include "simulate_baseline.h"
#include "simulate_life.h"
#include "simulate_score.h"

#include <math.h>

/* -- lives -----------------------------------------------------------------------------------------------------------
 */

static void test_simulate_life_waits_touches_and_leaves(void **state)
{
    (void)state;
    struct simulate_life l;
    simulate_life_init(&l, 1000, 30000, 10000, false);
    assert_int_equal(simulate_life_due_ms(&l), 1000);
    assert_int_equal(simulate_life_act(&l, 999), SIMULATE_NOTHING);
    assert_int_equal(simulate_life_act(&l, 1000), SIMULATE_JOIN);
    assert_int_equal(simulate_life_due_ms(&l), SIMULATE_NEVER); /* not before the answer */
    simulate_life_answered(&l, 1500);
    assert_int_equal(simulate_life_act(&l, 11499), SIMULATE_NOTHING);
    assert_int_equal(simulate_life_act(&l, 11500), SIMULATE_TOUCH);
    assert_int_equal(simulate_life_act(&l, 21600), SIMULATE_TOUCH);
    assert_int_equal(simulate_life_act(&l, 30000), SIMULATE_LEAVE);
    assert_int_equal(l.stage, SIMULATE_LEAVING);
    assert_int_equal(simulate_life_act(&l, 99999), SIMULATE_NOTHING);
    simulate_life_ended(&l, SIMULATE_LEFT);
    assert_int_equal(l.end, SIMULATE_LEFT);
}

static void test_simulate_life_impatient_leaves_after_the_answer(void **state)
{
    (void)state;
    struct simulate_life l;
    simulate_life_init(&l, 0, 10, 10000, false);
    assert_int_equal(simulate_life_act(&l, 0), SIMULATE_JOIN);
    assert_int_equal(simulate_life_act(&l, 50), SIMULATE_NOTHING);
    simulate_life_answered(&l, 60);
    assert_int_equal(simulate_life_act(&l, 60), SIMULATE_LEAVE);
}

static void test_simulate_life_time_in_a_pair_does_not_cost_patience(void **state)
{
    (void)state;
    struct simulate_life l;
    simulate_life_init(&l, 0, 5000, 100000, false);
    (void)simulate_life_act(&l, 0);
    simulate_life_answered(&l, 10);
    assert_true(simulate_life_paired(&l, 1000));
    assert_int_equal(simulate_life_act(&l, 6000), SIMULATE_NOTHING);
    simulate_life_released(&l, 7000);
    assert_int_equal(simulate_life_act(&l, 7000), SIMULATE_TOUCH);
    assert_int_equal(simulate_life_act(&l, 10999), SIMULATE_NOTHING);
    assert_int_equal(simulate_life_act(&l, 11000), SIMULATE_LEAVE);
    assert_false(simulate_life_paired(&l, 11001)); /* has gone away from the screen */
    simulate_life_released(&l, 11002);
    assert_int_equal(l.stage, SIMULATE_LEAVING);
}

static void test_simulate_life_silent_says_nothing_until_the_run_closes(void **state)
{
    (void)state;
    struct simulate_life l;
    simulate_life_init(&l, 0, 5000, 100000, true);
    (void)simulate_life_act(&l, 0);
    simulate_life_answered(&l, 10);
    assert_int_equal(simulate_life_act(&l, 5000), SIMULATE_NOTHING);
    assert_int_equal(l.stage, SIMULATE_SILENT);
    assert_false(simulate_life_paired(&l, 6000));
    simulate_life_close(&l, 7000);
    assert_int_equal(simulate_life_act(&l, 7000), SIMULATE_LEAVE);
}

static void test_simulate_life_close_keeps_those_away_who_have_not_come(void **state)
{
    (void)state;
    struct simulate_life l;
    simulate_life_init(&l, 1000, SIMULATE_NEVER, 100, false);
    simulate_life_close(&l, 500);
    assert_int_equal(simulate_life_due_ms(&l), SIMULATE_NEVER);
}

static void test_simulate_agenda_gives_the_earliest_first(void **state)
{
    (void)state;
    struct simulate_agenda a = {0};
    struct simulate_entry e;
    int64_t last = -1;
    for (uint32_t i = 0; i < 2000; i++)
        simulate_agenda_add(&a, (int64_t)(i * 7919 % 1009), i);
    simulate_agenda_add(&a, INT64_MAX, 1);
    assert_int_equal(a.n, 2000);
    assert_false(simulate_agenda_take(&a, -1, &e));
    for (int i = 0; i < 2000; i++) {
        assert_true(simulate_agenda_take(&a, 2000, &e));
        assert_true(e.due_ms >= last);
        last = e.due_ms;
    }
    assert_false(simulate_agenda_take(&a, 2000, &e));
    simulate_agenda_fini(&a);
}

/* -- scoring ---------------------------------------------------------------------------------------------------------
 */

enum { MANY = 20000 };

static double unit(uint64_t *x)
{
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*x >> 11) * 0x1p-53;
}

/* Exponential waits of mean 100 s; patience of mean `patience_s`. */
static void make_cases(struct simulate_case cases[], double patience_s)
{
    uint64_t x = 7;
    for (int i = 0; i < MANY; i++) {
        double wait = -100 * log1p(-unit(&x)), patience = -patience_s * log1p(-unit(&x));
        cases[i] = (struct simulate_case){.join_s = i,
                                          .wait_s = fmin(wait, patience),
                                          .ended = wait <= patience ? SIMULATE_CASE_MATCH : SIMULATE_CASE_LEAVE,
                                          .gender = GENDER_MALE,
                                          .seeking = 2,
                                          .queued = true,
                                          .judged = true};
    }
}

static struct simulate_score judge(const struct simulate_case cases[], double factor, double after_s)
{
    struct simulate_censoring c;
    struct simulate_foretold *f = calloc(MANY, sizeof *f);
    for (size_t i = 0; i < MANY; i++)
        f[i] = (struct simulate_foretold){i, after_s, {100 * M_LN2 * factor, 100 * M_LN10 * factor}};
    simulate_censoring_init(&c, cases, MANY);
    struct simulate_score s = simulate_score_of(&c, cases, f, MANY, GENDER_COUNT);
    simulate_censoring_fini(&c);
    free(f);
    return s;
}

static void test_simulate_score_true_quantiles_are_covered_as_they_say(void **state)
{
    (void)state;
    static const double patience_s[] = {1e9, 400, 200};
    struct simulate_case *cases = calloc(MANY, sizeof *cases);
    for (size_t i = 0; i < ARRAY_LEN(patience_s); i++) {
        make_cases(cases, patience_s[i]);
        struct simulate_score s = judge(cases, 1, 0), later = judge(cases, 1, 30);
        assert_true(fabs(s.p50.share - .5) < .02 && s.p50.low < .5 && s.p50.high > .5);
        assert_true(fabs(s.p90.share - .9) < .02 && s.p90.low < .91 && s.p90.high > .89);
        assert_true(later.n < s.n && fabs(later.p50.share - .5) < .02 &&
                    fabs(later.p90.share - .9) < .02); /* memoryless */
        assert_true(fabs(simulate_score_quantile(cases, MANY, GENDER_MALE, .5) - 100 * M_LN2) < 3);
        double best = s.pinball50 + s.pinball90, wrong[] = {.5, .8, 1.25, 2};
        for (size_t k = 0; k < ARRAY_LEN(wrong); k++) {
            struct simulate_score other = judge(cases, wrong[k], 0);
            assert_true(other.pinball50 + other.pinball90 > best);
        }
    }
    free(cases);
}

static void test_simulate_score_nothing_to_judge_is_no_number(void **state)
{
    (void)state;
    struct simulate_case one = {.queued = true, .judged = false, .wait_s = 1};
    struct simulate_foretold f = {0, 0, {1, 2}};
    struct simulate_censoring c;
    simulate_censoring_init(&c, &one, 1);
    struct simulate_score s = simulate_score_of(&c, &one, &f, 1, GENDER_COUNT);
    assert_int_equal(s.n, 0);
    assert_true(isnan(s.pinball50) && isnan(s.p50.share));
    assert_true(isinf(simulate_score_quantile(&one, 1, GENDER_MALE, .5)));
    simulate_censoring_fini(&c);
}

static void test_simulate_baseline_learns_and_does_not_look_ahead(void **state)
{
    (void)state;
    struct simulate_case *cases = calloc(MANY, sizeof *cases);
    struct simulate_quantiles *q[SIMULATE_BASELINE_COUNT], first[SIMULATE_BASELINE_COUNT];
    make_cases(cases, 200);
    for (int b = 0; b < SIMULATE_BASELINE_COUNT; b++)
        q[b] = calloc(MANY, sizeof **q);
    simulate_baseline_run(cases, MANY, q);
    double p50 = 0;
    for (int i = MANY / 2; i < MANY; i++)
        p50 += q[SIMULATE_BASELINE_KAPLAN_MEIER][i].p50 / (MANY / 2);
    assert_true(fabs(p50 - 100 * M_LN2) < 10);
    for (int b = 0; b < SIMULATE_BASELINE_COUNT; b++) {
        first[b] = q[b][1000];
        assert_true(q[b][0].p50 > 0 && q[b][0].p90 > q[b][0].p50);
    }
    for (int i = 1000; i < MANY; i++) /* another future */
        cases[i].wait_s *= 3;
    simulate_baseline_run(cases, MANY, q);
    for (int b = 0; b < SIMULATE_BASELINE_COUNT; b++) {
        assert_true(q[b][1000].p50 == first[b].p50 && q[b][1000].p90 == first[b].p90);
        free(q[b]);
    }
    free(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simulate_life_waits_touches_and_leaves),
        cmocka_unit_test(test_simulate_life_impatient_leaves_after_the_answer),
        cmocka_unit_test(test_simulate_life_time_in_a_pair_does_not_cost_patience),
        cmocka_unit_test(test_simulate_life_silent_says_nothing_until_the_run_closes),
        cmocka_unit_test(test_simulate_life_close_keeps_those_away_who_have_not_come),
        cmocka_unit_test(test_simulate_agenda_gives_the_earliest_first),
        cmocka_unit_test(test_simulate_score_true_quantiles_are_covered_as_they_say),
        cmocka_unit_test(test_simulate_score_nothing_to_judge_is_no_number),
        cmocka_unit_test(test_simulate_baseline_learns_and_does_not_look_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
