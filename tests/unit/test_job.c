/* A claimed job is read whole or refused whole; equal failures share a fingerprint; retry delays stay in their range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "job.h"

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdio.h>

enum { ELEMENTS = 15 };

/* A reply built by hand: element i is the text, or an integer when the text starts with ':'. */
struct fake {
    redisReply array;
    redisReply element[ELEMENTS];
    redisReply *pointers[ELEMENTS];
    char text[ELEMENTS][256];
};

static void set(struct fake *f, size_t i, const char *text)
{
    (void)snprintf(f->text[i], sizeof f->text[i], "%s", text);
    f->element[i] = (redisReply){.type = REDIS_REPLY_STRING, .str = f->text[i]};
    f->element[i].len = (__typeof__(f->element[i].len))strlen(f->text[i]);
    if (text[0] == ':')
        f->element[i] = (redisReply){.type = REDIS_REPLY_INTEGER, .integer = strtoll(text + 1, NULL, 10)};
    f->pointers[i] = &f->element[i];
}

static void build(struct fake *f)
{
    static const char *const good[ELEMENTS] = {"high",
                                               "1700000000000-0",
                                               "job-1",
                                               "probe",
                                               ":3",
                                               "1",
                                               ":0",
                                               "2",
                                               "0",
                                               "1",
                                               "0",
                                               "1700000000000",
                                               "1700000000005",
                                               ("{\"timeout_ms\":5000,\"attempts\":4,\"expires_at_ms\":9,"
                                                "\"traceparent\":\"00-a-b-01\",\"tenant\":\"t\",\"actor\":\"me\"}"),
                                               "{\"v\":1}"};
    *f = (struct fake){.array = {.type = REDIS_REPLY_ARRAY, .elements = ELEMENTS}};
    f->array.element = f->pointers;
    for (size_t i = 0; i < ELEMENTS; i++)
        set(f, i, good[i]);
}

static void test_job_from_reply_well_formed_is_read(void **arg)
{
    (void)arg;
    struct fake f;
    struct job j;
    struct err e = {0};
    build(&f);
    assert_int_equal(job_from_reply(&j, &f.array, &e), 0);
    assert_string_equal(j.id, "job-1");
    assert_string_equal(j.kind, "probe");
    assert_string_equal(j.entry, "1700000000000-0");
    assert_int_equal(j.band, BAND_HIGH);
    assert_int_equal(j.epoch, 3);
    assert_int_equal(j.attempts, 1);
    assert_int_equal(j.handbacks, 2);
    assert_true(j.suspect);
    assert_false(j.has_hash);
    assert_int_equal(j.created_ms, INT64_C(1700000000000));
    assert_int_equal(j.due_ms, INT64_C(1700000000005));
    assert_int_equal(j.timeout_ms, 5000);
    assert_int_equal(j.max_attempts, 4);
    assert_int_equal(j.expires_at_ms, 9);
    assert_string_equal(j.traceparent, "00-a-b-01");
    assert_string_equal(j.tenant, "t");
    assert_string_equal(j.actor, "me");
    assert_string_equal(j.payload, "{\"v\":1}");
    assert_int_equal(j.payload_len, 7);
    job_fini(&j);
    job_fini(&j);
    job_fini(NULL);
}

static void test_job_from_reply_malformed_element_is_named(void **arg)
{
    (void)arg;
    static const struct {
        size_t element;
        const char *text, *part;
    } rows[] = {
        {0, "urgent", "element 0 (band) names no band"},
        {0, ":1", "element 0 (band) is not a string"},
        {1, "", "element 1 (entry)"},
        {2, "", "element 2 (id) is empty"},
        {3, "a-kind-name-that-is-longer-than-it-may-be", "element 3 (kind)"},
        {4, ":-1", "element 4 (epoch) is out of range"},
        {4, "x", "element 4 (epoch) is not a whole number"},
        {5, ":4294967296", "element 5 (attempts) is out of range"},
        {6, "99999999999999999999", "element 6 (crashes)"},
        {9, "2", "element 9 (suspect) is out of range"},
        {11, "", "element 11 (created_ms)"},
        {13, ":0", "element 13 (options)"},
        {14, ":0", "element 14 (payload)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake f;
        struct job j = {.epoch = 77};
        struct err e = {0};
        build(&f);
        set(&f, rows[i].element, rows[i].text);
        assert_int_equal(job_from_reply(&j, &f.array, &e), ERR_PROTOCOL);
        if (strstr(e.message, rows[i].part) == NULL)
            fail_msg("\"%s\" is missing in: %s", rows[i].part, e.message);
        assert_int_equal(j.epoch, 77);
        assert_null(j.payload);
    }
}

static void test_job_from_reply_other_shapes_are_refused(void **arg)
{
    (void)arg;
    struct fake f;
    struct job j;
    struct err e;
    build(&f);
    assert_int_equal(job_from_reply(&j, NULL, &e), ERR_PROTOCOL);
    f.array.elements = ELEMENTS - 1;
    assert_int_equal(job_from_reply(&j, &f.array, &e), ERR_PROTOCOL);
    build(&f);
    f.array.type = REDIS_REPLY_STRING;
    assert_int_equal(job_from_reply(&j, &f.array, &e), ERR_PROTOCOL);
    build(&f);
    f.pointers[4] = NULL;
    assert_int_equal(job_from_reply(&j, &f.array, &e), ERR_PROTOCOL);
    build(&f);
    f.element[2].str[1] = '\0';
    assert_int_equal(job_from_reply(&j, &f.array, &e), ERR_PROTOCOL);
}

static void test_job_from_reply_bad_options_count_as_not_given(void **arg)
{
    (void)arg;
    static const char *const options[] = {"", "not json", "[1]", "{\"timeout_ms\":\"5\",\"attempts\":-1,\"tenant\":7}",
                                          "{\"timeout_ms\":99999999999999999999}"};
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct fake f;
        struct job j;
        struct err e = {0};
        build(&f);
        set(&f, 13, options[i]);
        assert_int_equal(job_from_reply(&j, &f.array, &e), 0);
        assert_int_equal(j.timeout_ms, 0);
        assert_int_equal(j.max_attempts, 0);
        assert_string_equal(j.tenant, "");
        job_fini(&j);
    }
}

static void test_job_from_reply_payload_may_hold_zero_bytes(void **arg)
{
    (void)arg;
    struct fake f;
    struct job j;
    build(&f);
    memcpy(f.text[14], "a\0b", 3);
    f.element[14].len = 3;
    assert_int_equal(job_from_reply(&j, &f.array, NULL), 0);
    assert_int_equal(j.payload_len, 3);
    assert_memory_equal(j.payload, "a\0b", 4);
    job_fini(&j);
}

static void test_job_error_json_unknown_evidence_is_left_out(void **arg)
{
    (void)arg;
    const struct job_evidence evidence = {.code = ERR_CPU_LIMIT,
                                          .cause = "cpu_limit",
                                          .message = "bad \xff byte",
                                          .wall_ms = 5,
                                          .cpu_ms = -1,
                                          .rss_bytes = -1,
                                          .exit_status = -1,
                                          .signal = "SIGXCPU",
                                          .detail = "{\"page\":3}"};
    AUTO_FREE char *text = job_error_json(&evidence);
    assert_non_null(text);
    json_t *o = json_loads(text, 0, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "code")), "CPU_LIMIT");
    assert_string_equal(json_string_value(json_object_get(o, "class")), "resource");
    assert_string_equal(json_string_value(json_object_get(o, "cause")), "cpu_limit");
    assert_string_equal(json_string_value(json_object_get(o, "signal")), "SIGXCPU");
    assert_int_equal(json_integer_value(json_object_get(o, "wall_ms")), 5);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "detail"), "page")), 3);
    assert_non_null(json_object_get(o, "message"));
    assert_non_null(json_object_get(o, "build"));
    static const char *const absent[] = {"cpu_ms", "rss_bytes", "exit", "instance", "consumer"};
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        assert_null(json_object_get(o, absent[i]));
    json_decref(o);
}

static void print_of(char out[static 17], const char *message)
{
    job_fingerprint(out, "pdf-parse", "handler_error", ERR_CORRUPT_PDF, message);
}

static void test_job_fingerprint_same_bug_same_print(void **arg)
{
    (void)arg;
    static const char *const pairs[][2] = {
        {"Page 17 of /tmp/a.pdf: damaged", "page 4 of /srv/in/b.pdf: damaged"},
        {"job 01890a5d-ac96-774b-bcce-b302099a8057 failed", "job 0189ffff-0000-774b-bcce-b302099a8057 failed"},
        {"connection to 10.0.0.1:5432 refused", "connection to 10.0.0.2:5433 refused"},
        {"at 0xdeadbeef1", "at 0x1234"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        char a[17], b[17];
        print_of(a, pairs[i][0]);
        print_of(b, pairs[i][1]);
        assert_string_equal(a, b);
        assert_int_equal(strspn(a, "0123456789abcdef"), 16);
    }
}

static void test_job_fingerprint_other_bug_other_print(void **arg)
{
    (void)arg;
    char a[17], b[17];
    print_of(a, "no xref table");
    print_of(b, "no trailer");
    assert_string_not_equal(a, b);
    job_fingerprint(b, "pdf-parse", "handler_error", ERR_NOT_PDF, "no xref table");
    assert_string_not_equal(a, b);
    job_fingerprint(b, "pdf-parse", "cpu_limit", ERR_CORRUPT_PDF, "no xref table");
    assert_string_not_equal(a, b);
    job_fingerprint(b, "pdf", "-parsehandler_error", ERR_CORRUPT_PDF, "no xref table");
    assert_string_not_equal(a, b);
    char text[4096];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    print_of(a, text);
    print_of(b, NULL);
    assert_string_not_equal(a, b);
}

static void test_job_backoff_ms_full_jitter_stays_in_range(void **arg)
{
    (void)arg;
    assert_int_equal(job_backoff_ms(1000, 60000, 1, 0.0), 1);
    assert_int_equal(job_backoff_ms(1000, 60000, 1, 0.5), 500);
    assert_int_equal(job_backoff_ms(1000, 60000, 3, 0.5), 2000);
    assert_int_equal(job_backoff_ms(1000, 60000, 7, 0.999999), 59999);
    assert_int_equal(job_backoff_ms(1000, 60000, 4000000000u, 0.5), 30000);
    assert_true(job_backoff_ms(INT64_MAX / 2, INT64_MAX, 100, 0.999) > 0);
    assert_int_equal(job_backoff_ms(0, 60000, 5, 0.9), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_from_reply_well_formed_is_read),
        cmocka_unit_test(test_job_from_reply_malformed_element_is_named),
        cmocka_unit_test(test_job_from_reply_other_shapes_are_refused),
        cmocka_unit_test(test_job_from_reply_bad_options_count_as_not_given),
        cmocka_unit_test(test_job_from_reply_payload_may_hold_zero_bytes),
        cmocka_unit_test(test_job_error_json_unknown_evidence_is_left_out),
        cmocka_unit_test(test_job_fingerprint_same_bug_same_print),
        cmocka_unit_test(test_job_fingerprint_other_bug_other_print),
        cmocka_unit_test(test_job_backoff_ms_full_jitter_stays_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
