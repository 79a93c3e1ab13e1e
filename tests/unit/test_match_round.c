/* The scenarios and the bugs of others, on the engine. */
#include "match_world.h"

static struct world *new_world(enum match_policy policy)
{
    struct world *w = malloc(sizeof *w);
    assert_non_null(w);
    world_init(w, policy);
    return w;
}

static void end_world(struct world *w)
{
    world_check(w);
    world_fini(w);
    free(w);
}

/* men men m<from>… and women f<from>…, each submitted in rounds of at most 256, men first. */
static void crowd(struct world *w, const char *gender, const char *seeking, int from, int n)
{
    char id[32];
    for (int i = 0; i < n;) {
        world_begin(w);
        for (int k = 0; k < 256 && i < n; k++, i++) {
            (void)snprintf(id, sizeof id, "%c%04d", gender[0], from + i);
            world_person(w, id, gender, seeking, 25, "");
        }
        world_end(w);
    }
}

static void pairs_of(int men, int women, size_t pairs, uint32_t left)
{
    const enum match_policy policies[] = {MATCH_GREEDY, MATCH_FCFS, MATCH_MAX};
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        struct world *w = new_world(policies[i]);
        crowd(w, "male", "female", 0, men);
        crowd(w, "female", "male", 0, women);
        assert_int_equal(world_live(w), pairs);
        assert_int_equal(match_index_count(w->ix), left);
        end_world(w);
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
    struct world *w = new_world(MATCH_GREEDY);
    crowd(w, "male", "female", 0, 200);
    crowd(w, "female", "male", 0, 50);
    assert_int_equal(world_live(w), 50);
    crowd(w, "female", "male", 50, 50);
    assert_int_equal(world_live(w), 100);
    end_world(w);
}

static void test_round_oldest_first_nobody_starves(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
    w->rules.presence_ms = 600000;
    crowd(w, "male", "female", 0, 50);
    w->now_ms += 30000;
    crowd(w, "male", "female", 50, 50);
    crowd(w, "female", "male", 0, 50);
    char id[32];
    for (int i = 0; i < 50; i++) {
        (void)snprintf(id, sizeof id, "m%04d", i);
        assert_non_null(world_partner(w, id));
    }
    end_world(w);
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
        struct world *w = new_world(MATCH_GREEDY);
        world_begin(w);
        world_person(w, women[i].id, "female", "male", women[i].age, women[i].more);
        world_person(w, "m25", "male", "female", 25,
                     "\"regions\":[\"London\",\"South\"],\"age_min\":20,\"age_max\":30");
        world_end(w);
        assert_int_equal(world_live(w), women[i].fits ? 1 : 0);
        end_world(w);
    }
}

static void test_round_gender_is_asked_both_ways(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

static void test_round_same_gender_pool_pairs_all_but_one(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_MAX);
    crowd(w, "male", "male", 0, 101);
    assert_int_equal(world_live(w), 50);
    assert_int_equal(match_index_count(w->ix), 1);
    end_world(w);
}

static void test_round_blocked_and_former_pairs_never(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "\"blocked\":[\"f1\"]");
    world_person(w, "f1", "female", "male", 25, ""); /* only he blocked */
    world_person(w, "m2", "male", "female", 25, "");
    world_person(w, "f2", "female", "male", 25, "\"recent\":[\"m1\"]");
    world_end(w);
    assert_string_equal(world_partner(w, "m2"), "f1");
    assert_null(world_partner(w, "m1"));
    assert_null(world_partner(w, "f2"));
    end_world(w);
}

static void test_round_rematch_is_refused_in_both_directions_until_its_time(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

static void test_round_pair_ended_and_resubmitted_in_one_round_is_not_made_again(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

static void test_round_leaving_in_mid_match_leaves_no_half(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

static void test_round_unconfirmed_pair_returns_both_with_seniority(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

static void test_round_ten_pairs_leave_then_the_rest_pair(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
    crowd(w, "male", "female", 0, 10);
    crowd(w, "female", "male", 0, 10);
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
    crowd(w, "male", "female", 100, 5);
    crowd(w, "female", "male", 100, 15);
    assert_int_equal(world_live(w), 5);
    end_world(w);
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
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

static void test_round_duplicate_replaces_and_keeps_seniority_or_is_refused(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

static void test_round_silent_people_go_after_presence(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

/* Two are in a pair for longer than their presence; only one goes on touching. */
static void test_round_a_touch_counts_in_a_pair_too(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

static void test_round_relaxation_needs_consent_of_both_and_the_stricter_stage(void **state)
{
    (void)state;
    for (int consent = 0; consent < 2; consent++) {
        struct world *w = new_world(MATCH_GREEDY);
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
        end_world(w);
    }
}

/* One cycle at the end of `waited` of two people without a common region. Returns how many pairs it made. */
static size_t regions_after(int64_t waited_ms, unsigned from_stage, bool consent)
{
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
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

static void test_round_no_show_rests_and_rejected_yes_moves_forward(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

static void test_round_stale_cycle_is_counted_not_played(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
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
    end_world(w);
}

static void test_round_max_loses_no_pair_that_exists(void **state)
{
    (void)state;
    /* m1 fits f1 and f2, m2 fits f1 alone, m1 comes first: greedy may give m1 to f1 and lose m2. */
    struct world *w = new_world(MATCH_MAX);
    world_begin(w);
    world_person(w, "m1", "male", "female", 25, "");
    world_person(w, "m2", "male", "female", 45, "");
    world_person(w, "f1", "female", "male", 25, "");
    world_person(w, "f2", "female", "male", 25, "\"age_max\":30");
    world_end(w);
    assert_int_equal(world_live(w), 2);
    assert_string_equal(world_partner(w, "m2"), "f1");
    end_world(w);
}

static void people(struct world *w, const char *prefix, int n, const char *gender, const char *seeking,
                   const char *more)
{
    for (int done = 0; done < n;) {
        world_begin(w);
        for (int i = 0; i < 400 && done < n; i++, done++) {
            char id[32];
            (void)snprintf(id, sizeof id, "%s%d", prefix, done);
            world_person(w, id, gender, seeking, 25, more);
        }
        world_end(w);
    }
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
    struct world *w = new_world(MATCH_GREEDY);
    people(w, "old", MATCH_EXPIRE_MAX + 300, "male", "female", "\"presence_ms\":1000");
    w->now_ms += 1000;
    assert_int_equal(cycle(w).expired, MATCH_EXPIRE_MAX);
    people(w, "new", 300, "male", "female", "\"presence_ms\":1000"); /* in the slots just freed */
    w->now_ms += 1000;
    (void)cycle(w);
    assert_int_equal(match_index_count(w->ix), 0);
    people(w, "more", MATCH_EXPIRE_MAX / 2, "male", "female", "\"presence_ms\":1000");
    w->now_ms += 1000;
    assert_int_equal(cycle(w).expired, MATCH_EXPIRE_MAX / 2);
    end_world(w);
}

static void test_round_cycle_tries_everybody_whose_stage_came_before_anybody_twice(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
    const char *relax = "\"presence_ms\":900000,\"consent\":{\"relax\":true}";
    people(w, "m", 3 * MATCH_TRY_MAX, "male", "male",
           "\"presence_ms\":900000,\"consent\":{\"relax\":true},\"age_min\":50");
    people(w, "y", 1, "female", "male", relax);
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
    assert_string_equal(world_partner(w, "z0"), "y0");
    assert_true(cycles <= 1 + 3 * MATCH_TRY_MAX / (MATCH_TRY_MAX - MATCH_SWEEP) + 1);
    for (int i = 0; i < 8; i++)
        (void)cycle(w);
    assert_int_equal(cycle(w).tried, MATCH_SWEEP); /* nobody is due twice in one stage */
    end_world(w);
}

static void test_round_no_show_rests_within_the_same_round(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
    people(w, "f", 1, "female", "male", "");
    people(w, "m", 1, "male", "female", "");
    char payload[256];
    world_begin(w);
    (void)snprintf(payload, sizeof payload,
                   "{\"v\":1,\"op\":\"release\",\"pool\":\"p\",\"pair\":\"%s\",\"votes\":{\"m0\":\"absent\"}}",
                   w->pairs[0].id);
    (void)world_op(w, payload);
    world_person(w, "m0", "male", "female", 25, "");
    assert_int_equal(w->replies[1].verdict, MATCH_V_DROPPED);
    assert_string_equal(w->replies[1].reason, "cooldown");
    world_end(w);
    end_world(w);
}

static void test_round_one_gender_and_empty_cycles_are_normal(void **state)
{
    (void)state;
    struct world *w = new_world(MATCH_GREEDY);
    world_begin(w);
    const struct match_reply *reply = world_op(w, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"p\"}");
    assert_int_equal(reply->verdict, MATCH_V_CYCLED);
    world_person(w, "m1", "male", "female", 25, "");
    char *json = world_result(w, 1);
    assert_non_null(strstr(json, "\"queued\":{"));
    assert_non_null(strstr(json, "\"position\":1"));
    free(json);
    world_end(w);
    end_world(w);
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
        cmocka_unit_test(test_round_leaving_in_mid_match_leaves_no_half),
        cmocka_unit_test(test_round_unconfirmed_pair_returns_both_with_seniority),
        cmocka_unit_test(test_round_ten_pairs_leave_then_the_rest_pair),
        cmocka_unit_test(test_round_bad_tickets_are_dropped_by_field),
        cmocka_unit_test(test_round_duplicate_replaces_and_keeps_seniority_or_is_refused),
        cmocka_unit_test(test_round_silent_people_go_after_presence),
        cmocka_unit_test(test_round_a_touch_counts_in_a_pair_too),
        cmocka_unit_test(test_round_relaxation_needs_consent_of_both_and_the_stricter_stage),
        cmocka_unit_test(test_round_regions_relax_at_their_stage_of_both_with_consent),
        cmocka_unit_test(test_round_no_show_rests_and_rejected_yes_moves_forward),
        cmocka_unit_test(test_round_stale_cycle_is_counted_not_played),
        cmocka_unit_test(test_round_max_loses_no_pair_that_exists),
        cmocka_unit_test(test_round_cycle_expires_all_in_turn_whoever_arrives_meanwhile),
        cmocka_unit_test(test_round_cycle_tries_everybody_whose_stage_came_before_anybody_twice),
        cmocka_unit_test(test_round_no_show_rests_within_the_same_round),
        cmocka_unit_test(test_round_one_gender_and_empty_cycles_are_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
