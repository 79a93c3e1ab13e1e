/*
 * Why: operators move jobs by hand - cancel, pause, replay, purge - and the ledger, the audit log and the guards must
 * hold then too. Refuses to: know how a tool presents any of it.
 */
#include "ftest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ERROR "{\"code\":\"NOT_PDF\",\"class\":\"permanent\",\"cause\":\"handler_error\",\"message\":\"no\"}"

static void assert_cancel(redisContext *ctx, const char *id, const char *state)
{
    json_t *answer = ftest_json(ftest_call(ctx, "stint_cancel", id, "not needed", "me", NULL));
    assert_string_equal(json_string_value(json_object_get(answer, "id")), id);
    assert_string_equal(json_string_value(json_object_get(answer, "state")), state);
    json_decref(answer);
}

/* A dead letter of a probe. Returns its id (caller frees). */
static char *dead_letter(redisContext *ctx, const char *options)
{
    char *id = ftest_enqueue(ctx, options, "{\"v\":1}", "ready");
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_finish(ctx, "dead", band, entry, id, ERROR, "abcd"), 1);
    return id;
}

static void assert_replay(redisContext *ctx, const char *options, const char *id, const char *outcome)
{
    redisReply *reply = ftest_call(ctx, "stint_replay", "me", options, id, NULL);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_string_equal(reply->element[0]->str, outcome);
    freeReplyObject(reply);
}

static void test_cancel_ready_scheduled_and_final(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *ready = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    AUTO_FREE char *later = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000}", "{}", "scheduled");
    assert_cancel(ctx, ready, "cancelled");
    assert_cancel(ctx, later, "cancelled");
    assert_cancel(ctx, ready, "cancelled"); /* again: its final state */
    ftest_assert_job(ctx, later, "reason", "not needed");
    assert_int_equal(ftest_stat(ctx, "ledger.cancelled"), 2);
    assert_int_equal(ftest_stat(ctx, "bands.normal.ready"), 0);
    AUTO_FREE char *dead = dead_letter(ctx, "{\"kind\":\"probe\"}");
    assert_cancel(ctx, dead, "dead");
    ftest_assert_error(ftest_call(ctx, "stint_cancel", "nobody", "r", "me", NULL), "STINT_NOTFOUND", "nobody");
    ftest_assert_error(ftest_call(ctx, "stint_cancel", "normal-9-9", "r", "me", NULL), "STINT_NOTFOUND", "normal-9-9");
    ftest_assert_error(ftest_call(ctx, "stint_cancel", "a b", "r", "me", NULL), "STINT_BADARG", "id");
    ftest_assert_ledger(ctx);
}

static void test_cancel_plain_entry_is_found_by_its_id(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char id[64];
    redisReply *added = ftest_redis(ctx, "XADD stint:{q}:s:low * kind probe payload {}");
    snprintf(id, sizeof id, "low-%s", added->str);
    freeReplyObject(added);
    assert_cancel(ctx, id, "cancelled");
    added = ftest_redis(ctx, "XADD stint:{q}:s:low * kind probe payload {}");
    snprintf(id, sizeof id, "low-%s", added->str);
    freeReplyObject(added);
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_cancel(ctx, id, "cancelling");
    assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:j:%s", id)) >
                0); /* the flag cannot outlive the job for ever */
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, id, ERROR, "0"), 1);
    ftest_assert_job(ctx, id, "state", "cancelled");
    ftest_assert_ledger(ctx);
}

/* What the instance is asked to stop, by its heartbeat: how many, and the first is "<band>:<entry>". */
static size_t asked_to_stop(redisContext *ctx, const char *instance, const char *band, const char *entry)
{
    redisReply *beat = ftest_call(ctx, "stint_beat", instance, "600000", "{}", NULL);
    assert_int_equal(beat->elements, 8);
    const redisReply *asked = beat->element[7];
    size_t n = asked->elements;
    if (n > 0) {
        char which[80];
        (void)snprintf(which, sizeof which, "%s:%s", band, entry);
        assert_string_equal(asked->element[0]->str, which);
    }
    freeReplyObject(beat);
    return n;
}

static void test_cancel_active_is_told_with_heartbeats_until_the_claim_is_over(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(asked_to_stop(ctx, "h-1", band, entry), 0);
    assert_cancel(ctx, id, "cancelling");
    for (int beat = 0; beat < 2; beat++)
        assert_int_equal(asked_to_stop(ctx, "h-1", band, entry), 1);
    assert_int_equal(asked_to_stop(ctx, "h", band, entry), 0); /* no worker of theirs has it */
    freeReplyObject(ftest_redis(ctx, "HSET stint:{q}:cancels normal:9-9 a nonsense b nowhere:1-1 c normal:x d"));
    assert_int_equal(ftest_finish(ctx, "cancelled", band, entry, id, "asked to", ""), 1);
    assert_int_equal(asked_to_stop(ctx, "h-1", band, entry), 0);
    redisReply *left = ftest_redis(ctx, "EXISTS stint:{q}:cancels");
    assert_int_equal(left->integer, 0);
    freeReplyObject(left);
    freeReplyObject(ftest_redis(ctx, "SET stint:{q}:cancels by-hand"));
    assert_int_equal(asked_to_stop(ctx, "h-1", band, entry), 0);
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:cancels"));
    ftest_assert_ledger(ctx);
}

static void test_cancel_active_is_announced_with_its_entry(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_cancel(ctx, id, "cancelling");
    redisReply *events = ftest_redis(ctx, "XREVRANGE stint:{q}:ev + - COUNT 1");
    const redisReply *fields = events->element[0]->element[1];
    assert_string_equal(fields->element[1]->str, "cancel");
    assert_string_equal(fields->element[3]->str, id);
    assert_string_equal(fields->element[7]->str, entry);
    freeReplyObject(events);
    assert_int_equal(ftest_finish(ctx, "done", band, entry, id, "{}", "1000"), 1); /* it was done before it heard */
    ftest_assert_job(ctx, id, "state", "done");
    ftest_assert_ledger(ctx);
}

static void test_pause_queue_twice_changes_once(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_pause", "", "me", "why", NULL)), 1);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_pause", "", "me", "why", NULL)), 0);
    redisReply *beat = ftest_call(ctx, "stint_beat", "h-1", "5000", "{}", NULL);
    assert_int_equal(beat->element[4]->integer, 1);
    freeReplyObject(beat);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_resume", "", "me", "why", NULL)), 1);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_resume", "", "me", "why", NULL)), 0);
    assert_int_equal(ftest_int(ftest_redis(ctx, "XLEN stint:{q}:audit")), 2);
    ftest_assert_error(ftest_call(ctx, "stint_pause", "A Kind", "me", "why", NULL), "STINT_BADARG", "kind");
}

static void test_pause_kind_parks_and_resume_brings_all_back(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    for (int i = 0; i < 250; i++)
        freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal * kind probe id p%d payload {}", i));
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal * kind match payload {}"));
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_pause", "probe", "me", "broken", NULL)), 1);
    for (int calls = 0; ftest_stat(ctx, "bands.normal.ready") > 0; calls++) {
        assert_true(calls < 10);
        freeReplyObject(ftest_fetch(ctx, 0, 100));
    }
    assert_int_equal(ftest_stat(ctx, "parked"), 250);
    assert_int_equal(ftest_stat(ctx, "next_due"), -1);
    assert_int_equal(ftest_stat(ctx, "bands.normal.active"), 1); /* the other kind went through */
    ftest_assert_job(ctx, "p0", "parked", "true");
    ftest_assert_ledger(ctx);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_resume", "probe", "me", "mended", NULL)), 1);
    assert_int_equal(ftest_stat(ctx, "parked"), 150);
    assert_true(ftest_stat(ctx, "next_due") > 0); /* promote goes on by itself */
    redisReply *promoted = ftest_call(ctx, "stint_promote", "60", NULL);
    assert_int_equal(promoted->element[0]->integer, 60);
    freeReplyObject(promoted);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_resume", "probe", "me", "mended", NULL)), 1);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_resume", "probe", "me", "mended", NULL)), 0);
    assert_int_equal(ftest_stat(ctx, "bands.normal.ready"), 250);
    assert_int_equal(ftest_stat(ctx, "next_due"), -1);
    redisReply *fetched = ftest_fetch(ctx, 0, 1);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_EPOCH), 1); /* parking is no claim */
    freeReplyObject(fetched);
    ftest_assert_ledger(ctx);
}

static void test_promote_of_a_paused_kind_parks(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"delay_ms\":3}", "{}", "scheduled");
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_pause", "probe", "me", "broken", NULL)), 1);
    ftest_promote_until(ctx, 1);
    assert_int_equal(ftest_stat(ctx, "parked"), 1);
    assert_cancel(ctx, id, "cancelled");
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:p:probe")), 0);
    ftest_assert_ledger(ctx);
}

static void test_promote_of_a_lost_hash_is_a_dead_letter(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"delay_ms\":3}", "{}", "scheduled");
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:j:%s", id));
    ftest_promote_until(ctx, 1);
    ftest_assert_job(ctx, id, "state", "dead");
    ftest_assert_ledger(ctx);
}

static void test_expire_ends_ready_and_scheduled_jobs(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:low 5-1 kind probe payload {} o %s", "{\"expires_ms\":1}"));
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:low 5-2 kind probe payload {}"));
    AUTO_FREE char *late =
        ftest_enqueue(ctx, "{\"kind\":\"probe\",\"delay_ms\":60000,\"expires_ms\":1}", "{}", "scheduled");
    long long count = 0;
    for (int i = 0; i < 10000 && count < 2; i++) /* the scheduled one expires within a millisecond or two */
        count += ftest_int(ftest_call(ctx, "stint_expire", "100", NULL));
    assert_int_equal(count, 2);
    ftest_assert_job(ctx, late, "state", "expired");
    ftest_assert_job(ctx, "low-5-1", "state", "expired");
    assert_int_equal(ftest_stat(ctx, "bands.low.ready"), 1);
    assert_int_equal(ftest_stat(ctx, "ledger.expired"), 2);
    ftest_assert_ledger(ctx);
    ftest_assert_error(ftest_call(ctx, "stint_expire", "101", NULL), "STINT_BADARG", "max");
}

static void test_replay_starts_afresh_under_the_same_id(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = dead_letter(ctx, "{\"kind\":\"probe\",\"expires_ms\":60000,\"tenant\":\"t\"}");
    assert_replay(ctx, "{\"band\":\"high\",\"payload\":\"{\\\"v\\\":2}\"}", id, "ready");
    assert_int_equal(ftest_stat(ctx, "dead"), 0);
    assert_int_equal(ftest_stat(ctx, "dead_causes.handler_error"), 0);
    assert_int_equal(ftest_int(ftest_redis(ctx, "ZCARD stint:{q}:fp")), 0);
    ftest_assert_ledger(ctx);
    char band[16], entry[48];
    redisReply *fetched = ftest_fetch_one(ctx, band, entry);
    assert_string_equal(band, "high");
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_ID), id);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_PAYLOAD), "{\"v\":2}");
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_OPTIONS), "{\"tenant\":\"t\"}");
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_ATTEMPTS), 0);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_REPLAYS), 1);
    assert_int_equal(ftest_job_int(fetched, 0, JOB_AT_EPOCH), 2);
    freeReplyObject(fetched);
    ftest_assert_job(ctx, id, "payload_before", "{\"v\":1}");
    ftest_assert_job(ctx, id, "errors_total", "1");
    assert_replay(ctx, "", id, "notfound");
}

static void test_replay_guard_stops_a_loop(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = dead_letter(ctx, "{\"kind\":\"probe\"}");
    for (int i = 0; i < 2; i++) {
        char band[16], entry[48];
        assert_replay(ctx, "{\"guard\":2}", id, "ready");
        freeReplyObject(ftest_fetch_one(ctx, band, entry));
        assert_int_equal(ftest_finish(ctx, "dead", band, entry, id, ERROR, "abcd"), 1);
    }
    assert_replay(ctx, "{\"guard\":2}", id, "guard");
    ftest_assert_job(ctx, id, "state", "dead");
    assert_replay(ctx, "{\"delay_ms\":60000}", id, "ready"); /* the default guard is 5 */
    ftest_assert_job(ctx, id, "state", "scheduled");
    ftest_assert_error(ftest_call(ctx, "stint_replay", "me", "{\"speed\":1}", id, NULL), "STINT_BADARG", "speed");
    ftest_assert_error(ftest_call(ctx, "stint_replay", "me", "{\"band\":1}", id, NULL), "STINT_BADARG", "band");
    ftest_assert_error(ftest_call(ctx, "stint_replay", "me", "", NULL), "STINT_BADARG", "ARGV");
    ftest_assert_ledger(ctx);
}

static void test_purge_removes_and_counts(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *a = dead_letter(ctx, "{\"kind\":\"probe\",\"unique\":\"u\"}");
    AUTO_FREE char *b = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_purge", "me", "old", a, b, "nobody", a, NULL)), 1);
    ftest_assert_error(ftest_call(ctx, "stint_job", a, NULL), "STINT_NOTFOUND", a);
    ftest_assert_job(ctx, b, "state", "ready"); /* only dead letters can be purged */
    assert_int_equal(ftest_stat(ctx, "ledger.purged"), 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:u:u")), 0);
    ftest_assert_ledger(ctx);
}

static void test_progress_is_fenced_by_epoch(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    char band[16], entry[48];
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_progress", id, "1", "40", "page 2 \"of\" 5", NULL)), 1);
    AUTO_FREE char *progress = ftest_job(ctx, id, "progress");
    assert_non_null(strstr(progress, "\"percent\":40"));
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, id, ERROR, "0"), 1);
    freeReplyObject(ftest_fetch_one(ctx, band, entry));
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_progress", id, "1", "99", "zombie", NULL)), 0);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_progress", id, "2", "50", "", NULL)), 1);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_progress", "nobody", "1", "50", "", NULL)), 0);
    ftest_assert_error(ftest_call(ctx, "stint_progress", id, "1", "101", "", NULL), "STINT_BADARG", "percent");
}

static void test_config_checks_field_and_value(void **state)
{
    static const struct {
        const char *field, *value, *named;
    } bad[] = {
        {"colour", "red", "field"},
        {"paused", "1", "field"},
        {"weights", "6:3", "weights"},
        {"weights", "0:0:0", "weights"},
        {"rate", "0", "rate"},
        {"rate", "fast", "rate"},
        {"burst", "1.5", "burst"},
        {"max_wait:urgent", "5", "field"},
        {"max_wait:low", "0", "max_wait:low"},
        {"track:probe", "maybe", "track"},
        {"retain:probe", "-1", "retain"},
        {"track:A B", "1", "field"},
    };
    redisContext *ctx = ftest_ctx(state);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ftest_assert_error(ftest_call(ctx, "stint_config", bad[i].field, bad[i].value, "me", NULL), "STINT_BADARG",
                           bad[i].named);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ftest_int(ftest_call(ctx, "stint_config", "track:probe", "no", "host", NULL)), 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "XLEN stint:{q}:audit")), 1); /* only the change is news */
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_config", "track:probe", "", "host", NULL)), 1);
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:cfg")), 0);
}

static void test_job_of_foreign_bytes_is_valid_json(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(
        ftest_redis(ctx, "XADD stint:{q}:s:low 7-1 kind probe payload %b", "\xff\"\\\x01 caf\xc3\xa9", (size_t)10));
    ftest_assert_job(ctx, "low-7-1", "payload", "?\"\\\x01 caf??");
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:low 7-2 kind probe payload %s", "caf\xc3\xa9"));
    ftest_assert_job(ctx, "low-7-2", "payload", "caf\xc3\xa9");
}

static void test_stats_of_an_unknown_queue_are_zero(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    json_t *stats = ftest_json(ftest_redis(ctx, "FCALL stint_stats 1 stint:{never.used}"));
    assert_string_equal(json_string_value(json_object_get(stats, "queue")), "never.used");
    assert_int_equal(json_integer_value(json_object_get(stats, "enqueued")), 0);
    assert_int_equal(json_integer_value(json_object_get(stats, "drift")), 0);
    assert_int_equal(json_integer_value(json_object_get(stats, "next_due")), -1);
    assert_true(json_is_array(json_object_get(stats, "paused_kinds")));
    json_decref(stats);
    redisReply *version = ftest_redis(ctx, "FCALL_RO stint_version 0");
    assert_true(ftest_int(version) >= 1);
}

static void test_stats_show_a_job_removed_by_hand_as_drift(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\"}", "{}", "ready");
    freeReplyObject(ftest_redis(ctx, "XTRIM stint:{q}:s:normal MAXLEN 0"));
    assert_int_equal(ftest_stat(ctx, "drift"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_cancel_ready_scheduled_and_final, ftest_reset),
        cmocka_unit_test_setup(test_cancel_plain_entry_is_found_by_its_id, ftest_reset),
        cmocka_unit_test_setup(test_cancel_active_is_announced_with_its_entry, ftest_reset),
        cmocka_unit_test_setup(test_cancel_active_is_told_with_heartbeats_until_the_claim_is_over, ftest_reset),
        cmocka_unit_test_setup(test_pause_queue_twice_changes_once, ftest_reset),
        cmocka_unit_test_setup(test_pause_kind_parks_and_resume_brings_all_back, ftest_reset),
        cmocka_unit_test_setup(test_promote_of_a_paused_kind_parks, ftest_reset),
        cmocka_unit_test_setup(test_promote_of_a_lost_hash_is_a_dead_letter, ftest_reset),
        cmocka_unit_test_setup(test_expire_ends_ready_and_scheduled_jobs, ftest_reset),
        cmocka_unit_test_setup(test_replay_starts_afresh_under_the_same_id, ftest_reset),
        cmocka_unit_test_setup(test_replay_guard_stops_a_loop, ftest_reset),
        cmocka_unit_test_setup(test_purge_removes_and_counts, ftest_reset),
        cmocka_unit_test_setup(test_progress_is_fenced_by_epoch, ftest_reset),
        cmocka_unit_test_setup(test_config_checks_field_and_value, ftest_reset),
        cmocka_unit_test_setup(test_job_of_foreign_bytes_is_valid_json, ftest_reset),
        cmocka_unit_test_setup(test_stats_of_an_unknown_queue_are_zero, ftest_reset),
        cmocka_unit_test_setup(test_stats_show_a_job_removed_by_hand_as_drift, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
