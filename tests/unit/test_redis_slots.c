/*
 * Unit: which slot a key has, which argument of a command is its key, where MOVED points to, and who has which slot.
 */
#include "redis_slots.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint16_t slot_of(const char *key)
{
    return redis_slot(key, strlen(key));
}

/* The check value of CRC-16/XMODEM, and what CLUSTER KEYSLOT of Redis 7.0.15 answers. */
static void test_redis_slot_known_keys_have_redis_slots(void **state)
{
    (void)state;
    assert_int_equal(slot_of("123456789"), 0x31c3 % REDIS_SLOTS);
    assert_int_equal(slot_of("foo"), 12182);
    assert_int_equal(slot_of(""), 0);
    assert_int_equal(slot_of("stint:{probe.2}:s:normal"), slot_of("probe.2"));
    assert_int_equal(redis_slot_of_queue("probe.2"), slot_of("stint:{probe.2}"));
}

static void test_redis_slot_tag_is_the_first_pair_of_braces_unless_empty(void **state)
{
    (void)state;
    assert_int_equal(slot_of("a{b}{c}"), slot_of("b"));
    assert_int_equal(slot_of("a{{b}}c"), slot_of("{b"));
    assert_int_not_equal(slot_of("a{}{b}"), slot_of("b"));
    assert_int_not_equal(slot_of("a{b"), slot_of("b"));
}

static int key_of(int argc, const char *const argv[])
{
    return redis_key_of(argc, argv, NULL);
}

#define KEY_OF(...) key_of((int)ARRAY_LEN(((const char *const[]){__VA_ARGS__})), (const char *const[]){__VA_ARGS__})

static void test_redis_key_of_commands(void **state)
{
    (void)state;
    assert_int_equal(KEY_OF("GET", "k"), 1);
    assert_int_equal(KEY_OF("FCALL", "stint_fetch", "1", "stint:{q}", "x"), 3);
    assert_int_equal(KEY_OF("fcall", "stint_version", "0"), -1);
    assert_int_equal(KEY_OF("XREADGROUP", "GROUP", "g", "c", "COUNT", "9", "STREAMS", "k", ">"), 7);
    assert_int_equal(KEY_OF("XREAD", "BLOCK", "9"), -1);
    assert_int_equal(KEY_OF("XINFO", "STREAM", "k"), 2);
    assert_int_equal(KEY_OF("SCAN", "0", "MATCH", "stint:{q}:*"), 3);
    assert_int_equal(KEY_OF("SCAN", "0", "MATCH", "stint:{*}:*"), -1);
    assert_int_equal(KEY_OF("SCAN", "0"), -1);
    assert_int_equal(KEY_OF("PING"), -1);
    assert_int_equal(KEY_OF("CLIENT", "ID"), -1);
}

static void test_redis_key_in_bytes(void **state)
{
    (void)state;
    size_t len = 0;
    const char get[] = "*2\r\n$3\r\nGET\r\n$6\r\na{b}\r\n\r\n", none[] = "*1\r\n$4\r\nPING\r\n";
    const char *key = redis_key_in(get, sizeof get - 1, &len);
    assert_non_null(key);
    assert_int_equal(len, 6);
    assert_memory_equal(key, "a{b}\r\n", 6);
    assert_null(redis_key_in(none, sizeof none - 1, &len));
    assert_null(redis_key_in("", 0, &len));
    assert_null(redis_key_in("*2\r\n$3\r\nGET\r\n$600\r\na", 22, &len)); /* longer than there is */
    assert_null(redis_key_in("*2\r\n$-3\r\n", 9, &len));
}

static const struct redis_address from = {.host = "seed", .port = 7000, .user = "u", .password = "p"};

static void test_redis_moved_to(void **state)
{
    (void)state;
    struct redis_address to;
    assert_true(redis_moved_to("MOVED 3999 10.0.0.2:6381", &from, &to));
    assert_string_equal(to.host, "10.0.0.2");
    assert_int_equal(to.port, 6381);
    assert_string_equal(to.password, "p");
    assert_true(redis_moved_to("ASK 3999 ::1:6381", &from, &to));
    assert_string_equal(to.host, "::1");
    assert_true(redis_moved_to("MOVED 3999 :6382", &from, &to)); /* the same host */
    assert_string_equal(to.host, "seed");
    const struct redis_address local = {.path = "/run/redis.sock"};
    assert_true(redis_moved_to("MOVED 3999 :6382", &local, &to));
    assert_string_equal(to.host, "127.0.0.1");
    assert_string_equal(to.path, "");
    assert_false(redis_moved_to("MOVED 3999", &from, &to));
    assert_false(redis_moved_to("MOVED 3999 host:0", &from, &to));
    assert_false(redis_moved_to("MOVED 3999 host:65536", &from, &to));
    assert_false(redis_moved_to("READONLY You can't", &from, &to));
}

static void test_redis_seed(void **state)
{
    (void)state;
    struct redis_address a;
    struct err e;
    const char *url = "redis://u:p@a:1", *nodes = " b:2,c:3 ::1:4 ";
    const struct {
        const char *host;
        int port;
    } rows[] = {{"a", 1}, {"b", 2}, {"c", 3}, {"::1", 4}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(redis_seed(url, nodes, i, &a, &e), 0);
        assert_string_equal(a.host, rows[i].host);
        assert_int_equal(a.port, rows[i].port);
        assert_string_equal(a.user, "u");
    }
    assert_int_equal(redis_seed(url, nodes, ARRAY_LEN(rows), &a, &e), ERR_NOT_FOUND);
    static const char *const wrong[] = {"b", "b:", ":2", "b:0", "b:65536", "b:2x", "redis://b:2/3"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(redis_seed(url, wrong[i], 1, &a, &e), ERR_BAD_CONFIG);
        assert_non_null(strstr(e.message, "redis.nodes"));
    }
}

/* --- the map --- */

static redisReply *parse(const char *bytes)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    assert_int_equal(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReaderFree(reader);
    assert_non_null(reply);
    return reply;
}

static struct redis_slot_map map;

static bool map_of(const char *bytes)
{
    redisReply *reply = parse(bytes);
    bool fine = redis_slot_map_read(&map, reply, &from);
    freeReplyObject(reply);
    return fine;
}

#define NODE(host, port) "*2\r\n$" host "\r\n:" port "\r\n"

static void test_redis_slot_map_read(void **state)
{
    (void)state;
    assert_true(map_of("*3\r\n"
                       "*3\r\n:0\r\n:100\r\n" NODE("1\r\na", "1")                       /* … */
                       "*4\r\n:101\r\n:200\r\n" NODE("1\r\nb", "2") NODE("1\r\nr", "3") /* and its replica */
                       "*3\r\n:300\r\n:16383\r\n" NODE("0\r\n", "1")));
    assert_int_equal(map.n, 3);
    assert_int_equal(map.owner[0], 1);
    assert_int_equal(map.owner[100], 1);
    assert_int_equal(map.owner[101], 2);
    assert_int_equal(map.owner[250], 0);
    assert_int_equal(map.owner[16383], 3);
    assert_string_equal(map.nodes[2].host, "seed"); /* "": as it was asked */
    assert_string_equal(map.nodes[1].password, "p");
}

static void test_redis_slot_map_read_refuses(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "-ERR This instance has cluster support disabled\r\n",
        ":1\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n:-1\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n$1\r\na\r\n:0\r\n",
        "*1\r\n*2\r\n:0\r\n:4\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_false(map_of(wrong[i]));
        assert_int_equal(map.n, 0);
    }
    assert_true(map_of("*0\r\n"));
    assert_int_equal(map.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redis_slot_known_keys_have_redis_slots),
        cmocka_unit_test(test_redis_slot_tag_is_the_first_pair_of_braces_unless_empty),
        cmocka_unit_test(test_redis_key_of_commands),
        cmocka_unit_test(test_redis_key_in_bytes),
        cmocka_unit_test(test_redis_moved_to),
        cmocka_unit_test(test_redis_seed),
        cmocka_unit_test(test_redis_slot_map_read),
        cmocka_unit_test(test_redis_slot_map_read_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
