/* Small pure parts of the command: merge patches, times, base64, payloads' secrets, match payloads, the latest error's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base64.h"
#include "enqueue_options.h"
#include "payload_edit.h"
#include "job_wait.h"

/* The cases of RFC 7396, appendix A. */
static void test_payload_edit_merge_follows_the_rfc(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *target = json_loads(cases[i][0], JSON_DECODE_ANY, NULL);
        json_t *patch = json_loads(cases[i][1], JSON_DECODE_ANY, NULL);
        json_t *want = json_loads(cases[i][2], JSON_DECODE_ANY, NULL);
        json_t *got = payload_edit_merge(target, patch);
        assert_true(json_equal(got, want));
        json_decref(target);
        json_decref(patch);
        json_decref(want);
        json_decref(got);
    }
}

static void test_enqueue_options_time_zones_are_honoured(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_int_equal(enqueue_options_time("2026-11-22T08:00:00Z", &ms, NULL), 0);
    assert_int_equal(ms, INT64_C(1795334400000));
    assert_int_equal(enqueue_options_time("2026-11-22T10:00:00+02:00", &ms, NULL), 0);
    assert_int_equal(ms, INT64_C(1795334400000));
    assert_int_equal(enqueue_options_time("2026-11-22T03:00:00.250-0500", &ms, NULL), 0);
    assert_int_equal(ms, INT64_C(1795334400250));
    static const char *const wrong[] = {"", "tomorrow", "2026-11-22", "2026-11-22T08:00:00Q", "2026-11-22T08:00:00+2:0:0"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        int64_t untouched = 5;
        assert_int_equal(enqueue_options_time(wrong[i], &untouched, NULL), ERR_BAD_ARGUMENT);
        assert_int_equal(untouched, 5);
    }
}

static void test_base64_encode_rfc_vectors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},        {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = base64_encode(cases[i][0], strlen(cases[i][0]));
        assert_string_equal(text, cases[i][1]);
        free(text);
    }
    char *high = base64_encode("\xff\xfe\xfd", 3);
    assert_string_equal(high, "//79");
    free(high);
}

static void test_payload_edit_presentable_hides_secrets_at_any_depth(void **state)
{
    (void)state;
    json_t *payload = json_loads("{\"a\":[{\"Password\":\"x\"}],\"token\":1,\"none\":{\"secret\":null},\"long\":\"0123456789\"}", 0,
                                 NULL);
    json_t *shown = payload_edit_presentable(payload, 8);
    char *text = json_dumps(shown, JSON_COMPACT);
    assert_string_equal(text, "{\"a\":[{\"Password\":\"(hidden)\"}],\"token\":\"(hidden)\",\"none\":{\"secret\":null},"
                              "\"long\":\"0123456789… (10 bytes)\"}");
    free(text);
    json_decref(shown);
    json_decref(payload);
    assert_null(payload_edit_presentable(NULL, 8));
}

static void test_job_wait_last_error_index_wraps_in_the_second_half(void **state)
{
    (void)state;
    assert_int_equal(job_wait_last_error_index(1), 1);
    assert_int_equal(job_wait_last_error_index(50), 50);
    assert_int_equal(job_wait_last_error_index(51), 51);
    assert_int_equal(job_wait_last_error_index(100), 100);
    assert_int_equal(job_wait_last_error_index(101), 51);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_payload_edit_merge_follows_the_rfc),
        cmocka_unit_test(test_enqueue_options_time_zones_are_honoured),
        cmocka_unit_test(test_base64_encode_rfc_vectors),
        cmocka_unit_test(test_payload_edit_presentable_hides_secrets_at_any_depth),
        cmocka_unit_test(test_job_wait_last_error_index_wraps_in_the_second_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
