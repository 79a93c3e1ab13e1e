/*
 * Why: what other weeks were like may help a forecast, and must never harm one. Without history nothing may change, not
 * by a bit; with two weeks of it an evening's wait must be nearer the truth. Refuses to: look at a clock.
 */
#include "wait_model_impl.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MONDAY 1767571200.0 /* 2026-01-05 00:00 UTC */
#define DAY    86400.0

static const double ahead[] = {0, 300, 1200};
enum { AHEAD = ARRAY_LEN(ahead) };

/* Arrivals a second: one a minute by night, twelve times as many from 18:30 to 21:30, an hour to rise and to fall. */
static double evening(double t_s)
{
    double hour = fmod(t_s, DAY) / 3600, up = fmin(1, fmax(0, hour - 17.5)), down = fmin(1, fmax(0, hour - 21.5));
    return (1 + 11 * (up - down)) / 60;
}

/* People of a gender as evenly as the rate allows; `weekend` a second on Saturdays and Sundays, < 0: as ever. */
static void live(struct week *w, unsigned gender, double from_s, double to_s, double weekend)
{
    double due = 0;
    for (double t = from_s; t < to_s; t += 10) {
        week_look(w, t);
        bool off = fmod(t - MONDAY, 7 * DAY) >= 5 * DAY;
        for (due += 10 * (off && weekend >= 0 ? weekend : evening(t)); due >= 1; due--)
            week_add(w, gender);
    }
}

static void test_week_without_history_the_future_is_as_now(void **state)
{
    (void)state;
    static struct week w;
    double ratio[AHEAD];
    w = (struct week){.started = false};
    assert_false(week_forecast(&w, GENDER_MALE, MONDAY, ahead, AHEAD, ratio));
    live(&w, GENDER_MALE, MONDAY + 4 * 3600, MONDAY + DAY + 3 * 3600, -1); /* a day, but the first */
    assert_false(week_forecast(&w, GENDER_MALE, MONDAY + DAY + 3 * 3600, ahead, AHEAD, ratio));
    for (size_t i = 0; i < AHEAD; i++)
        assert_true(ratio[i] == 1);
}

static void test_week_two_weeks_tell_the_evening(void **state)
{
    (void)state;
    static struct week w;
    double ratio[AHEAD], at = MONDAY + 14 * DAY + 17.6 * 3600;
    w = (struct week){.started = false};
    live(&w, GENDER_FEMALE, MONDAY, at, -1);
    assert_true(week_forecast(&w, GENDER_FEMALE, at, ahead, AHEAD, ratio));
    assert_true(ratio[0] == 1);
    double truth = evening(at + 1200) / evening(at);
    assert_true(ratio[2] > 1 + 0.4 * (truth - 1) && ratio[2] < truth);
    assert_true(ratio[1] > 1 && ratio[1] < ratio[2]);
    /* It falls as it rose, and by night it stays as it is. */
    assert_true(week_forecast(&w, GENDER_FEMALE, at + 4.3 * 3600, ahead, AHEAD, ratio));
    assert_true(ratio[2] < 0.9 && ratio[2] > evening(at + 4.3 * 3600 + 1200) / evening(at + 4.3 * 3600));
    assert_true(week_forecast(&w, GENDER_FEMALE, at + 9 * 3600, ahead, AHEAD, ratio));
    assert_true(fabs(ratio[2] - 1) < 0.05);
    /* Nobody else came: their rate is what it is. */
    (void)week_forecast(&w, GENDER_MALE, at, ahead, AHEAD, ratio);
    assert_true(ratio[2] == 1);
}

static void test_week_a_sunday_is_not_a_monday(void **state)
{
    (void)state;
    static struct week w;
    double sunday[AHEAD], monday[AHEAD], at = 27 * DAY + 17.6 * 3600;
    w = (struct week){.started = false};
    live(&w, GENDER_MALE, MONDAY, MONDAY + 27 * DAY, 0.1);
    assert_true(week_forecast(&w, GENDER_MALE, MONDAY + at, ahead, AHEAD, sunday));
    assert_true(week_forecast(&w, GENDER_MALE, MONDAY + at + DAY, ahead, AHEAD, monday));
    assert_true(monday[2] > 1.5);
    assert_true(sunday[2] - 1 < 0.7 * (monday[2] - 1));
}

static void test_week_is_bounded_and_forgets(void **state)
{
    (void)state;
    static struct week w;
    double ratio[AHEAD];
    w = (struct week){.started = false};
    for (double t = MONDAY; t < MONDAY + 28 * DAY; t += 60) { /* nobody, but a crowd from 18:00 to 19:00 */
        week_look(&w, t);
        for (int i = 0; i < 50 && (int)fmod(t / 3600, 24) == 18; i++)
            week_add(&w, GENDER_MALE);
    }
    assert_true(week_forecast(&w, GENDER_MALE, MONDAY + 28 * DAY + 17.5 * 3600, ahead, AHEAD, ratio));
    assert_true(ratio[2] > 3 && ratio[2] <= WEEK_RATIO_MAX);
    assert_true(week_forecast(&w, GENDER_MALE, MONDAY + 28 * DAY + 19.25 * 3600, ahead, AHEAD, ratio));
    assert_true(ratio[2] >= 1 / WEEK_RATIO_MAX && ratio[2] < 0.5);
    for (int h = 0; h < WEEK_HOURS; h++)
        assert_true(w.seconds[h] <= WEEK_HOUR_MAX_S);
    week_look(&w, MONDAY + 400 * DAY); /* a year later */
    assert_false(week_forecast(&w, GENDER_MALE, MONDAY + 400 * DAY + 17.5 * 3600, ahead, AHEAD, ratio));
}

static void test_week_what_was_not_looked_at_is_not_empty(void **state)
{
    (void)state;
    static struct week w;
    double seconds = 0;
    w = (struct week){.started = false};
    week_look(&w, MONDAY);
    week_look(&w, MONDAY + 500);            /* seen */
    week_look(&w, MONDAY + 6 * 3600);       /* not seen */
    week_look(&w, MONDAY + 6 * 3600 + 100); /* seen */
    week_look(&w, MONDAY + 6 * 3600 + 90);  /* a little back: nothing */
    week_look(&w, MONDAY + 6 * 3600 + 100);
    week_look(&w, MONDAY + 9 * DAY);        /* a clock far ahead … */
    week_look(&w, MONDAY + 6 * 3600 + 200); /* … and right again */
    week_look(&w, MONDAY + 6 * 3600 + 300);
    for (int h = 0; h < WEEK_HOURS; h++)
        seconds += w.seconds[h];
    assert_true(fabs(w.hour_seconds - 100) < 1e-6);
    assert_true(seconds <= 600);
    assert_true(w.at_s == MONDAY + 6 * 3600 + 300);
}

/* -- in the model ----------------------------------------------------------------------------------------------------
 */

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

static void tell(struct wait_model *m, enum wait_event_type type, uint64_t hash, int gender, double t_s)
{
    const struct wait_event ev = event(type, hash, gender, t_s);
    wait_model_event(m, &ev);
}

static void estimate(struct wait_model *m, double t_s, struct wait_estimate *ret)
{
    const struct wait_event ev = event(WAIT_JOIN, 0, GENDER_MALE, t_s);
    wait_model_ticket(m, &ev.who, ev.at_ms, 0, ret);
}

/* Women come and are paired at once, 100 s of men wait before the end. */
static void play(struct wait_model *m, double from_s, double to_s, bool forgets)
{
    uint64_t hash = 1;
    double due = 0, men = 0;
    for (double t = from_s; t < to_s; t++) {
        for (due += evening(t); due >= 1; due--, hash++) {
            tell(m, WAIT_JOIN, hash, GENDER_FEMALE, t);
            tell(m, WAIT_MATCH, hash, GENDER_FEMALE, t);
        }
        for (men += t < to_s - 100 ? 0 : 0.12; men >= 1; men--)
            tell(m, WAIT_JOIN, 1000000 + hash++, GENDER_MALE, t);
        if (forgets)
            m->week = (struct week){.started = false};
        if (fmod(t, 20) == 0)
            wait_model_refresh_tickets(m, (int64_t)(t * 1000));
    }
}

static void test_week_model_without_history_is_the_same_to_the_bit(void **state)
{
    (void)state;
    struct wait_model *a = wait_model_new(3), *b = wait_model_new(3);
    double from = MONDAY + 17.2 * 3600, to = from + 2.5 * 3600;
    struct wait_estimate with, without;
    play(a, from, to, false);
    play(b, from, to, true);
    assert_true(a->week.seconds[18] > 3599); /* it had something to remember */
    for (int minute = 0; minute < 40; minute += 10) {
        wait_model_refresh(a, (int64_t)(to + minute * 60) * 1000);
        wait_model_refresh(b, (int64_t)(to + minute * 60) * 1000);
        estimate(a, to + minute * 60, &with);
        estimate(b, to + minute * 60, &without);
        assert_memory_equal(&with.wait, &without.wait, offsetof(struct wait_curve_summary, confidence));
        assert_true(with.supply_per_min == without.supply_per_min && with.competing == without.competing);
    }
    wait_model_free(a);
    wait_model_free(b);
}

static double unit(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(*state >> 33) + 0.5) / 2147483648.0;
}

static int by_size(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

/* Played out: `before` men, patient for 240 s in the mean, and women who come as on any evening. Median of when the
 * last man's turn comes. */
static double true_median(double t_s, uint32_t before)
{
    static double waits[2001];
    uint64_t seed = 7;
    for (size_t k = 0; k < ARRAY_LEN(waits); k++) {
        double leaves[64], t = 0;
        for (uint32_t i = 0; i < before; i++)
            leaves[i] = -240 * log(unit(&seed));
        for (uint32_t next = 0;;) {
            t -= log(unit(&seed)) * 5; /* at most 0.2 a second, thinned */
            if (unit(&seed) * 0.2 > evening(t_s + t))
                continue;
            while (next < before && leaves[next] < t)
                next++;
            if (next++ >= before)
                break;
        }
        waits[k] = t;
    }
    qsort(waits, ARRAY_LEN(waits), sizeof waits[0], by_size);
    return waits[ARRAY_LEN(waits) / 2];
}

static void test_week_model_before_the_evening_is_nearer_the_truth(void **state)
{
    (void)state;
    struct wait_model *a = wait_model_new(3), *b = wait_model_new(3);
    double now = MONDAY + 14 * DAY + 17.7 * 3600;
    struct wait_estimate with, without;
    live(&a->week, GENDER_FEMALE, MONDAY, now - 1800, -1);
    play(a, now - 1800, now, false);
    play(b, now - 1800, now, true);
    wait_model_refresh(a, (int64_t)(now * 1000));
    wait_model_refresh(b, (int64_t)(now * 1000));
    estimate(a, now, &with);
    estimate(b, now, &without);
    double truth = true_median(now, a->n_people);
    print_message("before the evening: with %.0f s, without %.0f s, truth %.0f s\n", with.wait.p50_s,
                  without.wait.p50_s, truth);
    assert_true(with.wait.p50_s < without.wait.p50_s);
    assert_true(fabs(with.wait.p50_s - truth) < fabs(without.wait.p50_s - truth));
    assert_true(with.wait.p90_s < without.wait.p90_s);
    wait_model_free(a);
    wait_model_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_week_without_history_the_future_is_as_now),
        cmocka_unit_test(test_week_two_weeks_tell_the_evening),
        cmocka_unit_test(test_week_a_sunday_is_not_a_monday),
        cmocka_unit_test(test_week_is_bounded_and_forgets),
        cmocka_unit_test(test_week_what_was_not_looked_at_is_not_empty),
        cmocka_unit_test(test_week_model_without_history_is_the_same_to_the_bit),
        cmocka_unit_test(test_week_model_before_the_evening_is_nearer_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
