/*
 * Why: what a cause costs a job is configured, and every answer but "once" has a way to go wrong: a lane that nobody
 * serves keeps its jobs, a free cause or a suspicion comes back for ever. Refuses to: use time.
 */
#include "ftest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define CRASH "{\"code\":\"CRASH\",\"class\":\"resource\",\"cause\":\"signal:SIGSEGV\",\"message\":\"died\"}"
#define LOST  "{\"code\":\"WORKER_LOST\",\"class\":\"transient\",\"cause\":\"worker_lost\",\"message\":\"host gone\"}"

enum { FREE_MAX = 25, SUSPECT_MAX = 3 };

static void add(redisContext *ctx, const char *band, const char *id)
{
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:%s * kind probe id %s payload {}", band, id));
}

static void beat(redisContext *ctx, const char *lane_kinds)
{
    char info[128];
    snprintf(info, sizeof info, "{\"lanes\":{\"q\":{\"large\":[%s]}}}", lane_kinds);
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-1", "600000", info, NULL));
}

/* One fetch of at most 9 jobs; how many came, their names in a reply that is freed. */
static size_t fetch(redisContext *ctx, const char *lane)
{
    redisReply *f = ftest_call(ctx, "stint_fetch", "h-1", "h-1:0:1", "0", "9", lane, NULL);
    size_t n = ftest_jobs(f);
    freeReplyObject(f);
    return n;
}

/* The consumer's one job dies under it at that policy; its outcome. */
static void die(redisContext *ctx, const char *lane, const char *policy, const char *outcome)
{
    redisReply *f = ftest_call(ctx, "stint_fetch", "h-1", "h-1:0:1", "0", "1", lane, NULL);
    assert_int_equal(ftest_jobs(f), 1);
    char blame[80];
    snprintf(blame, sizeof blame, "%s:%s", ftest_job_text(f, 0, JOB_AT_BAND), ftest_job_text(f, 0, JOB_AT_ENTRY));
    freeReplyObject(f);
    redisReply *r = ftest_call(ctx, "stint_crash", "h-1:0:1", blame, CRASH, "f", "2", "0", policy, NULL);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_string_equal(r->element[0]->element[0]->element[1]->str, outcome);
    freeReplyObject(r);
}

static void test_crash_quarantine_is_dead_at_once(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "high", "j");
    die(ctx, NULL, "quarantine", "dead");
    ftest_assert_job(ctx, "j", "crashes", "1");
    ftest_assert_ledger(ctx);
}

static void test_crash_free_costs_nothing_but_not_for_ever(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "high", "j");
    for (int i = 0; i < FREE_MAX; i++)
        die(ctx, NULL, "free", "handed_back");
    ftest_assert_job(ctx, "j", "crashes", "0");
    ftest_assert_job(ctx, "j", "attempts", "0");
    ftest_assert_job(ctx, "j", "strikes", "25");
    ftest_assert_job(ctx, "j", "errors_total", "25"); /* free, not hidden */
    die(ctx, NULL, "free", "retried");
    die(ctx, NULL, "free", "dead");
    ftest_assert_ledger(ctx);
}

static void test_crash_lane_moves_to_the_lane_that_is_served(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    beat(ctx, "\"probe\"");
    add(ctx, "low", "j");
    die(ctx, NULL, "lane", "retried");
    ftest_assert_job(ctx, "j", "band", "large");
    ftest_assert_job(ctx, "j", "home", "low");
    assert_int_equal(ftest_stat(ctx, "bands.large.ready"), 1);
    assert_int_equal(fetch(ctx, NULL), 0); /* the bands' workers do not see it */
    die(ctx, "large", "lane", "dead");     /* two crashes are two, whichever stream */
    ftest_assert_ledger(ctx);
    ftest_assert_job(ctx, "j", "state", "dead");
}

static void test_crash_lane_that_nobody_serves_is_once(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    beat(ctx, "\"match\"");
    add(ctx, "low", "j");
    die(ctx, NULL, "lane", "retried");
    ftest_assert_job(ctx, "j", "band", "low");
    assert_int_equal(fetch(ctx, NULL), 1);
    ftest_assert_ledger(ctx);
}

static void test_beat_brings_jobs_home_from_a_lane_nobody_serves_any_more(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    beat(ctx, "\"probe\"");
    add(ctx, "low", "j");
    die(ctx, NULL, "lane", "retried");
    beat(ctx, "\"probe\"");
    ftest_assert_job(ctx, "j", "band", "large");
    beat(ctx, "");
    ftest_assert_job(ctx, "j", "band", "low");
    ftest_assert_job(ctx, "j", "crashes", "1");
    assert_int_equal(ftest_stat(ctx, "bands.large.ready"), 0);
    assert_int_equal(fetch(ctx, NULL), 1);
    ftest_assert_ledger(ctx);
}

static void test_finish_lane_and_free_are_told_apart(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    beat(ctx, "\"probe\"");
    add(ctx, "high", "j");
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "free", band, entry, "j", "{\"cause\":\"boot_failure\"}", "0"), 1);
    ftest_assert_job(ctx, "j", "attempts", "0");
    ftest_assert_job(ctx, "j", "errors_total", "1");
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "lane", band, entry, "j", "{\"cause\":\"mem_limit\"}", "60000"), 1);
    ftest_assert_job(ctx, "j", "attempts", "1");
    ftest_assert_job(ctx, "j", "state", "scheduled"); /* it waits its backoff, and comes back in the lane */
    ftest_assert_job(ctx, "j", "band", "large");
    ftest_assert_ledger(ctx);
}

static void test_crash_of_a_suspect_held_alone_is_blamed(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "high", "a");
    add(ctx, "high", "b");
    assert_int_equal(fetch(ctx, NULL), 2);
    freeReplyObject(ftest_call(ctx, "stint_crash", "h-1:0:1", "*", CRASH, "f", "2", "0", NULL));
    redisReply *f = ftest_call(ctx, "stint_fetch", "h-1", "h-1:0:2", "0", "1", NULL);
    assert_int_equal(ftest_job_int(f, 0, JOB_AT_SUSPECT), 1);
    freeReplyObject(f);
    /* nobody knows what ran, but there was only this one */
    redisReply *r = ftest_call(ctx, "stint_crash", "h-1:0:2", "*", CRASH, "f", "2", "0", NULL);
    assert_string_equal(r->element[0]->element[0]->element[1]->str, "retried");
    freeReplyObject(r);
    ftest_assert_job(ctx, "a", "crashes", "1");
    assert_int_equal(ftest_stat(ctx, "ledger.crashed"), 1);
    ftest_assert_ledger(ctx);
}

static void test_crash_of_rounds_suspects_nobody_for_ever(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "high", "a");
    add(ctx, "high", "b");
    for (int deaths = 0; deaths < SUSPECT_MAX + 2; deaths++) {
        assert_int_equal(fetch(ctx, NULL), 2);
        freeReplyObject(ftest_call(ctx, "stint_crash", "h-1:0:1", "*", CRASH, "f", "2", "0", NULL));
    }
    ftest_assert_job(ctx, "a", "state", "dead");
    ftest_assert_job(ctx, "b", "state", "dead");
    ftest_assert_job(ctx, "b", "cause", "signal:SIGSEGV");
    ftest_assert_ledger(ctx);
}

/* The mend takes the entry out before it decides: a mend that failed half-way would lose the job. */
static void test_fsck_mend_of_an_orphan_suspected_too_often_keeps_the_job(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    for (int deaths = 0; deaths < SUSPECT_MAX + 2; deaths++) {
        if (deaths == 0)
            add(ctx, "high", "a");
        freeReplyObject(ftest_call(ctx, "stint_beat", "h-2", "600000", "{}", NULL));
        redisReply *f = ftest_call(ctx, "stint_fetch", "h-2", "h-2:0:1", "0", "1", NULL);
        assert_int_equal(ftest_jobs(f), 1);
        char subject[80];
        snprintf(subject, sizeof subject, "%s:%s", ftest_job_text(f, 0, JOB_AT_BAND), ftest_job_text(f, 0, JOB_AT_ENTRY));
        freeReplyObject(f);
        freeReplyObject(ftest_redis(ctx, "ZREM stint:{q}:i h-2"));
        redisReply *r = ftest_call(ctx, "stint_fsck_mend", "me", "pending_orphan", "pending", subject, "", NULL);
        assert_int_equal(r->type, REDIS_REPLY_ARRAY);
        assert_string_equal(r->element[0]->element[0]->str, "mended");
        freeReplyObject(r);
        ftest_assert_ledger(ctx);
    }
    ftest_assert_job(ctx, "a", "state", "dead");
    ftest_assert_job(ctx, "a", "cause", "worker_lost");
}

static void test_job_with_a_spoilt_error_count_is_not_lost(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "high", "j");
    die(ctx, NULL, "once", "retried");
    freeReplyObject(ftest_redis(ctx, "HSET stint:{q}:j:j errs many"));
    die(ctx, NULL, "once", "dead");
    ftest_assert_ledger(ctx);
}

static void test_sweep_takes_each_kind_by_its_rule(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "high", "j");
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:high * kind match id m payload {}"));
    freeReplyObject(ftest_call(ctx, "stint_fetch", "h-1", "h-1:0:1", "0", "1", NULL));
    freeReplyObject(ftest_call(ctx, "stint_fetch", "h-1", "h-1:1:1", "0", "1", NULL));
    freeReplyObject(ftest_redis(ctx, "ZADD stint:{q}:i 1 h-1"));
    freeReplyObject(ftest_call(ctx, "stint_sweep", LOST, "2", "{\"probe\":[\"free\",2],\"match\":[\"once\",1]}", NULL));
    ftest_assert_job(ctx, "j", "state", "ready");
    ftest_assert_job(ctx, "j", "crashes", "0");
    ftest_assert_job(ctx, "m", "state", "dead");
    ftest_assert_error(ftest_call(ctx, "stint_sweep", LOST, "2", "{\"probe\":[\"often\",2]}", NULL), "STINT_BADARG",
                       "probe");
    ftest_assert_ledger(ctx);
}

static void test_finish_names_who_was_fenced(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "high", "a");
    add(ctx, "high", "b");
    redisReply *f = ftest_call(ctx, "stint_fetch", "h-1", "h-1:0:1", "0", "2", NULL);
    const char *a = ftest_job_text(f, 0, JOB_AT_ENTRY), *b = ftest_job_text(f, 1, JOB_AT_ENTRY);
    freeReplyObject(ftest_call(ctx, "stint_handback", "h-1:0:1", "r", "600000", "high", a, NULL));
    redisReply *r = ftest_call(ctx, "stint_finish", "h-1", "h-1:0:1", "0", "0", "2", "done", "high", a, "a", "", "9999",
                               "done", "high", b, "b", "", "9999", NULL);
    assert_int_equal(r->element[0]->integer, 1);
    assert_int_equal(r->elements, 3);
    assert_int_equal(r->element[2]->elements, 1);
    assert_non_null(strstr(r->element[2]->element[0]->str, a)); /* the first, not the last of the batch */
    freeReplyObject(r);
    freeReplyObject(f);
    ftest_assert_ledger(ctx);
}

static void test_note_is_added_to_the_record_of_its_claim(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add(ctx, "high", "j");
    die(ctx, NULL, "once", "retried");
    die(ctx, NULL, "once", "dead");
    const char *note = "{\"backtrace\":[\"f+0x1 (f.c:1) stint-worker\"]}";
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_note", "j", "1", note, NULL)), 1);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_note", "j", "3", note, NULL)), 0);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_note", "nobody", "1", note, NULL)), 0);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_note", "j", "1", "{\"backtrace\":[],\"cause\":\"x\"}", NULL)), 1);
    AUTO_FREE char *errors = ftest_job(ctx, "j", "errors");
    json_t *list = json_loads(errors, 0, NULL);
    assert_int_equal(json_array_size(list), 2);
    json_t *first = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(first, "cause")), "signal:SIGSEGV"); /* what was told stays */
    assert_int_equal(json_array_size(json_object_get(first, "backtrace")), 1);
    assert_null(json_object_get(json_array_get(list, 1), "backtrace"));
    json_decref(list);
    ftest_assert_error(ftest_call(ctx, "stint_note", "j", "1", "{}", NULL), "STINT_BADARG", "note");
    ftest_assert_ledger(ctx);
}

static void test_lane_and_policy_arguments_are_checked(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    ftest_assert_error(ftest_call(ctx, "stint_fetch", "h-1", "h-1:0:1", "0", "1", "small", NULL), "STINT_BADARG", "lane");
    ftest_assert_error(ftest_call(ctx, "stint_crash", "h-1:0:1", "", CRASH, "f", "2", "0", "often", NULL), "STINT_BADARG",
                       "policy");
    free(ftest_enqueue(ctx, "{\"kind\":\"probe\",\"band\":\"large\"}", "{}", "refused")); /* no producer's choice */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_crash_quarantine_is_dead_at_once, ftest_reset),
        cmocka_unit_test_setup(test_crash_free_costs_nothing_but_not_for_ever, ftest_reset),
        cmocka_unit_test_setup(test_crash_lane_moves_to_the_lane_that_is_served, ftest_reset),
        cmocka_unit_test_setup(test_crash_lane_that_nobody_serves_is_once, ftest_reset),
        cmocka_unit_test_setup(test_beat_brings_jobs_home_from_a_lane_nobody_serves_any_more, ftest_reset),
        cmocka_unit_test_setup(test_finish_lane_and_free_are_told_apart, ftest_reset),
        cmocka_unit_test_setup(test_crash_of_a_suspect_held_alone_is_blamed, ftest_reset),
        cmocka_unit_test_setup(test_crash_of_rounds_suspects_nobody_for_ever, ftest_reset),
        cmocka_unit_test_setup(test_fsck_mend_of_an_orphan_suspected_too_often_keeps_the_job, ftest_reset),
        cmocka_unit_test_setup(test_job_with_a_spoilt_error_count_is_not_lost, ftest_reset),
        cmocka_unit_test_setup(test_sweep_takes_each_kind_by_its_rule, ftest_reset),
        cmocka_unit_test_setup(test_finish_names_who_was_fenced, ftest_reset),
        cmocka_unit_test_setup(test_note_is_added_to_the_record_of_its_claim, ftest_reset),
        cmocka_unit_test_setup(test_lane_and_policy_arguments_are_checked, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
