/* A drill passes only when end, cause, code, cost and time are all as its row says; every row of the table is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drill.h"

static const struct drill row = {.name = "x",
                                 .what = "w",
                                 .payload = "{}",
                                 .options = "{}",
                                 .state = "done",
                                 .causes = "cpu_limit,hard_timeout",
                                 .code = "TIMEOUT",
                                 .attempts = 0,
                                 .crashes = 1,
                                 .within_s = 2};

static struct drill_result judged(const struct drill *d, const char *state, const char *cause, const char *code,
                                  int attempts, int crashes, int64_t took_ms)
{
    struct drill_result r = {.verdict = DRILL_SKIPPED};
    json_t *job = json_pack("{s:s, s:i, s:i, s:i, s:[{s:s, s:s}]}", "state", state, "attempts", attempts, "crashes",
                            crashes, "errors_total", 1, "errors", "cause", cause, "code", code);
    assert_non_null(job);
    drill_judge(d, job, took_ms, &r);
    json_decref(job);
    return r;
}

static void test_drill_judge_all_as_expected_is_ok(void **arg)
{
    (void)arg;
    struct drill_result r = judged(&row, "done", "hard_timeout", "TIMEOUT", 0, 1, 1999);
    assert_int_equal(r.verdict, DRILL_OK);
    assert_string_equal(r.why, "");
    assert_int_equal(r.took_ms, 1999);
    assert_int_equal(judged(&row, "done", "cpu_limit", "TIMEOUT", 0, 1, 0).verdict, DRILL_OK);
}

static void test_drill_judge_any_difference_fails_and_is_named(void **arg)
{
    (void)arg;
    const struct {
        struct drill_result r;
        const char *names;
    } cases[] = {
        {judged(&row, "dead", "hard_timeout", "TIMEOUT", 0, 1, 1), "not done"},
        {judged(&row, "done", "signal:SIGKILL", "TIMEOUT", 0, 1, 1), "signal:SIGKILL"},
        {judged(&row, "done", "hard", "TIMEOUT", 0, 1, 1), "\"hard\""},
        {judged(&row, "done", "", "TIMEOUT", 0, 1, 1), "cause"},
        {judged(&row, "done", "hard_timeout", "CRASH", 0, 1, 1), "CRASH"},
        {judged(&row, "done", "hard_timeout", "TIMEOUT", 1, 1, 1), "1 failures"},
        {judged(&row, "done", "hard_timeout", "TIMEOUT", 0, 2, 1), "2 crashes"},
        {judged(&row, "done", "hard_timeout", "TIMEOUT", 0, 1, 2001), "longer than 2 s"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(cases[i].r.verdict, DRILL_FAILED);
        assert_non_null(strstr(cases[i].r.why, cases[i].names));
    }
}

static void test_drill_judge_no_error_expected_none_allowed(void **arg)
{
    (void)arg;
    struct drill clean = row;
    clean.causes = clean.code = "";
    clean.attempts = clean.crashes = -1;
    struct drill_result r = {.verdict = DRILL_SKIPPED};
    json_t *job = json_pack("{s:s, s:[]}", "state", "done", "errors");
    drill_judge(&clean, job, 1, &r);
    json_decref(job);
    assert_int_equal(r.verdict, DRILL_OK);
    clean.causes = "none,handler_error";
    assert_int_equal(judged(&clean, "done", "", "", 0, 0, 1).verdict, DRILL_OK);
    assert_int_equal(judged(&clean, "done", "handler_error", "", 0, 0, 1).verdict, DRILL_OK);
    clean.causes = "";
    assert_int_equal(judged(&clean, "done", "hard_timeout", "TIMEOUT", 0, 1, 1).verdict, DRILL_FAILED);
}

static void test_drill_all_rows_are_whole_and_unique(void **arg)
{
    (void)arg;
    static const char *const ends[] = {"done", "dead", "cancelled"};
    size_t n;
    const struct drill *all = drill_all(&n);
    assert_true(n >= 15);
    for (size_t i = 0; i < n; i++) {
        char expected[DRILL_TEXT_MAX];
        json_t *payload = json_loads(all[i].payload, 0, NULL), *options = json_loads(all[i].options, 0, NULL);
        assert_true(json_is_object(payload));
        assert_true(json_is_object(options));
        json_decref(payload);
        json_decref(options);
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(ends); k++)
            known |= strcmp(ends[k], all[i].state) == 0;
        assert_true(known);
        assert_true(all[i].within_s > 0);
        assert_ptr_equal(drill_find(all[i].name), &all[i]); /* the first of its name: names are unique */
        assert_non_null(strstr(drill_expected(&all[i], expected), all[i].state));
    }
    assert_null(drill_find("all")); /* that word means every row */
    assert_null(drill_find("nonsense"));
}

static void test_drill_expected_names_everything(void **arg)
{
    (void)arg;
    char text[DRILL_TEXT_MAX];
    assert_string_equal(drill_expected(&row, text),
                        "done, cause cpu_limit|hard_timeout TIMEOUT, 0 failures, 1 crash, within 2 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drill_judge_all_as_expected_is_ok),
        cmocka_unit_test(test_drill_judge_any_difference_fails_and_is_named),
        cmocka_unit_test(test_drill_judge_no_error_expected_none_allowed),
        cmocka_unit_test(test_drill_all_rows_are_whole_and_unique),
        cmocka_unit_test(test_drill_expected_names_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
