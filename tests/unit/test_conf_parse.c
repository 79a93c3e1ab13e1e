/* Numbers with units: the whole text or nothing, and never a smaller number than was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf.h"

static void assert_duration(const char *text, int64_t want)
{
    int64_t ms = -7;
    assert_int_equal(conf_parse_duration(text, &ms, NULL), 0);
    assert_int_equal(ms, want);
}

static void assert_refused(int (*parse)(const char *, int64_t *, struct err *), const char *text, const char *why)
{
    int64_t value = -7;
    struct err e = {0};
    assert_int_equal(parse(text, &value, &e), ERR_BAD_CONFIG);
    assert_int_equal(value, -7);
    assert_non_null(strstr(e.message, why));
    assert_non_null(strstr(e.message, text));
}

static void test_conf_parse_duration_units_are_milliseconds(void **arg)
{
    (void)arg;
    assert_duration("250ms", 250);
    assert_duration("5s", 5000);
    assert_duration("1m", 60000);
    assert_duration("2h", 7200000);
    assert_duration("7d", INT64_C(604800000));
    assert_duration("1w", INT64_C(604800000));
    assert_duration("0", 0);
    assert_duration("4294967297ms", INT64_C(4294967297));
}

static void test_conf_parse_duration_wrong_text_is_refused(void **arg)
{
    (void)arg;
    static const char *const wrong[] = {"",     "5",   "s",   "5 s",  "-5s",  "5S",
                                        "5.5s", "5s5", "+5s", "0x5s", "5min", "4294967297"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_refused(conf_parse_duration, wrong[i], "ms, s, m, h, d");
}

static void test_conf_parse_duration_overflow_is_refused(void **arg)
{
    (void)arg;
    static const char *const large[] = {"99999999999999d", "9223372036854775808ms", "99999999999999999999999999999s",
                                        "9223372036854775807s"};
    for (size_t i = 0; i < ARRAY_LEN(large); i++)
        assert_refused(conf_parse_duration, large[i], "too large");
    assert_duration("9223372036854775807ms", INT64_MAX);
}

static void test_conf_parse_size_units_are_binary(void **arg)
{
    (void)arg;
    int64_t bytes;
    static const struct {
        const char *text;
        int64_t want;
    } rows[] = {{"0", 0},
                {"1024", 1024},
                {"7B", 7},
                {"64K", 65536},
                {"64KiB", 65536},
                {"256M", 268435456},
                {"2G", INT64_C(2147483648)},
                {"1T", INT64_C(1099511627776)},
                {"4294967297", INT64_C(4294967297)}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(conf_parse_size(rows[i].text, &bytes, NULL), 0);
        assert_int_equal(bytes, rows[i].want);
    }
    assert_refused(conf_parse_size, "64k", "is not a size");
    assert_refused(conf_parse_size, "64 K", "is not a size");
    assert_refused(conf_parse_size, "9999999999T", "too large");
}

static void test_conf_parse_int_borders_are_kept(void **arg)
{
    (void)arg;
    int64_t value;
    assert_int_equal(conf_parse_int("9223372036854775807", &value, NULL), 0);
    assert_int_equal(value, INT64_MAX);
    assert_int_equal(conf_parse_int("-12", &value, NULL), 0);
    assert_int_equal(value, -12);
    assert_refused(conf_parse_int, "9223372036854775808", "too large");
    assert_refused(conf_parse_int, "abc", "not a whole number");
    assert_refused(conf_parse_int, "12a", "not a whole number");
    assert_refused(conf_parse_int, "-", "not a whole number");
    assert_refused(conf_parse_int, "1e3", "not a whole number");
}

static void test_conf_parse_bool_words_are_known(void **arg)
{
    (void)arg;
    bool yes;
    struct err e;
    static const char *const on[] = {"yes", "true", "on", "1", "YES"}, *const off[] = {"no", "false", "off", "0",
                                                                                       "Off"};
    for (size_t i = 0; i < ARRAY_LEN(on); i++) {
        assert_int_equal(conf_parse_bool(on[i], &yes, NULL), 0);
        assert_true(yes);
        assert_int_equal(conf_parse_bool(off[i], &yes, NULL), 0);
        assert_false(yes);
    }
    assert_int_equal(conf_parse_bool("maybe", &yes, &e), ERR_BAD_CONFIG);
    assert_non_null(strstr(e.message, "\"maybe\" is neither yes nor no"));
}

static void test_conf_list_next_items_are_stripped(void **arg)
{
    (void)arg;
    const char *cursor = " a, b ,,c c,";
    char item[8];
    static const char *const want[] = {"a", "b", "c c"};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(conf_list_next(&cursor, item, sizeof item));
        assert_string_equal(item, want[i]);
    }
    assert_false(conf_list_next(&cursor, item, sizeof item));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conf_parse_duration_units_are_milliseconds),
        cmocka_unit_test(test_conf_parse_duration_wrong_text_is_refused),
        cmocka_unit_test(test_conf_parse_duration_overflow_is_refused),
        cmocka_unit_test(test_conf_parse_size_units_are_binary),
        cmocka_unit_test(test_conf_parse_int_borders_are_kept),
        cmocka_unit_test(test_conf_parse_bool_words_are_known),
        cmocka_unit_test(test_conf_list_next_items_are_stripped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
