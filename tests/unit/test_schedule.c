/*
 * Tables and schedules from word boxes alone: no PDF, no library.
 */
#include "schedule.h"
#include "schedule_value.h"
#include "recognise.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct layout_set layouts;

static int load(void **state)
{
    struct err e = {0};
    (void)state;
    return layout_set_load(&layouts, NULL, &e);
}

static int unload(void **state)
{
    (void)state;
    layout_set_free(&layouts);
    return 0;
}

/* One word a call; widths are half the size a character. */
static void put(struct page *page, double x, double y, double size, bool bold, const char *text)
{
    page->words = g_renew(struct word, page->words, page->n_words + 1);
    page->words[page->n_words++] = (struct word){.x0 = x, .y0 = y, .x1 = x + 0.5 * size * (double)strlen(text), .y1 = y + size, .size = size,
                                                 .bold = bold, .text = g_strdup(text)};
}

static void put_line(struct page *page, double y, bool bold, const double xs[], const char *const texts[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (texts[i][0] != '\0')
            put(page, xs[i], y, 10, bold, texts[i]);
}

static const double LECTURE_X[] = {40, 100, 145, 190, 225, 275, 340, 470, 560};
static const char *const LECTURE_HEADER[] = {"Module", "Offered", "Group", "Lang", "Activity", "Day", "Time", "Venue", "Campus"};

static void page_new(struct page *page, int number)
{
    *page = (struct page){.number = number, .width = 842, .height = 595};
    if (number == 1)
        put_line(page, 60, true, LECTURE_X, LECTURE_HEADER, ARRAY_LEN(LECTURE_X));
}

static void row(struct page *page, double y, const char *const texts[9])
{
    put_line(page, y, false, LECTURE_X, texts, 9);
}

static const char *text_of(const struct schedule *s, size_t event, const char *name)
{
    const char *text = json_string_value(json_object_get(json_array_get(s->events, event), name));
    return text != NULL ? text : "";
}

static void read_pages(struct page pages[], size_t n, struct schedule *s)
{
    struct table table;
    struct err e = {0};
    int rc = table_build(&table, layout_set_find(&layouts, "lecture"), pages, n, &e);
    if (rc < 0)
        fail_msg("%s", e.message);
    schedule_read(s, &table, pages, n);
    table_free(&table);
    for (size_t i = 0; i < n; i++)
        words_free(&pages[i]);
}

static void test_schedule_row_split_over_pages_is_one_row(void **state)
{
    struct page pages[2];
    struct schedule s;
    (void)state;
    page_new(&pages[0], 1);
    page_new(&pages[1], 2);
    row(&pages[0], 100, (const char *const[]){"COS214", "S2", "G01", "EL", "L1", "Monday", "08:30-09:20", "IT4-4", "HATFIELD"});
    row(&pages[1], 30, (const char *const[]){"", "", "", "", "L2", "Tuesday", "10:30-11:20", "IT4-5", ""});
    row(&pages[1], 60, (const char *const[]){"WTW124", "S1", "G02", "A", "T1", "Friday", "07:30-08:20", "IT2-1", "GROENKLOOF"});
    read_pages(pages, 2, &s);
    assert_int_equal(json_array_size(s.events), 3);
    assert_int_equal(s.rows_seen, 2);
    assert_int_equal(s.rows_parsed, 2);
    assert_string_equal(text_of(&s, 0, "lang"), "E"); /* the unseen letter is no part of it */
    assert_string_equal(text_of(&s, 1, "module"), "COS214");
    assert_string_equal(text_of(&s, 1, "day"), "Tuesday");
    assert_string_equal(text_of(&s, 1, "campus"), "HATFIELD"); /* the row's */
    assert_string_equal(text_of(&s, 2, "module"), "WTW124");
    schedule_free(&s);
}

static void test_schedule_row_not_understood_is_named(void **state)
{
    struct page page;
    struct schedule s;
    (void)state;
    page_new(&page, 1);
    row(&page, 100, (const char *const[]){"COS214", "S2", "G01", "E", "L1", "Mondy", "08:30-09:20", "IT4-4", ""});
    row(&page, 130, (const char *const[]){"COS215", "S2", "G01", "E", "L1", "Monday", "25:30-26:20", "IT4-4", ""});
    row(&page, 160, (const char *const[]){"COS216", "S2", "G01", "E", "L1", "Monday", "08:30-09:20", "IT4-4", ""});
    read_pages(&page, 1, &s);
    assert_int_equal(s.rows_seen, 3);
    assert_int_equal(s.rows_parsed, 1);
    assert_int_equal(json_array_size(s.warnings), 2);
    schedule_free(&s);
}

static void test_schedule_group_below_module_carries_it(void **state)
{
    struct page page;
    struct schedule s;
    (void)state;
    page_new(&page, 1);
    row(&page, 100, (const char *const[]){"COS214", "S2", "G01", "E", "L1", "Monday", "08:30-09:20", "IT4-4", ""});
    row(&page, 112, (const char *const[]){"", "", "G02", "", "L1", "Monday", "09:30-10:20", "IT4-4", ""});
    read_pages(&page, 1, &s);
    assert_int_equal(json_array_size(s.events), 2);
    assert_string_equal(text_of(&s, 1, "module"), "COS214");
    assert_string_equal(text_of(&s, 1, "group"), "G02");
    assert_string_equal(text_of(&s, 1, "semester"), "S2");
    schedule_free(&s);
}

static void test_table_build_missing_columns_are_named(void **state)
{
    struct page page = {.number = 1, .width = 842, .height = 595};
    struct table table;
    struct err e = {0};
    (void)state;
    put_line(&page, 60, true, LECTURE_X, (const char *const[]){"Module", "Offered", "Group", "Lang", "Activity"}, 5);
    assert_int_equal(table_build(&table, layout_set_find(&layouts, "lecture"), &page, 1, &e), ERR_MISSING_COLUMNS);
    assert_non_null(strstr(e.message, "Day"));
    assert_non_null(strstr(e.message, "Venue"));
    table_free(&table);
    words_free(&page);
}

static const char *titled(const char *title)
{
    struct page page = {.number = 1, .width = 842, .height = 595};
    const struct layout *layout = NULL;
    size_t first = 0;
    struct err e = {0};
    put(&page, 40, 20, 20, true, title);
    int rc = recognise_layout(&layouts, &page, 1, "auto", &layout, &first, &e);
    words_free(&page);
    return rc == 0 ? layout->name : err_name(rc);
}

static void test_recognise_layout_titles_are_tested_in_order(void **state)
{
    (void)state;
    assert_string_equal(titled("My Semester Tests and Exams"), "test");
    assert_string_equal(titled("EXAMS 2025"), "exam");
    assert_string_equal(titled("Lectures"), "lecture");
    assert_string_equal(titled("Menu"), "UNRECOGNISED_FORMAT");
}

static void test_schedule_value_date_forms(void **state)
{
    char iso[11];
    (void)state;
    assert_true(schedule_value_date("23 Aug 2025", NULL, iso));
    assert_string_equal(iso, "2025-08-23");
    assert_true(schedule_value_date("12 NOV 2025", NULL, iso));
    assert_string_equal(iso, "2025-11-12");
    assert_true(schedule_value_date("Sat, 1 June 2024", NULL, iso));
    assert_string_equal(iso, "2024-06-01");
    assert_true(schedule_value_date("29/02/2024", NULL, iso));
    assert_false(schedule_value_date("29 Feb 2025", NULL, iso));
    assert_false(schedule_value_date("31 Nov 2025", NULL, iso));
    assert_false(schedule_value_date("soon", NULL, iso));
}

static void test_schedule_value_time_forms(void **state)
{
    char start[6], end[6];
    (void)state;
    assert_int_equal(schedule_value_time("08:30 - 09:20", start, end), VALUE_TIME);
    assert_string_equal(end, "09:20");
    assert_int_equal(schedule_value_time("8h30\xe2\x80\x93" "9h20", start, end), VALUE_TIME);
    assert_string_equal(start, "08:30");
    assert_int_equal(schedule_value_time("07:30", start, end), VALUE_TIME);
    assert_string_equal(end, "");
    assert_int_equal(schedule_value_time("02:00 pm", start, end), VALUE_TIME);
    assert_string_equal(start, "14:00");
    assert_int_not_equal(schedule_value_time("10:00 - 09:00", start, end), VALUE_TIME);
    assert_int_not_equal(schedule_value_time("24:10", start, end), VALUE_TIME);
    assert_true(schedule_value_open("TBA", NULL));
    assert_true(schedule_value_open("  ", NULL));
    assert_false(schedule_value_open("Thuto 1-1", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule_row_split_over_pages_is_one_row),
        cmocka_unit_test(test_schedule_row_not_understood_is_named),
        cmocka_unit_test(test_schedule_group_below_module_carries_it),
        cmocka_unit_test(test_table_build_missing_columns_are_named),
        cmocka_unit_test(test_recognise_layout_titles_are_tested_in_order),
        cmocka_unit_test(test_schedule_value_date_forms),
        cmocka_unit_test(test_schedule_value_time_forms),
    };
    return cmocka_run_group_tests_name("schedule", tests, load, unload);
}
