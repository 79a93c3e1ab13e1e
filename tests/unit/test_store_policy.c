/*
 * Why: whether a failed statement kills a job or delays it is decided by this table alone.
 * Refuses to: talk to a server.
 */
#include "pg_batch.h"
#include "pg_error.h"
#include "redis_reply.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void test_pg_error_code_known_states_have_the_policy_of_the_contract(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        int code;
    } cases[] = {
        {NULL, ERR_STORE_UNAVAILABLE},    {"", ERR_STORE_UNAVAILABLE},      {"08006", ERR_STORE_UNAVAILABLE},
        {"57P01", ERR_STORE_UNAVAILABLE}, {"57P03", ERR_STORE_UNAVAILABLE}, {"57014", ERR_STORE_UNAVAILABLE},
        {"53300", ERR_STORE_UNAVAILABLE}, {"53100", ERR_STORE_UNAVAILABLE}, {"25006", ERR_STORE_UNAVAILABLE},
        {"42P01", ERR_STORE_UNAVAILABLE}, {"40001", ERR_STORE_CONFLICT},    {"40P01", ERR_STORE_CONFLICT},
        {"55P03", ERR_STORE_CONFLICT},    {"23505", ERR_STORE_REFUSED},     {"22P02", ERR_STORE_REFUSED},
        {"42601", ERR_STORE_REFUSED},     {"XX000", ERR_STORE_REFUSED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(pg_error_code(cases[i].sqlstate), cases[i].code);
}

static void test_pg_batch_add_beyond_the_maximum_is_refused_and_nothing_changes(void **state)
{
    (void)state;
    struct pg_batch *b = pg_batch_new();
    assert_non_null(b);
    for (int i = 0; i < PG_BATCH_MAX; i++)
        assert_int_equal(pg_batch_add(b, "SELECT $1", 1, (const char *const[]){"x"}), 0);
    assert_int_equal(pg_batch_add(b, "SELECT $1", 1, (const char *const[]){"x"}), -ENOSPC);
    assert_int_equal(pg_batch_len(b), PG_BATCH_MAX);
    const char *values[PG_STATEMENT_PARAMS_MAX];
    pg_batch_values(b, PG_BATCH_MAX - 1, values);
    assert_string_equal(values[0], "x");
    pg_batch_free(b);
    pg_batch_free(NULL);
}

static void test_redis_reply_error_codes_and_trouble_follow_the_first_word(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        enum redis_trouble trouble;
    } cases[] = {
        {"STINT_NOTFOUND no job x", ERR_NOT_FOUND, REDIS_TROUBLE_NONE},
        {"STINT_REFUSED guard", ERR_REFUSED, REDIS_TROUBLE_NONE},
        {"STINT_BADARG: max", ERR_BAD_ARGUMENT, REDIS_TROUBLE_NONE},
        {"LOADING Redis is loading", ERR_REDIS_UNAVAILABLE, REDIS_TROUBLE_NOT_READY},
        {"READONLY You can't write", ERR_REDIS_UNAVAILABLE, REDIS_TROUBLE_NOT_READY},
        {"NOAUTH Authentication required.", ERR_REDIS_UNAVAILABLE, REDIS_TROUBLE_NOT_READY},
        {"ERR Function not found", ERR_REDIS_REFUSED, REDIS_TROUBLE_NO_FUNCTIONS},
        {"OOM command not allowed", ERR_REDIS_REFUSED, REDIS_TROUBLE_NONE},
        {"ERR whatever", ERR_REDIS_REFUSED, REDIS_TROUBLE_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e;
        assert_int_equal(redis_reply_error(cases[i].text, &e), cases[i].code);
        assert_int_equal(redis_reply_trouble(cases[i].text), cases[i].trouble);
        assert_null(strstr(e.message, "STINT_"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pg_error_code_known_states_have_the_policy_of_the_contract),
        cmocka_unit_test(test_pg_batch_add_beyond_the_maximum_is_refused_and_nothing_changes),
        cmocka_unit_test(test_redis_reply_error_codes_and_trouble_follow_the_first_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
