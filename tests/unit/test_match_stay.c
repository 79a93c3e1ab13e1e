/* What becomes of people between being submitted and being paired, and after: replaced, silent, resting, expired,
 * returned. */
#include "match_people.h"

static void test_round_leaving_in_mid_match_leaves_no_half(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "f1", "female", "male", 25, "");
    (void)world_op(w, "{\"v\":1,\"op\":\"leave\",\"pool\":\"p\",\"id\":\"m1\"}"); /* in the very round */
    world_end(w);
    assert_int_equal(world_live(w), 0);
    assert_int_not_equal(match_index_find(w->ix, "f1"), MATCH_NO_SLOT);
    assert_int_equal(match_index_find(w->ix, "m1"), MATCH_NO_SLOT);
    w->now_ms += 5000;
    world_begin(w);
    world_person(w, "m2", "male", "female", 25, "");
    world_end(w);
    assert_string_equal(world_partner(w, "f1"), "m2");
    w->now_ms += 1000;
    world_begin(w);
    (void)world_op(w, "{\"v\":1,\"op\":\"leave\",\"pool\":\"p\",\"id\":\"m2\"}"); /* after the commit */
    world_end(w);
    uint32_t slot = match_index_find(w->ix, "f1");
    assert_int_not_equal(slot, MATCH_NO_SLOT);
    assert_int_equal(match_index_at(w->ix, slot)->p.created_ms, 1000000000); /* seniority kept */
    world_end_all(w);
}

static void test_round_unconfirmed_pair_returns_both_with_seniority(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "\"presence_ms\":600000");
    world_end(w);
    w->now_ms += 10000;
    world_begin(w);
    world_person(w, "f1", "female", "male", 25, "\"presence_ms\":600000");
    world_end(w);
    assert_int_equal(world_live(w), 1);
    w->now_ms += 60001;
    world_begin(w);
    (void)world_op(w, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"p\"}");
    world_end(w);
    assert_int_equal(world_live(w), 0);
    assert_int_equal(match_index_count(w->ix), 2); /* and not paired with each other again */
    assert_int_equal(match_index_at(w->ix, match_index_find(w->ix, "m1"))->p.created_ms, 1000000000);
    world_end_all(w);
}

static void test_round_bad_tickets_are_dropped_by_field(void **state)
{
    (void)state;
    const struct {
        const char *ticket, *reason;
    } bad[] = {
        {"\"id\":\"x\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":17", "invalid:age"},
        {"\"id\":\"x\",\"gender\":\"robot\",\"seeking\":[\"female\"],\"age\":20", "invalid:gender"},
        {"\"id\":\"x\",\"gender\":\"male\",\"seeking\":[],\"age\":20", "invalid:seeking"},
        {"\"id\":\"x y\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":20", "invalid:id"},
        {"\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":20", "invalid:id"},
        {"\"id\":\"x\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":20,\"lat\":91,\"lon\":0", "invalid:lat"},
        {"\"id\":\"x\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":20,\"lat\":9", "invalid:lon"},
        {"\"id\":\"x\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":20,\"age_min\":30,\"age_max\":25",
         "invalid:age_max"},
        {"\"id\":\"x\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":20,\"colour\":\"red\"", "invalid:colour"},
        {"\"id\":\"x\",\"gender\":\"male\",\"seeking\":[\"female\"],\"age\":20,\"consent\":{\"relax\":1}",
         "invalid:consent"},
    };
    struct world *w = world_new(MATCH_GREEDY);
    char payload[512];
    world_begin(w);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        (void)snprintf(payload, sizeof payload, "{\"v\":1,\"op\":\"submit\",\"pool\":\"p\",%s}", bad[i].ticket);
        const struct match_reply *reply = world_op(w, payload);
        assert_int_equal(reply->verdict, MATCH_V_DROPPED);
        assert_string_equal(reply->reason, bad[i].reason);
    }
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "f1", "female", "male", 25, ""); /* the round goes on */
    world_end(w);
    assert_int_equal(world_live(w), 1);
    world_end_all(w);
}

static void test_round_duplicate_replaces_and_keeps_seniority_or_is_refused(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_end(w);
    w->now_ms += 9000;
    world_begin(w);
    world_person(w, "m1", "male", "female", 26, "");
    world_end(w);
    assert_int_equal(match_index_count(w->ix), 1);
    const struct match_waiter *m = match_index_at(w->ix, match_index_find(w->ix, "m1"));
    assert_int_equal(m->p.age, 26);
    assert_int_equal(m->p.created_ms, 1000000000);
    w->rules.replace = false;
    world_begin(w);
    world_person(w, "m1", "male", "female", 27, "");
    assert_string_equal(w->replies[0].reason, "duplicate");
    world_person(w, "f1", "female", "male", 25, "");
    world_person(w, "f1", "female", "male", 25, "");
    assert_string_equal(w->replies[2].reason, "already_matched");
    world_end(w);
    world_end_all(w);
}

static void test_round_silent_people_go_after_presence(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "m2", "male", "female", 25, "");
    world_end(w);
    w->now_ms += 25000;
    world_begin(w);
    (void)world_op(w, "{\"v\":1,\"op\":\"touch\",\"pool\":\"p\",\"id\":\"m2\"}");
    world_end(w);
    w->now_ms += 6000;
    world_begin(w);
    const struct match_reply *reply = world_op(w, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"p\"}");
    assert_int_equal(reply->expired, 1);
    char *json = world_result(w, 0);
    assert_non_null(strstr(json, "\"offline\""));
    free(json);
    world_end(w);
    assert_int_equal(match_index_find(w->ix, "m1"), MATCH_NO_SLOT);
    assert_int_not_equal(match_index_find(w->ix, "m2"), MATCH_NO_SLOT);
    world_end_all(w);
}

/* Two are in a pair for longer than their presence; only one goes on touching. */
static void test_round_a_touch_counts_in_a_pair_too(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    char release[160];
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "f1", "female", "male", 25, "");
    world_end(w);
    w->now_ms += 25000;
    world_begin(w);
    assert_int_equal(world_op(w, "{\"v\":1,\"op\":\"touch\",\"pool\":\"p\",\"id\":\"m1\"}")->verdict, MATCH_V_MATCHED);
    world_end(w);
    w->now_ms += 20000;
    (void)snprintf(release, sizeof release, "{\"v\":1,\"op\":\"release\",\"pool\":\"p\",\"pair\":\"%s\"}",
                   w->pairs[0].id);
    world_begin(w);
    (void)world_op(w, release);
    world_end(w);
    w->now_ms += 5000;
    world_begin(w);
    assert_int_equal(world_op(w, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"p\"}")->expired, 1);
    world_end(w);
    assert_int_not_equal(match_index_find(w->ix, "m1"), MATCH_NO_SLOT);
    assert_int_equal(match_index_find(w->ix, "f1"), MATCH_NO_SLOT);
    world_end_all(w);
}

static void test_round_no_show_rests_and_rejected_yes_moves_forward(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    char release[224];
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "f1", "female", "male", 25, "");
    world_end(w);
    (void)snprintf(
        release, sizeof release,
        "{\"v\":1,\"op\":\"release\",\"pool\":\"p\",\"pair\":\"%s\",\"votes\":{\"m1\":\"yes\",\"f1\":\"absent\"}}",
        w->pairs[0].id);
    world_begin(w);
    (void)world_op(w, release);
    world_end(w);
    assert_int_equal(match_index_at(w->ix, match_index_find(w->ix, "m1"))->fairness, 10);
    world_begin(w);
    world_person(w, "f1", "female", "male", 25, "");
    assert_string_equal(w->replies[0].reason, "cooldown");
    world_end(w);
    world_end_all(w);
}

static void test_round_stale_cycle_is_counted_not_played(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    struct match_op op;
    struct match_reply reply;
    struct err e;
    const char *payload = "{\"v\":1,\"op\":\"cycle\",\"pool\":\"p\"}";
    world_begin(w);
    assert_int_equal(match_op_parse(payload, strlen(payload), &op, &e), 0);
    assert_int_equal(match_round_apply(&w->round, &op, 0, w->now_ms - 5001, &reply), 0);
    assert_int_equal(reply.verdict, MATCH_V_STALE);
    match_op_fini(&op);
    world_end(w);
    world_end_all(w);
}

static struct match_reply cycle(struct world *w)
{
    world_begin(w);
    struct match_reply reply = *world_op(w, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"p\"}");
    world_end(w);
    return reply;
}

static void test_round_cycle_expires_all_in_turn_whoever_arrives_meanwhile(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_people(w, "old", 0, MATCH_EXPIRE_MAX + 300, "male", "female", "\"presence_ms\":1000");
    w->now_ms += 1000;
    assert_int_equal(cycle(w).expired, MATCH_EXPIRE_MAX);
    world_people(w, "new", 0, 300, "male", "female", "\"presence_ms\":1000"); /* in the slots just freed */
    w->now_ms += 1000;
    (void)cycle(w);
    assert_int_equal(match_index_count(w->ix), 0);
    world_people(w, "more", 0, MATCH_EXPIRE_MAX / 2, "male", "female", "\"presence_ms\":1000");
    w->now_ms += 1000;
    assert_int_equal(cycle(w).expired, MATCH_EXPIRE_MAX / 2);
    world_end_all(w);
}

static void test_round_cycle_tries_everybody_whose_stage_came_before_anybody_twice(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    const char *relax = "\"presence_ms\":900000,\"consent\":{\"relax\":true}";
    world_people(w, "m", 0, 3 * MATCH_TRY_MAX, "male", "male",
                 "\"presence_ms\":900000,\"consent\":{\"relax\":true},\"age_min\":50");
    world_people(w, "y", 0, 1, "female", "male", relax);
    world_begin(w);
    char payload[256];
    (void)snprintf(
        payload, sizeof payload,
        "{\"v\":1,\"op\":\"submit\",\"pool\":\"p\",\"id\":\"z0\",\"gender\":\"male\",\"seeking\":[\"female\"],"
        "\"age\":25,\"age_min\":26,%s}",
        relax);
    (void)world_op(w, payload);
    world_end(w);
    assert_null(world_partner(w, "z0"));
    w->now_ms += 61000;
    int cycles = 1;
    for (; !world_partner(w, "z0") && cycles < 20; cycles++)
        (void)cycle(w);
    assert_string_equal(world_partner(w, "z0"), "y0000");
    assert_true(cycles <= 1 + 3 * MATCH_TRY_MAX / (MATCH_TRY_MAX - MATCH_SWEEP) + 1);
    for (int i = 0; i < 8; i++)
        (void)cycle(w);
    assert_int_equal(cycle(w).tried, MATCH_SWEEP); /* nobody is due twice in one stage */
    world_end_all(w);
}

static void test_round_no_show_rests_within_the_same_round(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_people(w, "f", 0, 1, "female", "male", "");
    world_people(w, "m", 0, 1, "male", "female", "");
    char payload[256];
    world_begin(w);
    (void)snprintf(payload, sizeof payload,
                   "{\"v\":1,\"op\":\"release\",\"pool\":\"p\",\"pair\":\"%s\",\"votes\":{\"m0000\":\"absent\"}}",
                   w->pairs[0].id);
    (void)world_op(w, payload);
    world_person(w, "m0000", "male", "female", 25, "");
    assert_int_equal(w->replies[1].verdict, MATCH_V_DROPPED);
    assert_string_equal(w->replies[1].reason, "cooldown");
    world_end(w);
    world_end_all(w);
}

static void test_round_one_gender_and_empty_cycles_are_normal(void **state)
{
    (void)state;
    struct world *w = world_new(MATCH_GREEDY);
    world_begin(w);
    const struct match_reply *reply = world_op(w, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"p\"}");
    assert_int_equal(reply->verdict, MATCH_V_CYCLED);
    world_person(w, "m1", "male", "female", 25, "");
    char *json = world_result(w, 1);
    assert_non_null(strstr(json, "\"queued\":{"));
    assert_non_null(strstr(json, "\"position\":1"));
    free(json);
    world_end(w);
    world_end_all(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_leaving_in_mid_match_leaves_no_half),
        cmocka_unit_test(test_round_unconfirmed_pair_returns_both_with_seniority),
        cmocka_unit_test(test_round_bad_tickets_are_dropped_by_field),
        cmocka_unit_test(test_round_duplicate_replaces_and_keeps_seniority_or_is_refused),
        cmocka_unit_test(test_round_silent_people_go_after_presence),
        cmocka_unit_test(test_round_a_touch_counts_in_a_pair_too),
        cmocka_unit_test(test_round_no_show_rests_and_rejected_yes_moves_forward),
        cmocka_unit_test(test_round_stale_cycle_is_counted_not_played),
        cmocka_unit_test(test_round_cycle_expires_all_in_turn_whoever_arrives_meanwhile),
        cmocka_unit_test(test_round_cycle_tries_everybody_whose_stage_came_before_anybody_twice),
        cmocka_unit_test(test_round_no_show_rests_within_the_same_round),
        cmocka_unit_test(test_round_one_gender_and_empty_cycles_are_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
