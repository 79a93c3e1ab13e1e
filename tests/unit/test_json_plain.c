/*
 * Why: a payload read by the short cut must mean what jansson says it means. Both are asked about texts that are plain,
 * nearly plain and broken. Refuses to: want the short cut taken for anything but what it promises.
 */
#include "json_plain.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void assert_same(const struct json_plain_member *m, const json_t *value)
{
    static const json_type types[] = {JSON_STRING, JSON_INTEGER, JSON_TRUE, JSON_FALSE, JSON_NULL};
    assert_non_null(value);
    assert_int_equal(json_typeof(value), types[m->type]);
    if (m->type == JSON_PLAIN_INTEGER)
        assert_int_equal(json_integer_value(value), m->integer);
    if (m->type == JSON_PLAIN_TEXT) {
        assert_int_equal(json_string_length(value), m->text_len);
        assert_memory_equal(json_string_value(value), m->text, m->text_len);
    }
}

/* What was taken is what jansson reads. */
static bool taken(const char *text, size_t len)
{
    struct json_plain p;
    if (!json_plain_read(&p, text, len))
        return false;
    json_t *tree = json_loadb(text, len, 0, NULL);
    assert_true(json_is_object(tree));
    size_t different = 0;
    for (size_t i = 0; i < p.n; i++) {
        AUTO_FREE char *key = strndup(p.members[i].key, p.members[i].key_len);
        const struct json_plain_member *last = json_plain_get(&p, key);
        assert_same(last, json_object_get(tree, key));
        different += last == &p.members[i];
    }
    assert_int_equal(different, json_object_size(tree));
    json_decref(tree);
    return true;
}

static const char *const plain[] = {
    "{}",
    " { \t\r\n} ",
    "{\"v\":1,\"do\":\"ok\",\"pad\":\"000\"}",
    "{\"a\":-0,\"b\":999999999999999999,\"c\":-999999999999999999}",
    "{ \"a\" : true , \"b\" : false , \"c\" : null , \"d\" : \"\" }",
    "{\"a\":1,\"a\":\"two\"}",
    "{\"\":0}",
};

static void test_json_plain_takes_what_is_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        assert_true(taken(plain[i], strlen(plain[i])));
}

static void test_json_plain_leaves_the_rest(void **state)
{
    static const char *const rest[] = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "1",
        "null",
        "{}{}",
        "{} x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":- 1}",
        "{\"a\":1.5}",
        "{\"a\":1e3}",
        "{\"a\":1000000000000000000}",
        "{\"a\":\"x}",
        "{\"a\":\"\\n\"}",
        "{\"\\u0061\":1}",
        "{\"a\":\"\xc3\xa4\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\":{}}",
        "{\"a\":[]}",
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":True}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rest); i++)
        assert_false(taken(rest[i], strlen(rest[i])));
    assert_false(taken("{\"a\":\"\0\"}", 9));
    assert_false(taken("{}\0", 3));
}

static void test_json_plain_has_room_for_so_many_members(void **state)
{
    char text[256] = "{\"m\":0";
    struct json_plain p;
    (void)state;
    for (size_t i = 1; i < JSON_PLAIN_MAX; i++)
        strcat(text, ",\"m\":1");
    size_t len = strlen(text);
    text[len] = '}';
    assert_true(json_plain_read(&p, text, len + 1));
    assert_int_equal(p.n, JSON_PLAIN_MAX);
    memcpy(text + len, ",\"m\":1}", sizeof ",\"m\":1}");
    assert_false(json_plain_read(&p, text, strlen(text)));
}

/* Each plain text with each of its bytes made each other byte, or cut there. */
static void test_json_plain_agrees_with_jansson_on_all_that_is_nearly_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        for (size_t at = 0; at < strlen(plain[i]); at++) {
            char text[128];
            (void)snprintf(text, sizeof text, "%s", plain[i]);
            (void)taken(text, at);
            for (int byte = 0; byte < 256; byte++) {
                text[at] = (char)byte;
                (void)taken(text, strlen(plain[i]));
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_plain_takes_what_is_plain),
        cmocka_unit_test(test_json_plain_leaves_the_rest),
        cmocka_unit_test(test_json_plain_has_room_for_so_many_members),
        cmocka_unit_test(test_json_plain_agrees_with_jansson_on_all_that_is_nearly_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
