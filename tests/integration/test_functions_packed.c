/*
 * Why: the statuses of many jobs in one text must tell of each job what a hash of its own would have told, and of no
 * job that was taken from whoever told it. Shown here on a real Redis. Refuses to: measure time.
 */
#include "ftest.h"
#include "job.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define SECOND "1795319276"
#define KEY    "stint:{q}:r:" SECOND
enum { JOBS = 5 };

/* Jobs with entries of our choice in that second, all claimed. */
static void claim_jobs(redisContext *ctx, const char *band)
{
    for (int i = 0; i < JOBS; i++)
        freeReplyObject(
            ftest_redis(ctx, "XADD stint:{q}:s:%s " SECOND "%03d-%d kind probe id * payload {}", band, 100 * i, i));
    redisReply *fetched = ftest_fetch(ctx, 0, JOBS);
    assert_int_equal(ftest_jobs(fetched), JOBS);
    freeReplyObject(fetched);
}

static char *entry_name(char out[static 48], int i)
{
    (void)snprintf(out, 48, SECOND "%03d-%d", 100 * i, i);
    return out;
}

/* The id of the job in that entry, by the queue's tag. */
static char *id_of(redisContext *ctx, const char *band, int i, char out[static 48])
{
    AUTO_FREE char *tag = ftest_text(ftest_redis(ctx, "HGET stint:{q}:cfg tag"));
    unsigned long long ms = strtoull(SECOND, NULL, 10) * 1000 + 100 * (unsigned)i;
    char variant = strcmp(band, "high") == 0 ? '9' : 'a';
    (void)snprintf(out, 48, "%08llx-%04llx-7%03x-%c%.3s-%s", ms >> 16, ms & 0xffff, (unsigned)i, variant, tag, tag + 3);
    return out;
}

/* stint_keep_packed of the jobs first … last, with a line for each. */
static redisReply *keep(redisContext *ctx, const char *band, const char *retain, int first, int last)
{
    char span[32], text[512] = "", entries[JOBS][48];
    const char *args[6 + JOBS] = {band, "probe", retain, SECOND, span, text};
    size_t len = 0;
    int n = 6;
    (void)snprintf(span, sizeof span, "%03d-%d-%03d", 100 * first, first, 100 * last);
    for (int i = first; i <= last; i++) {
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%03d-%d %d 0 4096 process {\"n\":%d}\n", 100 * i, i, i, i);
        args[n++] = entry_name(entries[i], i);
    }
    return ftest_call_argv(ctx, "stint_keep_packed", n, args);
}

static void assert_answer(redisReply *answer, long long accepted, size_t fenced)
{
    assert_int_equal(answer->type, REDIS_REPLY_ARRAY);
    assert_int_equal(answer->element[0]->integer, accepted);
    assert_int_equal(answer->elements, fenced > 0 ? 2 : 1);
    if (fenced > 0)
        assert_int_equal(answer->element[1]->elements, fenced);
    freeReplyObject(answer);
}

static void assert_done(redisContext *ctx, const char *band, int i)
{
    char id[48], result[16], wall[32];
    (void)snprintf(result, sizeof result, "{\"n\":%d}", i);
    (void)snprintf(wall, sizeof wall, "\"wall_ms\":%d", i);
    id_of(ctx, band, i, id);
    AUTO_FREE char *usage = ftest_job(ctx, id, "usage"), *finished = ftest_job(ctx, id, "finished_ms");
    ftest_assert_job(ctx, id, "state", "done");
    ftest_assert_job(ctx, id, "id", id);
    ftest_assert_job(ctx, id, "kind", "probe");
    ftest_assert_job(ctx, id, "band", band);
    ftest_assert_job(ctx, id, "epoch", "1");
    ftest_assert_job(ctx, id, "attempts", "0");
    ftest_assert_job(ctx, id, "result", result);
    assert_non_null(strstr(usage, wall));
    assert_true(strtoll(finished, NULL, 10) > 0);
}

static void assert_unknown(redisContext *ctx, const char *band, int i)
{
    char id[48];
    ftest_assert_error(ftest_call(ctx, "stint_job", id_of(ctx, band, i, id), NULL), "STINT_NOTFOUND", id);
}

static long long texts(redisContext *ctx)
{
    return ftest_int(ftest_redis(ctx, "HLEN " KEY));
}

static void test_packed_tells_what_a_hash_would(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    claim_jobs(ctx, "normal");
    assert_answer(keep(ctx, "normal", "60000", 0, JOBS - 1), JOBS, 0);
    for (int i = 0; i < JOBS; i++)
        assert_done(ctx, "normal", i);
    assert_int_equal(texts(ctx), 1);
    assert_int_equal(ftest_stat(ctx, "ledger.done"), JOBS);
    assert_int_equal(ftest_int(ftest_redis(ctx, "XLEN stint:{q}:s:normal")), 0);
    char id[48], options[128];
    (void)snprintf(options, sizeof options, "{\"kind\":\"probe\",\"id\":\"%s\"}", id_of(ctx, "normal", 2, id));
    AUTO_FREE char *same = ftest_enqueue(ctx, options, "{}", "duplicate");
    json_t *answer = ftest_json(ftest_call(ctx, "stint_cancel", id, "too late", "me", NULL));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "done");
    json_decref(answer);
    ftest_assert_ledger(ctx);
}

/* The same entry ids in two bands: neither is taken for the other, nor replaces it. */
static void test_packed_keeps_bands_apart(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    claim_jobs(ctx, "normal");
    assert_answer(keep(ctx, "normal", "60000", 0, 2), 3, 0);
    assert_unknown(ctx, "high", 1);
    claim_jobs(ctx, "high");
    assert_answer(keep(ctx, "high", "60000", 0, JOBS - 1), JOBS, 0);
    for (int i = 0; i < JOBS; i++)
        assert_done(ctx, "high", i);
    assert_done(ctx, "normal", 2);
    assert_int_equal(texts(ctx), 2);
    ftest_assert_ledger(ctx);
}

/* Kept for the longest of what is in it. */
static void test_packed_expires(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    claim_jobs(ctx, "normal");
    assert_answer(keep(ctx, "normal", "600000", 0, 1), 2, 0);
    assert_answer(keep(ctx, "normal", "1000", 2, 3), 2, 0);
    assert_true(ftest_int(ftest_redis(ctx, "PTTL " KEY)) > 500000);
    assert_answer(keep(ctx, "normal", "6000000", 4, 4), 1, 0);
    assert_true(ftest_int(ftest_redis(ctx, "PTTL " KEY)) > 5000000);
    freeReplyObject(ftest_redis(ctx, "DEL " KEY)); /* kept long enough */
    assert_unknown(ctx, "normal", 0);
}

/* A call that came late: what had been taken from its worker is not told, and what it told before stays. */
static void test_packed_does_not_tell_of_the_fenced(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char entry[48];
    claim_jobs(ctx, "normal");
    assert_int_equal(
        ftest_int(ftest_call(ctx, "stint_handback", "h-1:0:1", "swept", "0", "normal", entry_name(entry, 0), NULL)), 1);
    assert_answer(keep(ctx, "normal", "60000", 0, 2), 2, 1);
    char id[48];
    ftest_assert_job(ctx, id_of(ctx, "normal", 0, id), "state", "ready");
    assert_done(ctx, "normal", 1);
    assert_done(ctx, "normal", 2);
    assert_int_equal(texts(ctx), 1);
    assert_answer(keep(ctx, "normal", "60000", 1, 2), 0, 2); /* its answer was lost: told again */
    assert_int_equal(texts(ctx), 1);
    assert_answer(keep(ctx, "normal", "60000", 1, 4), 2, 2); /* and again, with what has ended since */
    for (int i = 1; i < JOBS; i++)
        assert_done(ctx, "normal", i);
    assert_int_equal(ftest_stat(ctx, "ledger.done"), 4);
    ftest_assert_ledger(ctx);
}

/* What was never claimed stays where it is. */
static void test_packed_leaves_the_unclaimed(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    for (int i = 0; i < JOBS; i++)
        freeReplyObject(
            ftest_redis(ctx, "XADD stint:{q}:s:normal " SECOND "%03d-%d kind probe id * payload {}", 100 * i, i));
    freeReplyObject(ftest_fetch(ctx, 0, 2));
    assert_answer(keep(ctx, "normal", "60000", 0, JOBS - 1), 2, 3);
    char id[48];
    assert_done(ctx, "normal", 1);
    ftest_assert_job(ctx, id_of(ctx, "normal", 3, id), "state", "ready");
    assert_int_equal(ftest_stat(ctx, "bands.normal.ready"), 3);
    ftest_assert_ledger(ctx);
}

/* A wish to cancel came while the job ran to its good end: done, and the wish is told beside it. */
static void test_packed_beside_a_wish_to_cancel(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    char id[48];
    claim_jobs(ctx, "normal");
    freeReplyObject(ftest_call(ctx, "stint_cancel", id_of(ctx, "normal", 1, id), "changed my mind", "me", NULL));
    assert_answer(keep(ctx, "normal", "60000", 0, 2), 3, 0);
    assert_done(ctx, "normal", 1);
    AUTO_FREE char *cancel = ftest_job(ctx, id, "cancel");
    assert_non_null(strstr(cancel, "changed my mind"));
    ftest_assert_ledger(ctx);
}

static void test_packed_in_the_way_of_nothing(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    claim_jobs(ctx, "normal");
    freeReplyObject(ftest_redis(ctx, "SET " KEY " by-hand"));
    assert_answer(keep(ctx, "normal", "60000", 0, JOBS - 1), JOBS, 0);
    assert_int_equal(ftest_stat(ctx, "ledger.done"), JOBS);
    assert_unknown(ctx, "normal", 0);
    ftest_assert_ledger(ctx);
}

static void test_packed_refuses_wrong_arguments(void **state)
{
    static const struct {
        const char *args[7], *names;
    } rows[] = {
        {{"middle", "probe", "1000", SECOND, "000-0-000", "x", SECOND "000-0"}, "band"},
        {{"normal", "Probe", "1000", SECOND, "000-0-000", "x", SECOND "000-0"}, "kind"},
        {{"normal", "probe", "0", SECOND, "000-0-000", "x", SECOND "000-0"}, "retain_ms"},
        {{"normal", "probe", "1000", "179531927", "000-0-000", "x", SECOND "000-0"}, "second"},
        {{"normal", "probe", "1000", "1795319276*", "000-0-000", "x", SECOND "000-0"}, "second"},
        {{"normal", "probe", "1000", SECOND, "0-0-000", "x", SECOND "000-0"}, "span"},
        {{"normal", "probe", "1000", SECOND, "002-0-001", "x", SECOND "000-0"}, "span"},
        {{"normal", "probe", "1000", SECOND, "000-00000000000000000000000000000-001", "x", SECOND "000-0"}, "span"},
        {{"normal", "probe", "1000", SECOND, "000-0-000", "", SECOND "000-0"}, "text"},
        {{"normal", "probe", "1000", SECOND, "000-0-000", "x", "one"}, "entry"},
    };
    redisContext *ctx = ftest_ctx(state);
    claim_jobs(ctx, "normal");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ftest_assert_error(ftest_call_argv(ctx, "stint_keep_packed", 7, rows[i].args), "STINT_BADARG", rows[i].names);
    ftest_assert_error(ftest_call_argv(ctx, "stint_keep_packed", 6, rows[0].args), "STINT_BADARG", "ARGV");
    char large[514];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    const char *args[] = {"normal", "probe", "1000", SECOND, "000-0-000", large, SECOND "000-0"};
    ftest_assert_error(ftest_call_argv(ctx, "stint_keep_packed", 7, args), "STINT_BADARG", "text");
    assert_int_equal(ftest_stat(ctx, "bands.normal.active"), JOBS);
    assert_int_equal(texts(ctx), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_packed_tells_what_a_hash_would, ftest_reset),
        cmocka_unit_test_setup(test_packed_keeps_bands_apart, ftest_reset),
        cmocka_unit_test_setup(test_packed_expires, ftest_reset),
        cmocka_unit_test_setup(test_packed_does_not_tell_of_the_fenced, ftest_reset),
        cmocka_unit_test_setup(test_packed_leaves_the_unclaimed, ftest_reset),
        cmocka_unit_test_setup(test_packed_beside_a_wish_to_cancel, ftest_reset),
        cmocka_unit_test_setup(test_packed_in_the_way_of_nothing, ftest_reset),
        cmocka_unit_test_setup(test_packed_refuses_wrong_arguments, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
