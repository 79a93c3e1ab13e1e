/*
 * pdf_reply, pdf_result: what a cell may say, and what it may not.
 */
#include "pdf_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const struct conf_pdf conf = {.timezone = "Africa/Johannesburg", .max_bytes = 1000, .max_pages = 10, .timeout = 1000, .cpu = 1000,
                                     .memory = 1 << 26};
static struct pdf_request request;

static int open_request(void **state)
{
    static const char payload[] = "{\"v\":1,\"source\":{\"path\":\"x\"},\"exam_minutes\":180}";
    struct err e;
    (void)state;
    return pdf_request_read(&request, payload, sizeof payload - 1, &conf, &e);
}

static int close_request(void **state)
{
    (void)state;
    pdf_request_free(&request);
    return 0;
}

#define EVENT "{\"kind\":\"exam\",\"module\":\"COS 1\",\"date\":\"2026-11-12\",\"start\":\"22:30\",\"src\":{\"page\":1,\"row\":1}}"
#define REPLY(counts, warnings, events)                                                                                                    \
    "{\"type\":\"exam\",\"pages\":2," counts ",\"warnings\":[" warnings "],\"events\":[" events "]}"
#define WARNING(row) "{\"code\":\"row_not_understood\",\"message\":\"m\",\"page\":1,\"row\":" row "}"

/* What becomes of a reply; *ret_result when 0. */
static int build(const char *text, json_t **ret_result, struct err *e)
{
    json_t *reply = json_loads(text, 0, NULL);
    assert_non_null(reply);
    int rc = pdf_result_build(reply, &request, ret_result, e);
    json_decref(reply);
    return rc;
}

static void test_pdf_result_build_books_that_balance_are_taken(void **state)
{
    json_t *result = NULL;
    struct err e;
    (void)state;
    assert_int_equal(build(REPLY("\"rows_seen\":3,\"rows_parsed\":1", WARNING("2") "," WARNING("3") "," WARNING("2")
                                 ",{\"code\":\"text_outside_table\",\"message\":\"m\",\"page\":2,\"text\":\"t\",\"other\":1}", EVENT),
                           &result, &e), 0);
    const json_t *event = json_array_get(json_object_get(result, "events"), 0);
    assert_string_equal(json_string_value(json_object_get(event, "end")), "01:30"); /* of the next day */
    assert_true(json_is_true(json_object_get(event, "end_estimated")));
    assert_int_equal(json_array_size(json_object_get(result, "warnings")), 4);
    assert_null(json_object_get(json_array_get(json_object_get(result, "warnings"), 3), "other"));
    json_decref(result);
}

static void test_pdf_result_build_what_a_cell_must_not_say_is_refused(void **state)
{
    static const char *const bad[] = {
        REPLY("\"rows_seen\":2,\"rows_parsed\":1", "", EVENT),               /* a row lost */
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", WARNING("2"), EVENT),     /* a row too many */
        REPLY("\"rows_seen\":2,\"rows_parsed\":0", WARNING("2") "," WARNING("2"), EVENT), /* one row named twice is one */
        REPLY("\"rows_seen\":-1,\"rows_parsed\":-1", "", EVENT),
        REPLY("\"rows_seen\":1.0,\"rows_parsed\":1", "", EVENT),
        REPLY("\"rows_seen\":99999999999,\"rows_parsed\":99999999999", "", EVENT),
        REPLY("\"rows_parsed\":1", "", EVENT),
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "1", EVENT),
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "{\"code\":\"<b>\",\"message\":\"m\"}", EVENT),
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "{\"code\":\"a\"}", EVENT),
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "{\"code\":\"a\",\"message\":\"m\",\"page\":3}", EVENT),
        REPLY("\"rows_seen\":2,\"rows_parsed\":1", "{\"code\":\"a\",\"message\":\"m\",\"row\":1}", EVENT), /* a row of no page */
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "", "5"),
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "", "{\"kind\":\"exam\",\"date\":\"2026-11-12\"}"),
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "", "{\"module\":\"a\",\"date\":\"2026-02-30\"}"),
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "", "{\"module\":\"a\",\"start\":\"25:00\"}"),
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "", "{\"module\":\"a\",\"venues\":[1]}"),
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "", "{\"module\":\"a\",\"weeks\":[0.5]}"),
        REPLY("\"rows_seen\":1,\"rows_parsed\":1", "", "{\"module\":\"a\",\"weeks\":[]}"),
        "{\"type\":\"exam\",\"pages\":11,\"rows_seen\":0,\"rows_parsed\":0,\"warnings\":[],\"events\":[]}",
        "{\"type\":\"exam\",\"pages\":0,\"rows_seen\":0,\"rows_parsed\":0,\"warnings\":[],\"events\":[]}",
        "{\"type\":\"../x\",\"pages\":1,\"rows_seen\":0,\"rows_parsed\":0,\"warnings\":[],\"events\":[]}",
        "{\"type\":\"table\",\"pages\":1,\"rows_seen\":2,\"rows_parsed\":2,\"warnings\":[],\"rows\":[{}]}",
        "{\"type\":\"text\",\"pages\":1,\"rows_seen\":0,\"rows_parsed\":0,\"warnings\":[],\"words\":[5]}",
        "{\"type\":\"text\",\"pages\":1,\"rows_seen\":0,\"rows_parsed\":0,\"warnings\":[]}",
        "{}",
        "[]",
    };
    struct err e;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        json_t *result = NULL;
        if (build(bad[i], &result, &e) != ERR_BAD_REPLY || result != NULL)
            fail_msg("taken: %s", bad[i]);
    }
}

static void test_pdf_result_build_long_text_is_cut_and_named(void **state)
{
    static char reply[40000], text[9001];
    json_t *result = NULL;
    struct err e;
    (void)state;
    for (size_t i = 0; i < 4500; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 3);
    (void)snprintf(reply, sizeof reply, REPLY("\"rows_seen\":1,\"rows_parsed\":1", "", "{\"module\":\"%s\",\"src\":{\"page\":2,\"row\":7}}"), text + 1000);
    assert_int_equal(build(reply, &result, &e), 0);
    const json_t *event = json_array_get(json_object_get(result, "events"), 0), *w = json_array_get(json_object_get(result, "warnings"), 0);
    assert_int_equal(json_string_length(json_object_get(event, "module")), PDF_FIELD_MAX);
    assert_string_equal(json_string_value(json_object_get(w, "code")), "text_cut");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(w, "src"), "row")), 7);
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pdf_result_build_books_that_balance_are_taken),
        cmocka_unit_test(test_pdf_result_build_what_a_cell_must_not_say_is_refused),
        cmocka_unit_test(test_pdf_result_build_long_text_is_cut_and_named),
    };
    return cmocka_run_group_tests_name("pdf_result", tests, open_request, close_request);
}
