/*
 * Why: a deep band is read by Redis' own command; that a worker does so, hands what is not plain to the Functions, and
 * stops when its gate is shut is seen here from the server's side (its log of commands). Refuses to: measure time.
 */
#include "keys.h"
#include "worker_harness.h"

#include "redis_server.h"

#include <setjmp.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { JOBS = 1200, ODD_EVERY = 40 };

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

static void run_streak(const char *queue, const char *track, const char *end)
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
    assert_true(count_commands(&h, 1, end) > 0);
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
    run_streak("untracked", "no", "stint_ack");
}

static void test_worker_streak_tracked(void **state)
{
    (void)state;
    run_streak("tracked", "yes", "stint_keep");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_streak_untracked),
        cmocka_unit_test(test_worker_streak_tracked),
        cmocka_unit_test(test_worker_streak_ends_with_a_pause),
    };
    return cmocka_run_group_tests(tests, open_server, close_server);
}
