/*
 * Every way a worker can end: what the supervisor did × what the kernel says × what the job was doing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exit_cause.h"
#include "ipc.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define EXITED(status)   ((status) << 8)
#define SIGNALED(signal) (signal)

static struct exit_facts running_facts(int wait_status)
{
    struct exit_facts f = {.wait_status = wait_status, .was_ready = true, .score_known = true};
    f.now.phase = PHASE_RUN;
    f.now.running = 1;
    (void)snprintf(f.now.entry, sizeof f.now.entry, "1-0");
    (void)snprintf(f.now.kind, sizeof f.now.kind, "probe");
    return f;
}

static struct exit_verdict of(const struct exit_facts *f)
{
    struct exit_verdict v;
    exit_cause_of(f, &v);
    assert_true(v.message[0] != '\0');
    return v;
}

static void test_exit_cause_of_running_job_names_cause_code_and_blame(void **arg)
{
    (void)arg;
    static const struct {
        int wait_status;
        enum exit_intent intent;
        const char *cause;
        int code;
        enum exit_blame blame;
        bool failure;
    } rows[] = {
        {EXITED(WORKER_EXIT_OK), EXIT_INTENT_STOP, "", 0, EXIT_BLAME_NOBODY, false},
        {EXITED(WORKER_EXIT_OK), EXIT_INTENT_NONE, "", 0, EXIT_BLAME_NOBODY, true},
        {EXITED(WORKER_EXIT_BOOT), EXIT_INTENT_NONE, "boot_failure", ERR_BOOT_FAILURE, EXIT_BLAME_NOBODY, true},
        {EXITED(WORKER_EXIT_MEM_LIMIT), EXIT_INTENT_NONE, "mem_limit", ERR_MEM_LIMIT, EXIT_BLAME_ENTRY, true},
        {EXITED(WORKER_EXIT_MEM_LIMIT), EXIT_INTENT_STOP, "mem_limit", ERR_MEM_LIMIT, EXIT_BLAME_ENTRY, true},
        {EXITED(WORKER_EXIT_FATAL), EXIT_INTENT_NONE, "handler_error", ERR_HANDLER_FAILED, EXIT_BLAME_NOBODY, true},
        {EXITED(WORKER_EXIT_ORPHANED), EXIT_INTENT_NONE, "", 0, EXIT_BLAME_NOBODY, true},
        {EXITED(3), EXIT_INTENT_NONE, "handler_error", ERR_CRASH, EXIT_BLAME_ENTRY, true},
        {SIGNALED(SIGXCPU), EXIT_INTENT_NONE, "cpu_limit", ERR_CPU_LIMIT, EXIT_BLAME_ENTRY, true},
        {SIGNALED(SIGSYS), EXIT_INTENT_NONE, "sandbox_violation", ERR_SANDBOX_VIOLATION, EXIT_BLAME_ENTRY, true},
        {SIGNALED(SIGKILL), EXIT_INTENT_NONE, "signal:SIGKILL", ERR_CRASH, EXIT_BLAME_ENTRY, true},
        {SIGNALED(SIGSEGV) | 0x80, EXIT_INTENT_NONE, "signal:SIGSEGV", ERR_CRASH, EXIT_BLAME_ENTRY, true},
        {SIGNALED(SIGTERM), EXIT_INTENT_HARD_TIMEOUT, "hard_timeout", ERR_TIMEOUT, EXIT_BLAME_ENTRY, true},
        {SIGNALED(SIGKILL), EXIT_INTENT_HARD_TIMEOUT, "hard_timeout", ERR_TIMEOUT, EXIT_BLAME_ENTRY, true},
        {EXITED(WORKER_EXIT_OK), EXIT_INTENT_HARD_TIMEOUT, "hard_timeout", ERR_TIMEOUT, EXIT_BLAME_ENTRY, true},
        {SIGNALED(SIGKILL), EXIT_INTENT_OPERATOR_KILL, "operator_kill", ERR_CRASH, EXIT_BLAME_ENTRY, false},
        {SIGNALED(SIGKILL), EXIT_INTENT_DRAIN_KILL, "", 0, EXIT_BLAME_NOBODY, false},
        {SIGNALED(SIGTERM), EXIT_INTENT_LATE_KILL, "", 0, EXIT_BLAME_NOBODY, false},
        {SIGNALED(SIGSEGV), EXIT_INTENT_STOP, "signal:SIGSEGV", ERR_CRASH, EXIT_BLAME_ENTRY, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct exit_facts f = running_facts(rows[i].wait_status);
        f.intent = rows[i].intent;
        struct exit_verdict v = of(&f);
        assert_string_equal(v.cause, rows[i].cause);
        assert_int_equal(v.code, rows[i].code);
        assert_int_equal(v.blame, rows[i].blame);
        assert_int_equal(v.failure, rows[i].failure);
        assert_false(v.boot_failure);
    }
}

static void test_exit_cause_of_every_signal_is_named(void **arg)
{
    (void)arg;
    for (int signal = 1; signal < SIGRTMIN; signal++) {
        if (signal == 32 || signal == 33)
            continue; /* the threads library's own */
        struct exit_facts f = running_facts(SIGNALED(signal));
        struct exit_verdict v = of(&f);
        assert_int_equal(strncmp(v.signal, "SIG", 3), 0);
        assert_string_not_equal(v.signal, "SIG?");
        assert_int_equal(v.exit_status, -1);
        assert_non_null(strstr(v.message, v.signal));
    }
    assert_string_equal(exit_signal_name(SIGRTMIN + 1), "SIGRT");
    assert_string_equal(exit_signal_name(0), "SIG?");
    assert_string_equal(exit_signal_name(4000), "SIG?");
}

static void test_exit_cause_of_kill_with_oom_evidence_is_oom_kill(void **arg)
{
    (void)arg;
    struct exit_facts f = running_facts(SIGNALED(SIGKILL));
    f.oom_killed = true;
    assert_string_equal(of(&f).cause, "oom_kill");
    f.wait_status = SIGNALED(SIGSEGV);
    assert_string_equal(of(&f).cause, "signal:SIGSEGV");
    struct exit_facts boot = {.wait_status = SIGNALED(SIGKILL), .oom_killed = true};
    assert_string_equal(of(&boot).cause, "boot_failure");
    assert_non_null(strstr(of(&boot).message, "cgroup_memory"));
}

static void test_exit_cause_of_not_ready_is_boot_failure_unless_asked(void **arg)
{
    (void)arg;
    static const int statuses[] = {EXITED(0), EXITED(WORKER_EXIT_BOOT), EXITED(1), SIGNALED(SIGSEGV),
                                   SIGNALED(SIGKILL)};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct exit_facts f = {.wait_status = statuses[i]};
        struct exit_verdict v = of(&f);
        assert_true(v.boot_failure && v.failure);
        assert_string_equal(v.cause, "boot_failure");
        assert_int_equal(v.blame, EXIT_BLAME_NOBODY);
        f.intent = EXIT_INTENT_BOOT_TIMEOUT;
        assert_true(of(&f).boot_failure);
        f.intent = EXIT_INTENT_STOP;
        v = of(&f);
        assert_false(v.boot_failure || v.failure);
        assert_string_equal(v.cause, "");
    }
}

static void test_exit_cause_of_round_or_unknown_makes_suspects(void **arg)
{
    (void)arg;
    struct exit_facts f = running_facts(SIGNALED(SIGSEGV));
    f.now.running = 40;
    assert_int_equal(of(&f).blame, EXIT_BLAME_ROUND);
    f = running_facts(SIGNALED(SIGSEGV));
    f.score_known = false;
    assert_int_equal(of(&f).blame, EXIT_BLAME_ROUND);
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        f = running_facts(SIGNALED(SIGSEGV));
        f.now.phase = (uint32_t)phase;
        bool in_hand = phase == PHASE_RUN || phase == PHASE_FINISH;
        assert_int_equal(of(&f).blame, in_hand ? EXIT_BLAME_ENTRY : EXIT_BLAME_ROUND);
    }
}

static void test_exit_cause_of_timeout_that_met_a_clean_end_costs_nothing(void **arg)
{
    (void)arg;
    struct exit_facts f = running_facts(EXITED(WORKER_EXIT_OK));
    f.intent = EXIT_INTENT_HARD_TIMEOUT;
    f.now.phase = PHASE_STOP;
    f.now.running = 0;
    struct exit_verdict v = of(&f);
    assert_string_equal(v.cause, "");
    assert_int_equal(v.blame, EXIT_BLAME_NOBODY);
}

static void test_exit_cause_of_recycled_is_no_failure(void **arg)
{
    (void)arg;
    struct exit_facts f = running_facts(EXITED(WORKER_EXIT_OK));
    f.recycled = true;
    assert_false(of(&f).failure);
}

static void test_exit_cause_of_refused_call_names_it(void **arg)
{
    (void)arg;
    struct exit_facts f = running_facts(SIGNALED(SIGSYS));
    f.refused_call = "ptrace";
    struct exit_verdict v = of(&f);
    assert_string_equal(v.cause, "sandbox_violation");
    assert_non_null(strstr(v.message, "ptrace"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_cause_of_refused_call_names_it),
        cmocka_unit_test(test_exit_cause_of_running_job_names_cause_code_and_blame),
        cmocka_unit_test(test_exit_cause_of_every_signal_is_named),
        cmocka_unit_test(test_exit_cause_of_kill_with_oom_evidence_is_oom_kill),
        cmocka_unit_test(test_exit_cause_of_not_ready_is_boot_failure_unless_asked),
        cmocka_unit_test(test_exit_cause_of_round_or_unknown_makes_suspects),
        cmocka_unit_test(test_exit_cause_of_timeout_that_met_a_clean_end_costs_nothing),
        cmocka_unit_test(test_exit_cause_of_recycled_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
