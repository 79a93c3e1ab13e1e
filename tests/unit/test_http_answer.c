/* An HTTP answer is read the same however its bytes come; one that is bent, cut, huge or says two things is refused,
 * never guessed at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "err.h"
#include "http_answer.h"

#include <stdio.h>

enum { BODY_MAX = 1000 };

/* Reads text in pieces of `piece` bytes, then the end of the connection if it is not whole. What add or end said last.
 */
static int feed(struct http_answer *a, const char *text, size_t n, size_t piece)
{
    int rc = 0;
    http_answer_again(a);
    for (size_t i = 0; i < n && rc >= 0; i += piece)
        rc = http_answer_add(a, text + i, MIN_OF(piece, n - i));
    return rc == 0 ? http_answer_end(a) : rc;
}

static void expect_whole(const char *text, int status, const char *body)
{
    struct http_answer a;
    http_answer_init(&a, BODY_MAX);
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        if (feed(&a, text, strlen(text), piece) != 1)
            fail_msg("pieces of %zu: \"%s\" is not whole", piece, text);
        assert_int_equal(a.status, status);
        assert_string_equal(http_answer_text(&a), body);
    }
    http_answer_fini(&a);
}

static void expect_error(const char *text, int code)
{
    struct http_answer a;
    http_answer_init(&a, BODY_MAX);
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        int rc = feed(&a, text, strlen(text), piece);
        if (rc != code)
            fail_msg("pieces of %zu: \"%.80s\" gives %d, not %d", piece, text, rc, code);
    }
    http_answer_fini(&a);
}

static void test_http_answer_forms_of_a_body(void **state)
{
    (void)state;
    expect_whole("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}");
    expect_whole("HTTP/1.0 404 Not Found\r\ncontent-length:2 \r\nContent-Length: 2\r\n\r\n{}", 404, "{}");
    expect_whole("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", 200, "{}");
    expect_whole("HTTP/1.0 503 \r\n\r\nuntil the end", 503, "until the end");
    expect_whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                 "Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n",
                 200, "abc0123456789");
    expect_whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "");
    expect_whole("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, "");
    expect_whole("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "");
}

static void test_http_answer_cut_short_anywhere(void **state)
{
    static const char *const texts[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"};
    struct http_answer a;
    (void)state;
    http_answer_init(&a, BODY_MAX);
    for (size_t k = 0; k < ARRAY_LEN(texts); k++)
        for (size_t n = 0; n < strlen(texts[k]); n++)
            assert_int_equal(feed(&a, texts[k], n, 7), ERR_PROTOCOL);
    http_answer_fini(&a);
}

static void test_http_answer_bent(void **state)
{
    static const char *const bent[] = {
        "",
        "-ERR unknown command 'GET'\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bent); i++)
        expect_error(bent[i], ERR_PROTOCOL);
}

static void test_http_answer_more_than_it_said(void **state)
{
    struct http_answer a;
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}X";
    (void)state;
    http_answer_init(&a, BODY_MAX);
    assert_int_equal(http_answer_add(&a, text, strlen(text)), ERR_PROTOCOL);
    http_answer_fini(&a);
}

static void test_http_answer_huge(void **state)
{
    char text[HTTP_LINE_MAX + 64], fields[HTTP_FIELDS_MAX * 6 + 64] = "HTTP/1.1 200 OK\r\n";
    (void)state;
    expect_error("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", -EMSGSIZE); /* before a byte of it came */
    expect_error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", -EMSGSIZE);
    expect_error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3e7\r\n", -EMSGSIZE);
    struct http_answer a;
    http_answer_init(&a, BODY_MAX);
    int n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n\r\n%01001d", 0);
    assert_int_equal(feed(&a, text, (size_t)n, 64), -EMSGSIZE);
    memset(text, 'x', sizeof text);
    assert_int_equal(feed(&a, text, sizeof text, 64), ERR_PROTOCOL);
    for (int i = 0; i <= HTTP_FIELDS_MAX; i++)
        (void)strcat(fields, "a: b\r\n");
    assert_int_equal(feed(&a, fields, strlen(fields), 64), ERR_PROTOCOL);
    http_answer_fini(&a);
}

static void test_http_answer_zero_bytes(void **state)
{
    static const char head[] = "HTTP/1.1 200\0 OK\r\n\r\n", body[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b";
    struct http_answer a;
    (void)state;
    http_answer_init(&a, BODY_MAX);
    assert_int_equal(feed(&a, head, sizeof head - 1, 5), ERR_PROTOCOL);
    assert_int_equal(feed(&a, body, sizeof body - 1, 5), 1);
    assert_int_equal(a.body.len, 3);
    http_answer_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_answer_forms_of_a_body),
        cmocka_unit_test(test_http_answer_cut_short_anywhere),
        cmocka_unit_test(test_http_answer_bent),
        cmocka_unit_test(test_http_answer_more_than_it_said),
        cmocka_unit_test(test_http_answer_huge),
        cmocka_unit_test(test_http_answer_zero_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
