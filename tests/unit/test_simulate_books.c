/* A simulated pool's books and tickets: who is in which pair, and every fault they are there to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "simulate_books.h"

#include <stdio.h>

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

/* Who matched died before telling, and the end was told first: seq says which came first, and only a match that never
 * comes is a fault. */
static void test_simulate_books_end_told_before_its_match_is_a_fault_without_one(void **state)
{
    struct world *w = *state;
    static const char released[] = "{\"t\":\"released\",\"pair\":\"p1\",\"a\":\"r1-40\",\"b\":\"r1-30\",\"why\":"
                                   "\"left\",\"a_waits\":false,\"b_waits\":true}";
    assert_non_null(tell(w, 2, released));
    assert_int_equal(simulate_books_faults(&w->books), 0);
    assert_non_null(tell(
        w, 1, "{\"t\":\"matched\",\"pair\":\"p1\",\"a\":\"r1-40\",\"b\":\"r1-30\",\"wait_a_ms\":1,\"wait_b_ms\":1}"));
    assert_int_equal(simulate_books_faults(&w->books), 0);
    assert_null(tell(
        w, 3, "{\"t\":\"matched\",\"pair\":\"p1\",\"a\":\"r1-40\",\"b\":\"r1-30\",\"wait_a_ms\":1,\"wait_b_ms\":1}"));
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

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
