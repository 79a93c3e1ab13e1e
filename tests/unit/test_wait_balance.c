/*
 * Why: an organiser acts on what is said of who lacks whom. It must be right where the truth is known, silent where it
 * is not, and silent about the few.
 */
#include "buf.h"
#include "wait_json.h"
#include "wait_model.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { QUEUE = 4096, KINDS = 3 };

static uint64_t state;

static double unit(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(state >> 33) + 0.5) / 2147483648.0;
}

static void tell(struct wait_model *m, enum wait_event_type type, uint64_t hash, int gender, int seeking, double t_s)
{
    struct wait_event ev = {.type = type, .at_ms = (int64_t)(t_s * 1000), .price_ms_per_km = -1};
    ev.who = (struct wait_person){.hash = hash,
                                  .joined_ms = ev.at_ms,
                                  .key_ms = ev.at_ms,
                                  .gender = (uint8_t)gender,
                                  .seeking = (uint8_t)seeking,
                                  .age = 30,
                                  .age_min = 18,
                                  .age_max = 99};
    wait_model_event(m, &ev);
}

struct waits {
    uint64_t hash;
    double since, leaves;
    int gender;
};

/* First come, first served; everybody is patient for 240 s in the mean. Men and women want each other, nonbinary people
 * their own. */
static struct wait_model *play(const double rates[static KINDS], double horizon, double *ret_median_of_men)
{
    static struct waits queue[QUEUE];
    static const int seeks[KINDS] = {1 << GENDER_FEMALE, 1 << GENDER_MALE, 1 << GENDER_NONBINARY};
    struct wait_model *m = wait_model_new(1);
    size_t n = 0;
    double t = 1000, refresh = t, all = rates[0] + rates[1] + rates[2], men = 0, soon = 0;
    for (uint64_t hash = 1; t < 1000 + horizon; hash++) {
        t -= log(unit()) / all;
        for (; refresh < t; refresh += 40)
            wait_model_refresh_tickets(m, (int64_t)(refresh * 1000));
        for (size_t i = 0; i < n;) {
            if (queue[i].leaves > t) {
                i++;
                continue;
            }
            tell(m, WAIT_LEAVE, queue[i].hash, queue[i].gender, seeks[queue[i].gender], queue[i].leaves);
            memmove(&queue[i], &queue[i + 1], (--n - i) * sizeof queue[0]);
        }
        double z = unit() * all;
        int g = z < rates[0] ? GENDER_MALE : z < rates[0] + rates[1] ? GENDER_FEMALE : GENDER_NONBINARY;
        size_t at = 0;
        while (at < n && !(seeks[g] >> queue[at].gender & 1))
            at++;
        tell(m, WAIT_JOIN, hash, g, seeks[g], t);
        if (at < n) {
            tell(m, WAIT_MATCH, queue[at].hash, queue[at].gender, seeks[queue[at].gender], t);
            tell(m, WAIT_MATCH, hash, g, seeks[g], t);
            men += queue[at].gender == GENDER_MALE;
            soon += queue[at].gender == GENDER_MALE ? t - queue[at].since : 0;
            memmove(&queue[at], &queue[at + 1], (--n - at) * sizeof queue[0]);
        } else if (n < QUEUE) {
            queue[n++] = (struct waits){hash, t, t - 240 * log(unit()), g};
        }
    }
    *ret_median_of_men = men > 0 ? soon / men : 0; /* first come, first served: nearly all wait as long */
    return m;
}

static void test_balance_more_of_the_scarce_gender_as_advised_brings_the_wait_asked_for(void **s)
{
    (void)s;
    struct wait_class c[GENDER_COUNT];
    double rates[KINDS] = {1.4, 0.6, 0}, was, is;
    state = 11;
    struct wait_model *m = play(rates, 5000, &was);
    wait_model_classes(m, 120, c);
    assert_true(was > 170);
    assert_true(c[GENDER_MALE].told && c[GENDER_FEMALE].told);
    assert_true(fabs(c[GENDER_MALE].median_s - was) < 0.15 * was);
    assert_true(fabs(c[GENDER_MALE].share - 3.0 / 7) < 0.06);
    assert_true(c[GENDER_MALE].fluid_wait_s > 140 && c[GENDER_MALE].fluid_wait_s < 270);
    assert_true(fabs(c[GENDER_MALE].rate_per_s - 1.4) < 0.15);
    assert_true(fabs(c[GENDER_MALE].seekers_per_s - c[GENDER_FEMALE].rate_per_s) < 0.02);
    assert_true(c[GENDER_FEMALE].seekers_waiting > 100 && c[GENDER_MALE].seekers_waiting < 5);
    assert_int_equal(c[GENDER_MALE].scarce, GENDER_FEMALE);
    assert_int_equal(c[GENDER_MALE].helps, GENDER_FEMALE);
    assert_int_equal(c[GENDER_FEMALE].scarce, -1);
    assert_int_equal(c[GENDER_FEMALE].helps, -1);
    assert_true(c[GENDER_FEMALE].extra_per_s == 0);
    /* 1.4 e^(-120/240) = 0.85 women a second */
    assert_true(c[GENDER_MALE].extra_per_s > 0.15 && c[GENDER_MALE].extra_per_s < 0.35);
    wait_model_free(m);
    rates[1] += c[GENDER_MALE].extra_per_s;
    m = play(rates, 5000, &is);
    assert_true(fabs(is - 120) < 0.2 * 120);
    wait_model_free(m);
}

static void test_balance_a_gender_may_lack_its_own(void **s)
{
    (void)s;
    struct wait_class c[GENDER_COUNT];
    const double rates[KINDS] = {0.2, 0.2, 0.01};
    double wait;
    state = 12;
    struct wait_model *m = play(rates, 12000, &wait);
    wait_model_classes(m, 10, c);
    assert_true(c[GENDER_NONBINARY].told);
    assert_true(c[GENDER_NONBINARY].median_s > 15);
    assert_int_equal(c[GENDER_NONBINARY].helps, GENDER_NONBINARY);
    assert_true(c[GENDER_NONBINARY].extra_per_s > 0.005 && c[GENDER_NONBINARY].extra_per_s < 0.2);
    assert_true(fabs(c[GENDER_NONBINARY].seekers_per_s - c[GENDER_NONBINARY].rate_per_s) < 0.005);
    wait_model_free(m);
}

static void test_balance_of_few_and_of_nobody_says_nothing(void **s)
{
    (void)s;
    struct wait_class c[GENDER_COUNT];
    struct wait_model *m = wait_model_new(1);
    wait_model_classes(m, 60, c);
    for (int g = 0; g < GENDER_COUNT; g++)
        assert_false(c[g].told);
    for (int i = 0; i < 60; i++) {
        tell(m, WAIT_JOIN, 1 + (uint64_t)i, i < 19 ? GENDER_OTHER : GENDER_MALE, GENDER_ALL, 1000 + i);
        wait_model_refresh(m, (1000 + i) * 1000);
    }
    wait_model_classes(m, 60, c);
    assert_false(c[GENDER_OTHER].told);
    assert_true(c[GENDER_MALE].told);
    /* Nobody is matched or gone: no advice, and nothing of who is not told. */
    assert_true(c[GENDER_MALE].share < 0 && c[GENDER_MALE].median_s < 0 && c[GENDER_MALE].extra_per_s < 0);
    assert_true(c[GENDER_MALE].helps < 0 && c[GENDER_MALE].scarce < 0);
    struct buf b;
    buf_init(&b, 65536);
    assert_int_equal(wait_json_balance("p", m, 1060000, 60, &b), 0);
    char *text = buf_take(&b);
    json_t *root = json_loads(text, 0, NULL);
    const json_t *classes = json_object_get(root, "classes"), *men = json_array_get(classes, 0);
    assert_int_equal(json_array_size(classes), 1);
    assert_string_equal(json_string_value(json_object_get(men, "gender")), "male");
    assert_true(json_is_null(json_object_get(men, "helps")));
    assert_true(json_number_value(json_object_get(men, "extraPerMinute")) < 0);
    json_decref(root);
    free(text);
    wait_model_free(m);
}

static void test_balance_counts_of_people_below_a_group_are_null(void **s)
{
    (void)s;
    const double rates[KINDS] = {1.4, 0.6, 0};
    double wait;
    struct buf b;
    state = 13;
    struct wait_model *m = play(rates, 2000, &wait);
    buf_init(&b, 65536);
    assert_int_equal(wait_json_queue_stats("p", m, 3000000, &b), 0);
    char *text = buf_take(&b);
    json_t *root = json_loads(text, 0, NULL);
    const json_t *classes = json_object_get(json_object_get(root, "balance"), "classes");
    assert_int_equal(json_array_size(classes), 2);
    assert_true(json_is_null(json_object_get(json_array_get(classes, 0), "seekersWaiting")));
    assert_true(json_number_value(json_object_get(json_array_get(classes, 1), "seekersWaiting")) > 20);
    assert_string_equal(json_string_value(json_object_get(json_array_get(classes, 0), "scarce")), "female");
    json_decref(root);
    free(text);
    wait_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balance_more_of_the_scarce_gender_as_advised_brings_the_wait_asked_for),
        cmocka_unit_test(test_balance_a_gender_may_lack_its_own),
        cmocka_unit_test(test_balance_of_few_and_of_nobody_says_nothing),
        cmocka_unit_test(test_balance_counts_of_people_below_a_group_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
