/* Tables line up whatever the script of their text, are cut to a narrow terminal, and never carry a job's escape sequences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "out.h"

#include <locale.h>

/* What printing to a stream that is no terminal gives; the caller frees. */
static char *printed(void (*print)(struct out *o), bool json, int columns)
{
    char *text = NULL;
    size_t len = 0;
    FILE *scratch = tmpfile(), *to = open_memstream(&text, &len);
    assert_non_null(scratch);
    assert_non_null(to);
    struct out o;
    out_init(&o, scratch, scratch, json, false, false);
    assert_false(o.colour);
    o.to = to;
    o.columns = columns;
    print(&o);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(fclose(scratch), 0);
    return text;
}

static void print_people(struct out *o)
{
    static const char *const titles[] = {"NAME", ">AGE", "~NOTE", NULL};
    struct table t;
    table_init(&t, titles);
    assert_int_equal(table_row(&t), 0);
    table_set(&t, 0, "%s", "Ωmega");
    table_set(&t, 1, "%d", 7);
    table_set(&t, 2, "%s", "a long note that will not fit");
    assert_int_equal(table_row(&t), 0);
    table_set(&t, 0, "%s", "日本");
    table_set(&t, 1, "%d", 123);
    table_set(&t, 2, "%s", "evil\033[2J\nend");
    table_print(&t, o);
    table_fini(&t);
}

static void test_table_print_columns_line_up(void **state)
{
    (void)state;
    char *text = printed(print_people, false, 0);
    assert_string_equal(text, "NAME   AGE  NOTE\n"
                              "Ωmega    7  a long note that will not fit\n"
                              "日本   123  evil?[2J end\n");
    free(text);
}

static void test_table_print_narrow_terminal_cuts_the_marked_column(void **state)
{
    (void)state;
    char *text = printed(print_people, false, 24);
    assert_string_equal(text, "NAME   AGE  NOTE\n"
                              "Ωmega    7  a long note…\n"
                              "日本   123  evil?[2J end\n");
    free(text);
}

static void print_venues(struct out *o)
{
    static const char *const titles[] = {"MODULE", "|VENUES", "|CAMPUS", NULL};
    struct table t;
    table_init(&t, titles);
    assert_int_equal(table_row(&t), 0);
    table_set(&t, 0, "%s", "COS 214");
    table_set(&t, 1, "%s", "Engineering 3, Thuto 1-1, 日本語の教室, Centenary");
    table_set(&t, 2, "%s", "Hatfield");
    table_print(&t, o);
    table_fini(&t);
}

static void test_table_print_narrow_terminal_wraps_the_marked_column(void **state)
{
    (void)state;
    char *text = printed(print_venues, false, 36);
    assert_string_equal(text, "MODULE   VENUES             CAMPUS\n"
                              "COS 214  Engineering 3,     Hatfield\n"
                              "         Thuto 1-1,         \n"
                              "         日本語の教室,      \n"
                              "         Centenary          \n");
    free(text);
    text = printed(print_venues, false, 0);
    assert_non_null(strstr(text, "COS 214  Engineering 3, Thuto 1-1, 日本語の教室, Centenary  Hatfield\n"));
    free(text);
}

static void test_table_print_json_prints_no_table(void **state)
{
    (void)state;
    char *text = printed(print_people, true, 0);
    assert_string_equal(text, "");
    free(text);
}

static void test_out_harmless_control_and_broken_bytes_become_marks(void **state)
{
    (void)state;
    static const char text[] = "a\033b\xc2\x9b" "c\xff\xe2\x80\xae" "d\xed\xa0\x80" "é";
    char *shown = out_harmless(text, sizeof text - 1);
    assert_string_equal(shown, "a?b?c??d???é");
    free(shown);
    shown = out_harmless("\xe2\x82", 2);
    assert_string_equal(shown, "??");
    free(shown);
}

static void test_out_ms_picks_a_unit(void **state)
{
    (void)state;
    char out[32];
    assert_string_equal(out_ms(out, -1), "-");
    assert_string_equal(out_ms(out, 999), "999 ms");
    assert_string_equal(out_ms(out, 1500), "1.5 s");
    assert_string_equal(out_ms(out, 59000), "59 s");
    assert_string_equal(out_ms(out, 61000), "1 min 01 s");
    assert_string_equal(out_ms(out, INT64_C(90061000)), "1 d 1 h");
    assert_string_equal(out_bytes(out, 1536), "1.5 KiB");
    assert_string_equal(out_bytes(out, 12), "12 B");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_print_columns_line_up),
        cmocka_unit_test(test_table_print_narrow_terminal_cuts_the_marked_column),
        cmocka_unit_test(test_table_print_narrow_terminal_wraps_the_marked_column),
        cmocka_unit_test(test_table_print_json_prints_no_table),
        cmocka_unit_test(test_out_harmless_control_and_broken_bytes_become_marks),
        cmocka_unit_test(test_out_ms_picks_a_unit),
    };
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
