/*
 * Why: whatever dies - a worker, a host, an operator's patience - each job in hand must move exactly once, and only the
 * guilty one may pay for it. Refuses to: wait for time to pass, except for a lease of a few milliseconds, and then with
 * a deadline.
 */
#include "ftest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#define CRASH "{\"code\":\"CRASH\",\"class\":\"resource\",\"cause\":\"signal:SIGSEGV\",\"message\":\"died\"}"
#define LOST  "{\"code\":\"WORKER_LOST\",\"class\":\"transient\",\"cause\":\"worker_lost\",\"message\":\"host gone\"}"

static void fill(redisContext *ctx, const char *band, int n)
{
    for (int i = 0; i < n; i++)
        freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:%s * kind probe id %s.%d payload {}", band, band, i));
}

/* Claims `max` jobs as a consumer. The reply is the caller's. */
static redisReply *claim_as(redisContext *ctx, const char *instance, const char *consumer, const char *max)
{
    redisReply *fetched = ftest_call(ctx, "stint_fetch", instance, consumer, "0", max, NULL);
    assert_string_equal(fetched->element[0]->str, "ok");
    return fetched;
}

static redisReply *crash(redisContext *ctx, const char *blame, const char *limit, const char *delay)
{
    redisReply *reply = ftest_call(ctx, "stint_crash", "h-1:0:1", blame, CRASH, "feedbeef", limit, delay, NULL);
    if (reply->type != REDIS_REPLY_ARRAY)
        fail_msg("crash: %s", reply->str);
    return reply;
}

/* Outcomes of a [moved, remaining] reply: how many moved with this outcome. */
static int moved_as(const redisReply *reply, const char *outcome)
{
    int n = 0;
    for (size_t i = 0; i < reply->element[0]->elements; i++)
        n += strcmp(reply->element[0]->element[i]->element[1]->str, outcome) == 0;
    return n;
}

static long long consumers_of(redisContext *ctx, const char *band)
{
    redisReply *reply = ftest_redis(ctx, "XINFO CONSUMERS stint:{q}:s:%s workers", band);
    long long n = (long long)reply->elements;
    freeReplyObject(reply);
    return n;
}

static void test_handback_is_free_and_ready_again(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "high", 2);
    redisReply *fetched = claim_as(ctx, "h-1", "h-1:0:1", "2");
    const char *a = ftest_job_text(fetched, 0, JOB_AT_ENTRY), *b = ftest_job_text(fetched, 1, JOB_AT_ENTRY);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_handback", "h-1:0:1", "drain", "0", "high", a, "high", b, NULL)),
                     2);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_handback", "h-1:0:1", "drain", "0", "high", a, NULL)), 0);
    freeReplyObject(fetched);
    fetched = claim_as(ctx, "h-1", "h-1:0:2", "2");
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_HANDBACKS), 1);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_EPOCH), 2);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_ATTEMPTS), 0);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_HAS_HASH), 0); /* an untracked job still needs no hash */
    freeReplyObject(fetched);
    assert_int_equal(ftest_stat(ctx, "ledger.handed_back"), 2);
    ftest_assert_ledger(ctx);
}

static void test_handback_with_delay_waits(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "low", 1);
    redisReply *fetched = claim_as(ctx, "h-1", "h-1:0:1", "1");
    const char *entry = ftest_job_text(fetched, 0, JOB_AT_ENTRY);
    assert_int_equal(
        ftest_int(ftest_call(ctx, "stint_handback", "h-1:0:1", "unknown_kind", "60000", "low", entry, NULL)), 1);
    freeReplyObject(fetched);
    ftest_assert_job(ctx, "low.0", "state", "scheduled");
    ftest_assert_error(ftest_call(ctx, "stint_handback", "h-1:0:1", "r", "0", "low", NULL), "STINT_BADARG", "ARGV");
    ftest_assert_error(ftest_call(ctx, "stint_handback", "h-1:0:1", "r", "0", "low", "7", NULL), "STINT_BADARG",
                       "entry");
    ftest_assert_ledger(ctx);
}

static void test_crash_blames_the_job_that_ran_only(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "high", 2);
    fill(ctx, "low", 1);
    redisReply *fetched = claim_as(ctx, "h-1", "h-1:0:1", "3");
    char blame[64]; /* with its band: the entries of two may have one id */
    (void)snprintf(blame, sizeof blame, "%s:%s", ftest_job_text(fetched, 1, JOB_AT_BAND),
                   ftest_job_text(fetched, 1, JOB_AT_ENTRY));
    redisReply *reply = crash(ctx, blame, "2", "0");
    assert_int_equal(moved_as(reply, "retried"), 1);
    assert_int_equal(moved_as(reply, "handed_back"), 2);
    assert_int_equal(reply->element[1]->integer, 0);
    freeReplyObject(reply);
    freeReplyObject(fetched);
    assert_int_equal(consumers_of(ctx, "high"), 0);
    fetched = claim_as(ctx, "h-1", "h-1:0:2", "3");
    long long crashes = 0;
    for (size_t i = 0; i < 3; i++)
        crashes += ftest_job_int(fetched, i, JOB_AT_CRASHES);
    assert_int_equal(crashes, 1);
    freeReplyObject(fetched);
    assert_int_equal(ftest_stat(ctx, "ledger.crashed"), 1);
    ftest_assert_ledger(ctx);
}

static void test_crash_at_its_limit_is_dead_with_the_evidence(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "high", 1);
    for (int i = 0; i < 2; i++) {
        redisReply *fetched = claim_as(ctx, "h-1", "h-1:0:1", "1");
        redisReply *reply = crash(ctx, ftest_job_text(fetched, 0, JOB_AT_ENTRY), "2", "0");
        assert_int_equal(moved_as(reply, i == 0 ? "retried" : "dead"), 1);
        freeReplyObject(reply);
        freeReplyObject(fetched);
    }
    ftest_assert_job(ctx, "high.0", "state", "dead");
    ftest_assert_job(ctx, "high.0", "cause", "signal:SIGSEGV");
    ftest_assert_job(ctx, "high.0", "fingerprint", "feedbeef");
    ftest_assert_job(ctx, "high.0", "errors_total", "2");
    ftest_assert_ledger(ctx);
}

static void test_crash_with_delay_schedules_the_blamed(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "high", 1);
    redisReply *fetched = claim_as(ctx, "h-1", "h-1:0:1", "1");
    freeReplyObject(crash(ctx, ftest_job_text(fetched, 0, JOB_AT_ENTRY), "2", "60000"));
    freeReplyObject(fetched);
    ftest_assert_job(ctx, "high.0", "state", "scheduled");
    ftest_assert_job(ctx, "high.0", "crashes", "1");
    ftest_assert_ledger(ctx);
}

static void test_crash_of_a_round_makes_suspects(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "high", 3);
    freeReplyObject(claim_as(ctx, "h-1", "h-1:0:1", "3"));
    redisReply *reply = crash(ctx, "*", "2", "0");
    assert_int_equal(moved_as(reply, "handed_back"), 3);
    freeReplyObject(reply);
    redisReply *fetched = claim_as(ctx, "h-1", "h-1:0:2", "3");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ftest_job_int(fetched, i, JOB_AT_SUSPECT), 1);
        assert_int_equal(ftest_job_int(fetched, i, JOB_AT_CRASHES), 0);
        assert_int_equal(ftest_job_int(fetched, i, JOB_AT_HANDBACKS), 0);
    }
    freeReplyObject(fetched);
    assert_int_equal(ftest_stat(ctx, "ledger.suspected"), 3);
    ftest_assert_ledger(ctx);
}

static void test_crash_without_blame_hands_all_back_in_bounded_calls(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "high", 150);
    fill(ctx, "low", 100);
    freeReplyObject(claim_as(ctx, "h-1", "h-1:0:1", "250"));
    static const long long left[] = {150, 50, 0};
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        assert_int_equal(consumers_of(ctx, "low"), 1); /* a consumer that holds something is never deleted */
        redisReply *reply = crash(ctx, "", "2", "0");
        assert_int_equal(moved_as(reply, "handed_back"), i < 2 ? 100 : 50);
        assert_int_equal(reply->element[1]->integer, left[i]);
        freeReplyObject(reply);
        ftest_assert_ledger(ctx);
    }
    assert_int_equal(consumers_of(ctx, "low"), 0);
    assert_int_equal(ftest_stat(ctx, "bands.high.ready"), 150);
}

static void test_crash_of_a_cancelled_job_is_its_end(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    redisReply *fetched = claim_as(ctx, "h-1", "h-1:0:1", "1");
    freeReplyObject(ftest_call(ctx, "stint_cancel", id, "r", "me", NULL));
    redisReply *reply = crash(ctx, ftest_job_text(fetched, 0, JOB_AT_ENTRY), "2", "0");
    assert_int_equal(moved_as(reply, "cancelled"), 1);
    freeReplyObject(reply);
    freeReplyObject(fetched);
    ftest_assert_job(ctx, id, "state", "cancelled");
    ftest_assert_ledger(ctx);
}

static void test_crash_bad_arguments_name_themselves(void **state)
{
    static const char *const cases[][7] = {
        {"h-1", "", CRASH, "f", "2", "0", "consumer"},        {"h-1:0:1", "x", CRASH, "f", "2", "0", "blame"},
        {"h-1:0:1", "", "text", "f", "2", "0", "error JSON"}, {"h-1:0:1", "", CRASH, "f", "0", "0", "crash limit"},
        {"h-1:0:1", "", CRASH, "f", "2", "-1", "delay_ms"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ftest_assert_error(ftest_call_argv(ftest_ctx(state), "stint_crash", 6, cases[i]), "STINT_BADARG", cases[i][6]);
}

/* Beats h-1 until it sees `expired` lost hosts; a lease of a few ms needs a moment. */
static void beat_until_lost(redisContext *ctx, long long expired)
{
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        redisReply *beat = ftest_call(ctx, "stint_beat", "h-1", "600000", "{}", NULL);
        long long seen = beat->element[3]->integer;
        freeReplyObject(beat);
        if (seen == expired)
            return;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - start.tv_sec > 60)
            fail_msg("%lld lost hosts seen, expected %lld", seen, expired);
    }
}

static redisReply *sweep(redisContext *ctx)
{
    redisReply *reply = ftest_call(ctx, "stint_sweep", LOST, "2", NULL);
    if (reply->type != REDIS_REPLY_ARRAY)
        fail_msg("sweep: %s", reply->str);
    return reply;
}

/* Functions are not rolled back: a key of the wrong type on the way must not cost the job that was just taken. */
static void test_crash_with_a_key_of_the_wrong_type_loses_no_job(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "high", 1);
    freeReplyObject(ftest_redis(ctx, "SET stint:{q}:dead nonsense"));
    redisReply *fetched = claim_as(ctx, "h-1", "h-1:0:1", "1");
    redisReply *reply = crash(ctx, ftest_job_text(fetched, 0, JOB_AT_ENTRY), "1", "0"); /* it cannot be buried */
    assert_int_equal(moved_as(reply, "handed_back"), 1);
    freeReplyObject(reply);
    freeReplyObject(fetched);
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:dead"));
    ftest_assert_job(ctx, "high.0", "state", "ready");
    ftest_assert_ledger(ctx);
    fetched = claim_as(ctx, "h-1", "h-1:0:1", "1");
    reply = crash(ctx, ftest_job_text(fetched, 0, JOB_AT_ENTRY), "1", "0");
    assert_int_equal(moved_as(reply, "dead"), 1);
    freeReplyObject(reply);
    freeReplyObject(fetched);
    ftest_assert_job(ctx, "high.0", "state", "dead");
    ftest_assert_ledger(ctx);
}

/* The same after its place was given: it has one place, not two. */
static void test_crash_with_a_wrong_key_after_the_move_moves_once(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "high", 1);
    redisReply *fetched = claim_as(ctx, "h-1", "h-1:0:1", "1");
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:ev"));
    freeReplyObject(ftest_redis(ctx, "SET stint:{q}:ev nonsense"));
    freeReplyObject(crash(ctx, ftest_job_text(fetched, 0, JOB_AT_ENTRY), "2", "60000"));
    freeReplyObject(fetched);
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:ev"));
    assert_int_equal(ftest_stat(ctx, "bands.high.ready"), 0);
    assert_int_equal(ftest_stat(ctx, "scheduled"), 1);
    ftest_assert_ledger(ctx);
}

static void test_sweep_after_lease_end_moves_what_the_host_held(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-2", "600000", "{}", NULL));
    fill(ctx, "high", 4);
    freeReplyObject(claim_as(ctx, "h-2", "h-2:0:1", "1"));
    freeReplyObject(claim_as(ctx, "h-2", "h-2:1:1", "3"));
    redisReply *early = sweep(ctx);
    assert_int_equal(early->element[0]->elements, 0); /* a host with a lease keeps its jobs */
    freeReplyObject(early);
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-2", "3", "{}", NULL));
    beat_until_lost(ctx, 1);
    redisReply *reply = sweep(ctx);
    assert_int_equal(moved_as(reply, "retried"), 1);     /* it ran alone: it is blamed */
    assert_int_equal(moved_as(reply, "handed_back"), 3); /* one of these ran: suspects */
    assert_int_equal(reply->element[1]->integer, 0);
    freeReplyObject(reply);
    assert_int_equal(ftest_stat(ctx, "instances"), 1);
    assert_int_equal(ftest_stat(ctx, "bands.high.ready"), 4);
    assert_int_equal(consumers_of(ctx, "high"), 0);
    ftest_assert_job(ctx, "high.0", "crashes", "1");
    ftest_assert_ledger(ctx);
    redisReply *fenced = ftest_call(ctx, "stint_fetch", "h-2", "h-2:0:1", "0", "1", NULL);
    assert_string_equal(fenced->element[0]->str, "fenced");
    freeReplyObject(fenced);
}

/* What stint_gone answers for h-2, which is judged lost. */
static redisReply *gone(redisContext *ctx)
{
    redisReply *reply = ftest_call(ctx, "stint_gone", "h-2", LOST, "2", NULL);
    if (reply->type != REDIS_REPLY_ARRAY)
        fail_msg("gone: %s", reply->str);
    return reply;
}

static void test_gone_moves_what_a_leased_instance_held_and_nobody_elses(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-2", "600000", "{}", NULL));
    fill(ctx, "high", 6);
    freeReplyObject(claim_as(ctx, "h-2", "h-2:0:1", "1"));
    freeReplyObject(claim_as(ctx, "h-2", "h-2:1:1", "3"));
    freeReplyObject(claim_as(ctx, "h-1", "h-1:0:1", "2"));
    redisReply *reply = gone(ctx);
    assert_int_equal(moved_as(reply, "retried"), 1);
    assert_int_equal(moved_as(reply, "handed_back"), 3);
    assert_int_equal(reply->element[1]->integer, 0);
    freeReplyObject(reply);
    assert_int_equal(ftest_stat(ctx, "instances"), 1);
    assert_int_equal(ftest_stat(ctx, "bands.high.active"), 2);
    ftest_assert_ledger(ctx);
    redisReply *fenced = ftest_call(ctx, "stint_fetch", "h-2", "h-2:0:1", "0", "1", NULL);
    assert_string_equal(fenced->element[0]->str, "fenced");
    freeReplyObject(fenced);
    reply = gone(ctx); /* again, or for an instance nobody knows: nothing */
    assert_int_equal(reply->element[0]->elements, 0);
    assert_int_equal(reply->element[1]->integer, 0);
    freeReplyObject(reply);
    ftest_assert_error(ftest_call(ctx, "stint_gone", "h 2", LOST, "2", NULL), "STINT_BADARG", "instance");
    ftest_assert_error(ftest_call(ctx, "stint_gone", "h-2", "text", "2", NULL), "STINT_BADARG", "error JSON");
    ftest_assert_error(ftest_call(ctx, "stint_gone", "h-2", LOST, "0", NULL), "STINT_BADARG", "crash limit");
}

static void test_beat_tells_when_the_next_lease_of_another_ends(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-2", "50000", "{}", NULL));
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-3", "90000", "{}", NULL));
    redisReply *beat = ftest_call(ctx, "stint_beat", "h-1", "10000", "{}", NULL);
    assert_in_range(beat->element[5]->integer - beat->element[0]->integer, 40000, 50000);
    freeReplyObject(beat);
    beat = ftest_call(ctx, "stint_beat", "h-2", "200000", "{}", NULL);
    assert_in_range(beat->element[5]->integer - beat->element[0]->integer, 1, 10000);
    freeReplyObject(beat);
}

static void test_sweep_never_leaves_one_of_many_to_be_blamed(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-2", "600000", "{}", NULL));
    fill(ctx, "high", 101);
    freeReplyObject(claim_as(ctx, "h-2", "h-2:0:1", "101"));
    freeReplyObject(ftest_redis(ctx, "ZADD stint:{q}:i 1 h-2"));
    long long moved = 0, left = 1;
    for (int calls = 0; left > 0 && calls < 4; calls++) {
        redisReply *reply = sweep(ctx);
        assert_int_equal(moved_as(reply, "retried"), 0);
        moved += (long long)reply->element[0]->elements;
        left = reply->element[1]->integer;
        freeReplyObject(reply);
    }
    assert_int_equal(moved, 101);
    assert_int_equal(ftest_stat(ctx, "ledger.suspected"), 101);
    ftest_assert_ledger(ctx);
}

static void test_sweep_finds_jobs_of_a_host_that_was_never_registered(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "high", 2);
    freeReplyObject(claim_as(ctx, "h-1", "h-1:0:1", "2"));
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:i"));
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-9", "600000", "{}", NULL));
    redisReply *beat = ftest_call(ctx, "stint_beat", "h-9", "600000", "{}", NULL);
    assert_int_equal(beat->element[3]->integer, 1);
    freeReplyObject(beat);
    freeReplyObject(sweep(ctx));
    assert_int_equal(ftest_stat(ctx, "bands.high.ready"), 2);
    ftest_assert_ledger(ctx);
}

static void test_sweep_leaves_a_strangers_fresh_read_alone(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "high", 2);
    freeReplyObject(claim_as(ctx, "h-1", "h-1:0:1", "1"));
    freeReplyObject(ftest_redis(ctx, "XREADGROUP GROUP workers bob STREAMS stint:{q}:s:high >"));
    freeReplyObject(sweep(ctx));
    assert_int_equal(ftest_stat(ctx, "bands.high.active"), 2);
}

static void test_beat_tells_the_time_and_what_waits(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "low", 3);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000}", "{}", "scheduled");
    redisReply *beat = ftest_call(ctx, "stint_beat", "h-1", "5000", "{\"host\":\"a\"}", NULL);
    assert_int_equal(beat->elements, 8);
    assert_int_equal(beat->element[5]->integer, -1); /* nobody else holds a lease */
    assert_in_range(beat->element[1]->integer - beat->element[0]->integer, 50000, 60000);
    assert_int_equal(beat->element[2]->integer, 3);
    assert_int_equal(beat->element[3]->integer, 0);
    assert_int_equal(beat->element[4]->integer, 0);
    assert_int_equal(beat->element[6]->integer, 0);
    freeReplyObject(beat);
    beat = ftest_call(ctx, "stint_beat", "fresh-1", "5000", "{}", NULL);
    assert_int_equal(beat->element[6]->integer, 1); /* the queue did not know it before */
    freeReplyObject(beat);
    AUTO_FREE char *info = ftest_text(ftest_redis(ctx, "HGET stint:{q}:ii h-1"));
    assert_string_equal(info, "{\"host\":\"a\"}");
    ftest_assert_error(ftest_call(ctx, "stint_beat", "h 1", "5000", "{}", NULL), "STINT_BADARG", "instance");
    ftest_assert_error(ftest_call(ctx, "stint_beat", "h-1", "0", "{}", NULL), "STINT_BADARG", "lease_ms");
}

static void test_bye_is_refused_while_jobs_are_held(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    fill(ctx, "low", 1);
    redisReply *fetched = claim_as(ctx, "h-1", "h-1:0:1", "1");
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_bye", "h-1", NULL)), 1);
    assert_int_equal(ftest_stat(ctx, "instances"), 1);
    assert_int_equal(ftest_finish(ctx, "ack", "low", ftest_job_text(fetched, 0, JOB_AT_ENTRY), "low.0", "", ""), 1);
    freeReplyObject(fetched);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_bye", "h-1", NULL)), 0);
    assert_int_equal(ftest_stat(ctx, "instances"), 0);
    assert_int_equal(consumers_of(ctx, "low"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_handback_is_free_and_ready_again, ftest_reset),
        cmocka_unit_test_setup(test_handback_with_delay_waits, ftest_reset),
        cmocka_unit_test_setup(test_crash_blames_the_job_that_ran_only, ftest_reset),
        cmocka_unit_test_setup(test_crash_at_its_limit_is_dead_with_the_evidence, ftest_reset),
        cmocka_unit_test_setup(test_crash_with_delay_schedules_the_blamed, ftest_reset),
        cmocka_unit_test_setup(test_crash_of_a_round_makes_suspects, ftest_reset),
        cmocka_unit_test_setup(test_crash_without_blame_hands_all_back_in_bounded_calls, ftest_reset),
        cmocka_unit_test_setup(test_crash_of_a_cancelled_job_is_its_end, ftest_reset),
        cmocka_unit_test_setup(test_crash_bad_arguments_name_themselves, ftest_reset),
        cmocka_unit_test_setup(test_crash_with_a_key_of_the_wrong_type_loses_no_job, ftest_reset),
        cmocka_unit_test_setup(test_crash_with_a_wrong_key_after_the_move_moves_once, ftest_reset),
        cmocka_unit_test_setup(test_sweep_after_lease_end_moves_what_the_host_held, ftest_reset),
        cmocka_unit_test_setup(test_gone_moves_what_a_leased_instance_held_and_nobody_elses, ftest_reset),
        cmocka_unit_test_setup(test_beat_tells_when_the_next_lease_of_another_ends, ftest_reset),
        cmocka_unit_test_setup(test_sweep_never_leaves_one_of_many_to_be_blamed, ftest_reset),
        cmocka_unit_test_setup(test_sweep_finds_jobs_of_a_host_that_was_never_registered, ftest_reset),
        cmocka_unit_test_setup(test_sweep_leaves_a_strangers_fresh_read_alone, ftest_reset),
        cmocka_unit_test_setup(test_beat_tells_the_time_and_what_waits, ftest_reset),
        cmocka_unit_test_setup(test_bye_is_refused_while_jobs_are_held, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
