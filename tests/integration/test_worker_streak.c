/*
 * Why: a deep band is read by Redis' own command; that a worker does so, hands what is not plain to the Functions, and
 * stops when its gate is shut is seen here from the server's side (its log of commands). Refuses to: measure time.
 */
#include "clock.h"
#include "keys.h"
#include "worker_harness.h"

#include "redis_server.h"

#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/wait.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { JOBS = 1200, ODD_EVERY = 40, BATCH = 20, ATTEMPTS = 40 };

static struct redis_server server;

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

/* A worker that fetches nothing yet, so that the band is deep when it begins. */
static void begin_quiet(struct worker_harness *h, const char *queue, const char *track)
{
    char ini[256];
    harness_open(h, server.url, queue);
    (void)snprintf(ini, sizeof ini,
                   "[kind.probe]\nenabled = yes\ntrack = %s\n[pool.probe]\nkinds = probe\nqueue = %s\n", track, queue);
    freeReplyObject(harness_cmd(h, "FCALL stint_config 1 stint:{%s} track:probe %s test", queue, track));
    harness_start(h, "probe", ini, NULL);
    harness_say(h, IPC_QUIET, "");
    harness_wait_phase(h, PHASE_QUIET, NULL);
    freeReplyObject(harness_cmd(h, "CONFIG SET slowlog-max-len 100000 slowlog-log-slower-than -1"));
}

static void fill(struct worker_harness *h, int jobs)
{
    for (int i = 0; i < jobs; i++) {
        const char *options = i % ODD_EVERY == 1 ? "{\"kind\":\"probe\",\"attempts\":3}" : "{\"kind\":\"probe\"}";
        freeReplyObject(harness_cmd(h, "FCALL stint_enqueue 1 stint:{%s} %s {}", h->queue, options));
    }
}

static void log_commands(struct worker_harness *h)
{
    freeReplyObject(harness_cmd(h, "SLOWLOG RESET"));
    freeReplyObject(harness_cmd(h, "CONFIG SET slowlog-log-slower-than 0"));
}

/* Commands from outside (a Function's own are not in that log) whose word number `at` is this. */
static size_t count_commands(struct worker_harness *h, size_t at, const char *word)
{
    size_t count = 0;
    redisReply *log = harness_cmd(h, "SLOWLOG GET -1");
    assert_int_equal(log->type, REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < log->elements; i++) {
        const redisReply *words = log->element[i]->element[3];
        count += words->elements > at && strcmp(words->element[at]->str, word) == 0;
    }
    freeReplyObject(log);
    return count;
}

/* Whatever way its end was told, the job is found by the id that its enqueue answered. */
static void fill_and_note(struct worker_harness *h, int jobs, char ids[][JOB_ID_MAX])
{
    for (int i = 0; i < jobs; i++) {
        redisReply *answer = harness_cmd(h, "FCALL stint_enqueue 1 stint:{%s} {\"kind\":\"probe\"} {}", h->queue);
        assert_int_equal(sscanf(answer->str, "{\"id\":\"%36[0-9a-f-]\"", ids[i]), 1);
        freeReplyObject(answer);
    }
}

static void assert_all_done(struct worker_harness *h, int jobs, char ids[][JOB_ID_MAX])
{
    for (int i = 0; i < jobs; i++) {
        redisReply *job = harness_cmd(h, "FCALL_RO stint_job 1 stint:{%s} %s", h->queue, ids[i]);
        assert_int_equal(job->type, REDIS_REPLY_STRING);
        assert_non_null(strstr(job->str, "\"state\":\"done\""));
        assert_non_null(strstr(job->str, ids[i]));
        freeReplyObject(job);
    }
}

static void run_streak(const char *queue, const char *track, const char *end, const char *or_end)
{
    struct worker_harness h;
    begin_quiet(&h, queue, track);
    fill(&h, JOBS);
    /* an expired job and one that can never run, in the middle of it */
    freeReplyObject(harness_cmd(&h, "XADD stint:{%s}:s:normal * kind probe payload {} o {\"expires_at_ms\":1}", queue));
    freeReplyObject(harness_cmd(&h, "XADD stint:{%s}:s:normal * kind probe", queue));
    fill(&h, JOBS);
    log_commands(&h);
    harness_say(&h, IPC_RESUME, "");
    harness_wait_count(&h, &h.cell->kinds[0].done, 2 * JOBS);
    assert_true(count_commands(&h, 0, "XREADGROUP") > 0);
    assert_true(count_commands(&h, 1, end) + count_commands(&h, 1, or_end) > 0);
    harness_expect(&h, IPC_IDLE, 1);
    redisReply *ledger = harness_cmd(&h, "HMGET stint:{%s}:ledger done expired died readded", queue);
    static const long long expected[] = {2 * JOBS, 1, 1, 0};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_int_equal(ledger->element[i]->str ? strtoll(ledger->element[i]->str, NULL, 10) : 0, expected[i]);
    freeReplyObject(ledger);
    harness_end_drained(&h);
}

static void test_worker_streak_untracked(void **state)
{
    (void)state;
    run_streak("untracked", "no", "stint_ack", "stint_ack");
}

static void test_worker_streak_tracked(void **state)
{
    (void)state;
    run_streak("tracked", "yes", "stint_keep", "stint_keep_packed"); /* as many as came in one second */
}

static void test_worker_streak_leaves_every_status(void **state)
{
    static char ids[JOBS][JOB_ID_MAX];
    struct worker_harness h;
    (void)state;
    begin_quiet(&h, "asked", "yes");
    fill_and_note(&h, JOBS, ids);
    harness_say(&h, IPC_RESUME, "");
    harness_wait_count(&h, &h.cell->kinds[0].done, JOBS);
    assert_all_done(&h, JOBS, ids);
    harness_end_drained(&h);
}

/* A kind is paused while the worker is in the middle: from then on each job is asked about, and its gate stays shut. */
static void test_worker_streak_ends_with_a_pause(void **state)
{
    struct worker_harness h;
    (void)state;
    begin_quiet(&h, "paused", "no");
    fill(&h, 2 * JOBS);
    harness_say(&h, IPC_RESUME, "");
    harness_wait_count(&h, &h.cell->kinds[0].done, 10);
    freeReplyObject(harness_cmd(&h, "FCALL stint_pause 1 stint:{paused} other me test"));
    harness_wait_count(&h, &h.cell->kinds[0].done, 2 * JOBS);
    redisReply *gate = harness_cmd(&h, "EXISTS stint:{paused}:g:%s", h.consumer);
    assert_int_equal(gate->integer, 0);
    freeReplyObject(gate);
    harness_end_drained(&h);
}

/* ---- ahead: small batches, and so much time for each that the next is claimed before this one is run ---- */

static void spawn_ahead(struct worker_harness *h, const char *environment)
{
    char ini[256];
    (void)snprintf(ini, sizeof ini,
                   "[kind.probe]\nenabled = yes\ntrack = no\n[pool.probe]\nkinds = probe\nqueue = %s\nbatch_max = %d\n"
                   "batch_target = 60s\n",
                   h->queue, BATCH);
    harness_start(h, "probe", ini, environment);
}

/* Entries claimed by anybody and not ended. */
static long long pending(struct worker_harness *h)
{
    redisReply *reply = harness_cmd(h, "XPENDING stint:{%s}:s:normal workers", h->queue);
    long long n = reply && reply->type == REDIS_REPLY_ARRAY ? reply->element[0]->integer : 0;
    if (reply)
        freeReplyObject(reply);
    return n;
}

static void wait_pending(struct worker_harness *h, long long wanted)
{
    uint64_t until_ms = clock_mono_ms() + HARNESS_DEADLINE_MS;
    for (long long n; (n = pending(h)) != wanted; (void)poll(NULL, 0, 5))
        if (clock_mono_ms() > until_ms)
            fail_msg("%lld jobs are claimed; %lld were expected", n, wanted);
}

static long long ledger(struct worker_harness *h, const char *field)
{
    redisReply *reply = harness_cmd(h, "HGET stint:{%s}:ledger %s", h->queue, field);
    long long n = reply->str ? strtoll(reply->str, NULL, 10) : 0;
    freeReplyObject(reply);
    return n;
}

/* What a supervisor says of a worker that died between two jobs. */
static void tell_death(struct worker_harness *h)
{
    char key[KEY_MAX];
    const char *const argv[] = {"FCALL", "stint_crash", "1", keys_prefix(key, h->queue), h->consumer, "", "{}",
                                "fp",    "5",           "0"};
    for (long long left = 1; left > 0;) {
        redisReply *reply = NULL;
        struct err e;
        assert_int_equal(redis_sync_argv(&h->redis, &reply, &e, ARRAY_LEN(argv), argv, NULL), 0);
        left = reply->element[1]->integer;
        freeReplyObject(reply);
    }
}

/* A worker dies when it has read a batch while the ends of another are not told: both come back, free, and are run once
 * more; none is counted twice. Whether it had read ahead just then is not in our hands: it is tried until one had. */
static void test_worker_streak_dies_with_two_batches(void **state)
{
    struct worker_harness h;
    long long most = 0, filled = 0;
    (void)state;
    harness_open(&h, server.url, "twobatches");
    freeReplyObject(harness_cmd(&h, "FCALL stint_config 1 stint:{twobatches} track:probe no test"));
    for (int i = 0; i < ATTEMPTS && most <= BATCH; i++) {
        fill(&h, JOBS);
        filled += JOBS;
        spawn_ahead(&h, "STINT_KILL_POINT=after_fetch:30");
        int status = harness_wait_exit(&h);
        assert_true(WIFSIGNALED(status));
        most = MAX_OF(most, pending(&h));
        assert_true(most <= 2 * BATCH);
        tell_death(&h);
        assert_int_equal(pending(&h), 0);
    }
    assert_true(most > BATCH);
    spawn_ahead(&h, NULL);
    harness_expect(&h, IPC_IDLE, 1);
    assert_int_equal(ledger(&h, "done"), filled);
    assert_int_equal(ledger(&h, "died") + ledger(&h, "crashed"), 0);
    harness_end_drained(&h);
}

/* A job turns out slow: what was claimed behind it goes back, whichever read it came by; when it is cancelled the
 * others are run. */
static void test_worker_streak_gives_back_behind_a_slow_job(void **state)
{
    struct worker_harness h;
    (void)state;
    harness_open(&h, server.url, "slowahead");
    freeReplyObject(harness_cmd(&h, "FCALL stint_config 1 stint:{slowahead} track:probe no test"));
    fill(&h, JOBS / 2);
    freeReplyObject(harness_cmd(&h, "FCALL stint_enqueue 1 stint:{slowahead} {\"kind\":\"probe\",\"id\":\"slow\"} "
                                    "{\"do\":\"sleep\",\"ms\":600000}"));
    fill(&h, JOBS / 2);
    spawn_ahead(&h, NULL);
    harness_wait_phase(&h, PHASE_RUN, "slow");
    wait_pending(&h, 1);
    struct score_now now;
    assert_true(score_read(h.cell, &now));
    char which[ENTRY_ID_MAX + 16];
    (void)snprintf(which, sizeof which, "%s:%s", band_name((enum band)now.band), now.entry);
    harness_say(&h, IPC_CANCEL, which);
    harness_expect(&h, IPC_IDLE, 1);
    assert_int_equal(ledger(&h, "done"), JOBS);
    assert_int_equal(ledger(&h, "cancelled"), 1);
    harness_end_drained(&h);
}

static void test_worker_streak_gives_back_when_told_to_be_quiet(void **state)
{
    struct worker_harness h;
    (void)state;
    harness_open(&h, server.url, "quietahead");
    freeReplyObject(harness_cmd(&h, "FCALL stint_config 1 stint:{quietahead} track:probe no test"));
    fill(&h, 2 * JOBS);
    spawn_ahead(&h, NULL);
    harness_wait_count(&h, &h.cell->kinds[0].done, 10);
    harness_say(&h, IPC_QUIET, "");
    harness_wait_phase(&h, PHASE_QUIET, NULL);
    wait_pending(&h, 0);
    harness_say(&h, IPC_RESUME, "");
    harness_expect(&h, IPC_IDLE, 1);
    assert_int_equal(ledger(&h, "done"), 2 * JOBS);
    harness_end_drained(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_streak_leaves_every_status),
        cmocka_unit_test(test_worker_streak_untracked),
        cmocka_unit_test(test_worker_streak_tracked),
        cmocka_unit_test(test_worker_streak_ends_with_a_pause),
        cmocka_unit_test(test_worker_streak_dies_with_two_batches),
        cmocka_unit_test(test_worker_streak_gives_back_behind_a_slow_job),
        cmocka_unit_test(test_worker_streak_gives_back_when_told_to_be_quiet),
    };
    return cmocka_run_group_tests(tests, open_server, close_server);
}
