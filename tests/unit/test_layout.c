/*
 * The language's values and patterns, and the recognition of tables by their headers.
 */
#include "layout_pattern.h"
#include "layout_read.h"
#include "schedule_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const struct layout_values GERMAN = {.days = {(char[]){"Montag|Mo"}, (char[]){"Dienstag|Di"}, NULL, NULL, NULL, NULL, NULL},
                                            .months = {NULL, NULL, (char[]){"M\xc3\xa4rz"}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
                                            .year = 2026, .last_week = 12};

static void test_schedule_value_date_forms_and_impossible_ones(void **state)
{
    static const struct {
        const char *text, *iso;
    } dates[] = {
        {"23 Aug 2025", "2025-08-23"}, {"12 NOV 2025", "2025-11-12"}, {"Sat, 23\xc2\xa0" "August 2025", "2025-08-23"}, {"2025-08-23", "2025-08-23"},
        {"23.8.25", "2025-08-23"},     {"20250823", "2025-08-23"},    {"1st of May 2026", "2026-05-01"},            {"August 23, 2025", "2025-08-23"},
        {"31 Feb 2025", NULL},         {"29/02/2025", NULL},          {"29/02/2024", "2024-02-29"},                  {"23 Aug", NULL},
        {"00 Aug 2025", NULL},         {"23 Foo 2025", NULL},         {"", NULL},
    };
    char iso[11];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
        assert_int_equal(schedule_value_date(dates[i].text, NULL, iso), dates[i].iso != NULL);
        if (dates[i].iso != NULL)
            assert_string_equal(iso, dates[i].iso);
    }
    assert_true(schedule_value_date("3. M\xc3\xa4rz", &GERMAN, iso));
    assert_string_equal(iso, "2026-03-03");
    struct layout_values us = {.date_order = LAYOUT_MDY};
    assert_true(schedule_value_date("08/23/2025", &us, iso));
    assert_string_equal(iso, "2025-08-23");
}

static void test_schedule_value_time_forms_and_impossible_ones(void **state)
{
    static const struct {
        const char *text;
        enum value_time what;
        const char *start, *end;
    } times[] = {
        {"08:30 - 09:20", VALUE_TIME, "08:30", "09:20"}, {"08:30\xe2\x80\x93" "09:20", VALUE_TIME, "08:30", "09:20"},
        {"8h30", VALUE_TIME, "08:30", ""},               {"0830", VALUE_TIME, "08:30", ""},
        {"8.30 to 9.20", VALUE_TIME, "08:30", "09:20"},  {"2 PM", VALUE_TIME, "14:00", ""},
        {"2-3 pm", VALUE_TIME, "14:00", "15:00"},        {"11-1 pm", VALUE_TIME, "11:00", "13:00"},
        {"14 Uhr", VALUE_TIME, "14:00", ""},             {"12:00 am", VALUE_TIME, "00:00", ""},
        {"09:20 - 08:30", VALUE_BACKWARDS, "", ""},      {"25:00", VALUE_NO_TIME, "", ""},
        {"8", VALUE_NO_TIME, "", ""},                    {"08:60", VALUE_NO_TIME, "", ""},
        {"13 pm", VALUE_NO_TIME, "", ""},                {"08:30 - ", VALUE_NO_TIME, "", ""},
    };
    char start[6], end[6];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        enum value_time what = schedule_value_time(times[i].text, start, end);
        if (what != times[i].what)
            fail_msg("%s: %d", times[i].text, (int)what);
        if (what == VALUE_TIME) {
            assert_string_equal(start, times[i].start);
            assert_string_equal(end, times[i].end);
        }
    }
}

static void test_schedule_value_weeks_lists_and_parities(void **state)
{
    static const struct {
        const char *text;
        int n;
    } lists[] = {{"Wk 1-6, 8-13", 12}, {"weeks 2,4,6", 3}, {"1-13 odd", 7}, {"even weeks 2-12", 6}, {"1\xe2\x80\x93" "6", 6}, {"W1 W2", 2},
                 {"all", 0},           {"6-1", -1},        {"54", -1},      {"KW 15", -1},          {"", -1},                {"1-6 odd even", -1}};
    bool weeks[VALUE_WEEKS_MAX + 1];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (schedule_value_weeks(lists[i].text, NULL, weeks) != lists[i].n)
            fail_msg("%s: %d", lists[i].text, schedule_value_weeks(lists[i].text, NULL, weeks));
    assert_int_equal(schedule_value_weeks("odd weeks", &GERMAN, weeks), 6);
    assert_true(weeks[11] && !weeks[12] && !weeks[13]);
}

static void test_schedule_value_days_lists_and_languages(void **state)
{
    (void)state;
    assert_int_equal(schedule_value_days("Mon, Wed", NULL), 1 | 4);
    assert_int_equal(schedule_value_days("Mon-Fri", NULL), 31);
    assert_int_equal(schedule_value_days("Tue/Thu", NULL), 2 | 8);
    assert_int_equal(schedule_value_days("Mondy", NULL), 0);
    assert_int_equal(schedule_value_days("Di", &GERMAN), 2);
    assert_int_equal(schedule_value_days("Fri-Mon", NULL), 0);
    assert_true(schedule_value_open("Consult Department", NULL));
    assert_true(schedule_value_open(" TBA", NULL));
    assert_false(schedule_value_open("Hall 1", NULL));
    assert_int_equal(schedule_value_minutes("1h30"), 90);
    assert_int_equal(schedule_value_minutes("2 hours"), 120);
    assert_int_equal(schedule_value_minutes("50 min"), 50);
    assert_int_equal(schedule_value_minutes("x"), -1);
}

static void matches(const char *pattern, const char *text, const char *joined)
{
    char why[160] = "", got[256] = "";
    struct layout_parts parts;
    struct layout_pattern *p = layout_pattern_new(pattern, why, sizeof why);
    if (p == NULL)
        fail_msg("%s: %s", pattern, why);
    bool fits = layout_pattern_match(p, NULL, text, &parts);
    for (size_t i = 0; fits && i < parts.n; i++)
        (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s=%.*s", i > 0 ? ";" : "", layout_field_word(parts.items[i].field),
                       (int)parts.items[i].len, parts.items[i].start);
    layout_pattern_free(p);
    if (fits != (joined != NULL) || (fits && strcmp(got, joined) != 0))
        fail_msg("\"%s\" on \"%s\": %s", pattern, text, fits ? got : "does not fit");
}

static void test_layout_pattern_match_fields_shapes_and_options(void **state)
{
    char why[160], text[600];
    (void)state;
    matches("{day} {time}", "Mon 08:30 - 09:20", "day=Mon;time=08:30 - 09:20");
    matches("{day} {time}", "Mon", NULL);
    matches("{module:A+ 9+} {activity}[ ({group})]\\n{venue}", "COS 214 L1 (G01)\nIT 4-4", "module=COS 214;activity=L1;group=G01;venue=IT 4-4");
    matches("{module:A+ 9+} {activity}[ ({group})]\\n{venue}", "COS 214 L1\nIT 4-4", "module=COS 214;activity=L1;venue=IT 4-4");
    matches("{module:A+ 9+} {activity}[ ({group})]\\n{venue}", "COS 214 L1 IT 4-4", NULL);
    matches("{campus} / {venue}", "Nord / R 2.04", "campus=Nord;venue=R 2.04");
    matches("Semester {semester:9}", "semester 2", "semester=2");
    matches("[{*} ]First Semester[ {*}]", "First Semester 2026", "ignore=2026");
    assert_null(layout_pattern_new("{venue", why, sizeof why));
    assert_null(layout_pattern_new("]", why, sizeof why));
    assert_null(layout_pattern_new("", why, sizeof why));
    /* Many ways to part it: it ends, without a match. */
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    matches("{venue}{campus}{group}{lang}{status}!", text, NULL);
}

static void test_layout_read_names(void **state)
{
    (void)state;
    assert_true(layout_read_name_valid("my-uni_2026"));
    assert_false(layout_read_name_valid("auto"));
    assert_false(layout_read_name_valid("Mine"));
    assert_false(layout_read_name_valid(""));
    assert_false(layout_read_name_valid("a2345678901234567890123456789012"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule_value_date_forms_and_impossible_ones),
        cmocka_unit_test(test_schedule_value_time_forms_and_impossible_ones),
        cmocka_unit_test(test_schedule_value_weeks_lists_and_parities),
        cmocka_unit_test(test_schedule_value_days_lists_and_languages),
        cmocka_unit_test(test_layout_pattern_match_fields_shapes_and_options),
        cmocka_unit_test(test_layout_read_names),
    };
    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
