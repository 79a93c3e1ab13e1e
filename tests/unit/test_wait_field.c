/* The field: who goes before whom, how that clears, and which share of those who come fits. */
#include "wait_model_impl.h"

#include "buf.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { NOW = 2000 };

static struct wait_event event(enum wait_event_type type, uint64_t hash, int gender, double t_s)
{
    struct wait_event ev = {.type = type, .at_ms = (int64_t)(t_s * 1000), .price_ms_per_km = -1};
    ev.who = (struct wait_person){.hash = hash,
                                  .joined_ms = ev.at_ms,
                                  .key_ms = ev.at_ms,
                                  .gender = (uint8_t)gender,
                                  .seeking = gender == GENDER_MALE ? 1 << GENDER_FEMALE : 1 << GENDER_MALE,
                                  .age = 30,
                                  .age_min = 18,
                                  .age_max = 99};
    return ev;
}

/* Somebody came and was paired at once: an arrival and nobody more waits. */
static void passes(struct wait_model *m, struct wait_event ev)
{
    ev.type = WAIT_JOIN;
    wait_model_event(m, &ev);
    ev.type = WAIT_MATCH;
    wait_model_event(m, &ev);
}

/* Women come every ten seconds, and `men` men wait, the first since a minute. */
static struct wait_model *queue_of_men(int men)
{
    struct wait_model *m = wait_model_new(1);
    for (int i = 0; i < 100; i++)
        passes(m, event(WAIT_JOIN, 1000 + (uint64_t)i, GENDER_FEMALE, NOW - 1000 + 10 * i));
    for (int i = 0; i < men; i++) {
        struct wait_event ev = event(WAIT_JOIN, 1 + (uint64_t)i, GENDER_MALE, NOW - 60 + i);
        wait_model_event(m, &ev);
    }
    wait_model_refresh(m, NOW * 1000);
    return m;
}

static double p50_of_man(struct wait_model *m, double lead_s)
{
    struct wait_event ev = event(WAIT_JOIN, 99, GENDER_MALE, NOW);
    struct wait_estimate e;
    ev.who.key_ms -= (int64_t)(lead_s * 1000);
    wait_model_ticket(m, &ev.who, NOW * 1000, 0, &e);
    return e.wait.p50_s;
}

static void test_field_ones_own_key_decides_who_is_before(void **state)
{
    (void)state;
    struct wait_model *m = queue_of_men(10);
    double last = p50_of_man(m, 0), first = p50_of_man(m, 300), middle = p50_of_man(m, 55.5);
    assert_true(first < middle && middle < last);
    assert_true(first < 30);              /* nobody before it, one woman every ten seconds: 7 s */
    assert_true(last > 60 && last < 160); /* ten before it */
    wait_model_free(m);
}

static void test_field_those_behind_move_up_within_a_step(void **state)
{
    (void)state;
    /* 30 men served in order, one every ten seconds, patience apart: the last waits until the 31st woman, or earlier
     * for those who leave. With the rates of a step's beginning alone he would wait a tenth longer than that. */
    struct wait_model *m = queue_of_men(30);
    double p50 = p50_of_man(m, 0);
    assert_true(p50 > 120 && p50 < 310);
    wait_model_free(m);
}

static void test_field_later_arrivals_with_a_head_start_go_first(void **state)
{
    (void)state;
    double p50[2];
    for (int scarce = 0; scarce < 2; scarce++) {
        struct wait_model *m = wait_model_new(1);
        for (int i = 0; i < 100; i++) {
            passes(m, event(WAIT_JOIN, 1000 + (uint64_t)i, GENDER_FEMALE, NOW - 1000 + 10 * i));
            struct wait_event man = event(WAIT_JOIN, 2000 + (uint64_t)i, GENDER_MALE, NOW - 1000 + 10 * i);
            man.who.key_ms -= scarce ? 300000 : 0;
            passes(m, man);
        }
        wait_model_refresh(m, NOW * 1000);
        p50[scarce] = p50_of_man(m, 0);
        wait_model_free(m);
    }
    assert_true(p50[1] > 1.3 * p50[0]);
}

static void test_field_price_of_the_way_is_the_markers(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    struct wait_person near = {.key_ms = 0, .placed = true}, far = {.key_ms = 0, .placed = true, .pos = {30, 0, 0}};
    struct wait_event mark = event(WAIT_MARK, 0, 0, NOW);
    assert_float_equal((double)wait_score(m, &far, &near) - (double)wait_score(m, &near, &near), 30, 1e-3);
    mark.price_ms_per_km = 0;
    wait_model_event(m, &mark);
    assert_float_equal((double)wait_score(m, &far, &near), (double)wait_score(m, &near, &near), 1e-6);
    wait_model_free(m);
}

static void test_field_is_bounded_when_everybody_fits_everybody(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    for (int i = 0; i < 6000; i++) {
        struct wait_event ev = event(WAIT_JOIN, 1 + (uint64_t)i, i % GENDER_COUNT, NOW - 600 + i / 10.0);
        ev.who.seeking = GENDER_ALL;
        wait_model_event(m, &ev);
    }
    wait_model_refresh(m, NOW * 1000);
    assert_true(m->n_field <= FIELD_MAX);
    assert_true(m->n_edges <= 196608);
    double p50 = p50_of_man(m, 0);
    assert_true(p50 >= 0 && p50 <= WAIT_HORIZON_S);
    wait_model_free(m);
}

static double share_of(const struct side *s, const struct wait_person *who)
{
    struct wishes ws;
    struct wait_share shares[WISHES];
    wishes_of(who, 0, &ws);
    wait_shares(s, GENDER_FEMALE, &ws, WISH_OWN, shares);
    return shares[WAIT_REASON_NONE].part;
}

static void test_share_follows_the_count_and_its_wishes(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    for (int i = 0; i < 1500; i++) {
        struct wait_event ev = event(WAIT_JOIN, 1 + (uint64_t)i, GENDER_FEMALE, NOW - 1500 + i);
        ev.who.age = (uint8_t)(20 + i % 50);
        passes(m, ev);
    }
    const struct side *women = &m->sides[GENDER_FEMALE];
    struct wait_event man = event(WAIT_JOIN, 9999, GENDER_MALE, NOW);
    double all = share_of(women, &man.who);
    assert_true(all > 0.95 && all <= 1);
    man.who.age_min = 20;
    man.who.age_max = 29;
    double fifth = share_of(women, &man.who);
    assert_true(fifth > 0.17 && fifth < 0.23);
    man.who.age_min = man.who.age_max = 80;
    double none = share_of(women, &man.who);
    assert_true(none > 0 && none < 0.005);
    man.who.gender = GENDER_FEMALE; /* whom none of them seeks */
    assert_true(share_of(women, &man.who) < none);
    wait_model_free(m);
}

/* What was said first is kept of the last ones only: who waits longer hears a new estimate, and that begins now. */
static void test_ticket_of_whom_nothing_is_kept_begins_now(void **state)
{
    (void)state;
    struct wait_model *m = queue_of_men(10); /* before the first refresh: nothing was said */
    struct wait_estimate comes, waits;
    const struct wait_person *last = wait_model_person(m, 10);
    wait_model_ticket(m, last, NOW * 1000, 0, &comes);
    wait_model_ticket(m, last, NOW * 1000, 51000, &waits);
    assert_true(comes.wait.p50_s > 60);
    assert_float_equal(waits.wait.p50_s, comes.wait.p50_s, 1e-3);
    assert_float_equal(waits.wait.p90_s, comes.wait.p90_s, 1e-3);
    wait_model_free(m);
}

/* A crowd comes within 100 s and finds nobody. Who left is known at once; who stays counts too, or all would seem to
 * leave soon. */
static void test_patience_counts_the_seconds_of_those_who_still_wait(void **state)
{
    (void)state;
    enum { CROWD = 3000, SAMPLED_APART = 4 };
    struct wait_model *m = wait_model_new(1);
    for (int i = 0; i < CROWD; i++) {
        double comes = NOW - 100 + 100.0 * i / CROWD, stays = -200 * log((i * 7919 % CROWD + 0.5) / CROWD);
        struct wait_event man = event(WAIT_JOIN, 1 + (uint64_t)i, GENDER_MALE, comes);
        wait_model_event(m, &man);
        man = event(WAIT_LEAVE, 1 + (uint64_t)i, GENDER_MALE, comes + stays);
        if (comes + stays < NOW)
            wait_model_event(m, &man);
    }
    wait_model_refresh(m, NOW * 1000);
    assert_true(m->n_people > FIELD_SAMPLE);
    for (int band = 0; band < SAMPLED_APART; band++) { /* to 10, 30, 60, 120 s */
        double hazard = patience_hazard(&m->sides[GENDER_MALE].patience, band);
        assert_true(hazard > 0.8 / 200 && hazard < 1.25 / 200);
    }
    wait_model_free(m);
}

static void test_told_who_is_paired_at_once_takes_no_place_in_the_calibration(void **state)
{
    (void)state;
    struct wait_model *m = queue_of_men(1);
    uint64_t told = m->sides[GENDER_FEMALE].n_told;
    passes(m, event(WAIT_JOIN, 77, GENDER_FEMALE, NOW));
    assert_int_equal(m->sides[GENDER_FEMALE].n_told, told);
    struct wait_event waits = event(WAIT_JOIN, 78, GENDER_FEMALE, NOW);
    wait_model_event(m, &waits);
    assert_int_equal(m->sides[GENDER_FEMALE].n_told, told + 1);
    wait_model_free(m);
}

/* A crowd that still waits: the first few were matched, far below the level asked for. That the level lies above what
 * they had is known, that it lies there is not. */
static void test_calibration_does_not_lower_a_level_that_nobody_reached(void **state)
{
    (void)state;
    enum { CROWD = 500, MATCHED = 100 };
    struct wait_model *m = queue_of_men(1);
    for (int i = 0; i < CROWD; i++) {
        struct wait_event man = event(WAIT_JOIN, 5000 + (uint64_t)i, GENDER_MALE, NOW);
        if (i % TOLD_PER_REFRESH == 0)
            wait_model_refresh(m, NOW * 1000);
        wait_model_event(m, &man);
    }
    for (int i = 0; i < MATCHED; i++) {
        struct wait_event man = event(WAIT_MATCH, 5000 + (uint64_t)i, GENDER_MALE, NOW + 5);
        wait_model_event(m, &man);
    }
    wait_model_refresh(m, (NOW + 6) * 1000);
    const struct side *men = &m->sides[GENDER_MALE];
    assert_true(men->cover90 >= 0 && men->cover90 < 0.5); /* looked at, and 90 % were not reached */
    assert_float_equal(men->level90, 0.9, 1e-9);
    wait_model_free(m);
}

/* Men wait for women who come every 2 s, in order: the field knows how many are before, Kaplan-Meier does not. */
static void test_pinball_of_the_field_is_below_kaplan_meiers(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    struct wait_stats stats;
    uint64_t first = 1, next = 1;
    wait_model_stats(m, 1000, &stats);
    assert_float_equal(stats.pinball[GENDER_MALE], -1, 0);
    assert_float_equal(stats.pinball_km[GENDER_MALE], -1, 0);
    for (int t = 1000; t < 2600; t++) {
        if (t / 100 % 2 == 0) { /* one a second for a hundred, then nobody for as long */
            struct wait_event man = event(WAIT_JOIN, next++, GENDER_MALE, t);
            wait_model_event(m, &man);
        }
        if (t % 2 == 0)
            passes(m, event(WAIT_JOIN, 100000 + (uint64_t)t, GENDER_FEMALE, t + 0.9));
        if (t % 2 == 0 && first < next) {
            struct wait_event match = event(WAIT_MATCH, first++, GENDER_MALE, t + 0.9);
            wait_model_event(m, &match);
        }
        wait_model_refresh_tickets(m, (int64_t)t * 1000 + 950);
    }
    wait_model_stats(m, 2600000, &stats);
    assert_true(stats.pinball[GENDER_MALE] > 0 && stats.pinball[GENDER_MALE] < stats.pinball_km[GENDER_MALE]);
    assert_true(stats.pinball_km[GENDER_MALE] > 5 && stats.pinball_km[GENDER_MALE] < 200);
    assert_float_equal(stats.pinball[GENDER_FEMALE], -1, 0); /* never waited */
    wait_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_field_ones_own_key_decides_who_is_before),
        cmocka_unit_test(test_field_those_behind_move_up_within_a_step),
        cmocka_unit_test(test_field_later_arrivals_with_a_head_start_go_first),
        cmocka_unit_test(test_field_price_of_the_way_is_the_markers),
        cmocka_unit_test(test_field_is_bounded_when_everybody_fits_everybody),
        cmocka_unit_test(test_share_follows_the_count_and_its_wishes),
        cmocka_unit_test(test_calibration_does_not_lower_a_level_that_nobody_reached),
        cmocka_unit_test(test_pinball_of_the_field_is_below_kaplan_meiers),
        cmocka_unit_test(test_ticket_of_whom_nothing_is_kept_begins_now),
        cmocka_unit_test(test_patience_counts_the_seconds_of_those_who_still_wait),
        cmocka_unit_test(test_told_who_is_paired_at_once_takes_no_place_in_the_calibration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
