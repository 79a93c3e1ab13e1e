/* The wait model on made-up pools: finite, ordered, and right where the truth is known. */
#include "wait_json.h"
#include "wait_feed.h"
#include "wait_rates.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static uint64_t seed = 5;
static double rnd(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(seed >> 33) + 0.5) / 2147483648.0;
}

static struct wait_event event(enum wait_event_type type, uint64_t hash, int gender, int seeking, double t_s)
{
    struct wait_event ev = {.type = type, .pool = "p", .at_ms = (int64_t)(t_s * 1000)};
    ev.who = (struct wait_person){.hash = hash,
                                  .joined_ms = ev.at_ms,
                                  .key_ms = ev.at_ms,
                                  .gender = (uint8_t)gender,
                                  .seeking = (uint8_t)seeking,
                                  .age = 25,
                                  .age_min = 18,
                                  .age_max = 99};
    return ev;
}

enum { QUEUE = 4096 };

/* A pool of men and women who all fit, first come first served, with exponential patience; played for `horizon`
 * seconds. */
static struct wait_model *play(double men_per_s, double women_per_s, double patience_s, double horizon, double *ret_end)
{
    struct wait_model *m = wait_model_new(1);
    static struct {
        uint64_t hash;
        double leaves;
    } queue[2][QUEUE];
    size_t n[2] = {0, 0};
    uint64_t hash = 1;
    double t = 1000, refresh = t;
    for (; t < 1000 + horizon;) {
        t += -log(rnd()) / (men_per_s + women_per_s);
        for (; refresh < t; refresh += 10) {
            for (int g = 0; g < 2; g++)
                for (size_t i = 0; i < n[g];) {
                    if (queue[g][i].leaves > refresh) {
                        i++;
                        continue;
                    }
                    struct wait_event ev = event(WAIT_LEAVE, queue[g][i].hash, g, 1, refresh);
                    wait_model_event(m, &ev);
                    memmove(&queue[g][i], &queue[g][i + 1], (--n[g] - i) * sizeof queue[g][0]);
                }
            wait_model_refresh(m, (int64_t)(refresh * 1000));
        }
        int g = rnd() < men_per_s / (men_per_s + women_per_s) ? GENDER_MALE : GENDER_FEMALE;
        struct wait_event ev = event(WAIT_JOIN, hash, g, 1 << (1 - g), t);
        wait_model_event(m, &ev);
        if (n[1 - g] > 0) {
            ev = event(WAIT_MATCH, queue[1 - g][0].hash, 1 - g, 1, t);
            wait_model_event(m, &ev);
            memmove(&queue[1 - g][0], &queue[1 - g][1], --n[1 - g] * sizeof queue[0][0]);
            ev = event(WAIT_MATCH, hash, g, 1, t);
            wait_model_event(m, &ev);
        } else if (n[g] < QUEUE) {
            queue[g][n[g]].hash = hash;
            queue[g][n[g]++].leaves = t - patience_s * log(rnd());
        }
        hash++;
    }
    *ret_end = t;
    return m;
}

static void test_model_lopsided_pool_tells_the_sides_apart(void **state)
{
    (void)state;
    double t;
    struct wait_model *m = play(0.7, 0.3, 240, 3000, &t);
    struct wait_event man = event(WAIT_JOIN, 0, GENDER_MALE, 1 << GENDER_FEMALE, t),
                      woman = event(WAIT_JOIN, 0, GENDER_FEMALE, 1, t);
    struct wait_estimate his, hers;
    wait_model_ticket(m, &man.who, (int64_t)(t * 1000), 0, &his);
    wait_model_ticket(m, &woman.who, (int64_t)(t * 1000), 0, &hers);
    /* Fluid: men wait until survival falls to 3/7, 240 ln(7/3) = 203 s. */
    assert_true(his.wait.p50_s > 120 && his.wait.p50_s < 320);
    assert_true(hers.wait.p50_s < 30);
    assert_int_equal(his.wait.confidence, WAIT_CONFIDENCE_OK);
    assert_int_equal(his.reason, WAIT_REASON_BALANCE);
    struct wait_balance b;
    wait_model_balance(m, (int64_t)(t * 1000), 60, &b);
    assert_int_equal(b.scarce, GENDER_FEMALE);
    assert_true(b.fluid_wait_s[GENDER_MALE] > 130 && b.fluid_wait_s[GENDER_MALE] < 300);
    assert_true(b.recommended_per_s > 0.4 && b.recommended_per_s < 0.75);
    wait_model_free(m);
}

static void test_model_cells_are_ordered_and_finite(void **state)
{
    (void)state;
    double t;
    struct wait_model *m = play(0.5, 0.5, 150, 1200, &t);
    struct wait_cell cells[WAIT_CELL_MAX];
    size_t n = wait_model_cells(m, cells, WAIT_CELL_MAX);
    assert_true(n >= 2);
    for (size_t i = 0; i < n; i++) {
        const struct wait_curve_summary *s = &cells[i].wait;
        assert_true(s->p50_s >= 0 && s->p50_s <= s->p90_s && s->p90_s <= WAIT_HORIZON_S && isfinite(s->mean_s));
        for (int k = 1; k < WAIT_WITHIN; k++)
            assert_true(s->within[k] + 1e-9 >= s->within[k - 1]);
        assert_true(s->matched >= 0 && s->matched <= 1.0001);
    }
    struct wait_stats st;
    wait_model_stats(m, (int64_t)(t * 1000), &st);
    assert_true(st.matches_last_hour > 100);
    assert_true(st.minutes_male >= 1 && st.minutes_male <= 240);
    wait_model_free(m);
}

static void test_model_empty_answers_finite_and_low(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    struct wait_event ev = event(WAIT_JOIN, 7, GENDER_NONBINARY, GENDER_ALL, 5000);
    struct wait_estimate e;
    struct wait_cell cells[4];
    wait_model_refresh(m, 5000000);
    wait_model_ticket(m, &ev.who, 5000000, 0, &e);
    assert_true(isfinite(e.wait.p50_s) && e.wait.p50_s <= WAIT_HORIZON_S && e.wait.p90_s <= WAIT_HORIZON_S);
    assert_int_equal(e.wait.confidence, WAIT_CONFIDENCE_LOW);
    assert_int_equal(wait_model_cells(m, cells, 4), 0);
    wait_model_event(m, &ev);
    wait_model_refresh(m, 5001000);
    wait_model_ticket(m, &ev.who, 5001000, 60000, &e);
    assert_true(isfinite(e.wait.p50_s) && e.wait.p50_s <= e.wait.p90_s);
    assert_int_equal(wait_model_cells(m, cells, 4), 0); /* a group of one is not published */
    wait_model_free(m);
}

static void test_model_marker_drops_the_unheard_and_here_repairs(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    struct wait_event ev = event(WAIT_JOIN, 1, GENDER_MALE, 2, 100);
    struct wait_stats st;
    wait_model_event(m, &ev);
    ev = event(WAIT_HERE, 2, GENDER_MALE, 2, 500); /* its join was lost */
    wait_model_event(m, &ev);
    ev = event(WAIT_MARK, 0, 0, 0, 501);
    ev.keep_ms = 300000;
    ev.waiting[GENDER_MALE] = 1;
    wait_model_event(m, &ev);
    wait_model_stats(m, 501000, &st);
    assert_int_equal(st.waiting_total, 1);
    assert_int_equal(st.dropped, 1);
    assert_int_equal(st.resynced, 1);
    assert_null(wait_model_person(m, 1));
    assert_non_null(wait_model_person(m, 2));
    assert_int_equal(st.arrivals[GENDER_MALE], 1);
    wait_model_free(m);
}

static void test_model_random_events_never_break_it(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(9);
    for (int i = 0; i < 60000; i++) {
        struct wait_event ev = event((enum wait_event_type)(int)(rnd() * WAIT_EVENT_TYPES), (uint64_t)(rnd() * 3000),
                                     (int)(rnd() * GENDER_COUNT), 1 + (int)(rnd() * GENDER_ALL), 1000 + i * 0.05);
        ev.keep_ms = rnd() < 0.01 ? 1000 : 1000000;
        wait_model_event(m, &ev);
        if (i % 5000 == 0)
            wait_model_refresh(m, ev.at_ms);
    }
    struct wait_stats st;
    wait_model_stats(m, 5000000, &st);
    assert_true(st.waiting_total <= 3000);
    wait_model_free(m);
}

static void test_queue_stats_has_the_names_its_readers_expect(void **state)
{
    (void)state;
    double t;
    struct buf b;
    struct wait_model *m = play(0.7, 0.3, 240, 600, &t);
    const struct wait_model *models[] = {NULL, m};
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        buf_init(&b, 1 << 20);
        assert_int_equal(wait_json_queue_stats("p", models[i], (int64_t)(t * 1000), &b), 0);
        json_t *j = json_loads(b.data, 0, NULL);
        assert_non_null(j);
        assert_true(json_is_integer(json_object_get(json_object_get(j, "queue"), "usersWaitingOver60s")));
        assert_non_null(json_object_get(json_object_get(j, "genderDistribution"), "ratio"));
        assert_true(json_is_integer(json_object_get(json_object_get(j, "estimatedWaitTimes"), "male")));
        assert_non_null(json_object_get(json_object_get(j, "matchRate"), "matchesPerMinute"));
        assert_non_null(json_object_get(json_object_get(j, "health"), "status"));
        assert_true(json_is_array(json_object_get(j, "estimates")));
        assert_non_null(json_object_get(j, "balance"));
        assert_non_null(json_object_get(j, "calibration"));
        json_decref(j);
        buf_fini(&b);
    }
    wait_model_free(m);
}

static int parse(struct wait_event *ev, size_t n, const char *const fields[])
{
    size_t lens[32];
    for (size_t i = 0; i < n; i++)
        lens[i] = strlen(fields[i]);
    return wait_feed_parse(n, fields, lens, ev);
}

static void test_feed_parse_reads_a_join_and_refuses_nonsense(void **state)
{
    (void)state;
    struct wait_event ev;
    const char *join[] = {"e", "join",
                          "p", "london",
                          "t", "1700000000000",
                          "h", "00000000000000ff",
                          "j", "1699999999000",
                          "k", "1699999900000",
                          "g", "female",
                          "s", "1",
                          "a", "25",
                          "n", "20",
                          "x", "30",
                          "y", "51.50",
                          "z", "-0.10",
                          "r", "25",
                          "c", "0000aa,0000bb"};
    assert_int_equal(parse(&ev, ARRAY_LEN(join), join), 0);
    assert_int_equal(ev.type, WAIT_JOIN);
    assert_int_equal(ev.who.gender, GENDER_FEMALE);
    assert_int_equal(ev.who.n_regions, 2);
    assert_true(ev.who.placed && ev.who.max_chord > 24.9F && ev.who.max_chord < 25.1F);
    const char *const wrong[][2] = {{"e", "jump"}, {"a", "17"}, {"g", "robot"}, {"y", "91"},
                                    {"h", "0"},    {"s", "0"},  {"t", "-1"},    {"c", "x"}};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char *bad[ARRAY_LEN(join)];
        memcpy(bad, join, sizeof bad);
        for (size_t k = 0; k < ARRAY_LEN(join); k += 2)
            if (strcmp(bad[k], wrong[i][0]) == 0)
                bad[k + 1] = wrong[i][1];
        assert_int_equal(parse(&ev, ARRAY_LEN(bad), bad), -EBADMSG);
    }
    assert_int_equal(parse(&ev, 3, join), -EBADMSG);
    assert_int_equal(parse(&ev, 2, join), -EBADMSG);
}

static void test_patience_inverse_undoes_cumulative(void **state)
{
    (void)state;
    struct patience p = {0};
    for (int i = 0; i < 1000; i++)
        patience_add(&p, 5 + i % 300, i % 3 == 0);
    for (double w = 1; w < 600; w *= 1.7)
        assert_true(fabs(patience_inverse(&p, exp(-patience_cumulative(&p, w))) - w) < 1e-6 * w + 1e-6);
}

/* Cells of whole genders: what is foretold stands beside what was measured, and they must not contradict. */
static void check_honest(struct wait_model *m, double within)
{
    struct wait_cell cells[WAIT_CELL_MAX];
    size_t n = wait_model_cells(m, cells, WAIT_CELL_MAX);
    assert_true(n >= 2);
    for (size_t i = 0; i < n; i++)
        if (cells[i].share >= 0 && fabs(cells[i].wait.matched - cells[i].share) > within)
            fail_msg("gender %d: %.3f foretold, %.3f measured", cells[i].gender, cells[i].wait.matched, cells[i].share);
}

static void test_model_lopsided_pool_foretells_the_share_it_measures(void **state)
{
    (void)state;
    double t;
    struct wait_model *m = play(0.7, 0.3, 120, 3000, &t);
    wait_model_refresh(m, (int64_t)(t * 1000));
    check_honest(m, 0.15);
    wait_model_free(m);
}

/* Seventy men and thirty women come within a second, before anything was computed; who found nobody leaves. */
static void test_model_crowd_that_left_is_not_told_that_all_are_matched(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    for (uint64_t i = 1; i <= 100; i++) {
        int g = i <= 70 ? GENDER_MALE : GENDER_FEMALE;
        struct wait_event ev = event(WAIT_JOIN, i, g, 1 << (1 - g), 1000 + (double)i / 100);
        wait_model_event(m, &ev);
    }
    for (uint64_t i = 1; i <= 30; i++) {
        struct wait_event his = event(WAIT_MATCH, i, GENDER_MALE, 2, 1001),
                          hers = event(WAIT_MATCH, 70 + i, GENDER_FEMALE, 1, 1001);
        wait_model_event(m, &his);
        wait_model_event(m, &hers);
    }
    for (double t = 1002; t < 1031; t++)
        wait_model_refresh(m, (int64_t)(t * 1000));
    for (uint64_t i = 31; i <= 70; i++) {
        struct wait_event ev = event(WAIT_LEAVE, i, GENDER_MALE, 2, 1031);
        wait_model_event(m, &ev);
    }
    wait_model_refresh(m, 1032000);
    wait_model_refresh(m, 1033000);
    struct wait_cell cells[WAIT_CELL_MAX];
    size_t n = wait_model_cells(m, cells, WAIT_CELL_MAX);
    for (size_t i = 0; i < n; i++)
        if (cells[i].gender == GENDER_MALE)
            assert_true(cells[i].wait.matched < 0.75 && cells[i].share > 0.4 && cells[i].share < 0.45);
    wait_model_free(m);
}

static double stat_of(struct wait_model *m, double t, const char *part, const char *name)
{
    struct buf out;
    buf_init(&out, 1 << 18);
    assert_int_equal(wait_json_queue_stats("p", m, (int64_t)(t * 1000), &out), 0);
    json_t *root = json_loadb(out.data, out.len, 0, NULL);
    assert_non_null(root);
    const json_t *v = json_object_get(json_object_get(root, part), name);
    double value = json_is_null(v) ? -2 : json_number_value(v);
    json_decref(root);
    buf_fini(&out);
    return value;
}

/* The fields older pages read: unknown is -1 (or null), never 0 minutes or an invented wait. */
static void test_json_seed_fields_hold_in_empty_and_single_gender_pools(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    wait_model_refresh(m, 1000000);
    assert_true(stat_of(m, 1000, "estimatedWaitTimes", "male") == -1);
    assert_true(stat_of(m, 1000, "estimatedWaitTimes", "female") == -1);
    assert_true(stat_of(m, 1000, "genderDistribution", "ratio") == -2);
    assert_true(stat_of(m, 1000, "queue", "total") == 0 && stat_of(m, 1000, "queue", "maxWaitSeconds") == 0);
    for (uint64_t i = 1; i <= 40; i++) {
        struct wait_event ev = event(WAIT_JOIN, i, GENDER_MALE, 2, 1000 + (double)i);
        wait_model_event(m, &ev);
        wait_model_refresh(m, ev.at_ms);
    }
    assert_true(stat_of(m, 1040, "estimatedWaitTimes", "male") == 20); /* "20 min and more" */
    assert_true(stat_of(m, 1040, "estimatedWaitTimes", "female") == -1);
    assert_true(stat_of(m, 1040, "genderDistribution", "male") == 40);
    assert_true(stat_of(m, 1040, "genderDistribution", "ratio") == -2);
    assert_true(stat_of(m, 1040, "matchRate", "matchesLastHour") == 0);
    assert_true(stat_of(m, 1040, "queue", "maxWaitSeconds") == 39);
    wait_model_free(m);
    assert_true(stat_of(NULL, 1000, "estimatedWaitTimes", "male") == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_lopsided_pool_tells_the_sides_apart),
        cmocka_unit_test(test_model_cells_are_ordered_and_finite),
        cmocka_unit_test(test_model_empty_answers_finite_and_low),
        cmocka_unit_test(test_model_marker_drops_the_unheard_and_here_repairs),
        cmocka_unit_test(test_model_random_events_never_break_it),
        cmocka_unit_test(test_queue_stats_has_the_names_its_readers_expect),
        cmocka_unit_test(test_feed_parse_reads_a_join_and_refuses_nonsense),
        cmocka_unit_test(test_model_lopsided_pool_foretells_the_share_it_measures),
        cmocka_unit_test(test_model_crowd_that_left_is_not_told_that_all_are_matched),
        cmocka_unit_test(test_json_seed_fields_hold_in_empty_and_single_gender_pools),
        cmocka_unit_test(test_patience_inverse_undoes_cumulative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
