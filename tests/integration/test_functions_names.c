/*
 * Why: a job that stint_enqueue gave a name is found by nothing but that name, so whatever becomes of the job it must
 * be found; each place it can be in is shown here on a real Redis. Refuses to: measure time.
 */
#include "ftest.h"
#include "job.h"
#include "job_entry.h"
#include "keys.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ME "h-1:0:1"
static const char *const BANDS[] = {"express", "high", "normal", "low"};

static char *enqueue_in(redisContext *ctx, const char *band)
{
    char options[64];
    (void)snprintf(options, sizeof options, "{\"kind\":\"probe\",\"band\":\"%s\"}", band);
    return ftest_enqueue(ctx, options, "{\"v\":1}", "ready");
}

static bool has_hash(redisContext *ctx, const char *id)
{
    return ftest_int(ftest_redis(ctx, "EXISTS stint:{q}:j:%s", id)) == 1;
}

static char *queue_tag(redisContext *ctx)
{
    return ftest_text(ftest_redis(ctx, "HGET stint:{q}:cfg tag"));
}

/* Fetches the one job there is; it must have that name. */
static void claim(redisContext *ctx, const char *id, char band[static 16], char entry[static 48])
{
    redisReply *fetched = ftest_fetch_one(ctx, band, entry);
    assert_string_equal(ftest_job_text(fetched, 0, JOB_AT_ID), id);
    freeReplyObject(fetched);
    ftest_assert_job(ctx, id, "state", "active");
}

static void test_names_are_one_entry_and_no_hash(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    for (size_t i = 0; i < ARRAY_LEN(BANDS); i++) {
        AUTO_FREE char *id = enqueue_in(ctx, BANDS[i]), *tag = queue_tag(ctx), *band = ftest_job(ctx, id, "band");
        char tail[24];
        (void)snprintf(tail, sizeof tail, "%c%.3s-%s", "89ab"[i], tag, tag + 3);
        assert_int_equal(strlen(id), 36);
        assert_string_equal(id + 19, tail);
        assert_string_equal(band, BANDS[i]);
        assert_false(has_hash(ctx, id));
        ftest_assert_job(ctx, id, "state", "ready");
        ftest_assert_job(ctx, id, "payload", "{\"v\":1}");
    }
    assert_int_equal(ftest_stat(ctx, "enqueued"), 4);
    ftest_assert_ledger(ctx);
}

static void test_names_of_a_bulk_differ_and_are_found(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    enum { JOBS = 100 };
    const char *args[2 * JOBS];
    for (size_t i = 0; i < JOBS; i++) {
        args[2 * i] = i % 3 == 0 ? "{\"kind\":\"probe\",\"timeout_ms\":9}" : "{\"kind\":\"probe\"}";
        args[2 * i + 1] = "{}";
    }
    redisReply *answers = ftest_call_argv(ctx, "stint_enqueue_bulk", 2 * JOBS, args);
    char before[64] = "";
    for (size_t i = 0; i < answers->elements; i++) {
        json_t *answer = json_loads(answers->element[i]->str, 0, NULL);
        const char *id = json_string_value(json_object_get(answer, "id"));
        assert_true(strcmp(id, before) > 0);
        (void)snprintf(before, sizeof before, "%s", id);
        ftest_assert_job(ctx, id, "state", "ready");
        ftest_assert_job(ctx, id, "options", i % 3 == 0 ? "{\"timeout_ms\":9}" : "{}");
        json_decref(answer);
    }
    assert_int_equal(answers->elements, JOBS);
    freeReplyObject(answers);
    assert_int_equal(ftest_stat(ctx, "enqueued"), JOBS);
}

/* Names of one call that share a millisecond and nothing else. */
static void test_names_of_a_bulk_in_all_bands_are_found(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    enum { JOBS = 40 };
    const char *args[2 * JOBS];
    char options[ARRAY_LEN(BANDS)][64];
    for (size_t b = 0; b < ARRAY_LEN(BANDS); b++)
        (void)snprintf(options[b], sizeof options[b], "{\"kind\":\"probe\",\"band\":\"%s\"}", BANDS[b]);
    for (size_t i = 0; i < JOBS; i++) {
        args[2 * i] = options[i % ARRAY_LEN(BANDS)];
        args[2 * i + 1] = i % 2 == 0 ? "{\"even\":1}" : "{}";
    }
    redisReply *answers = ftest_call_argv(ctx, "stint_enqueue_bulk", 2 * JOBS, args);
    assert_int_equal(answers->elements, JOBS);
    for (size_t i = 0; i < JOBS; i++) {
        json_t *answer = json_loads(answers->element[i]->str, 0, NULL);
        const char *id = json_string_value(json_object_get(answer, "id"));
        ftest_assert_job(ctx, id, "id", id);
        ftest_assert_job(ctx, id, "band", BANDS[i % ARRAY_LEN(BANDS)]);
        ftest_assert_job(ctx, id, "payload", args[2 * i + 1]);
        json_decref(answer);
    }
    freeReplyObject(answers);
    assert_int_equal(ftest_stat(ctx, "enqueued"), JOBS);
}

/* Every way a job can go on from its first run: it keeps its name and is found by it. */
static void test_names_last(void **state)
{
    static const struct {
        const char *op, *a, *b, *state;
    } ways[] = {
        {"done", "{\"ok\":1}", "60000", "done"},
        {"retry", "{\"code\":\"X\"}", "0", "ready"},
        {"retry", "{\"code\":\"X\"}", "60000", "scheduled"},
        {"free", "{\"code\":\"X\"}", "0", "ready"},
        {"snooze", "later", "0", "ready"},
        {"snooze", "later", "60000", "scheduled"},
        {"dead", "{\"code\":\"X\"}", "00ff00ff00ff00ff", "dead"},
        {"cancelled", "asked", "", "cancelled"},
        {"hand back", "", "", "ready"},
        {"crash", "", "", "ready"},
        {"crash unblamed", "", "", "ready"},
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(ways); i++) {
        (void)ftest_reset(state);
        redisContext *ctx = ftest_ctx(state);
        const char *op = ways[i / 2].op, *track = i % 2 == 0 ? "1" : "0";
        char band[16], entry[48], blame[80];
        assert_int_equal(ftest_int(ftest_call(ctx, "stint_config", "track:probe", track, "me", NULL)), 1);
        AUTO_FREE char *id = enqueue_in(ctx, BANDS[i % ARRAY_LEN(BANDS)]);
        claim(ctx, id, band, entry);
        (void)snprintf(blame, sizeof blame, "%s:%s", band, entry);
        if (strcmp(op, "hand back") == 0)
            assert_int_equal(ftest_int(ftest_call(ctx, "stint_handback", ME, "quiet", "0", band, entry, NULL)), 1);
        else if (strncmp(op, "crash", 5) == 0)
            freeReplyObject(
                ftest_call(ctx, "stint_crash", ME, op[5] ? "*" : blame, "{\"code\":\"CRASH\"}", "f", "3", "0", NULL));
        else
            assert_int_equal(ftest_finish(ctx, op, band, entry, id, ways[i / 2].a, ways[i / 2].b), 1);
        ftest_assert_job(ctx, id, "id", id);
        ftest_assert_job(ctx, id, "state", ways[i / 2].state);
        ftest_assert_ledger(ctx);
        if (strcmp(ways[i / 2].state, "ready") != 0)
            continue;
        claim(ctx, id, band, entry);
        assert_int_equal(ftest_finish(ctx, "done", band, entry, id, "1", "60000"), 1);
        ftest_assert_job(ctx, id, "state", "done");
        ftest_assert_ledger(ctx);
    }
}

/* The same entry for a worker that reads by itself and for the Functions, at the borders of what a name can say. */
static void test_names_both_ways(void **state)
{
    static const char *const ids[] = {"1795319276062-0",    "1795319276062-1",  "1795319276062-4095",
                                      "1795319276062-4096", "1795319276063-0",  "1795319276063-18446744073709551615",
                                      "9999999999999-4095", "10000000000000-0", "10000000000000-1"};
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *any = enqueue_in(ctx, "low"), *tag = queue_tag(ctx);
    for (enum band b = BAND_EXPRESS; b <= BAND_LOW; b++) {
        for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
            if (b == BAND_LOW && strcmp(ids[i], "9999999999999-4095") < 0)
                continue; /* its stream is past them */
            freeReplyObject(
                ftest_redis(ctx, "XADD stint:{q}:s:%s %s kind probe id * payload {}", band_name(b), ids[i]));
            redisReply *found = ftest_redis(ctx, "XRANGE stint:{q}:s:%s %s %s", band_name(b), ids[i], ids[i]);
            struct job j = {0};
            assert_true(job_entry_read(&j, b, tag, found->element[0]));
            ftest_assert_job(ctx, j.id, "id", j.id);
            ftest_assert_job(ctx, j.id, "entry", ids[i]);
            ftest_assert_job(ctx, j.id, "band", band_name(b));
            job_fini(&j);
            freeReplyObject(found);
        }
    }
}

/* A worker that was not told the tag leaves such an entry to the Functions. */
static void test_names_without_a_tag_are_left_to_a_function(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = enqueue_in(ctx, "normal");
    redisReply *read = ftest_redis(ctx, "XRANGE stint:{q}:s:normal - +");
    struct job j = {.id = "untouched"};
    assert_false(job_entry_read(&j, BAND_NORMAL, "", read->element[0]));
    assert_string_equal(j.id, "untouched");
    freeReplyObject(read);
    freeReplyObject(ftest_redis(ctx, "XGROUP CREATE stint:{q}:s:normal workers 0"));
    freeReplyObject(ftest_redis(ctx, "XREADGROUP GROUP workers " ME " STREAMS stint:{q}:s:normal >"));
    AUTO_FREE char *entry = ftest_job(ctx, id, "entry");
    redisReply *adopted = ftest_call(ctx, "stint_adopt", ME, "normal", entry, NULL);
    assert_string_equal(ftest_job_text(adopted, 0, JOB_AT_ID), id);
    freeReplyObject(adopted);
}

static void test_names_that_are_nobodys(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = enqueue_in(ctx, "normal");
    static const struct {
        size_t at;
        char to;
    } changes[] = {{0, 'f'}, {7, 'x'}, {17, 'f'}, {19, '8'}, {19, 'c'}, {21, 'g'}, {35, 'G'}, {14, '4'}, {8, 'a'}};
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        AUTO_FREE char *other = strdup(id);
        other[changes[i].at] = changes[i].to;
        ftest_assert_error(ftest_call(ctx, "stint_job", other, NULL), "STINT_NOTFOUND", other);
        ftest_assert_error(ftest_call(ctx, "stint_cancel", other, "why", "me", NULL), "STINT_NOTFOUND", other);
    }
    AUTO_FREE char *entry = ftest_job(ctx, id, "entry");
    char plain[64];
    (void)snprintf(plain, sizeof plain, "normal-%s", entry); /* that entry's job has another name */
    ftest_assert_error(ftest_call(ctx, "stint_job", plain, NULL), "STINT_NOTFOUND", plain);
    ftest_assert_error(ftest_call(ctx, "stint_cancel", plain, "why", "me", NULL), "STINT_NOTFOUND", plain);
    ftest_assert_job(ctx, id, "state", "ready");
}

/* Who gives an id that is such a name, of a job that is there, gives a duplicate. */
static void test_names_given_again_are_duplicates(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = enqueue_in(ctx, "high"), *same = NULL, *later = NULL;
    char band[16], entry[48], options[128];
    (void)snprintf(options, sizeof options, "{\"kind\":\"probe\",\"id\":\"%s\"}", id);
    same = ftest_enqueue(ctx, options, "{}", "duplicate");
    assert_string_equal(same, id);
    claim(ctx, id, band, entry);
    free(same);
    same = ftest_enqueue(ctx, options, "{}", "duplicate");
    assert_int_equal(ftest_finish(ctx, "done", band, entry, id, "", "60000"), 1);
    free(same);
    same = ftest_enqueue(ctx, options, "{}", "duplicate");
    freeReplyObject(ftest_redis(ctx, "DEL stint:{q}:j:%s", id)); /* its status was kept long enough */
    later = ftest_enqueue(ctx, options, "{}", "ready");
    assert_string_equal(later, id);
    ftest_assert_ledger(ctx);
}

static void test_names_cancelled_while_they_wait_and_while_they_run(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_config", "track:probe", "0", "me", NULL)), 1);
    AUTO_FREE char *waits = enqueue_in(ctx, "normal"), *runs = NULL;
    freeReplyObject(ftest_call(ctx, "stint_cancel", waits, "not needed", "me", NULL));
    ftest_assert_job(ctx, waits, "state", "cancelled");
    runs = enqueue_in(ctx, "normal");
    char band[16], entry[48];
    claim(ctx, runs, band, entry);
    json_t *answer = ftest_json(ftest_call(ctx, "stint_cancel", runs, "not needed", "me", NULL));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "cancelling");
    json_decref(answer);
    assert_int_equal(ftest_finish(ctx, "retry", band, entry, runs, "{\"code\":\"X\"}", "0"), 1);
    ftest_assert_job(ctx, runs, "state", "cancelled");
    ftest_assert_ledger(ctx);
}

/* Progress gives a job that has none a hash; told late, when the job has ended, it gives nothing. */
static void test_names_tell_progress(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = enqueue_in(ctx, "normal");
    char band[16], entry[48];
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_progress", id, "1", "10", "early", NULL)), 0); /* not claimed */
    claim(ctx, id, band, entry);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_progress", id, "2", "10", "of another claim", NULL)), 0);
    assert_false(has_hash(ctx, id));
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_progress", id, "1", "50", "half", NULL)), 1);
    AUTO_FREE char *progress = ftest_job(ctx, id, "progress");
    assert_non_null(strstr(progress, "half"));
    ftest_assert_job(ctx, id, "state", "active");
    assert_int_equal(ftest_finish(ctx, "done", band, entry, id, "7", "60000"), 1);
    ftest_assert_job(ctx, id, "state", "done");
    ftest_assert_job(ctx, id, "result", "7");
    assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:j:%s", id)) > 0);
    AUTO_FREE char *next = enqueue_in(ctx, "normal");
    claim(ctx, next, band, entry);
    freeReplyObject(ftest_call(ctx, "stint_ack", band, entry, NULL));
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_progress", next, "1", "90", "late", NULL)), 0);
    assert_false(has_hash(ctx, next));
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_config", "track:probe", "0", "me", NULL)), 1);
    AUTO_FREE char *untracked = enqueue_in(ctx, "normal");
    claim(ctx, untracked, band, entry);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_progress", untracked, "1", "50", "half", NULL)), 0);
    assert_false(has_hash(ctx, untracked));
    ftest_assert_ledger(ctx);
}

/* The tag is made once, and again only where it is gone or was spoilt; nobody sets it. */
static void test_names_tag(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *first = enqueue_in(ctx, "normal"), *tag = queue_tag(ctx), *second = enqueue_in(ctx, "normal");
    AUTO_FREE char *same = queue_tag(ctx);
    assert_string_equal(tag, same);
    assert_int_equal(strlen(tag), 15);
    assert_int_equal(strspn(tag, "0123456789abcdef"), 15);
    assert_string_equal(first + 20, second + 20);
    ftest_assert_error(ftest_call(ctx, "stint_config", "tag", "", "me", NULL), "STINT_BADARG", "field");
    freeReplyObject(ftest_redis(ctx, "HSET stint:{q}:cfg tag spoilt"));
    AUTO_FREE char *third = enqueue_in(ctx, "normal"), *anew = queue_tag(ctx);
    assert_int_equal(strlen(anew), 15);
    assert_string_not_equal(tag, anew);
    ftest_assert_job(ctx, third, "state", "ready");
}

/* Told with the gate, so that a worker can name what it reads. */
static void test_names_tag_comes_with_the_gate(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal * kind probe id * payload {}"));
    redisReply *fetched = ftest_call(ctx, "stint_fetch", "h-1", ME, "0", "1", "", "native", NULL);
    AUTO_FREE char *tag = queue_tag(ctx);
    assert_int_equal(fetched->elements, 4);
    assert_string_equal(fetched->element[3]->str, tag);
    ftest_assert_job(ctx, fetched->element[1]->element[0]->element[JOB_AT_ID]->str, "state",
                     "active"); /* a plain XADD may use it too */
    freeReplyObject(fetched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_names_are_one_entry_and_no_hash, ftest_reset),
        cmocka_unit_test_setup(test_names_of_a_bulk_differ_and_are_found, ftest_reset),
        cmocka_unit_test_setup(test_names_of_a_bulk_in_all_bands_are_found, ftest_reset),
        cmocka_unit_test_setup(test_names_last, ftest_reset),
        cmocka_unit_test_setup(test_names_both_ways, ftest_reset),
        cmocka_unit_test_setup(test_names_without_a_tag_are_left_to_a_function, ftest_reset),
        cmocka_unit_test_setup(test_names_that_are_nobodys, ftest_reset),
        cmocka_unit_test_setup(test_names_given_again_are_duplicates, ftest_reset),
        cmocka_unit_test_setup(test_names_cancelled_while_they_wait_and_while_they_run, ftest_reset),
        cmocka_unit_test_setup(test_names_tell_progress, ftest_reset),
        cmocka_unit_test_setup(test_names_tag, ftest_reset),
        cmocka_unit_test_setup(test_names_tag_comes_with_the_gate, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
