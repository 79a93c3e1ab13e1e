/*
 * Why: what PostgreSQL reads from these bytes becomes people's tickets; every byte of the format is checked against its
 * description, and text beside it in one statement stays text. That a server reads them the same way: test_match_job.
 */
#include "pg_array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void assert_bytes(struct pg_array *a, const void *want, size_t len)
{
    struct pg_param p;
    assert_int_equal(pg_array_param(a, &p), 0);
    assert_int_equal(p.len, len);
    assert_memory_equal(p.data, want, len);
    pg_array_fini(a);
}

static void test_texts_and_nulls(void **state)
{
    (void)state;
    struct pg_array a;
    pg_array_init(&a, PG_ARRAY_TEXT);
    pg_array_text(&a, "a\"{,\\");
    pg_array_text(&a, NULL);
    pg_array_text(&a, "");
    static const char want[] = "\0\0\0\1"
                               "\0\0\0\1"
                               "\0\0\0\31"
                               "\0\0\0\3"
                               "\0\0\0\1"
                               "\0\0\0\5"
                               "a\"{,\\"
                               "\377\377\377\377"
                               "\0\0\0";
    assert_bytes(&a, want, sizeof want);
}

static void test_numbers(void **state)
{
    (void)state;
    struct pg_array a;
    pg_array_init(&a, PG_ARRAY_INT8);
    pg_array_int8(&a, INT64_MIN);
    pg_array_int8(&a, 258);
    static const char ints[] = "\0\0\0\1"
                               "\0\0\0\0"
                               "\0\0\0\24"
                               "\0\0\0\2"
                               "\0\0\0\1"
                               "\0\0\0\10"
                               "\200\0\0\0\0\0\0\0"
                               "\0\0\0\10"
                               "\0\0\0\0\0\0\1\2";
    assert_bytes(&a, ints, sizeof ints - 1);
    pg_array_init(&a, PG_ARRAY_FLOAT8);
    pg_array_float8(&a, -2.0);
    static const char floats[] = "\0\0\0\1"
                                 "\0\0\0\0"
                                 "\0\0\2\275"
                                 "\0\0\0\1"
                                 "\0\0\0\1"
                                 "\0\0\0\10"
                                 "\300\0\0\0\0\0\0";
    assert_bytes(&a, floats, sizeof floats);
    pg_array_init(&a, PG_ARRAY_BOOL);
    pg_array_bool(&a, true);
    static const char bools[] = "\0\0\0\1"
                                "\0\0\0\0"
                                "\0\0\0\20"
                                "\0\0\0\1"
                                "\0\0\0\1"
                                "\0\0\0\1"
                                "\1";
    assert_bytes(&a, bools, sizeof bools - 1);
}

static void test_json_carries_its_version(void **state)
{
    (void)state;
    struct pg_array a;
    pg_array_init(&a, PG_ARRAY_JSONB);
    pg_array_text(&a, "{}");
    static const char want[] = "\0\0\0\1"
                               "\0\0\0\0"
                               "\0\0\16\332"
                               "\0\0\0\1"
                               "\0\0\0\1"
                               "\0\0\0\3"
                               "\1{}";
    assert_bytes(&a, want, sizeof want - 1);
}

static void test_a_batch_keeps_both_formats_apart(void **state)
{
    (void)state;
    struct pg_array a;
    struct pg_param params[3] = {{"t", PG_PARAM_TEXT}, {NULL, PG_PARAM_TEXT}};
    struct pg_batch *b = pg_batch_new();
    pg_array_init(&a, PG_ARRAY_INT8);
    pg_array_int8(&a, 0);
    assert_int_equal(pg_array_param(&a, &params[2]), 0);
    assert_int_equal(pg_batch_add_params(b, "SELECT $1, $2, $3", 3, params), 0);
    assert_int_equal(pg_batch_add(b, "SELECT $1", 1, (const char *const[]){"next"}), 0);
    pg_array_fini(&a); /* the batch has its own */
    struct pg_values v;
    pg_batch_values(b, 0, &v);
    assert_string_equal(v.at[0], "t");
    assert_int_equal(v.formats[0], 0);
    assert_null(v.at[1]);
    assert_int_equal(v.formats[2], 1);
    assert_int_equal(v.lens[2], 32);
    pg_batch_values(b, 1, &v);
    assert_string_equal(v.at[0], "next");
    pg_batch_free(b);
}

static void test_an_array_that_lacks_something_is_refused(void **state)
{
    (void)state;
    struct pg_array a;
    struct pg_param p;
    pg_array_init(&a, PG_ARRAY_TEXT);
    a.data.max = 30;
    pg_array_text(&a, "fits");
    pg_array_text(&a, "does not fit");
    assert_int_equal(pg_array_param(&a, &p), -ENOMEM);
    pg_array_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_and_nulls),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_json_carries_its_version),
        cmocka_unit_test(test_a_batch_keeps_both_formats_apart),
        cmocka_unit_test(test_an_array_that_lacks_something_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
