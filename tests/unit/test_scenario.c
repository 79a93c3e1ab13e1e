/* Made-up people are as their scenario and its seed say, and a trace is read as it was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scenario.h"
#include "trace_file.h"

#include <math.h>
#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenario_make_people_are_as_the_scenario_says),
        cmocka_unit_test(test_scenario_make_the_seed_decides),
        cmocka_unit_test(test_scenario_make_refuses_what_there_is_not),
        cmocka_unit_test(test_trace_file_write_is_read_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
