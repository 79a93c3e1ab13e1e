/*
 * Why: what INFO shows decides whether /readyz, preflight and status call a Redis well. A line that is missing must not
 * be taken for a fault; the same trouble must be told once and not a thousand times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "complaint.h"
#include "redis_info.h"

static void test_redis_info_has_each_fault_and_only_that(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int fault; /* REDIS_INFO_FAULT_COUNT: none */
    } cases[] = {
        {"", REDIS_INFO_FAULT_COUNT},
        {"# Server\r\nredis_version:7.0.15\r\nrole:master\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n"
         "aof_last_write_status:ok\r\nmaxmemory:100\r\nused_memory:99\r\n",
         REDIS_INFO_FAULT_COUNT},
        {"maxmemory:0\r\nused_memory:99\r\n", REDIS_INFO_FAULT_COUNT},
        {"maxmemory:99\r\nused_memory:99\r\n", REDIS_INFO_FULL},
        {"maxmemory_policy:volatile-lru\r\n", REDIS_INFO_EVICTS},
        {"aof_enabled:1\r\naof_last_write_status:err\r\n", REDIS_INFO_NOT_SAVING},
        {"aof_enabled:0\r\naof_last_write_status:err\r\n", REDIS_INFO_FAULT_COUNT},
        {"role:slave\r\n", REDIS_INFO_REPLICA},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_info info;
        redis_info_read(&info, cases[i].text);
        assert_true(info.known);
        for (int fault = 0; fault < REDIS_INFO_FAULT_COUNT; fault++)
            assert_int_equal(redis_info_has(&info, (enum redis_info_fault)fault), fault == cases[i].fault);
    }
}

static void test_redis_info_read_versions_are_told_apart(void **state)
{
    (void)state;
    struct redis_info info;
    redis_info_read(&info, "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\nconnected_slaves:2\r\n");
    assert_int_equal(info.major, 7);
    assert_int_equal(info.minor, 2);
    assert_true(info.valkey);
    assert_int_equal(info.replicas, 2);
}

static void test_complaint_news_same_text_is_told_once_a_minute(void **state)
{
    (void)state;
    struct complaint c = {.told_ms = 0};
    assert_false(complaint_over(&c));
    assert_true(complaint_news(&c, "a", 1000));
    assert_false(complaint_news(&c, "a", 1000 + COMPLAINT_AGAIN_MS - 1));
    assert_true(complaint_news(&c, "a", 1000 + COMPLAINT_AGAIN_MS));
    assert_true(complaint_news(&c, "b", 1001 + COMPLAINT_AGAIN_MS));
    assert_true(complaint_over(&c));
    assert_false(complaint_over(&c));
    assert_true(complaint_news(&c, "b", 1002 + COMPLAINT_AGAIN_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redis_info_has_each_fault_and_only_that),
        cmocka_unit_test(test_redis_info_read_versions_are_told_apart),
        cmocka_unit_test(test_complaint_news_same_text_is_told_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
