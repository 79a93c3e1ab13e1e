/* A simulated pool's parts without a pool: lives, books, agenda, tickets, scenarios, and the scoring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scenario.h"
#include "simulate_agenda.h"
#include "simulate_baseline.h"
#include "simulate_books.h"
#include "simulate_life.h"
#include "simulate_score.h"
#include "trace_file.h"

#include <math.h>
#include <stdio.h>

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

/* -- books -----------------------------------------------------------------------------------------------------------
 */

enum { ANN, BOB, CID, DAN, PEOPLE };

struct world {
    struct trace trace;
    struct trace_person persons[PEOPLE];
    int64_t met[1];
    struct simulate_crowd crowd;
    struct simulate_books books;
};

/* Ann seeks men, the three men seek women; Dan has met Ann. Ids are not in order of joining. */
static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err e;
    static const int64_t ids[PEOPLE] = {40, 30, 20, 10};
    for (uint32_t i = 0; i < PEOPLE; i++)
        w->persons[i] = (struct trace_person){.id = ids[i],
                                              .join_ms = i,
                                              .leave_ms = TRACE_STAYS,
                                              .max_hm = 100,
                                              .gender = i == ANN ? GENDER_FEMALE : GENDER_MALE,
                                              .seeking = (uint8_t)(1U << (i == ANN ? GENDER_MALE : GENDER_FEMALE)),
                                              .age = 30,
                                              .age_min = 25,
                                              .age_max = 35};
    w->met[0] = ids[ANN];
    w->persons[DAN].n_met = 1;
    w->trace = (struct trace){
        .horizon_ms = 1000, .score_to_ms = 1000, .persons = w->persons, .n_persons = PEOPLE, .met = w->met};
    assert_int_equal(simulate_crowd_init(&w->crowd, &w->trace, "r1", &e), 0);
    assert_int_equal(simulate_books_init(&w->books, &w->crowd, &e), 0);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    simulate_books_fini(&w->books);
    simulate_crowd_fini(&w->crowd);
    free(w);
    return 0;
}

static const struct simulate_event *tell(struct world *w, int64_t seq, const char *text)
{
    json_t *data = json_loads(text, 0, NULL);
    const struct simulate_event *ev = simulate_books_event(&w->books, seq, data, seq);
    json_decref(data);
    return ev;
}

static const struct simulate_event *tell_pair(struct world *w, int64_t seq, const char *pair, uint32_t a, uint32_t b)
{
    char text[400], one[SIMULATE_ID_MAX], two[SIMULATE_ID_MAX];
    (void)snprintf(text, sizeof text,
                   "{\"t\":\"matched\",\"pair\":\"%s\",\"a\":\"%s\",\"b\":\"%s\",\"wait_a_ms\":5,\"wait_b_ms\":0}",
                   pair, simulate_crowd_id(&w->crowd, a, one), simulate_crowd_id(&w->crowd, b, two));
    return tell(w, seq, text);
}

static void join(struct world *w, uint32_t person)
{
    json_t *result = json_loads("{\"queued\":{\"created_ms\":1}}", 0, NULL);
    w->books.records[person].joined_ms = 0;
    simulate_books_joined(&w->books, person, result, 1);
    json_decref(result);
}

static void confirm(struct world *w, uint32_t pair)
{
    w->books.pairs[pair].state = SIMULATE_PAIR_CONFIRMED;
}

static void leave(struct world *w, uint32_t person, const char *answer)
{
    json_t *result = json_loads(answer, 0, NULL);
    (void)simulate_books_left(&w->books, person, result);
    json_decref(result);
}

/* Exactly this fault, once. */
static void assert_fault(const struct simulate_books *b, enum simulate_fault fault)
{
    for (int i = 0; i < SIMULATE_FAULT_COUNT; i++)
        if (b->faults[i] != (i == (int)fault))
            fail_msg("%zu times %s: %s", b->faults[i], simulate_fault_name((enum simulate_fault)i), b->evidence[0]);
    assert_int_equal(b->n_evidence, 1);
}

static void test_simulate_books_a_good_life_has_no_fault(void **state)
{
    struct world *w = *state;
    join(w, ANN);
    join(w, BOB);
    join(w, CID);
    leave(w, CID, "{\"state\":\"left\"}");
    assert_non_null(tell_pair(w, 7, "p1", ANN, BOB));
    confirm(w, 0);
    simulate_books_close(&w->books, 1000);
    assert_int_equal(simulate_books_faults(&w->books), 0);
    assert_int_equal(w->books.records[ANN].partner, BOB);
    assert_int_equal(w->books.records[ANN].first_wait_ms, 5);
    assert_int_equal(w->books.records[CID].partner, SIMULATE_NOBODY);
}

static void test_simulate_books_a_repeated_event_is_no_fault_unless_it_changed(void **state)
{
    struct world *w = *state;
    assert_non_null(tell_pair(w, 7, "p1", ANN, BOB));
    assert_null(tell_pair(w, 7, "p1", ANN, BOB));
    assert_int_equal(w->books.repeated, 1);
    assert_int_equal(simulate_books_faults(&w->books), 0);
    assert_null(tell_pair(w, 7, "p1", ANN, CID));
    assert_fault(&w->books, SIMULATE_FAULT_CHANGED);
}

static void test_simulate_books_two_pairs_at_once_are_found_whatever_the_order(void **state)
{
    struct world *w = *state;
    assert_non_null(tell_pair(w, 9, "p2", ANN, CID));
    assert_non_null(tell_pair(w, 7, "p1", ANN, BOB));
    join(w, ANN);
    leave(w, ANN, "{\"state\":\"left\"}");
    simulate_books_close(&w->books, 1000);
    assert_fault(&w->books, SIMULATE_FAULT_TWO_PAIRS);
}

static void test_simulate_books_released_people_may_be_paired_again_with_others(void **state)
{
    struct world *w = *state;
    char text[400], a[SIMULATE_ID_MAX], b[SIMULATE_ID_MAX];
    assert_non_null(tell_pair(w, 7, "p1", ANN, BOB));
    (void)snprintf(text, sizeof text,
                   "{\"t\":\"released\",\"pair\":\"p1\",\"a\":\"%s\",\"b\":\"%s\",\"why\":\"released\",\"a_waits\":"
                   "true,\"b_waits\":true}",
                   simulate_crowd_id(&w->crowd, ANN, a), simulate_crowd_id(&w->crowd, BOB, b));
    assert_non_null(tell(w, 8, text));
    assert_non_null(tell_pair(w, 9, "p2", ANN, CID));
    simulate_books_close(&w->books, 1000);
    assert_int_equal(simulate_books_faults(&w->books), 0);
    assert_int_equal(w->books.records[ANN].partner, BOB); /* the first match is the one that was waited for */
}

static void test_simulate_books_the_same_two_too_soon_is_a_fault(void **state)
{
    struct world *w = *state;
    char text[400], a[SIMULATE_ID_MAX], b[SIMULATE_ID_MAX];
    assert_non_null(tell_pair(w, 7, "p1", ANN, BOB));
    (void)snprintf(text, sizeof text, "{\"t\":\"released\",\"pair\":\"p1\",\"a\":\"%s\",\"b\":\"%s\"}",
                   simulate_crowd_id(&w->crowd, ANN, a), simulate_crowd_id(&w->crowd, BOB, b));
    assert_non_null(tell(w, 8, text));
    assert_non_null(tell_pair(w, 9, "p2", BOB, ANN));
    simulate_books_close(&w->books, 1000);
    assert_fault(&w->books, SIMULATE_FAULT_AGAIN);
}

static void test_simulate_books_pairs_that_do_not_fit_are_found(void **state)
{
    struct world *w = *state;
    assert_null(simulate_crowd_misfit(&w->crowd, ANN, BOB));
    assert_string_equal(simulate_crowd_misfit(&w->crowd, BOB, CID), "gender sought");
    assert_string_equal(simulate_crowd_misfit(&w->crowd, ANN, DAN), "have met");
    assert_string_equal(simulate_crowd_misfit(&w->crowd, DAN, ANN), "have met");
    w->persons[BOB].age = 36;
    assert_string_equal(simulate_crowd_misfit(&w->crowd, ANN, BOB), "age");
    w->persons[BOB].age = 30;
    w->persons[BOB].x_hm = 100;
    assert_null(simulate_crowd_misfit(&w->crowd, ANN, BOB));
    w->persons[BOB].x_hm = 101;
    assert_string_equal(simulate_crowd_misfit(&w->crowd, BOB, ANN), "distance");
    assert_non_null(tell_pair(w, 7, "p1", ANN, BOB));
    simulate_books_close(&w->books, 1000);
    assert_fault(&w->books, SIMULATE_FAULT_UNFIT);
}

static void test_simulate_books_a_join_without_an_end_is_found(void **state)
{
    struct world *w = *state;
    join(w, ANN);
    simulate_books_close(&w->books, 1000);
    assert_fault(&w->books, SIMULATE_FAULT_NO_END);
}

static void test_simulate_books_a_leave_the_pool_does_not_know_is_found(void **state)
{
    struct world *w = *state;
    join(w, ANN);
    leave(w, ANN, "{\"state\":\"absent\"}");
    simulate_books_close(&w->books, 1000);
    assert_fault(&w->books, SIMULATE_FAULT_FORGOTTEN);
}

static void test_simulate_books_an_untold_pair_is_found(void **state)
{
    struct world *w = *state;
    json_t *result = json_loads("{\"pairs\":[{\"pair\":\"p9\"}]}", 0, NULL);
    w->books.records[ANN].joined_ms = 0;
    simulate_books_joined(&w->books, ANN, result, 1);
    json_decref(result);
    assert_int_equal(simulate_books_untold(&w->books), 1);
    simulate_books_close(&w->books, 1000);
    assert_fault(&w->books, SIMULATE_FAULT_UNTOLD);
}

static void test_simulate_books_events_that_cannot_be_are_faults(void **state)
{
    struct world *w = *state;
    static const char *const events[] = {"{\"t\":\"mached\"}",
                                         "{\"t\":\"matched\",\"pair\":\"p\",\"a\":\"r1-1\",\"b\":\"r1-2\"}"};
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        assert_null(tell(w, (int64_t)i + 1, events[i]));
    assert_null(tell_pair(w, 0, "p1", ANN, BOB));
    assert_int_equal(w->books.faults[SIMULATE_FAULT_IMPOSSIBLE], 3);
}

/* Who matched died before telling, and the end was told first: seq says which came first, and only a match that never comes is a fault. */
static void test_simulate_books_end_told_before_its_match_is_a_fault_without_one(void **state)
{
    struct world *w = *state;
    static const char released[] =
        "{\"t\":\"released\",\"pair\":\"p1\",\"a\":\"r1-40\",\"b\":\"r1-30\",\"why\":\"left\",\"a_waits\":false,\"b_waits\":true}";
    assert_non_null(tell(w, 2, released));
    assert_int_equal(simulate_books_faults(&w->books), 0);
    assert_non_null(tell(w, 1, "{\"t\":\"matched\",\"pair\":\"p1\",\"a\":\"r1-40\",\"b\":\"r1-30\",\"wait_a_ms\":1,\"wait_b_ms\":1}"));
    assert_int_equal(simulate_books_faults(&w->books), 0);
    assert_null(tell(w, 3, "{\"t\":\"matched\",\"pair\":\"p1\",\"a\":\"r1-40\",\"b\":\"r1-30\",\"wait_a_ms\":1,\"wait_b_ms\":1}"));
    assert_int_equal(w->books.faults[SIMULATE_FAULT_IMPOSSIBLE], 1);
    w->books.pairs[0].matched = false;
    simulate_books_close(&w->books, 0);
    assert_int_equal(w->books.faults[SIMULATE_FAULT_IMPOSSIBLE], 2);
}

static void test_simulate_books_strangers_are_counted_and_no_partner_of_ours(void **state)
{
    struct world *w = *state;
    assert_null(tell(w, 1, "{\"t\":\"expired\",\"id\":\"somebody\",\"reason\":\"offline\"}"));
    assert_int_equal(simulate_books_faults(&w->books), 0);
    assert_null(
        tell(w, 2, "{\"t\":\"matched\",\"pair\":\"p\",\"a\":\"r1-40\",\"b\":\"x\",\"wait_a_ms\":1,\"wait_b_ms\":1}"));
    assert_int_equal(w->books.strangers, 2);
    assert_fault(&w->books, SIMULATE_FAULT_IMPOSSIBLE);
}

static void test_simulate_crowd_ids_go_both_ways(void **state)
{
    const struct world *w = *state;
    char id[SIMULATE_ID_MAX];
    for (uint32_t i = 0; i < PEOPLE; i++)
        assert_int_equal(simulate_crowd_find(&w->crowd, simulate_crowd_id(&w->crowd, i, id)), i);
    static const char *const others[] = {"", "r1", "r1-", "r1-x", "r2-40", "r1-41", "40"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(simulate_crowd_find(&w->crowd, others[i]), SIMULATE_NOBODY);
}

static void test_simulate_crowd_submit_is_a_ticket(void **state)
{
    const struct world *w = *state;
    const struct simulate_ticket how = {"sim-x", 30000, true};
    char *text = simulate_crowd_submit(&w->crowd, DAN, &how);
    json_t *o = json_loads(text, 0, NULL);
    char id[SIMULATE_ID_MAX];
    assert_string_equal(json_string_value(json_object_get(o, "pool")), "sim-x");
    assert_string_equal(json_string_value(json_object_get(o, "op")), "submit");
    assert_int_equal(json_integer_value(json_object_get(o, "presence_ms")), 30000);
    assert_true(json_is_true(json_object_get(json_object_get(o, "consent"), "notify")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(o, "recent"), 0)),
                        simulate_crowd_id(&w->crowd, ANN, id));
    json_decref(o);
    free(text);
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

/* -- scenarios -------------------------------------------------------------------------------------------------------
 */

static void test_scenario_make_people_are_as_the_scenario_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double per_s, men;
    } wanted[] = {{"balanced", 1, .5}, {"male70", 1, .7},    {"male90", 1, .9},  {"mixed", 1, .52},
                  {"peak", 1.05, .55}, {"burst", 1.13, .56}, {"drop", .90, .58}, {"thin", .2, .55}};
    struct trace t;
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        size_t men = 0;
        assert_int_equal(scenario_make(wanted[i].name, 3, 4, 7200000, &t, &e), 0);
        for (uint32_t k = 0; k < t.n_persons; k++) {
            const struct trace_person *p = &t.persons[k];
            men += p->gender == GENDER_MALE;
            assert_true(p->join_ms >= 0 && p->join_ms < 7200000 && (k == 0 || p->join_ms >= p[-1].join_ms));
            assert_true(p->age >= 18 && p->age <= 75 && p->age_min >= 18 && p->age_min <= p->age &&
                        p->age_max >= p->age);
            assert_true(p->seeking > 0 && p->seeking < 8 && (p->leave_ms == TRACE_STAYS || p->leave_ms > p->join_ms));
        }
        if (fabs(t.n_persons / (4 * 7200.0) - wanted[i].per_s) > .06 * wanted[i].per_s ||
            fabs((double)men / t.n_persons - wanted[i].men) > .04)
            fail_msg("%s: %.3f a second, %.3f men", wanted[i].name, t.n_persons / (4 * 7200.0),
                     (double)men / t.n_persons);
        trace_fini(&t);
    }
}

static void test_scenario_make_the_seed_decides(void **state)
{
    (void)state;
    struct trace a, b, c;
    struct err e;
    assert_int_equal(scenario_make("mixed", 1, 1, 600000, &a, &e), 0);
    assert_int_equal(scenario_make("mixed", 1, 1, 600000, &b, &e), 0);
    assert_int_equal(scenario_make("mixed", 2, 1, 600000, &c, &e), 0);
    assert_int_equal(a.n_persons, b.n_persons);
    for (uint32_t i = 0; i < a.n_persons; i++) {
        const struct trace_person *p = &a.persons[i], *q = &b.persons[i];
        assert_true(p->join_ms == q->join_ms && p->leave_ms == q->leave_ms && p->x_hm == q->x_hm && p->y_hm == q->y_hm);
        assert_true(p->gender == q->gender && p->age == q->age && p->max_hm == q->max_hm && p->n_met == q->n_met);
    }
    assert_true(c.n_persons != a.n_persons || c.persons[0].join_ms != a.persons[0].join_ms);
    trace_fini(&a);
    trace_fini(&b);
    trace_fini(&c);
}

static void test_scenario_make_refuses_what_there_is_not(void **state)
{
    (void)state;
    struct trace t;
    struct err e;
    assert_int_equal(scenario_make("nobody", 1, 1, 1000, &t, &e), ERR_BAD_ARGUMENT);
    assert_int_equal(scenario_make("balanced", 1, 1e5, INT64_C(86400000), &t, &e), ERR_BAD_ARGUMENT);
}

static void test_trace_file_write_is_read_as_it_was(void **state)
{
    (void)state;
    char path[] = "/tmp/stint-trace-XXXXXX";
    struct trace t, back;
    struct err e;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(scenario_make("mixed", 5, 2, 600000, &t, &e), 0);
    t.persons[0].relax = true;
    FILE *f = fdopen(fd, "w");
    assert_int_equal(trace_file_write(f, &t), 0);
    (void)fclose(f);
    assert_int_equal(trace_read(path, &back, &e), 0);
    (void)unlink(path);
    assert_int_equal(back.n_persons, t.n_persons);
    assert_int_equal(back.n_events, t.n_events);
    assert_int_equal(back.horizon_ms, t.horizon_ms);
    assert_int_equal(back.score_from_ms, t.score_from_ms);
    for (uint32_t i = 0; i < t.n_persons; i++) {
        const struct trace_person *p = &t.persons[i], *q = &back.persons[i];
        assert_true(p->id == q->id && p->join_ms == q->join_ms && p->leave_ms == q->leave_ms && p->x_hm == q->x_hm &&
                    p->y_hm == q->y_hm && p->max_hm == q->max_hm && p->gender == q->gender &&
                    p->seeking == q->seeking && p->age == q->age && p->age_min == q->age_min &&
                    p->age_max == q->age_max && p->n_met == q->n_met && p->relax == q->relax);
        for (uint32_t k = 0; k < p->n_met; k++)
            assert_int_equal(t.met[p->first_met + k], back.met[q->first_met + k]);
    }
    trace_fini(&t);
    trace_fini(&back);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simulate_life_waits_touches_and_leaves),
        cmocka_unit_test(test_simulate_life_impatient_leaves_after_the_answer),
        cmocka_unit_test(test_simulate_life_time_in_a_pair_does_not_cost_patience),
        cmocka_unit_test(test_simulate_life_silent_says_nothing_until_the_run_closes),
        cmocka_unit_test(test_simulate_life_close_keeps_those_away_who_have_not_come),
        cmocka_unit_test(test_simulate_agenda_gives_the_earliest_first),
        IN_WORLD(test_simulate_books_a_good_life_has_no_fault),
        IN_WORLD(test_simulate_books_a_repeated_event_is_no_fault_unless_it_changed),
        IN_WORLD(test_simulate_books_two_pairs_at_once_are_found_whatever_the_order),
        IN_WORLD(test_simulate_books_released_people_may_be_paired_again_with_others),
        IN_WORLD(test_simulate_books_the_same_two_too_soon_is_a_fault),
        IN_WORLD(test_simulate_books_pairs_that_do_not_fit_are_found),
        IN_WORLD(test_simulate_books_a_join_without_an_end_is_found),
        IN_WORLD(test_simulate_books_a_leave_the_pool_does_not_know_is_found),
        IN_WORLD(test_simulate_books_an_untold_pair_is_found),
        IN_WORLD(test_simulate_books_events_that_cannot_be_are_faults),
        IN_WORLD(test_simulate_books_end_told_before_its_match_is_a_fault_without_one),
        IN_WORLD(test_simulate_books_strangers_are_counted_and_no_partner_of_ours),
        IN_WORLD(test_simulate_crowd_ids_go_both_ways),
        IN_WORLD(test_simulate_crowd_submit_is_a_ticket),
        cmocka_unit_test(test_simulate_score_true_quantiles_are_covered_as_they_say),
        cmocka_unit_test(test_simulate_score_nothing_to_judge_is_no_number),
        cmocka_unit_test(test_simulate_baseline_learns_and_does_not_look_ahead),
        cmocka_unit_test(test_scenario_make_people_are_as_the_scenario_says),
        cmocka_unit_test(test_scenario_make_the_seed_decides),
        cmocka_unit_test(test_scenario_make_refuses_what_there_is_not),
        cmocka_unit_test(test_trace_file_write_is_read_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
