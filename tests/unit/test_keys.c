/* Names of Redis keys as docs/protocol.md spells them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "keys.h"

static void test_keys_of_parts_are_joined(void **arg)
{
    (void)arg;
    char out[KEY_MAX];
    assert_string_equal(keys_prefix(out, "pdf"), "stint:{pdf}");
    assert_string_equal(keys_stream(out, "pdf", BAND_EXPRESS), "stint:{pdf}:s:express");
    assert_string_equal(keys_stream(out, "pdf", BAND_LOW), "stint:{pdf}:s:low");
    assert_string_equal(keys_of(out, "pdf", "dead"), "stint:{pdf}:dead");
}

static void test_band_by_name_every_band_is_found(void **arg)
{
    (void)arg;
    for (int i = 0; i < BAND_COUNT; i++)
        assert_int_equal(band_by_name(band_name((enum band)i)), i);
    assert_int_equal(band_by_name("urgent"), -1);
    assert_int_equal(band_by_name(""), -1);
}

static void test_keys_queue_valid_borders_are_kept(void **arg)
{
    (void)arg;
    char longest[QUEUE_MAX + 1];
    memset(longest, 'q', sizeof longest);
    longest[QUEUE_MAX - 1] = '\0';
    assert_true(keys_queue_valid(longest));
    longest[QUEUE_MAX - 1] = 'q';
    longest[QUEUE_MAX] = '\0';
    assert_false(keys_queue_valid(longest));
    assert_true(keys_queue_valid("A.b_c-9"));
    assert_false(keys_queue_valid(""));
    assert_false(keys_queue_valid("a}b"));
    assert_false(keys_queue_valid("a b"));
    assert_false(keys_queue_valid("a\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_parts_are_joined),
        cmocka_unit_test(test_band_by_name_every_band_is_found),
        cmocka_unit_test(test_keys_queue_valid_borders_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
