/*
 * s3_sign against signatures made by an independent implementation (botocore's S3SigV4QueryAuth, at the same moment with the same keys), and the
 * rules of which storage and bucket may be asked. test_s3_source.sh asks a server that verifies them.
 */
#include "s3_sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { NOW_S = 1795342272 }; /* 2026-11-22 10:11:12 UTC */

static struct conf_pdf conf_of(const char *endpoint, bool path_style, const char *token)
{
    struct conf_pdf conf = {.s3_region = "eu-west-1", .s3_access_key = "AKIA/EXAMPLE+1", .s3_secret_key = "wJalr/bPxRf+EXAMPLEKEY",
                            .s3_buckets = "other, docs", .s3_path_style = path_style};
    (void)snprintf(conf.s3_endpoint, sizeof conf.s3_endpoint, "%s", endpoint);
    (void)snprintf(conf.s3_session_token, sizeof conf.s3_session_token, "%s", token);
    return conf;
}

static void test_s3_sign_url_agrees_with_botocore(void **state)
{
    static const struct {
        const char *endpoint;
        bool path_style;
        const char *key, *token, *version, *begins, *signature;
    } cases[] = {
        {"http://storage.example:9000", true, "in/exams.pdf", "", NULL, "http://storage.example:9000/docs/in/exams.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&",
         "38bf3a2689528beb99f8826193bc091d56dbcee9e6366f39c088fb763ffc3f74"},
        {"https://storage.example", false, "in/exams.pdf", "", NULL, "https://docs.storage.example/in/exams.pdf?",
         "29394e73ea0124e718be90911f0504ec82de15612e85c6b8abb9da087d59deff"},
        {"https://storage.example:443", false, "in/exams.pdf", "", NULL, "https://docs.storage.example/in/exams.pdf?",
         "29394e73ea0124e718be90911f0504ec82de15612e85c6b8abb9da087d59deff"},
        {"https://storage.example", true, "a b+c/\xc3\xbc%20&=?#~'\"(x)*!:@,;$//.././end ", "", NULL,
         "https://storage.example/docs/a%20b%2Bc/%C3%BC%2520%26%3D%3F%23~%27%22%28x%29%2A%21%3A%40%2C%3B%24//.././end%20?",
         "064a9e104731e3018e7311b869b16e351463cc355590bb6cd9f344d9ff5f866a"},
        {"https://storage.example", true, "k.pdf", "TOKEN/with+odd=chars==", NULL, "https://storage.example/docs/k.pdf?",
         "6c443a06ea76811a37c94d0a6145d142ed78c87f37eb076d61b561a412619e63"},
        {"https://storage.example", true, "k.pdf", "tok", "v/1+2=", "https://storage.example/docs/k.pdf?",
         "b2ee5cae2510b119847c586c4007a1f1c4818a3487719e26bc70cf6983059019"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char url[8192];
        struct err e = {0};
        struct conf_pdf conf = conf_of(cases[i].endpoint, cases[i].path_style, cases[i].token);
        struct s3_object object = {"docs", cases[i].key, cases[i].version};
        assert_int_equal(s3_sign_url(&conf, &object, NOW_S, url, sizeof url, &e), 0);
        assert_memory_equal(url, cases[i].begins, strlen(cases[i].begins));
        const char *signature = strstr(url, "&X-Amz-Signature=");
        assert_non_null(signature);
        assert_string_equal(signature + strlen("&X-Amz-Signature="), cases[i].signature);
        assert_null(strstr(url, "EXAMPLEKEY"));
    }
}

static void test_s3_sign_url_without_keys_is_plain(void **state)
{
    char url[512];
    struct err e = {0};
    struct conf_pdf conf = conf_of("http://storage.example", true, "");
    struct s3_object object = {"docs", "a b.pdf", NULL}, version = {"docs", "a", "7"};
    (void)state;
    conf.s3_access_key[0] = '\0';
    assert_int_equal(s3_sign_url(&conf, &object, NOW_S, url, sizeof url, &e), 0);
    assert_string_equal(url, "http://storage.example/docs/a%20b.pdf");
    assert_int_equal(s3_sign_url(&conf, &version, NOW_S, url, sizeof url, &e), 0);
    assert_string_equal(url, "http://storage.example/docs/a?versionId=7");
}

static void expect_refused(const struct conf_pdf *conf, const char *bucket, const char *key, size_t size, int code, const char *words)
{
    char url[8192];
    struct err e = {0};
    struct s3_object object = {bucket, key, NULL};
    assert_int_equal(s3_sign_url(conf, &object, NOW_S, url, size, &e), code);
    assert_non_null(strstr(e.message, words));
}

static void test_s3_sign_url_not_configured_is_refused(void **state)
{
    struct conf_pdf conf = conf_of("http://storage.example", true, "");
    (void)state;
    expect_refused(&conf, "dox", "k", 8192, ERR_SOURCE_REFUSED, "pdf.s3_buckets");
    expect_refused(&conf, "docs", "k", 100, ERR_BAD_PAYLOAD, "too long");
    conf.s3_buckets[0] = '\0';
    expect_refused(&conf, "docs", "k", 8192, ERR_SOURCE_REFUSED, "pdf.s3_buckets");
    conf.s3_endpoint[0] = '\0';
    expect_refused(&conf, "docs", "k", 8192, ERR_SOURCE_REFUSED, "pdf.s3_endpoint");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s3_sign_url_agrees_with_botocore),
        cmocka_unit_test(test_s3_sign_url_without_keys_is_plain),
        cmocka_unit_test(test_s3_sign_url_not_configured_is_refused),
    };
    return cmocka_run_group_tests_name("s3_sign", tests, NULL, NULL);
}
