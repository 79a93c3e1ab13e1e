/*
 * Why: a worker reads bands by Redis' own command as long as its gate is open; what closes the gate, and that both ways
 * read an entry alike, is shown here on a real Redis. Refuses to: measure time.
 */
#include "ftest.h"
#include "job.h"
#include "job_entry.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ME   "h-1:0:1"
#define GATE "stint:{q}:g:" ME

static void add_plain(redisContext *ctx, int n)
{
    for (int i = 0; i < n; i++)
        freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal * kind probe payload {}"));
}

static redisReply *fetch_native(redisContext *ctx, const char *max)
{
    return ftest_call(ctx, "stint_fetch", "h-1", ME, "0", max, "", "native", NULL);
}

/* A fetch of `max` jobs, all there: says whether it opened the gate. */
static bool fetch_opens(redisContext *ctx, const char *max)
{
    redisReply *fetched = fetch_native(ctx, max);
    assert_int_equal(fetched->type, REDIS_REPLY_ARRAY);
    bool said = fetched->elements == 4;
    freeReplyObject(fetched);
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS " GATE)), said);
    return said;
}

static redisReply *read_native(redisContext *ctx)
{
    return ftest_redis(ctx, "XREADGROUP GROUP workers " ME " COUNT 1 STREAMS stint:{q}:s:normal " GATE " > >");
}

static void assert_shut(redisContext *ctx)
{
    long long active = ftest_stat(ctx, "bands.normal.active");
    ftest_assert_error(read_native(ctx), "NOGROUP", GATE);
    assert_int_equal(ftest_stat(ctx, "bands.normal.active"), active);
}

static void test_native_gate_opens_for_a_full_batch_of_one_band(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    assert_false(fetch_opens(ctx, "1"));
    add_plain(ctx, 5);
    assert_false(fetch_opens(ctx, "6"));
    add_plain(ctx, 4);
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:high * kind probe payload {}"));
    assert_false(fetch_opens(ctx, "2")); /* one of high, one of normal */
    assert_true(fetch_opens(ctx, "1"));
    assert_true(ftest_int(ftest_redis(ctx, "PTTL " GATE)) <= 60000); /* of a lease of ten minutes */
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-1", "50000", "{}", NULL));
    assert_true(fetch_opens(ctx, "1"));
    assert_int_equal(
        ftest_int(ftest_redis(ctx, "PEXPIRETIME " GATE)),
        ftest_int(ftest_redis(ctx, "EVAL %s 0", "return tonumber(redis.call('ZSCORE', 'stint:{q}:i', 'h-1'))")));
    redisReply *read = read_native(ctx);
    assert_int_equal(read->elements, 1); /* the gate itself has nothing to give */
    freeReplyObject(read);
    assert_int_equal(ftest_stat(ctx, "bands.normal.active"), 9);
    ftest_assert_ledger(ctx);
}

static void test_native_gate_is_not_asked_for_by_an_older_worker(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add_plain(ctx, 2);
    redisReply *fetched = ftest_fetch(ctx, 0, 1);
    assert_int_equal(fetched->elements, 3);
    freeReplyObject(fetched);
    assert_shut(ctx);
    ftest_assert_error(ftest_call(ctx, "stint_fetch", "h-1", ME, "0", "1", "", "natively", NULL), "STINT_BADARG",
                       "native");
}

/* Whatever a fetch would ask about shuts it at once; when that is over, a fetch opens it again. */
static void test_native_gate_shut_by_operators(void **state)
{
    static const struct {
        const char *function, *a, *b, *undo, *undo_b;
    } rows[] = {
        {"stint_pause", "", "me", "stint_resume", "me"},
        {"stint_pause", "other", "me", "stint_resume", "me"},
        {"stint_config", "rate", "1000000", "stint_config", ""},
    };
    redisContext *ctx = ftest_ctx(state);
    add_plain(ctx, 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(fetch_opens(ctx, "1"));
        assert_int_equal(ftest_int(ftest_call(ctx, rows[i].function, rows[i].a, rows[i].b, "test", NULL)), 1);
        assert_shut(ctx);
        redisReply *fetched = fetch_native(ctx, "1");
        assert_int_equal(fetched->elements, 3);
        freeReplyObject(fetched);
        assert_shut(ctx);
        assert_int_equal(ftest_int(ftest_call(ctx, rows[i].undo, rows[i].a, rows[i].undo_b, "test", NULL)), 1);
    }
    assert_true(fetch_opens(ctx, "1"));
}

/* A claim of a worker that was told dead, or whose host is gone, arrives late: Redis refuses it. */
static void test_native_gate_shut_by_a_death(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add_plain(ctx, 20);
    assert_true(fetch_opens(ctx, "2"));
    freeReplyObject(ftest_call(ctx, "stint_crash", ME, "", "{}", "", "1", "0", NULL));
    assert_shut(ctx);
    assert_true(fetch_opens(ctx, "2"));
    freeReplyObject(ftest_call(ctx, "stint_gone", "h-1", "{}", "2", NULL));
    assert_shut(ctx);
    freeReplyObject(ftest_call(ctx, "stint_beat", "h-1", "600000", "{}", NULL));
    assert_true(fetch_opens(ctx, "2"));
    freeReplyObject(ftest_redis(ctx, "ZADD stint:{q}:i 1 h-1")); /* a lease that ended */
    freeReplyObject(ftest_call(ctx, "stint_sweep", "{}", "2", NULL));
    assert_shut(ctx);
    ftest_assert_ledger(ctx);
}

static void test_native_gate_shut_by_bye(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add_plain(ctx, 2);
    redisReply *fetched = fetch_native(ctx, "1");
    freeReplyObject(
        ftest_call(ctx, "stint_ack", "normal", fetched->element[1]->element[0]->element[JOB_AT_ENTRY]->str, NULL));
    freeReplyObject(fetched);
    assert_int_equal(ftest_int(ftest_redis(ctx, "EXISTS " GATE)), 1);
    assert_int_equal(ftest_int(ftest_call(ctx, "stint_bye", "h-1", NULL)), 0);
    assert_shut(ctx);
}

/* ---- both ways to read an entry ---- */

#define LONG_ID "0123456789012345678901234567890123456789012345678901234567890123"
static const char *const entries[][12] = {
    {"kind", "probe", "id", "a:1", "payload", "{}"},
    {"kind", "probe", "id", "a:2", "payload", "{}", "h", "1"},
    {"kind", "probe", "id", "a:3", "payload", "{}", "h", "0"},
    {"kind", "probe", "payload", "{}"},
    {"payload", "", "kind", "a-9"},
    {"payload", "no json \xff", "extra", "1", "kind", "probe", "id", "Z.y_x:-0"},
    {"kind", "x", "kind", "probe", "payload", "1", "payload", "2"},
    {"kind", "probe", "id", LONG_ID LONG_ID, "payload", "{}"},
    {"kind", "probe", "id", LONG_ID LONG_ID "x", "payload", "{}"},
    {"kind", "probe", "id", "", "payload", "{}"},
    {"kind", "probe", "id", "a b", "payload", "{}"},
    {"kind", "Probe", "id", "a:5", "payload", "{}"},
    {"kind", "", "payload", "{}"},
    {"kind", "a123456789b123456789c123456789012", "payload", "{}"},
    {"kind", "a123456789b123456789c12345678901", "payload", "{}"},
    {"payload", "{}"},
    {"kind", "probe"},
    {"kind", "probe", "payload", "{}", "o", "{\"timeout_ms\":9}"},
    {"kind", "probe", "payload", "{}", "o", "{\"expires_at_ms\":1}"},
    {"kind", "probe", "payload", "{}", "o", "no"},
    {"kind", "probe", "payload", "{}", "n", "2,1,0,1,0,0,5"},
    {"kind", "probe", "payload", "{}", "n", "x"},
    {"kind", "probe", "id", "a:6", "b", "1"},
    {"kind", "probe", "payload", "{}", "b", "0", "home", "low"},
    {"kind", "probe", "id", "*", "payload", "{}"},
    {"kind", "probe", "payload", "{}", "id", "*"},
    {"kind", "probe", "id", "**", "payload", "{}"},
    {"kind", "Probe", "id", "*", "payload", "{}"},
    {"kind", "probe", "id", "*", "payload", "{}", "o", "{\"timeout_ms\":9}"},
};

static void add_entry(redisContext *ctx, const char *const fields[])
{
    const char *argv[16] = {"XADD", "stint:{q}:s:normal", "*"};
    int n = 3;
    for (size_t i = 0; i < ARRAY_LEN(entries[0]) && fields[i]; i++)
        argv[n++] = fields[i];
    redisReply *added = redisCommandArgv(ctx, n, argv, NULL);
    assert_int_equal(added->type, REDIS_REPLY_STRING);
    freeReplyObject(added);
}

/* The one job of FETCHED, or none when the entry was moved out of the way. */
static size_t job_of_fetched(redisReply *fetched, struct job *j)
{
    struct err e;
    size_t n = ftest_jobs(fetched);
    assert_true(n <= 1);
    if (n == 1)
        assert_int_equal(job_from_reply(j, fetched->element[1]->element[0], &e), 0);
    freeReplyObject(fetched);
    return n;
}

static size_t job_by_itself(redisContext *ctx, struct job *j)
{
    redisReply *read = ftest_redis(ctx, "XREADGROUP GROUP workers " ME " COUNT 1 STREAMS stint:{q}:s:normal >");
    const redisReply *entry = read->element[0]->element[1]->element[0];
    size_t n = 1;
    redisReply *tag = ftest_redis(ctx, "HGET stint:{q}:cfg tag");
    if (!job_entry_read(j, BAND_NORMAL, tag->type == REDIS_REPLY_STRING ? tag->str : "", entry))
        n = job_of_fetched(ftest_call(ctx, "stint_adopt", ME, "normal", entry->element[0]->str, NULL), j);
    freeReplyObject(tag);
    freeReplyObject(read);
    return n;
}

/* Named by its entry: a UUIDv7 of the same queue and band. */
static bool is_derived(const char *id)
{
    return strlen(id) == 36 && id[14] == '7';
}

static void assert_same_job(const struct job *a, const struct job *b)
{
    bool by_entry = strncmp(a->id, "normal-", 7) == 0;
    assert_string_equal(a->kind, b->kind);
    assert_int_equal(is_derived(a->id), is_derived(b->id));
    assert_int_equal(by_entry, strncmp(b->id, "normal-", 7) == 0);
    if (by_entry)
        assert_string_equal(b->id + 7, b->entry);
    else if (is_derived(a->id))
        assert_string_equal(a->id + 19, b->id + 19);
    else
        assert_string_equal(a->id, b->id);
    assert_int_equal(a->band, b->band);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->handbacks, b->handbacks);
    assert_int_equal(a->has_hash, b->has_hash);
    assert_int_equal(a->timeout_ms, b->timeout_ms);
    assert_int_equal(b->due_ms, strtoll(b->entry, NULL, 10));
    assert_int_equal(a->created_ms == a->due_ms, b->created_ms == b->due_ms);
    assert_int_equal(a->payload_len, b->payload_len);
    assert_memory_equal(a->payload, b->payload, a->payload_len);
}

static void test_native_entries_read_as_the_functions_read_them(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        struct job fetched = {0}, read = {0};
        add_entry(ctx, entries[i]);
        size_t n = job_of_fetched(ftest_fetch(ctx, 0, 1), &fetched);
        long long dead = ftest_stat(ctx, "dead"), expired = ftest_stat(ctx, "ledger.expired");
        add_entry(ctx, entries[i]);
        assert_int_equal(job_by_itself(ctx, &read), n);
        if (n == 1)
            assert_same_job(&fetched, &read);
        else
            assert_true(ftest_stat(ctx, "dead") == dead + 1 || ftest_stat(ctx, "ledger.expired") == expired + 1);
        job_fini(&fetched);
        job_fini(&read);
        ftest_assert_ledger(ctx);
    }
}

static void test_native_adopt_takes_only_what_is_held(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add_plain(ctx, 1);
    redisReply *fetched = ftest_fetch(ctx, 0, 1);
    const char *entry = ftest_job_text(fetched, 0, JOB_AT_ENTRY);
    struct job none = {0};
    assert_int_equal(job_of_fetched(ftest_call(ctx, "stint_adopt", "h-1:1:1", "normal", entry, NULL), &none), 0);
    assert_int_equal(job_of_fetched(ftest_call(ctx, "stint_adopt", ME, "normal", "1-1", "low", "1-1", NULL), &none), 0);
    freeReplyObject(ftest_redis(ctx, "XDEL stint:{q}:s:normal %s", entry)); /* by hand, while it is held */
    assert_int_equal(job_of_fetched(ftest_call(ctx, "stint_adopt", ME, "normal", entry, NULL), &none), 0);
    assert_int_equal(ftest_stat(ctx, "bands.normal.active"), 0);
    ftest_assert_error(ftest_call(ctx, "stint_adopt", ME, "normal", NULL), "STINT_BADARG", "ARGV");
    ftest_assert_error(ftest_call(ctx, "stint_adopt", ME, "middle", "1-1", NULL), "STINT_BADARG", "band");
    ftest_assert_error(ftest_call(ctx, "stint_adopt", ME, "normal", "1", NULL), "STINT_BADARG", "entry");
    ftest_assert_error(ftest_call(ctx, "stint_adopt", "me", "normal", "1-1", NULL), "STINT_BADARG", "consumer");
    freeReplyObject(fetched);
}

/* ---- ends ---- */

static void assert_answer(redisReply *answer, long long accepted, const char *fenced)
{
    assert_int_equal(answer->type, REDIS_REPLY_ARRAY);
    assert_int_equal(answer->element[0]->integer, accepted);
    assert_int_equal(answer->elements, fenced ? 2 : 1);
    if (fenced)
        assert_string_equal(answer->element[1]->element[0]->str, fenced);
    freeReplyObject(answer);
}

static void test_native_ack_once(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    add_plain(ctx, 2);
    redisReply *fetched = ftest_fetch(ctx, 0, 2);
    const char *a = ftest_job_text(fetched, 0, JOB_AT_ENTRY), *b = ftest_job_text(fetched, 1, JOB_AT_ENTRY);
    char fenced[64];
    (void)snprintf(fenced, sizeof fenced, "normal:%s", a);
    ftest_assert_error(ftest_call(ctx, "stint_ack", "normal", a, "one-two", NULL), "STINT_BADARG", "entry");
    ftest_assert_error(ftest_call(ctx, "stint_ack", "middle", a, NULL), "STINT_BADARG", "band");
    ftest_assert_error(ftest_call(ctx, "stint_ack", "normal", NULL), "STINT_BADARG", "ARGV");
    assert_int_equal(ftest_stat(ctx, "bands.normal.active"), 2);
    assert_answer(ftest_call(ctx, "stint_ack", "normal", a, NULL), 1, NULL);
    assert_answer(ftest_call(ctx, "stint_ack", "normal", a, b, NULL), 1, fenced);
    assert_answer(ftest_call(ctx, "stint_ack", "normal", a, NULL), 0, fenced);
    assert_int_equal(ftest_stat(ctx, "ledger.done"), 2);
    freeReplyObject(fetched);
    ftest_assert_ledger(ctx);
}

static void test_native_keep_writes_the_status(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    AUTO_FREE char *id = ftest_enqueue(ctx, "{\"kind\":\"probe\",\"id\":\"mine\"}", "{}", "ready");
    freeReplyObject(
        ftest_redis(ctx, "XADD stint:{q}:s:normal * kind probe payload {} id mine")); /* shares a living id */
    freeReplyObject(ftest_redis(ctx, "XADD stint:{q}:s:normal * kind probe payload {} id plain"));
    redisReply *fetched = ftest_fetch(ctx, 0, 3);
    const char *entry[3];
    for (size_t i = 0; i < 3; i++)
        entry[i] = ftest_job_text(fetched, i, JOB_AT_ENTRY);
    assert_answer(ftest_call(ctx, "stint_keep", "normal", "probe", "60000", entry[1], "mine", "2", "", NULL), 1, NULL);
    ftest_assert_job(ctx, id, "state", "active");
    assert_answer(ftest_call(ctx, "stint_keep", "normal", "probe", "60000", entry[0], "mine", "{\"ok\":1}",
                             "7 - 4096 process", entry[2], "plain", "", "1 0 5 cgroup", NULL),
                  2, NULL);
    ftest_assert_job(ctx, id, "state", "done");
    ftest_assert_job(ctx, id, "result", "{\"ok\":1}");
    AUTO_FREE char *usage = ftest_job(ctx, id, "usage");
    assert_non_null(strstr(usage, "\"wall_ms\":7"));
    assert_non_null(strstr(usage, "\"memory_peak_bytes\":4096"));
    assert_non_null(strstr(usage, "\"of\":\"process\""));
    assert_null(strstr(usage, "cpu_ms"));
    ftest_assert_job(ctx, "plain", "state", "done");
    ftest_assert_job(ctx, "plain", "kind", "probe");
    assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:j:plain")) > 0);
    assert_true(ftest_int(ftest_redis(ctx, "PTTL stint:{q}:j:mine")) > 0);
    assert_int_equal(ftest_stat(ctx, "ledger.done"), 3);
    freeReplyObject(fetched);
    ftest_assert_ledger(ctx);
}

static void test_native_keep_refuses_wrong_arguments(void **state)
{
    redisContext *ctx = ftest_ctx(state);
    static const struct {
        const char *band, *kind, *retain, *id, *named;
    } rows[] = {
        {"middle", "probe", "1", "a", "band"},      {"normal", "Probe", "1", "a", "kind"},
        {"normal", "probe", "0", "a", "retain_ms"}, {"normal", "probe", "x", "a", "retain_ms"},
        {"normal", "probe", "1", "a b", "id"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ftest_assert_error(
            ftest_call(ctx, "stint_keep", rows[i].band, rows[i].kind, rows[i].retain, "1-1", rows[i].id, "", "", NULL),
            "STINT_BADARG", rows[i].named);
    ftest_assert_error(ftest_call(ctx, "stint_keep", "normal", "probe", "1", "1-1", "a", "", NULL), "STINT_BADARG",
                       "ARGV");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, ftest_reset)
        T(test_native_gate_opens_for_a_full_batch_of_one_band),
        T(test_native_gate_is_not_asked_for_by_an_older_worker),
        T(test_native_gate_shut_by_operators),
        T(test_native_gate_shut_by_a_death),
        T(test_native_gate_shut_by_bye),
        T(test_native_entries_read_as_the_functions_read_them),
        T(test_native_adopt_takes_only_what_is_held),
        T(test_native_ack_once),
        T(test_native_keep_writes_the_status),
        T(test_native_keep_refuses_wrong_arguments),
#undef T
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
