/*
 * A real worker on a real Redis, step by step: what a job's life looks like from one process.
 */
#include "keys.h"
#include "worker_harness.h"

#include "clock.h"
#include "redis_server.h"
#include "spawn.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct redis_server server;

static const char PROBE_INI[] = "[kind.probe]\nenabled = yes\nbackoff = 1ms\n[pool.probe]\nkinds = probe\n";

static int open_server(void **state)
{
    (void)state;
    return redis_server_start(&server, &(struct redis_server_options){.aof = true});
}

static int close_server(void **state)
{
    (void)state;
    redis_server_close(&server);
    return 0;
}

/* Every test has a queue of its own, so that one test's jobs are never another's. */
static void begin(struct worker_harness *h, const char *queue, const char *extra_ini)
{
    char ini[2048];
    harness_open(h, server.url, queue);
    snprintf(ini, sizeof ini, "%squeue = %s\n%s", PROBE_INI, queue, extra_ini);
    harness_start(h, "probe", ini, NULL);
}

static void test_worker_job_ok_is_done(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "ok", "");
    harness_expect(&h, IPC_IDLE, 1);
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"a\"}", "{\"v\":1,\"do\":\"ok\"}");
    harness_wait_state(&h, "a", "done");
    harness_wait_count(&h, &h.cell->kinds[0].done, 1);
    harness_wait_count(&h, &h.cell->fetches, 2);
    harness_end_drained(&h);
}

static void test_worker_many_jobs_are_all_done(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "many", "");
    char id[64];
    for (int i = 0; i < 500; i++) {
        snprintf(id, sizeof id, "{\"kind\":\"probe\",\"id\":\"m%d\"}", i);
        harness_enqueue(&h, id, "{}");
    }
    for (int i = 0; i < 500; i++) {
        snprintf(id, sizeof id, "m%d", i);
        harness_wait_state(&h, id, "done");
    }
    harness_end_drained(&h);
}

static void test_worker_failing_job_is_retried_then_done(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "retry", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"r\"}", "{\"do\":\"fail\",\"times\":2}");
    harness_wait_state(&h, "r", "done");
    harness_end_drained(&h);
}

static void test_worker_failing_for_ever_is_dead_after_attempts(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "dead", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"d\",\"attempts\":2}", "{\"do\":\"fail\"}");
    harness_wait_state(&h, "d", "dead");
    AUTO_FREE char *job = harness_job(&h, "d");
    assert_int_equal(harness_json_int(job, "attempts"), 2);
    harness_end_drained(&h);
}

static void test_worker_permanent_failure_is_dead_at_once(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "permanent", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"p\"}", "{\"do\":\"fail-permanent\"}");
    harness_wait_state(&h, "p", "dead");
    AUTO_FREE char *job = harness_job(&h, "p");
    assert_int_equal(harness_json_int(job, "attempts"), 1);
    assert_non_null(strstr(job, "HANDLER_REFUSED"));
    harness_end_drained(&h);
}

static void test_worker_bad_payload_is_dead_and_names_the_allowed(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "payload", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"b\"}", "{\"do\":\"dance\"}");
    harness_wait_state(&h, "b", "dead");
    AUTO_FREE char *job = harness_job(&h, "b");
    assert_non_null(strstr(job, "BAD_PAYLOAD"));
    assert_non_null(strstr(job, "fail-permanent"));
    harness_end_drained(&h);
}

static void test_worker_unknown_kind_is_handed_back_then_dead(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "unknown", "[kind.default]\nunknown_grace = 500ms\n");
    harness_enqueue(&h, "{\"kind\":\"tomorrow\",\"id\":\"u\"}", "{}");
    harness_wait_state(&h, "u", "dead");
    AUTO_FREE char *job = harness_job(&h, "u");
    assert_true(harness_json_int(job, "handbacks") >= 1);
    assert_true(harness_json_int(job, "epoch") >= 2);
    assert_non_null(strstr(job, "UNKNOWN_KIND"));
    assert_non_null(strstr(job, "this build knows"));
    harness_end_drained(&h);
}

static void cancel_running(struct worker_harness *h, const char *id)
{
    struct score_now now;
    harness_wait_phase(h, PHASE_RUN, id);
    freeReplyObject(harness_cmd(h, "FCALL stint_cancel 1 stint:{%s} %s test test", h->queue, id));
    assert_true(score_read(h->cell, &now));
    char which[ENTRY_ID_MAX + 16];
    snprintf(which, sizeof which, "%s:%s", "express", now.entry); /* another band's entry of the same id */
    harness_say(h, IPC_CANCEL, which);
    snprintf(which, sizeof which, "%s:%s", band_name((enum band)now.band), now.entry);
    harness_say(h, IPC_CANCEL, which);
    harness_wait_state(h, id, "cancelled");
}

static void test_worker_cancel_of_the_job_in_hand_ends_it(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "cancel", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"c\"}", "{\"do\":\"sleep\",\"ms\":60000}");
    cancel_running(&h, "c");
    harness_end_drained(&h);
}

static void test_worker_soft_timeout_is_retried_once_then_dead(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "soft", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"s\",\"timeout_ms\":60}", "{\"do\":\"sleep\",\"ms\":60000}");
    harness_wait_state(&h, "s", "dead");
    AUTO_FREE char *job = harness_job(&h, "s");
    assert_non_null(strstr(job, "soft_timeout"));
    assert_int_equal(harness_json_int(job, "attempts"), 2);
    harness_end_drained(&h);
}

static void test_worker_hard_deadline_is_published(void **state)
{
    struct worker_harness h;
    struct score_now now;
    (void)state;
    begin(&h, "deadline", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"h\",\"timeout_ms\":50000}", "{\"do\":\"sleep\",\"ms\":60000}");
    harness_wait_phase(&h, PHASE_RUN, "h");
    assert_true(score_read(h.cell, &now));
    uint64_t in_ms = now.hard_deadline_ms - clock_mono_ms();
    assert_true(in_ms > 30000 && in_ms <= 50000);
    assert_int_equal(now.running, 1);
    assert_int_equal(now.epoch, 1);
    cancel_running(&h, "h");
    harness_end_drained(&h);
}

static void test_worker_drain_hands_unstarted_jobs_back(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "drain", "");
    harness_expect(&h, IPC_IDLE, 1);
    /* fast ones teach it to claim many; the sleeper then has others behind it */
    for (int i = 0; i < 200; i++)
        freeReplyObject(harness_cmd(&h, "FCALL stint_enqueue 1 stint:{drain} {\"kind\":\"probe\"} {}"));
    freeReplyObject(harness_cmd(
        &h, "FCALL stint_enqueue 1 stint:{drain} {\"kind\":\"probe\",\"id\":\"z\"} {\"do\":\"sleep\",\"ms\":2500}"));
    for (int i = 0; i < 20; i++)
        freeReplyObject(harness_cmd(&h, "FCALL stint_enqueue 1 stint:{drain} {\"kind\":\"probe\",\"id\":\"after%d\"} {}", i));
    harness_say(&h, IPC_WAKE, "");
    harness_wait_phase(&h, PHASE_RUN, "z");
    harness_say(&h, IPC_STOP, "");
    assert_int_equal(WEXITSTATUS(harness_wait_exit(&h)), WORKER_EXIT_OK);
    harness_wait_state(&h, "z", "done");
    harness_wait_state(&h, "after19", "ready");
    redisReply *active = harness_cmd(&h, "XPENDING stint:{drain}:s:normal workers");
    assert_int_equal(active->element[0]->integer, 0);
    freeReplyObject(active);
    assert_true(harness_balanced(&h));
    harness_close(&h);
}

static void test_worker_quiet_fetches_nothing_until_resumed(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "quiet", "");
    harness_expect(&h, IPC_IDLE, 1);
    harness_say(&h, IPC_QUIET, "");
    harness_wait_phase(&h, PHASE_QUIET, NULL);
    freeReplyObject(harness_cmd(&h, "FCALL stint_enqueue 1 stint:{quiet} {\"kind\":\"probe\",\"id\":\"q\"} {}"));
    harness_say(&h, IPC_WAKE, "");
    harness_wait_phase(&h, PHASE_QUIET, NULL);
    AUTO_FREE char *job = harness_job(&h, "q");
    assert_non_null(strstr(job, "\"ready\""));
    harness_say(&h, IPC_RESUME, "");
    harness_wait_state(&h, "q", "done");
    harness_end_drained(&h);
}

static void test_worker_redis_restarted_in_mid_job_finishes_once(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "restart", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"k\"}", "{\"do\":\"sleep\",\"ms\":3000}");
    harness_wait_phase(&h, PHASE_RUN, "k");
    assert_int_equal(redis_server_restart(&server), 0);
    struct err e;
    struct conf_redis conf = h.redis.conf;
    redis_sync_close(&h.redis);
    assert_int_equal(redis_sync_open(&h.redis, &conf, &e), 0);
    assert_int_equal(redis_sync_functions(&h.redis, &e), 0);
    harness_wait_state(&h, "k", "done");
    AUTO_FREE char *job = harness_job(&h, "k");
    assert_int_equal(harness_json_int(job, "epoch"), 1);
    harness_end_drained(&h);
}

static void test_worker_redis_away_at_boot_is_ready_and_waits(void **state)
{
    struct worker_harness h;
    (void)state;
    harness_open(&h, server.url, "away");
    redis_server_stop(&server);
    char ini[512];
    snprintf(ini, sizeof ini, "%squeue = away\n", PROBE_INI);
    harness_start(&h, "probe", ini, NULL);
    harness_wait_phase(&h, PHASE_AWAY, NULL);
    assert_int_equal(redis_server_restart(&server), 0);
    struct err e;
    struct conf_redis conf = h.redis.conf;
    redis_sync_close(&h.redis);
    assert_int_equal(redis_sync_open(&h.redis, &conf, &e), 0);
    assert_int_equal(redis_sync_functions(&h.redis, &e), 0);
    harness_beat(&h, HARNESS_LEASE_MS);
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"w\"}", "{}");
    harness_wait_state(&h, "w", "done");
    harness_end_drained(&h);
}

static void test_worker_jobs_of_a_lost_fetch_come_back(void **state)
{
    struct worker_harness h;
    char ini[512];
    (void)state;
    harness_open(&h, server.url, "lostfetch");
    snprintf(ini, sizeof ini, "command_timeout = 2s\n%squeue = lostfetch\n", PROBE_INI);
    harness_start(&h, "probe", ini, NULL);
    harness_expect(&h, IPC_IDLE, 1);
    harness_say(&h, IPC_QUIET, "");
    harness_wait_phase(&h, PHASE_QUIET, NULL);
    freeReplyObject(harness_cmd(&h, "FCALL stint_enqueue 1 stint:{lostfetch} {\"kind\":\"probe\",\"id\":\"l\"} {}"));
    /* the server takes the fetch and answers only when nobody listens any more */
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    harness_say(&h, IPC_RESUME, "");
    harness_wait_phase(&h, PHASE_AWAY, NULL);
    assert_int_equal(kill(server.pid, SIGCONT), 0);
    harness_wait_state(&h, "l", "done");
    AUTO_FREE char *job = harness_job(&h, "l");
    assert_int_equal(harness_json_int(job, "handbacks"), 1);
    harness_end_drained(&h);
}

static void test_worker_fenced_zombie_cannot_finish(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "zombie", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"f\"}", "{\"do\":\"sleep\",\"ms\":3000,\"times\":1}");
    harness_wait_phase(&h, PHASE_RUN, "f");
    assert_int_equal(kill(h.pid, SIGSTOP), 0);
    /* the host looks dead: its lease ends and another sweeps */
    freeReplyObject(harness_cmd(&h, "ZADD stint:{zombie}:i 1 %s", h.instance));
    freeReplyObject(harness_cmd(&h, "FCALL stint_sweep 1 stint:{zombie} {\"cause\":\"worker_lost\"} 5"));
    AUTO_FREE char *swept = harness_job(&h, "f");
    assert_non_null(strstr(swept, "\"ready\""));
    assert_int_equal(kill(h.pid, SIGCONT), 0);
    harness_wait_count(&h, &h.cell->kinds[0].fenced, 1);
    assert_int_equal(h.cell->kinds[0].fenced, 1);
    assert_int_equal(h.cell->kinds[0].done, 0);
    AUTO_FREE char *after = harness_job(&h, "f");
    assert_non_null(strstr(after, "\"ready\""));
    harness_beat(&h, HARNESS_LEASE_MS); /* and the instance is back: the job runs again, with a higher epoch */
    harness_wait_state(&h, "f", "done");
    harness_end_drained(&h);
}

static void test_worker_progress_is_seen_while_the_job_runs(void **state)
{
    struct worker_harness h;
    bool seen = false;
    (void)state;
    begin(&h, "progress", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"g\"}", "{\"do\":\"sleep\",\"ms\":60000}");
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    while (!seen && clock_mono_ms() < until) {
        AUTO_FREE char *job = harness_job(&h, "g");
        seen = strstr(job, "asleep") != NULL;
    }
    assert_true(seen);
    cancel_running(&h, "g");
    harness_end_drained(&h);
}

static void test_worker_spinning_job_dies_of_its_cpu_limit(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "spin", "[kind.probe]\ncpu = 1s\n");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"s\"}", "{\"do\":\"spin\"}");
    int status = harness_wait_exit(&h);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGXCPU);
    struct score_now now; /* what the supervisor blames */
    assert_true(score_read(h.cell, &now));
    assert_string_equal(now.job_id, "s");
    assert_int_equal(now.running, 1);
    harness_close(&h);
}

static void test_worker_allocation_failure_exits_mem_limit(void **state)
{
    struct worker_harness h;
    (void)state;
#ifdef STINT_SANITIZED
    print_message("SKIPPED: a sanitizer's shadow memory does not fit under RLIMIT_AS\n");
    skip();
#endif
    begin(&h, "alloc", "");
    struct rlimit_text {
        char text[64];
    } r;
    snprintf(r.text, sizeof r.text, "prlimit --pid %d --as=400000000", (int)h.pid);
    assert_int_equal(system(r.text), 0);
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"m\"}", "{\"do\":\"alloc\"}");
    int status = harness_wait_exit(&h);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), WORKER_EXIT_MEM_LIMIT);
    harness_close(&h);
}

static void test_worker_supervisor_gone_exits_orphaned(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "orphan", "");
    harness_enqueue(&h, "{\"kind\":\"probe\",\"id\":\"o\"}", "{\"do\":\"sleep\",\"ms\":60000}");
    harness_wait_phase(&h, PHASE_RUN, "o");
    close(h.control_fd);
    h.control_fd = -1;
    int status = 0;
    assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
    h.pid = 0;
    assert_int_equal(WEXITSTATUS(status), WORKER_EXIT_ORPHANED);
    harness_close(&h);
}

static void test_worker_recycles_after_its_number_of_jobs(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "recycle", "recycle_jobs = 3\n");
    for (int i = 0; i < 5; i++)
        harness_enqueue(&h, "{\"kind\":\"probe\"}", "{}");
    assert_int_equal(WEXITSTATUS(harness_wait_exit(&h)), WORKER_EXIT_OK);
    assert_int_equal(h.seen[IPC_RECYCLE], 1);
    assert_true(harness_balanced(&h));
    harness_close(&h);
}

static void test_main_by_hand_refuses_and_says_who_starts_it(void **state)
{
    char path[512], command[700], line[512] = "";
    (void)state;
    snprintf(path, sizeof path, "%s/bin/stint-worker", getenv("STINT_BUILD") ? getenv("STINT_BUILD") : "build/dev");
    snprintf(command, sizeof command, "%s --pool p --instance i --slot 0 --generation 1 2>&1 3>&- 4>&- 5>&-", path);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    assert_non_null(fgets(line, sizeof line, out));
    int status = pclose(out);
    assert_int_equal(WEXITSTATUS(status), WORKER_EXIT_BOOT);
    assert_non_null(strstr(line, "stint-supervisor"));
}

static void test_boot_unknown_kind_in_pool_fails_and_names_it(void **state)
{
    struct worker_harness h;
    (void)state;
    harness_open(&h, server.url, "boot");
    harness_spawn(&h, "probe", "[pool.probe]\nkinds = probe\nqueue = boot\n", NULL);
    assert_int_equal(WEXITSTATUS(harness_wait_exit(&h)), WORKER_EXIT_BOOT);
    assert_int_equal(h.seen[IPC_BOOT_FAILED], 1);
    assert_non_null(strstr(h.last_text, "enabled = yes"));
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_job_ok_is_done),
        cmocka_unit_test(test_worker_many_jobs_are_all_done),
        cmocka_unit_test(test_worker_failing_job_is_retried_then_done),
        cmocka_unit_test(test_worker_failing_for_ever_is_dead_after_attempts),
        cmocka_unit_test(test_worker_permanent_failure_is_dead_at_once),
        cmocka_unit_test(test_worker_bad_payload_is_dead_and_names_the_allowed),
        cmocka_unit_test(test_worker_unknown_kind_is_handed_back_then_dead),
        cmocka_unit_test(test_worker_cancel_of_the_job_in_hand_ends_it),
        cmocka_unit_test(test_worker_soft_timeout_is_retried_once_then_dead),
        cmocka_unit_test(test_worker_hard_deadline_is_published),
        cmocka_unit_test(test_worker_drain_hands_unstarted_jobs_back),
        cmocka_unit_test(test_worker_quiet_fetches_nothing_until_resumed),
        cmocka_unit_test(test_worker_redis_restarted_in_mid_job_finishes_once),
        cmocka_unit_test(test_worker_redis_away_at_boot_is_ready_and_waits),
        cmocka_unit_test(test_worker_jobs_of_a_lost_fetch_come_back),
        cmocka_unit_test(test_worker_fenced_zombie_cannot_finish),
        cmocka_unit_test(test_worker_progress_is_seen_while_the_job_runs),
        cmocka_unit_test(test_worker_spinning_job_dies_of_its_cpu_limit),
        cmocka_unit_test(test_worker_allocation_failure_exits_mem_limit),
        cmocka_unit_test(test_worker_supervisor_gone_exits_orphaned),
        cmocka_unit_test(test_worker_recycles_after_its_number_of_jobs),
        cmocka_unit_test(test_main_by_hand_refuses_and_says_who_starts_it),
        cmocka_unit_test(test_boot_unknown_kind_in_pool_fails_and_names_it),
    };
    return cmocka_run_group_tests(tests, open_server, close_server);
}
