/*
 * pdf_request and the small pure parts of pdf-parse: payloads, digests, results.
 */
#include "pdf_request.h"

#include "pdf_result.h"
#include "pdf_source.h"
#include "buf.h"
#include "sha256.h"
#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const struct conf_pdf CONF = {.timezone = "Africa/Johannesburg", .max_bytes = 1000, .max_pages = 10, .timeout = 60000, .cpu = 30000,
                                     .memory = 1 << 28};

static void expect_refused(const char *payload, const char *names)
{
    struct pdf_request r;
    struct err e = {0};
    assert_int_equal(pdf_request_read(&r, payload, strlen(payload), &CONF, &e), ERR_BAD_PAYLOAD);
    if (strstr(e.message, names) == NULL)
        fail_msg("%s is not named by: %s", names, e.message);
    pdf_request_free(&r);
}

static void test_pdf_request_read_wrong_members_are_named(void **state)
{
    (void)state;
    expect_refused("{", "no JSON");
    expect_refused("[]", "object");
    expect_refused("{\"v\":2,\"source\":{\"path\":\"x\"}}", "v must be 1");
    expect_refused("{\"v\":1}", "source");
    expect_refused("{\"v\":1,\"source\":{}}", "exactly one");
    expect_refused("{\"v\":1,\"source\":{\"path\":\"x\",\"redis\":\"y\"}}", "exactly one");
    expect_refused("{\"v\":1,\"source\":{\"path\":\"x\"},\"expect\":\"Menu 1\"}", "auto, table, text, or the name of a layout");
    expect_refused("{\"v\":1,\"source\":{\"path\":\"x\"},\"emit\":\"all\"}", "events, ics, both");
    expect_refused("{\"v\":1,\"source\":{\"path\":\"x\"},\"exam_minutes\":0}", "exam_minutes");
    expect_refused("{\"v\":1,\"source\":{\"path\":\"x\"},\"holidays\":[\"2026-02-30\"]}", "holidays[0]");
    expect_refused("{\"v\":1,\"source\":{\"path\":\"x\"},\"terms\":{\"S1\":{\"start\":\"2026-06-01\",\"end\":\"2026-02-01\"}}}", "terms.S1");
    expect_refused("{\"v\":1,\"source\":{\"path\":\"x\"},\"limits\":{\"max_pages\":11}}", "limits.max_pages");
    expect_refused("{\"v\":1,\"source\":{\"path\":\"x\",\"sha256\":\"zz\"}}", "source.sha256");
    expect_refused("{\"v\":1,\"source\":{\"path\":\"x\"},\"colour\":1}", "colour is not known");
}

static void test_pdf_request_read_defaults_and_lower_limits(void **state)
{
    static const char payload[] = "{\"v\":1,\"source\":{\"inline_b64\":\"JVBERi0=\"},\"limits\":{\"max_pages\":3}}";
    struct pdf_request r;
    struct err e = {0};
    (void)state;
    assert_int_equal(pdf_request_read(&r, payload, sizeof payload - 1, &CONF, &e), 0);
    assert_string_equal(r.expect, "auto");
    assert_string_equal(r.timezone, "Africa/Johannesburg");
    assert_int_equal(r.exam_minutes, 180);
    assert_int_equal(r.max_pages, 3);
    assert_true(r.events && !r.ics && !r.split_venues);
    struct pdf_input in = {.fd = -1};
    struct pdf_sink sink;
    _Atomic bool stop = false;
    assert_int_equal(pdf_sink_open(&sink, &r, &e), 0);
    assert_int_equal(pdf_source_inline(&sink, &stop, &in, &e), 0);
    assert_int_equal(in.size, 5);
    assert_int_equal(write(in.fd, "x", 1), -1); /* sealed */
    pdf_source_close(&in);
    pdf_request_free(&r);
}

/* A long inline document is read where it lies in the payload; whatever else a payload does with its name is refused as ever. */
static void test_pdf_request_read_long_inline_is_not_copied(void **state)
{
    static const struct {
        const char *format, *names; /* names NULL: it is taken */
    } cases[] = {
        {"{\"v\":1,\"source\":{\"inline_b64\":\"%s\",\"size\":7},\"owner\":\"u\"}", NULL},
        {"{\"v\":1,\"source\":{\"inline_b64\" \n:\t\"%s\"}}", NULL},
        {"{\"v\":1,\"owner\":\"\\\"inline_b64\\\":\",\"source\":{\"inline_b64\":\"%s\"}}", NULL},
        {"{\"v\":1,\"source\":{\"path\":\"x\",\"inline_b64\":\"%s\"}}", "exactly one"},
        {"{\"v\":1,\"source\":{\"path\":\"x\"},\"inline_b64\":\"%s\"}", "inline_b64 is not known"},
        {"{\"v\":1,\"source\":{\"inline_b64\":\"%s\",\"inline_b64\":\"\"}}", "no JSON"},
        {"{\"v\":1,\"inline_b64\":\"%s\",\"source\":{\"inline_b64\":\"\"}}", "inline_b64 is not known"},
        {"{\"v\":1,\"source\":{\"path\":\"x\"},\"terms\":{\"inline_b64\":\"%s\"}}", "terms.inline_b64"},
        {"{\"v\":1,\"source\":{\"x\\\"inline_b64\":\"%s\"}}", "not known"},
        {"{\"v\":1,\"source\":{\"inline_b64\":\"%s", "no JSON"},
        {"{\"v\":1,\"source\":[\"inline_b64\",\"%s\"]}", "source must be"},
    };
    char text[6001];
    (void)state;
    memset(text, 'A', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pdf_request r;
        struct err e = {0};
        struct buf payload;
        const char *hole = strstr(cases[i].format, "%s");
        buf_init(&payload, 65536);
        (void)buf_add(&payload, cases[i].format, (size_t)(hole - cases[i].format));
        (void)buf_adds(&payload, text);
        (void)buf_adds(&payload, hole + 2);
        int rc = pdf_request_read(&r, payload.data, payload.len, &CONF, &e);
        if ((rc == 0) != (cases[i].names == NULL) || (rc != 0 && strstr(e.message, cases[i].names) == NULL))
            fail_msg("%zu: %s: %s", i, err_name(rc), e.message);
        if (rc == 0) {
            assert_int_equal(r.source_len, sizeof text - 1);
            assert_true(r.source > payload.data && r.source < payload.data + payload.len);
        }
        pdf_request_free(&r);
        buf_fini(&payload);
    }
}

static void test_sha256_hex_known_digests(void **state)
{
    char hex[SHA256_HEX];
    struct sha256 s;
    (void)state;
    sha256_init(&s);
    sha256_add(&s, "abc", 3);
    sha256_hex(&s, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_init(&s);
    sha256_add(&s, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
    sha256_hex(&s, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_pdf_result_build_completes_and_checks_events(void **state)
{
    static const char payload[] = "{\"v\":1,\"source\":{\"path\":\"x\"},\"venue_policy\":\"split\"}";
    struct pdf_request r;
    struct err e = {0};
    json_t *result = NULL;
    (void)state;
    assert_int_equal(pdf_request_read(&r, payload, sizeof payload - 1, &CONF, &e), 0);
    json_t *reply = json_pack("{s:s,s:i,s:i,s:i,s:[],s:[{s:s,s:s,s:s,s:s,s:[s,s]}]}", "type", "exam", "pages", 1, "rows_seen", 1, "rows_parsed", 1,
                              "warnings", "events", "kind", "exam", "module", "COS 214", "date", "2025-11-12", "start", "22:30", "venues", "A", "B");
    assert_int_equal(pdf_result_build(reply, &r, &result, &e), 0);
    const json_t *events = json_object_get(result, "events"), *first = json_array_get(events, 0);
    assert_int_equal(json_array_size(events), 2); /* one a venue */
    assert_string_equal(json_string_value(json_object_get(first, "end")), "01:30"); /* of the next day */
    assert_true(json_is_true(json_object_get(first, "end_estimated")));
    assert_string_not_equal(json_string_value(json_object_get(first, "uid")), json_string_value(json_object_get(json_array_get(events, 1), "uid")));
    json_decref(result);
    (void)json_object_set_new(json_array_get(json_object_get(reply, "events"), 0), "start", json_string("99:99"));
    assert_int_equal(pdf_result_build(reply, &r, &result, &e), ERR_BAD_REPLY);
    json_decref(reply);
    pdf_request_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pdf_request_read_wrong_members_are_named),
        cmocka_unit_test(test_pdf_request_read_defaults_and_lower_limits),
        cmocka_unit_test(test_pdf_request_read_long_inline_is_not_copied),
        cmocka_unit_test(test_sha256_hex_known_digests),
        cmocka_unit_test(test_pdf_result_build_completes_and_checks_events),
    };
    return cmocka_run_group_tests_name("pdf_request", tests, NULL, NULL);
}
