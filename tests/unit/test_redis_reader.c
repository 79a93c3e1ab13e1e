/*
 * Why: what a worker believes of Redis comes through this reader, and a batch of jobs in pieces of any size. hiredis'
 * own reader is asked the same, cut at every byte; what is no answer must be refused as soon as it is seen. Refuses to:
 * connect.
 */
#include "redis_reader.h"

#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void feed(struct redis_reader *r, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t size;
        char *room = redis_reader_room(r, &size);
        assert_non_null(room);
        assert_true(size >= REDIS_READER_ROOM);
        size = MIN_OF(size, len);
        memcpy(room, bytes, size);
        redis_reader_fed(r, size);
        bytes += size;
        len -= size;
    }
}

static void assert_same(const redisReply *a, const redisReply *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->integer, b->integer);
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->str != NULL, b->str != NULL);
    if (a->str)
        assert_memory_equal(a->str, b->str, a->len + 1);
    assert_int_equal(a->elements, b->elements);
    for (size_t i = 0; i < a->elements; i++)
        assert_same(a->element[i], b->element[i]);
}

static redisReply *by_hiredis(redisReader *reader, const char *bytes, size_t len)
{
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, bytes, len), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    return reply;
}

#define TEXT(s)                                                                                                        \
    {                                                                                                                  \
        s, sizeof(s) - 1                                                                                               \
    }
static const struct {
    const char *bytes;
    size_t len;
} answers[] = {
    TEXT("+OK\r\n"),
    TEXT("+\r\n"),
    TEXT("-NOGROUP No such key 'a'\r\n"),
    TEXT(":0\r\n"),
    TEXT(":-9223372036854775808\r\n"),
    TEXT(":9223372036854775807\r\n"),
    TEXT("$0\r\n\r\n"),
    TEXT("$-1\r\n"),
    TEXT("*-1\r\n"),
    TEXT("*0\r\n"),
    TEXT("$5\r\na\0\r\nb\r\n"),
    TEXT("*3\r\n*0\r\n$-1\r\n*2\r\n:1\r\n+x\r\n"),
    TEXT("*1\r\n*2\r\n$3\r\nkey\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*4\r\n$4\r\nkind\r\n$5\r\nprobe\r\n$7\r\npayload\r\n$2\r\n{"
         "}\r\n"
         "*2\r\n$3\r\n1-1\r\n*-1\r\n"),
    TEXT("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:7\r\n"),
};

static void test_redis_reader_reads_what_hiredis_reads_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        for (size_t cut = 0; cut <= answers[i].len; cut++) {
            struct redis_reader r = {0};
            redisReader *other = redisReaderCreate();
            const redisReply *reply = NULL;
            feed(&r, answers[i].bytes, cut);
            assert_int_equal(redis_reader_next(&r, &reply), cut == answers[i].len);
            feed(&r, answers[i].bytes + cut, answers[i].len - cut);
            if (cut < answers[i].len)
                assert_int_equal(redis_reader_next(&r, &reply), 1);
            redisReply *wanted = by_hiredis(other, answers[i].bytes, answers[i].len);
            assert_same(reply, wanted);
            assert_int_equal(redis_reader_next(&r, &reply), 0);
            freeReplyObject(wanted);
            redisReaderFree(other);
            redis_reader_fini(&r);
        }
}

/* Answers behind one another, a byte at a time and all at once; the reader's memory is used again. */
static void test_redis_reader_reads_one_after_the_other(void **state)
{
    static const size_t steps[] = {1, 3, 1000000};
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
        struct redis_reader r = {0};
        redisReader *other = redisReaderCreate();
        char all[4096];
        size_t len = 0, seen = 0;
        for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
            memcpy(all + len, answers[i].bytes, answers[i].len);
            len += answers[i].len;
        }
        for (size_t at = 0; at < len; at += steps[s]) {
            const redisReply *reply;
            feed(&r, all + at, MIN_OF(steps[s], len - at));
            while (redis_reader_next(&r, &reply) == 1) {
                redisReply *wanted = by_hiredis(other, answers[seen].bytes, answers[seen].len);
                assert_same(reply, wanted);
                freeReplyObject(wanted);
                seen++;
            }
            assert_null(r.wrong);
        }
        assert_int_equal(seen, ARRAY_LEN(answers));
        assert_int_equal(redis_reader_waiting(&r), 0);
        redisReaderFree(other);
        redis_reader_fini(&r);
    }
}

/* A text that is larger than all room there was, then a small answer: what it took is given back. */
static void test_redis_reader_grows_and_gives_back(void **state)
{
    enum { SIZE = 3 << 20 };
    struct redis_reader r = {0};
    const redisReply *reply;
    char *text = malloc(SIZE), head[32];
    (void)state;
    assert_non_null(text);
    memset(text, 'x', SIZE);
    feed(&r, head, (size_t)snprintf(head, sizeof head, "$%d\r\n", SIZE));
    feed(&r, text, SIZE);
    assert_int_equal(redis_reader_next(&r, &reply), 0);
    assert_true(redis_reader_waiting(&r) > SIZE);
    feed(&r, "\r\n", 2);
    assert_int_equal(redis_reader_next(&r, &reply), 1);
    assert_int_equal(reply->len, SIZE);
    assert_memory_equal(reply->str, text, SIZE);
    feed(&r, "+OK\r\n", 5);
    assert_int_equal(redis_reader_next(&r, &reply), 1);
    assert_string_equal(reply->str, "OK");
    assert_true(r.cap <= REDIS_READER_KEEP);
    free(text);
    redis_reader_fini(&r);
}

static void test_redis_reader_refuses_what_is_no_answer(void **state)
{
    static const char *const wrong[] = {
        "hello\r\n",
        "\r\n",
        "%1\r\n",
        "_\r\n",
        ":\r\n",
        ":1x\r\n",
        ":-\r\n",
        ":9223372036854775808\r\n",
        ":-9223372036854775809\r\n",
        ":18446744073709551617\r\n",
        "$-2\r\n",
        "$536870913\r\n",
        "$x\r\n",
        "*-2\r\n",
        "*16777217\r\n",
        "*1\r\n*16777216\r\n",
        "$1\r\nab\r\n",
        "$1\r\na\n\r",
        "+a\rb\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct redis_reader r = {0};
        const redisReply *reply;
        feed(&r, wrong[i], strlen(wrong[i]));
        assert_int_equal(redis_reader_next(&r, &reply), -EPROTO);
        assert_non_null(r.wrong);
        feed(&r, "+OK\r\n", 5); /* nothing behind it counts */
        assert_int_equal(redis_reader_next(&r, &reply), -EPROTO);
        redis_reader_fini(&r);
    }
}

static void test_redis_reader_refuses_a_line_without_end(void **state)
{
    struct redis_reader r = {0};
    const redisReply *reply;
    int rc = 0;
    (void)state;
    for (size_t i = 0; i <= REDIS_READER_LINE_MAX && rc == 0; i++) {
        feed(&r, "-", 1);
        rc = redis_reader_next(&r, &reply);
    }
    assert_int_equal(rc, -EPROTO);
    redis_reader_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redis_reader_reads_what_hiredis_reads_however_it_is_cut),
        cmocka_unit_test(test_redis_reader_reads_one_after_the_other),
        cmocka_unit_test(test_redis_reader_grows_and_gives_back),
        cmocka_unit_test(test_redis_reader_refuses_what_is_no_answer),
        cmocka_unit_test(test_redis_reader_refuses_a_line_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
