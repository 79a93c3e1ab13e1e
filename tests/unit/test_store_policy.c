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
        {NULL, ERR_STORE_LOST},           {"", ERR_STORE_LOST},             {"08006", ERR_STORE_LOST},
        {"57P01", ERR_STORE_UNAVAILABLE}, {"57P03", ERR_STORE_UNAVAILABLE}, {"57014", ERR_STORE_LOST},
        {"53300", ERR_STORE_UNAVAILABLE}, {"53100", ERR_STORE_UNAVAILABLE}, {"25006", ERR_STORE_UNAVAILABLE},
        {"42P01", ERR_STORE_UNAVAILABLE}, {"40001", ERR_STORE_CONFLICT},    {"40P01", ERR_STORE_CONFLICT},
        {"55P03", ERR_STORE_CONFLICT},    {"23505", ERR_STORE_REFUSED},     {"22P02", ERR_STORE_REFUSED},
        {"42601", ERR_STORE_REFUSED},     {"XX000", ERR_STORE_REFUSED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(pg_error_code(cases[i].sqlstate), cases[i].code);
}

static void test_pg_condition_every_one_that_is_free_for_a_job_names_a_remedy(void **state)
{
    (void)state;
    size_t seen = 0;
    for (int c = 0; c < PG_CONDITION_COUNT; c++) {
        int code = pg_condition_code((enum pg_condition)c);
        assert_true(pg_condition_text((uint32_t)c)[0] != '\0');
        if (code == ERR_STORE_UNAVAILABLE || code == ERR_STORE_LOST) {
            assert_true(pg_condition_remedy((uint32_t)c)[0] != '\0');
            seen++;
        }
        assert_null(strpbrk(pg_condition_remedy((uint32_t)c), "\"\\")); /* readiness puts it into JSON as it is */
    }
    assert_true(seen >= 10);
    assert_string_equal(pg_condition_text(9999), "is away");
}

static void test_pg_error_state_in_a_refused_connection_is_found_and_taken_out(void **state)
{
    (void)state;
    char sqlstate[PG_STATE_SIZE], text[] = "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  53300: sorry, too "
                                           "many clients already\nLOCATION:  InitProcess, proc.c:354\n";
    pg_error_state_in(text, sqlstate);
    assert_string_equal(sqlstate, "53300");
    pg_error_one_line(text);
    assert_string_equal(text, "connection to server at \"127.0.0.1\", port 5432 failed: FATAL: sorry, too many clients already");
    assert_int_equal(pg_error_refusal("FATAL:  53300: sorry, too many clients already"), PG_CONNECTIONS);
    assert_int_equal(pg_error_refusal("FATAL:  28P01: password authentication failed"), PG_CREDENTIALS);
    assert_int_equal(pg_error_refusal("FATAL:  XX000: whatever"), PG_AWAY); /* a refusal is never a job's fault */
    assert_int_equal(pg_error_refusal("Connection refused"), PG_AWAY);
    char refused[] = "connection to server on socket \"/x\" failed: Connection refused\n\tIs the server running?\n";
    pg_error_state_in(refused, sqlstate);
    assert_string_equal(sqlstate, "");
    pg_error_one_line(refused);
    assert_string_equal(refused, "connection to server on socket \"/x\" failed: Connection refused  Is the server running?");
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
    struct pg_values v;
    pg_batch_values(b, PG_BATCH_MAX - 1, &v);
    assert_string_equal(v.at[0], "x");
    assert_int_equal(v.formats[0], 0);
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
        {"OOM command not allowed", ERR_REDIS_FULL, REDIS_TROUBLE_NONE},
        {"NOPERM this user has no permissions", ERR_REDIS_UNAVAILABLE, REDIS_TROUBLE_NONE},
        {"MISCONF Errors writing to the AOF file", ERR_REDIS_UNAVAILABLE, REDIS_TROUBLE_NOT_READY},
        {"BUSY Redis is busy running a script.", ERR_REDIS_UNAVAILABLE, REDIS_TROUBLE_NOT_READY},
        {"BUSYGROUP Consumer Group name already exists", ERR_REDIS_REFUSED, REDIS_TROUBLE_NONE},
        {"ERR max number of clients reached", ERR_REDIS_UNAVAILABLE, REDIS_TROUBLE_NOT_READY},
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
        cmocka_unit_test(test_pg_condition_every_one_that_is_free_for_a_job_names_a_remedy),
        cmocka_unit_test(test_pg_error_state_in_a_refused_connection_is_found_and_taken_out),
        cmocka_unit_test(test_pg_batch_add_beyond_the_maximum_is_refused_and_nothing_changes),
        cmocka_unit_test(test_redis_reply_error_codes_and_trouble_follow_the_first_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
