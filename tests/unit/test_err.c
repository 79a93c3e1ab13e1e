/* Codes, names and classes agree with the table; messages stay one printable line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "err.h"

static void test_err_set_fills_code_and_message(void **arg)
{
    (void)arg;
    struct err e;
    assert_int_equal(err_set(&e, ERR_NOT_PDF, "page %d", 3), ERR_NOT_PDF);
    assert_int_equal(e.code, ERR_NOT_PDF);
    assert_string_equal(e.message, "page 3");
    assert_int_equal(err_set(NULL, ERR_NOT_PDF, "ignored"), ERR_NOT_PDF);
}

static void test_err_set_newline_becomes_space(void **arg)
{
    (void)arg;
    struct err e;
    (void)err_set(&e, ERR_PROTOCOL, "%s", "a\nb\tc\x7f");
    assert_string_equal(e.message, "a b c ");
}

static void test_err_set_long_message_is_cut_between_characters(void **arg)
{
    (void)arg;
    struct err e;
    char text[2000];
    text[0] = 'x'; /* so that a two-byte character straddles the end */
    for (size_t i = 1; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[sizeof text - 1] = '\0';
    (void)err_set(&e, ERR_PROTOCOL, "%s", text);
    size_t len = strlen(e.message);
    assert_in_range(len, ERR_MESSAGE_MAX - 3, ERR_MESSAGE_MAX - 1);
    assert_int_equal(len % 2, 1);
}

static void test_err_set_errno_appends_text(void **arg)
{
    (void)arg;
    struct err e;
    assert_int_equal(err_set_errno(&e, ENOENT, "opening %s", "/x"), -ENOENT);
    assert_string_equal(e.message, "opening /x: No such file or directory");
}

static void test_err_name_every_code_is_found_by_its_name(void **arg)
{
    (void)arg;
    size_t n = 0;
#define X(name, number, class_, text)                                                                                  \
    assert_string_equal(err_name(ERR_##name), #name);                                                                  \
    assert_string_equal(err_text(ERR_##name), text);                                                                   \
    assert_int_equal(err_class(ERR_##name), ERR_CLASS_##class_);                                                       \
    assert_int_equal(err_code_by_name(#name), ERR_##name);                                                             \
    assert_true((number) < -5000);                                                                                     \
    n++;
    ERR_TABLE(X)
#undef X
    assert_true(n > 30);
}

static void test_err_name_system_and_unknown_codes_have_texts(void **arg)
{
    (void)arg;
    assert_string_equal(err_name(0), "OK");
    assert_string_equal(err_name(-EIO), "EIO");
    assert_string_equal(err_name(-4999), "UNKNOWN");
    assert_string_equal(err_text(-4999), "unknown error");
    assert_int_equal(err_class(-EIO), ERR_CLASS_TRANSIENT);
    assert_int_equal(err_code_by_name("NO_SUCH"), 0);
    assert_string_equal(err_class_name(ERR_CLASS_RESOURCE), "resource");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_set_fills_code_and_message),
        cmocka_unit_test(test_err_set_newline_becomes_space),
        cmocka_unit_test(test_err_set_long_message_is_cut_between_characters),
        cmocka_unit_test(test_err_set_errno_appends_text),
        cmocka_unit_test(test_err_name_every_code_is_found_by_its_name),
        cmocka_unit_test(test_err_name_system_and_unknown_codes_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
