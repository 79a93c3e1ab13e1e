/*
 * Why: the end of a run is where jobs get lost or done twice; each op is shown with its success, its fence and its
 * refusal. Refuses to: trust a count that the ledger does not confirm.
 */
#include "ftest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ERROR "{\"code\":\"EIO\",\"class\":\"transient\",\"cause\":\"handler_error\",\"message\":\"away\"}"

/* One tracked job, claimed. Returns its id (caller frees). */
static char *claimed(redisContext *ctx, char band[static 16], char entry[static 48])
{
    char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{\"v\":1}", "ready");
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    return id;
}

static void test_finish_ack_is_done_and_leaves_nothing(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:low * kind probe payload {}"));
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "ack", band, entry, "x", "", ""), 1);
    assert_int_equal(ftest_stat(ctx, "ledger.done"), 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "XLEN stint:{q}:s:low")), 0);
    assert_int_equal(ftest_finish(ctx, "ack", band, entry, "x", "", ""), 0); /* told twice, counted once */
    assert_int_equal(ftest_stat(ctx, "ledger.done"), 1);
    ftest_assert_ledger(ctx);
}

static void test_finish_ack_of_unclaimed_entry_is_fenced(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    redisReply *first = ftest_redis(ctx, "XADD stint:{q}:s:low * kind probe payload {}");
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    redisReply *second = ftest_redis(ctx, "XADD stint:{q}:s:low * kind probe payload {}");
    redisReply *reply = ftest_call(ctx, "stint_finish", "h-1", "h-1:0:1", "0", "0", "2", "ack", "low", first->str, "a",
                                   "", "", "ack", "low", second->str, "b", "", "", NULL);
    assert_int_equal(reply->element[0]->integer, 1);
    assert_int_equal(ftest_stat(ctx, "bands.low.ready"), 1); /* the job nobody claimed is still there */
    assert_int_equal(ftest_stat(ctx, "ledger.done"), 1);
    ftest_assert_ledger(ctx);
    freeReplyObject(reply);
    freeReplyObject(first);
    freeReplyObject(second);
}

static void test_finish_done_keeps_status_for_its_time(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    assert_int_equal(ftest_finish(ctx, "done", band, entry, id, "{\"pages\":3}", "60000"), 1);
    ftest_assert_job(ctx, id, "state", "done");
    ftest_assert_job(ctx, id, "result", "{\"pages\":3}");
    ftest_assert_job(ctx, id, "epoch", "1");
    long long left = ftest_int(ftest_redis(ctx, "PTTL stint:{q}:j:%s", id));
    assert_in_range(left, 1, 60000);
    assert_int_equal(ftest_finish(ctx, "done", band, entry, id, "{\"late\":1}", "60000"), 0);
    ftest_assert_job(ctx, id, "result", "{\"pages\":3}"); /* a zombie's result changes nothing */
    ftest_assert_ledger(ctx);
}

static void test_finish_done_keeps_what_the_run_used(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    ftest_assert_error(ftest_call(ctx, "stint_finish", "h-1", "h-1:0:1", "1", "0", "1", "done", band, entry, id, "{}", "60000 cpu", NULL),
                       "STINT_BADARG", "b of done");
    assert_int_equal(ftest_finish(ctx, "done", band, entry, id, "{}", "60000 {\"cpu_ms\":7,\"of\":\"process\"}"), 1);
    ftest_assert_job(ctx, id, "usage", "{\"cpu_ms\":7,\"of\":\"process\"}");
    assert_in_range(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:j:%s", id)), 1, 60000);
    ftest_assert_ledger(ctx);
}

static void test_finish_done_with_zero_retention_deletes_the_hash(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    assert_int_equal(ftest_finish(ctx, "done", band, entry, id, "", "0"), 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:j:%s", id)), 0);
    ftest_assert_ledger(ctx);
}

static void test_finish_done_of_plain_entry_writes_its_status(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:low * kind pdf-parse id plain-1 payload {}"));
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "done", band, entry, "plain-1", "{}", "60000"), 1);
    ftest_assert_job(ctx, "plain-1", "state", "done");
    ftest_assert_job(ctx, "plain-1", "kind", "pdf-parse");
    ftest_assert_ledger(ctx);
}

static void test_finish_retry_now_comes_back_with_a_higher_epoch(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48], again[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, id, ERROR, "0"), 1);
    redisReply *fetched = ftest_fetch_one(ctx, band, again);
    assert_string_not_equal(entry, again);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_ID), id);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_PAYLOAD), "{\"v\":1}");
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_EPOCH), 2);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_ATTEMPTS), 1);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_HAS_HASH), 1);
    freeReplyObject(fetched);
    static const char *const ops[] = {"ack", "done", "retry", "dead", "snooze", "cancelled"};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) /* the zombie of the first claim can do nothing */
        assert_int_equal(ftest_finish(ctx, ops[i], band, entry, id, i == 2 || i == 3 ? ERROR : "", "0"), 0);
    ftest_assert_job(ctx, id, "state", "active");
    assert_int_equal(ftest_finish(ctx, "done", band, again, id, "", "1000"), 1);
    ftest_assert_ledger(ctx);
}

static void test_finish_retry_later_is_scheduled_and_announced(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, id, ERROR, "5"), 1);
    ftest_assert_job(ctx, id, "state", "scheduled");
    ftest_assert_job(ctx, id, "attempts", "1");
    AUTO_FREE char *errors = ftest_job(ctx, id, "errors");
    assert_non_null(strstr(errors, "\"attempt\":1"));
    assert_non_null(strstr(errors, "\"epoch\":1"));
    assert_non_null(strstr(errors, "\"at_ms\":"));
    redisReply *events = ftest_redis(ctx, "XRANGE stint:{q}:ev - +");
    assert_string_equal(events->element[0]->element[1]->element[1]->str, "due");
    assert_string_equal(events->element[1]->element[1]->element[1]->str, "retry");
    freeReplyObject(events);
    ftest_assert_ledger(ctx);
    ftest_promote_until(ctx, 1);
    redisReply *fetched = ftest_fetch_one(ctx, band, entry);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_PAYLOAD), "{\"v\":1}");
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_EPOCH), 2);
    freeReplyObject(fetched);
    ftest_assert_ledger(ctx);
}

static void test_finish_dead_keeps_envelope_errors_and_fingerprint(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, id, ERROR, "0"), 1);
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "dead", band, entry, id, "{\"cause\":\"signal:SIGSEGV\"}", "00ff00ff00ff00ff"),
                     1);
    ftest_assert_job(ctx, id, "state", "dead");
    ftest_assert_job(ctx, id, "cause", "signal:SIGSEGV");
    ftest_assert_job(ctx, id, "payload", "{\"v\":1}");
    ftest_assert_job(ctx, id, "errors_total", "2");
    ftest_assert_job(ctx, id, "attempts", "2");
    ftest_assert_job(ctx, id, "epoch", "2");
    assert_int_equal(ftest_stat(ctx, "dead"), 1);
    assert_int_equal(ftest_stat(ctx, "dead_causes.signal:SIGSEGV"), 1);
    redisReply *found = ftest_redis(ctx, "ZRANGEBYLEX stint:{q}:fp [00ff00ff00ff00ff: (00ff00ff00ff00ff;");
    assert_int_equal(found->elements, 1);
    freeReplyObject(found);
    ftest_assert_ledger(ctx);
}

static void test_finish_foreign_error_and_fingerprint_are_made_safe(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    assert_int_equal(ftest_finish(ctx, "dead", band, entry, id, "not json", "a b:c"), 1);
    ftest_assert_job(ctx, id, "cause", "handler_error");
    AUTO_FREE char *errors = ftest_job(ctx, id, "errors");
    assert_non_null(strstr(errors, "not json"));
    AUTO_FREE char *fp = ftest_job(ctx, id, "fingerprint");
    assert_int_equal(strspn(fp, "0123456789abcdef"), 16);
    ftest_assert_ledger(ctx);
}

static void test_finish_snooze_costs_nothing(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    assert_int_equal(ftest_finish(ctx, "snooze", band, entry, id, "not yet", "60000"), 1);
    ftest_assert_job(ctx, id, "state", "scheduled");
    ftest_assert_job(ctx, id, "attempts", "0");
    ftest_assert_job(ctx, id, "errors_total", "0");
    assert_int_equal(ftest_stat(ctx, "ledger.snoozed"), 1);
    ftest_assert_ledger(ctx);
}

static void test_finish_after_cancel_asked_ends_as_cancelled(void **state)
{
    static const char *const ops[] = {"retry", "dead", "snooze", "cancelled"};
    redisContext *ctx = ftest_ctx(state);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        char band[16], entry[48];
        AUTO_FREE char *id = claimed(ctx, band, entry);
        json_t *answer = ftest_json(ftest_call(ctx, "stint_cancel", id, "stop it", "me", NULL));
        assert_string_equal(json_string_value(json_object_get(answer, "state")), "cancelling");
        json_decref(answer);
        assert_int_equal(ftest_finish(ctx, ops[i], band, entry, id, i < 2 ? ERROR : "asked", "0"), 1);
        ftest_assert_job(ctx, id, "state", "cancelled");
        assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:j:%s", id)) > 0);
    }
    assert_int_equal(ftest_stat(ctx, "ledger.cancelled"), ARRAY_LEN(ops));
    ftest_assert_ledger(ctx);
}

static void test_finish_fuses_with_the_next_fetch(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *first = claimed(ctx, band, entry);
    AUTO_FREE char *second = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    redisReply *reply =
        ftest_call(ctx, "stint_finish", "h-1", "h-1:0:1", "1", "5", "1", "done", band, entry, first, "", "1000", NULL);
    assert_int_equal(reply->element[0]->integer, 1);
    const redisReply *fetched = reply->element[1];
    assert_string_equal(fetched->element[0]->str, "ok");
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_ID), second);
    freeReplyObject(reply);
    reply = ftest_call(ctx, "stint_finish", "h-1", "h-1:0:1", "2", "5", "0", NULL); /* a finish of nothing is a fetch */
    assert_string_equal(reply->element[1]->element[0]->str, "empty");
    freeReplyObject(reply);
}

static void test_finish_of_a_host_without_lease_still_counts(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:i"));
    redisReply *reply =
        ftest_call(ctx, "stint_finish", "h-1", "h-1:0:1", "1", "5", "1", "done", band, entry, id, "", "1000", NULL);
    assert_int_equal(reply->element[0]->integer, 1); /* the entry was still its claim: the work is not thrown away */
    assert_string_equal(reply->element[1]->element[0]->str, "fenced");
    freeReplyObject(reply);
    ftest_assert_ledger(ctx);
}

static void test_finish_wrong_argument_changes_nothing(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    const char *good[] = {"h-1", "h-1:0:1", "0",    "0",  "2",   "done", band, entry, id,
                          "",    "1000",    "done", band, entry, id,     "",   "1000"};
    static const struct {
        int at;
        const char *value, *named;
    } cases[] = {{4, "3", "ARGV"},        {4, "1001", "n:"},         {11, "finish", "op"},
                 {12, "urgent", "band"},  {13, "7", "entry"},        {14, "a b", "id"},
                 {16, "-1", "b of done"}, {16, "soon", "b of done"}, {1, "h", "consumer"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *args[ARRAY_LEN(good)];
        memcpy(args, good, sizeof good);
        args[cases[i].at] = cases[i].value;
        ftest_assert_error(ftest_call_argv(ctx, "stint_finish", ARRAY_LEN(good), args), "STINT_BADARG", cases[i].named);
    }
    assert_int_equal(ftest_stat(ctx, "bands.normal.active"), 1);
    assert_int_equal(ftest_stat(ctx, "ledger.done"), 0);
}

static void test_finish_many_errors_keeps_first_and_latest(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char band[16], entry[48];
    AUTO_FREE char *id = claimed(ctx, band, entry);
    for (int i = 1; i <= 150; i++) {
        assert_int_equal(ftest_finish(ctx, "retry", band, entry, id, ERROR, "0"), 1);
        freeReplyObject(ftest_fetch_one(ctx, band, entry));
    }
    ftest_assert_job(ctx, id, "errors_total", "150");
    ftest_assert_job(ctx, id, "attempts", "150");
    AUTO_FREE char *errors = ftest_job(ctx, id, "errors");
    assert_non_null(strstr(errors, "\"attempt\":1,"));
    assert_non_null(strstr(errors, "\"attempt\":150,"));
    assert_null(strstr(errors, "\"attempt\":75,"));
}

static void test_finish_two_plain_jobs_of_one_id_lose_none(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    for (int i = 0; i < 3; i++)
        freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:low * kind probe id same payload %d", i));
    redisReply *fetched = ftest_fetch(ctx, 0, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ftest_finish(ctx, i < 2 ? "retry" : "dead", "low", ftest_job_text(fetched, i, JOB_AT_ENTRY),
                                      "same", ERROR, i < 2 ? "60000" : "f"),
                         1);
    assert_int_equal(ftest_stat(ctx, "scheduled"), 2);
    assert_int_equal(ftest_stat(ctx, "dead"), 1);
    ftest_assert_job(ctx, "same", "payload", "0");
    ftest_assert_ledger(ctx);
    freeReplyObject(fetched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_finish_ack_is_done_and_leaves_nothing, ftest_reset),
        cmocka_unit_test_setup(test_finish_ack_of_unclaimed_entry_is_fenced, ftest_reset),
        cmocka_unit_test_setup(test_finish_done_keeps_status_for_its_time, ftest_reset),
        cmocka_unit_test_setup(test_finish_done_keeps_what_the_run_used, ftest_reset),
        cmocka_unit_test_setup(test_finish_done_with_zero_retention_deletes_the_hash, ftest_reset),
        cmocka_unit_test_setup(test_finish_done_of_plain_entry_writes_its_status, ftest_reset),
        cmocka_unit_test_setup(test_finish_retry_now_comes_back_with_a_higher_epoch, ftest_reset),
        cmocka_unit_test_setup(test_finish_retry_later_is_scheduled_and_announced, ftest_reset),
        cmocka_unit_test_setup(test_finish_dead_keeps_envelope_errors_and_fingerprint, ftest_reset),
        cmocka_unit_test_setup(test_finish_foreign_error_and_fingerprint_are_made_safe, ftest_reset),
        cmocka_unit_test_setup(test_finish_snooze_costs_nothing, ftest_reset),
        cmocka_unit_test_setup(test_finish_after_cancel_asked_ends_as_cancelled, ftest_reset),
        cmocka_unit_test_setup(test_finish_fuses_with_the_next_fetch, ftest_reset),
        cmocka_unit_test_setup(test_finish_of_a_host_without_lease_still_counts, ftest_reset),
        cmocka_unit_test_setup(test_finish_wrong_argument_changes_nothing, ftest_reset),
        cmocka_unit_test_setup(test_finish_many_errors_keeps_first_and_latest, ftest_reset),
        cmocka_unit_test_setup(test_finish_two_plain_jobs_of_one_id_lose_none, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
