/* Who is paired with whom, and who is not: the scenarios and the bugs of others, on the engine. */
#include "match_people.h"

static void pairs_of(int men, int women, size_t pairs, uint32_t left)
{
    const enum match_policy policies[] = {MATCH_GREEDY, MATCH_FCFS, MATCH_MAX};
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        struct world *w = world_new(policies[i]);
        world_people(w, "m", 0, men, "male", "female", "");
        world_people(w, "f", 0, women, "female", "male", "");
        assert_int_equal(world_live(w), pairs);
        assert_int_equal(match_index_count(w->ix), left);
        world_end_all(w);
    }
}

static void test_round_lopsided_pools_pair_the_scarce_side(void **state)
{
    (void)state;
    pairs_of(200, 50, 50, 150);
    pairs_of(50, 200, 50, 150);
    pairs_of(100, 0, 0, 100);
    pairs_of(250, 250, 250, 0);
    pairs_of(250, 249, 249, 1);
    pairs_of(253, 250, 250, 3);
    pairs_of(201, 50, 50, 151);
    pairs_of(1, 0, 0, 1);
    pairs_of(14, 6, 6, 8);
}

static void test_round_later_arrivals_take_those_left(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_people(w, "m", 0, 200, "male", "female", "");
    world_people(w, "f", 0, 50, "female", "male", "");
    assert_int_equal(world_live(w), 50);
    world_people(w, "f", 50, 50, "female", "male", "");
    assert_int_equal(world_live(w), 100);
    world_end_all(w);
}

static void test_round_oldest_first_nobody_starves(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    w->rules.presence_ms = 600000;
    world_people(w, "m", 0, 50, "male", "female", "");
    w->now_ms += 30000;
    world_people(w, "m", 50, 50, "male", "female", "");
    world_people(w, "f", 0, 50, "female", "male", "");
    char id[32];
    for (int i = 0; i < 50; i++) {
        (void)snprintf(id, sizeof id, "m%04d", i);
        assert_non_null(world_partner(w, id));
    }
    world_end_all(w);
}

static void test_round_regions_and_ages_choose(void **state)
{
    (void)state;
    const struct {
        const char *id;
        int age;
        const char *more;
        bool fits;
    } women[] = {
        {"f22", 22, "\"regions\":[\"London\",\"Midlands\"],\"age_min\":20,\"age_max\":30", true},
        {"f24", 24, "\"age_min\":20,\"age_max\":30", true},
        {"f28", 28, "\"regions\":[\"North\"],\"age_min\":20,\"age_max\":30", false},
        {"f35", 35, "\"regions\":[\"London\"],\"age_min\":20,\"age_max\":40", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(women); i++) {
        struct world *w = world_new(MATCH_GREEDY);
        world_begin(w);
        world_person(w, women[i].id, "female", "male", women[i].age, women[i].more);
        world_person(w, "m25", "male", "female", 25,
                     "\"regions\":[\"London\",\"South\"],\"age_min\":20,\"age_max\":30");
        world_end(w);
        assert_int_equal(world_live(w), women[i].fits ? 1 : 0);
        world_end_all(w);
    }
}

static void test_round_gender_is_asked_both_ways(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "f1", "female", "female", 25, ""); /* he seeks her, she does not seek him */
    world_person(w, "m2", "male", "male", 25, "");
    world_end(w);
    assert_int_equal(world_live(w), 0);
    world_begin(w);
    world_person(w, "f2", "female", "female", 25, "");
    world_person(w, "n1", "nonbinary", "any", 25, "");
    world_end(w);
    assert_string_equal(world_partner(w, "f1"), "f2");
    assert_null(world_partner(w, "n1"));
    world_begin(w);
    world_person(w, "n2", "nonbinary", "nonbinary", 25, "");
    world_end(w);
    assert_string_equal(world_partner(w, "n2"), "n1");
    world_end_all(w);
}

static void test_round_same_gender_pool_pairs_all_but_one(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_MAX);
    world_people(w, "m", 0, 101, "male", "male", "");
    assert_int_equal(world_live(w), 50);
    assert_int_equal(match_index_count(w->ix), 1);
    world_end_all(w);
}

static void test_round_blocked_and_former_pairs_never(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "\"blocked\":[\"f1\"]");
    world_person(w, "f1", "female", "male", 25, ""); /* only he blocked */
    world_person(w, "m2", "male", "female", 25, "");
    world_person(w, "f2", "female", "male", 25, "\"recent\":[\"m1\"]");
    world_end(w);
    assert_string_equal(world_partner(w, "m2"), "f1");
    assert_null(world_partner(w, "m1"));
    assert_null(world_partner(w, "f2"));
    world_end_all(w);
}

static void test_round_rematch_is_refused_in_both_directions_until_its_time(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "f1", "female", "male", 25, "");
    world_end(w);
    char confirm[160];
    (void)snprintf(confirm, sizeof confirm, "{\"v\":1,\"op\":\"confirm\",\"pool\":\"p\",\"pair\":\"%s\"}",
                   w->pairs[0].id);
    world_begin(w);
    (void)world_op(w, confirm);
    world_end(w);
    assert_int_equal(world_live(w), 0);
    for (int turn = 0; turn < 2; turn++) { /* either of them first */
        world_begin(w);
        world_person(w, turn ? "f1" : "m1", turn ? "female" : "male", turn ? "male" : "female", 25, "");
        world_person(w, turn ? "m1" : "f1", turn ? "male" : "female", turn ? "female" : "male", 25, "");
        world_end(w);
        assert_int_equal(world_live(w), 0);
    }
    w->now_ms += 300001;
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "f1", "female", "male", 25, "");
    world_end(w);
    assert_int_equal(world_live(w), 1);
    world_end_all(w);
}

static void test_round_pair_ended_and_resubmitted_in_one_round_is_not_made_again(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "f1", "female", "male", 25, "");
    world_end(w);
    char confirm[160];
    (void)snprintf(confirm, sizeof confirm, "{\"v\":1,\"op\":\"confirm\",\"pool\":\"p\",\"pair\":\"%s\"}",
                   w->pairs[0].id);
    world_begin(w);
    (void)world_op(w, confirm);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "f1", "female", "male", 25, "");
    world_end(w);
    assert_int_equal(world_live(w), 0);
    assert_int_equal(match_index_count(w->ix), 2);
    world_end_all(w);
}

static void test_round_ten_pairs_leave_then_the_rest_pair(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_people(w, "m", 0, 10, "male", "female", "");
    world_people(w, "f", 0, 10, "female", "male", "");
    assert_int_equal(world_live(w), 10);
    char leave[96];
    world_begin(w);
    for (int i = 0; i < 10; i++) {
        (void)snprintf(leave, sizeof leave, "{\"v\":1,\"op\":\"leave\",\"pool\":\"p\",\"id\":\"m%04d\"}", i);
        (void)world_op(w, leave);
        (void)snprintf(leave, sizeof leave, "{\"v\":1,\"op\":\"leave\",\"pool\":\"p\",\"id\":\"f%04d\"}", i);
        (void)world_op(w, leave);
    }
    world_end(w);
    assert_int_equal(match_index_count(w->ix), 0);
    world_people(w, "m", 100, 5, "male", "female", "");
    world_people(w, "f", 100, 15, "female", "male", "");
    assert_int_equal(world_live(w), 5);
    world_end_all(w);
}

static void test_round_relaxation_needs_consent_of_both_and_the_stricter_stage(void **state)
{
    (void)state;
    for (int consent = 0; consent < 2; consent++) {
        struct world *w = world_new(MATCH_GREEDY);
        const char *yes = "\"age_min\":20,\"age_max\":25,\"presence_ms\":600000,\"consent\":{\"relax\":true}";
        const char *no = "\"presence_ms\":600000";
        world_begin(w);
        world_person(w, "m1", "male", "female", 25, yes);
        world_person(w, "f1", "female", "male", 26, consent ? yes : no);
        world_end(w);
        assert_int_equal(world_live(w), 0);
        w->now_ms += 61000;
        world_begin(w);
        (void)world_op(w, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"p\"}");
        world_end(w);
        assert_int_equal(world_live(w), consent);
        world_end_all(w);
    }
}

/* One cycle at the end of `waited` of two people without a common region. Returns how many pairs it made. */
static size_t regions_after(int64_t waited_ms, unsigned from_stage, bool consent)
{
    struct world *w = world_new(MATCH_GREEDY);
    const char *yes = "\"regions\":[\"North\"],\"presence_ms\":900000,\"consent\":{\"relax\":true}";
    const char *other = consent ? "\"regions\":[\"South\"],\"presence_ms\":900000,\"consent\":{\"relax\":true}"
                                : "\"regions\":[\"South\"],\"presence_ms\":900000";
    w->rules.relax_regions_stage = from_stage;
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, yes);
    world_person(w, "f1", "female", "male", 25, other);
    world_end(w);
    w->now_ms += waited_ms;
    world_begin(w);
    (void)world_op(w, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"p\"}");
    world_end(w);
    size_t live = world_live(w);
    world_end_all(w);
    return live;
}

static void test_round_regions_relax_at_their_stage_of_both_with_consent(void **state)
{
    (void)state;
    assert_int_equal(regions_after(60000 + 4 * 30000, 5, true), 1);
    assert_int_equal(regions_after(60000 + 4 * 30000 - 1, 5, true), 0); /* stage 4 */
    assert_int_equal(regions_after(600000, 5, false), 0);
    assert_int_equal(regions_after(60000, 1, true), 1);
    assert_int_equal(regions_after(600000, 0, true), 0);
    assert_int_equal(regions_after(600000, 6, true), 0); /* a stage nobody reaches */
}

static void test_round_max_loses_no_pair_that_exists(void **state)
{
    (void)state;
    /* m1 fits f1 and f2, m2 fits f1 alone, m1 comes first: greedy may give m1 to f1 and lose m2. */
    struct world *w = world_new(MATCH_MAX);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "m2", "male", "female", 45, "");
    world_person(w, "f1", "female", "male", 25, "");
    world_person(w, "f2", "female", "male", 25, "\"age_max\":30");
    world_end(w);
    assert_int_equal(world_live(w), 2);
    assert_string_equal(world_partner(w, "m2"), "f1");
    world_end_all(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_lopsided_pools_pair_the_scarce_side),
        cmocka_unit_test(test_round_later_arrivals_take_those_left),
        cmocka_unit_test(test_round_oldest_first_nobody_starves),
        cmocka_unit_test(test_round_regions_and_ages_choose),
        cmocka_unit_test(test_round_gender_is_asked_both_ways),
        cmocka_unit_test(test_round_same_gender_pool_pairs_all_but_one),
        cmocka_unit_test(test_round_blocked_and_former_pairs_never),
        cmocka_unit_test(test_round_rematch_is_refused_in_both_directions_until_its_time),
        cmocka_unit_test(test_round_pair_ended_and_resubmitted_in_one_round_is_not_made_again),
        cmocka_unit_test(test_round_ten_pairs_leave_then_the_rest_pair),
        cmocka_unit_test(test_round_relaxation_needs_consent_of_both_and_the_stricter_stage),
        cmocka_unit_test(test_round_regions_relax_at_their_stage_of_both_with_consent),
        cmocka_unit_test(test_round_max_loses_no_pair_that_exists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
