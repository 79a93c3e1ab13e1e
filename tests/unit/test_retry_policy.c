/* retry_policy: every class at every count, and what a job's own options change. */
#include "retry_policy.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const struct retry_rule RULE = {.attempts = 3, .backoff_ms = 1000, .backoff_max_ms = 10000};

static enum retry_verdict verdict(enum err_class class_, uint32_t failures_before)
{
    return retry_policy_decide(class_, failures_before, &RULE, 0.5).verdict;
}

static void test_retry_policy_decide_transient_is_tried_attempts_times(void **state)
{
    (void)state;
    assert_int_equal(verdict(ERR_CLASS_TRANSIENT, 0), RETRY_AGAIN);
    assert_int_equal(verdict(ERR_CLASS_TRANSIENT, 1), RETRY_AGAIN);
    assert_int_equal(verdict(ERR_CLASS_TRANSIENT, 2), RETRY_DEAD);
    assert_int_equal(verdict(ERR_CLASS_TRANSIENT, UINT32_MAX), RETRY_DEAD);
}

static void test_retry_policy_decide_resource_is_tried_once_more(void **state)
{
    (void)state;
    assert_int_equal(verdict(ERR_CLASS_RESOURCE, 0), RETRY_AGAIN);
    assert_int_equal(verdict(ERR_CLASS_RESOURCE, 1), RETRY_DEAD);
    struct retry_rule once = RULE;
    once.attempts = 1;
    assert_int_equal(retry_policy_decide(ERR_CLASS_RESOURCE, 0, &once, 0).verdict, RETRY_DEAD);
}

static void test_retry_policy_decide_permanent_is_dead_at_once(void **state)
{
    (void)state;
    assert_int_equal(verdict(ERR_CLASS_PERMANENT, 0), RETRY_DEAD);
}

static void test_retry_policy_decide_fatal_stops_the_worker(void **state)
{
    (void)state;
    assert_int_equal(verdict(ERR_CLASS_FATAL, 0), RETRY_STOP_WORKER);
    assert_int_equal(verdict(ERR_CLASS_FATAL, 99), RETRY_STOP_WORKER);
}

static void test_retry_policy_decide_delay_doubles_within_its_bound(void **state)
{
    (void)state;
    struct retry_rule many = RULE;
    many.attempts = 1000;
    for (uint32_t failures = 0; failures < 100; failures++) {
        int64_t most = failures > 3 ? 10000 : 1000 << failures;
        int64_t delay = retry_policy_decide(ERR_CLASS_TRANSIENT, failures, &many, 0.999999).delay_ms;
        assert_true(delay >= 1 && delay <= most && delay >= most * 9 / 10);
        assert_int_equal(retry_policy_decide(ERR_CLASS_TRANSIENT, failures, &many, 0).delay_ms, 1);
    }
}

static void test_retry_policy_by_cause_each_word_has_its_verdict(void **state)
{
    (void)state;
    static const enum retry_verdict first[CAUSE_POLICY_COUNT] = {RETRY_AGAIN, RETRY_LANE, RETRY_DEAD, RETRY_FREE};
    static const enum retry_verdict second[CAUSE_POLICY_COUNT] = {RETRY_DEAD, RETRY_DEAD, RETRY_DEAD, RETRY_FREE};
    for (int policy = 0; policy < CAUSE_POLICY_COUNT; policy++) {
        assert_int_equal(retry_policy_by_cause((enum cause_policy)policy, 0, 0, &RULE, 0.5).verdict, first[policy]);
        assert_int_equal(retry_policy_by_cause((enum cause_policy)policy, 1, 0, &RULE, 0.5).verdict, second[policy]);
    }
    int64_t soon = retry_policy_by_cause(CAUSE_FREE, 0, 0, &RULE, 0.9).delay_ms;
    int64_t later = retry_policy_by_cause(CAUSE_FREE, 0, UINT32_MAX, &RULE, 0.9).delay_ms;
    assert_true(soon < later && later <= RULE.backoff_max_ms);
}

static void test_cause_policy_of_reads_the_key_of_the_cause(void **state)
{
    (void)state;
    struct conf_kind kind = {.on_signal = "quarantine", .on_mem_limit = "lane", .on_worker_lost = "nonsense"};
    enum cause_policy policy = CAUSE_FREE;
    assert_true(cause_policy_of(&kind, "signal:SIGSEGV", &policy));
    assert_int_equal(policy, CAUSE_QUARANTINE);
    assert_true(cause_policy_of(&kind, "mem_limit", &policy));
    assert_int_equal(policy, CAUSE_LANE);
    assert_true(cause_policy_of(&kind, "worker_lost", &policy));
    assert_int_equal(policy, CAUSE_ONCE);
    assert_true(cause_policy_of(NULL, "oom_kill", &policy));
    assert_int_equal(policy, CAUSE_ONCE);
    assert_false(cause_policy_of(&kind, "handler_error", &policy));
    assert_false(cause_policy_of(&kind, "sig", &policy));
    assert_false(cause_policy_of(&kind, "", &policy));
}

static void test_retry_policy_rule_job_option_wins(void **state)
{
    struct conf_kind kind = {.attempts = 3, .backoff = 5000, .backoff_max = 60000};
    struct job job = {.max_attempts = 0};
    (void)state;
    assert_int_equal(retry_policy_rule(&kind, &job).attempts, 3);
    job.max_attempts = 7;
    assert_int_equal(retry_policy_rule(&kind, &job).attempts, 7);
}

static void test_retry_policy_unknown_waits_double_until_the_grace_is_over(void **state)
{
    static const int64_t delays[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
    (void)state;
    for (uint32_t i = 0; i < ARRAY_LEN(delays); i++) {
        struct retry_decision d = retry_policy_unknown(i, 300000);
        assert_int_equal(d.verdict, RETRY_AGAIN);
        assert_int_equal(d.delay_ms, delays[i]);
    }
    assert_int_equal(retry_policy_unknown(1000000, 300000).verdict, RETRY_DEAD);
    assert_int_equal(retry_policy_unknown(0, 0).verdict, RETRY_DEAD);
    assert_int_equal(retry_policy_unknown(2, 3000).verdict, RETRY_DEAD);
    assert_int_equal(retry_policy_unknown(1, 3000).verdict, RETRY_AGAIN);
}

static void test_retry_policy_timeouts_soft_comes_before_hard(void **state)
{
    struct conf_kind kind = {.timeout = 30000, .soft_timeout = 0};
    struct job job = {.timeout_ms = 0};
    int64_t hard, soft;
    (void)state;
    retry_policy_timeouts(&kind, &job, &hard, &soft);
    assert_int_equal(hard, 30000);
    assert_int_equal(soft, 27000);
    kind.soft_timeout = 10000;
    retry_policy_timeouts(&kind, &job, &hard, &soft);
    assert_int_equal(soft, 10000);
    job.timeout_ms = 5000; /* below the kind's soft timeout */
    retry_policy_timeouts(&kind, &job, &hard, &soft);
    assert_int_equal(hard, 5000);
    assert_int_equal(soft, 4500);
}

static void test_retry_policy_free_store_away_waits_longer_and_longer_and_ends(void **state)
{
    static const struct {
        int code;
        uint32_t most;
    } cases[] = {{ERR_STORE_UNAVAILABLE, RETRY_FREE_UNAVAILABLE}, {ERR_STORE_LOST, RETRY_FREE_LOST},
                 {ERR_STORE_CONFLICT, RETRY_FREE_CONFLICT}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t delay = 0, before = 0;
        for (uint32_t n = 0; n < cases[i].most; n++, before = delay) {
            assert_true(retry_policy_free(cases[i].code, n, &delay));
            assert_true(delay >= before && delay >= RETRY_FREE_FIRST_MS && delay <= RETRY_FREE_MAX_MS);
        }
        assert_int_equal(delay, RETRY_FREE_MAX_MS);
        delay = -1;
        assert_false(retry_policy_free(cases[i].code, cases[i].most, &delay));
        assert_false(retry_policy_free(cases[i].code, UINT32_MAX, &delay));
        assert_int_equal(delay, -1);
    }
}

static void test_retry_policy_free_the_jobs_own_failure_is_not(void **state)
{
    static const int codes[] = {ERR_STORE_REFUSED, ERR_HANDLER_FAILED, ERR_TIMEOUT, ERR_BAD_PAYLOAD, -ENOENT, 0};
    int64_t delay = -1;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        assert_false(retry_policy_free(codes[i], 0, &delay));
    assert_int_equal(delay, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_policy_free_store_away_waits_longer_and_longer_and_ends),
        cmocka_unit_test(test_retry_policy_free_the_jobs_own_failure_is_not),
        cmocka_unit_test(test_retry_policy_decide_transient_is_tried_attempts_times),
        cmocka_unit_test(test_retry_policy_decide_resource_is_tried_once_more),
        cmocka_unit_test(test_retry_policy_decide_permanent_is_dead_at_once),
        cmocka_unit_test(test_retry_policy_decide_fatal_stops_the_worker),
        cmocka_unit_test(test_retry_policy_decide_delay_doubles_within_its_bound),
        cmocka_unit_test(test_retry_policy_by_cause_each_word_has_its_verdict),
        cmocka_unit_test(test_cause_policy_of_reads_the_key_of_the_cause),
        cmocka_unit_test(test_retry_policy_rule_job_option_wins),
        cmocka_unit_test(test_retry_policy_unknown_waits_double_until_the_grace_is_over),
        cmocka_unit_test(test_retry_policy_timeouts_soft_comes_before_hard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
