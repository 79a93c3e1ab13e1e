/*
 * Why: redis.url is typed by people; a wrong one must be named, never cut or half-used, and no secret may reach a
 * message. Refuses to: connect.
 */
#include "redis_address.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void test_redis_address_parse_good_urls_are_split(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        struct redis_address want;
    } cases[] = {
        {"redis://localhost", {.host = "localhost", .port = 6379}},
        {"redis://10.0.0.7:7000/3", {.host = "10.0.0.7", .port = 7000, .db = 3}},
        {"redis://h/", {.host = "h", .port = 6379}},
        {"redis://[::1]:7", {.host = "::1", .port = 7}},
        {"redis://[::1]", {.host = "::1", .port = 6379}},
        {"redis://:s%40c@h", {.host = "h", .port = 6379, .password = "s@c"}},
        {"redis://ann:p@ss@h:1", {.host = "h", .port = 1, .user = "ann", .password = "p@ss"}},
        {"unix:///run/r.sock", {.path = "/run/r.sock"}},
        {"unix://u:p@/run/r%20x.sock?db=2", {.path = "/run/r x.sock", .user = "u", .password = "p", .db = 2}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_address a;
        struct err e = {0};
        assert_int_equal(redis_address_parse(cases[i].url, &a, &e), 0);
        assert_string_equal(a.host, cases[i].want.host);
        assert_string_equal(a.path, cases[i].want.path);
        assert_string_equal(a.user, cases[i].want.user);
        assert_string_equal(a.password, cases[i].want.password);
        assert_int_equal(a.port, cases[i].want.port);
        assert_int_equal(a.db, cases[i].want.db);
    }
}

static void test_redis_address_parse_bad_urls_are_refused_without_the_secret(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "localhost",
        "http://h",
        "rediss://h:1",
        "redis://",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:12x",
        "redis://h/x",
        "redis://h/99999",
        "redis://[::1",
        "redis://[::1]x",
        "redis://user@h",
        "redis://:sec%ret@h",
        "redis://:sec%00ret@h",
        "unix://run/r.sock",
        "unix:///r.sock?database=1",
        "unix:///r.sock?db=secret",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct redis_address a = {.port = -7};
        struct err e = {0};
        assert_int_equal(redis_address_parse(bad[i], &a, &e), ERR_BAD_CONFIG);
        assert_int_equal(a.port, -7);
        assert_non_null(strstr(e.message, "redis.url"));
        assert_null(strstr(e.message, "sec%"));
    }
}

static void test_redis_address_parse_long_parts_are_refused(void **state)
{
    (void)state;
    char url[1024] = "redis://";
    struct redis_address a;
    memset(url + 8, 'h', 300);
    assert_int_equal(redis_address_parse(url, &a, NULL), ERR_BAD_CONFIG);
    (void)snprintf(url, 16, "unix:///");
    memset(url + 8, 'p', 300);
    assert_int_equal(redis_address_parse(url, &a, NULL), ERR_BAD_CONFIG);
}

static void test_redis_address_text_never_holds_the_password(void **state)
{
    (void)state;
    struct redis_address a;
    char out[REDIS_ADDRESS_TEXT_MAX];
    assert_int_equal(redis_address_parse("redis://u:hush@[::1]:5", &a, NULL), 0);
    assert_string_equal(redis_address_text(&a, out), "[::1]:5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redis_address_parse_good_urls_are_split),
        cmocka_unit_test(test_redis_address_parse_bad_urls_are_refused_without_the_secret),
        cmocka_unit_test(test_redis_address_parse_long_parts_are_refused),
        cmocka_unit_test(test_redis_address_text_never_holds_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
