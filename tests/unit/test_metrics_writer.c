/* The two text formats: names, suffixes, escapes, numbers, buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "metrics_writer.h"

#include <math.h>

static struct buf out;

static int set_up(void **arg)
{
    (void)arg;
    buf_init(&out, 65536);
    return 0;
}

static int tear_down(void **arg)
{
    (void)arg;
    buf_fini(&out);
    return 0;
}

static void test_metrics_family_counter_suffix_differs_by_format(void **arg)
{
    (void)arg;
    struct metrics_writer w = {.out = &out};
    metrics_family(&w, "a_b", METRICS_COUNTER, "Help.");
    METRICS_SAMPLE(&w, 3, {"x", "1"}, {"y", "2"});
    metrics_end(&w);
    assert_string_equal(out.data, "# HELP a_b_total Help.\n# TYPE a_b_total counter\na_b_total{x=\"1\",y=\"2\"} 3\n");
    buf_clear(&out);
    w.openmetrics = true;
    metrics_family(&w, "a_b", METRICS_COUNTER, "Help.");
    metrics_sample(&w, NULL, 0, 3);
    metrics_end(&w);
    assert_string_equal(out.data, "# HELP a_b Help.\n# TYPE a_b counter\na_b_total 3\n# EOF\n");
}

static void test_metrics_sample_labels_are_escaped(void **arg)
{
    (void)arg;
    struct metrics_writer w = {.out = &out};
    metrics_family(&w, "g", METRICS_GAUGE, "Help.");
    METRICS_SAMPLE(&w, 1, {"x", "a\"b\\c\nd\xff"});
    assert_non_null(strstr(out.data, "g{x=\"a\\\"b\\\\c\\nd?\"} 1\n"));
}

static void test_metrics_sample_numbers_keep_their_value(void **arg)
{
    (void)arg;
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0, "g 0\n"},
                {-1, "g -1\n"},
                {0.25, "g 0.25\n"},
                {9007199254740991.0, "g 9.00719925e+15\n"},
                {8999999999999999.0, "g 8999999999999999\n"},
                {NAN, "g NaN\n"},
                {INFINITY, "g +Inf\n"},
                {-INFINITY, "g -Inf\n"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct metrics_writer w = {.out = &out};
        metrics_family(&w, "g", METRICS_GAUGE, "Help.");
        metrics_sample(&w, NULL, 0, rows[i].value);
        if (strstr(out.data, rows[i].text) == NULL)
            fail_msg("%s is missing in %s", rows[i].text, out.data);
        buf_clear(&out);
    }
}

static void test_metrics_histogram_buckets_are_cumulative(void **arg)
{
    (void)arg;
    struct metrics_writer w = {.out = &out};
    struct metrics_histogram h = {.sum_us = 2500000};
    h.counts[0] = 1;
    h.counts[9] = 2;
    h.counts[SCORE_BUCKETS - 1] = 4;
    metrics_family(&w, "h_seconds", METRICS_HISTOGRAM, "Help.");
    METRICS_HISTOGRAM_SAMPLE(&w, &h, {"k", "v"});
    assert_non_null(strstr(out.data, "h_seconds_bucket{k=\"v\",le=\"0.001\"} 1\n"));
    assert_non_null(strstr(out.data, "h_seconds_bucket{k=\"v\",le=\"0.5\"} 1\n"));
    assert_non_null(strstr(out.data, "h_seconds_bucket{k=\"v\",le=\"1.0\"} 3\n"));
    assert_non_null(strstr(out.data, "h_seconds_bucket{k=\"v\",le=\"300.0\"} 3\n"));
    assert_non_null(strstr(
        out.data, "h_seconds_bucket{k=\"v\",le=\"+Inf\"} 7\nh_seconds_sum{k=\"v\"} 2.5\nh_seconds_count{k=\"v\"} 7\n"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_metrics_family_counter_suffix_differs_by_format),
        T(test_metrics_sample_labels_are_escaped),
        T(test_metrics_sample_numbers_keep_their_value),
        T(test_metrics_histogram_buckets_are_cumulative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
