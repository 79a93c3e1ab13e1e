/* stint_stats' answer is read whole or refused with what was wrong; what was read before stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "queue_stats.h"

#include <jansson.h>
#include <stdio.h>

static const char good[] =
    "{\"queue\":\"pdf\",\"now\":1700000000000,\"paused\":true,\"paused_kinds\":[\"probe\"],\"bands\":{"
    "\"express\":{\"ready\":1,\"active\":2,\"oldest_ms\":3},\"high\":{\"ready\":4,\"active\":0,\"oldest_ms\":0},"
    "\"normal\":{\"ready\":0,\"active\":0,\"oldest_ms\":0},\"low\":{\"ready\":0,\"active\":0,\"oldest_ms\":0},"
    "\"large\":{\"ready\":0,\"active\":0,\"oldest_ms\":0}},"
    "\"scheduled\":5,\"parked\":6,\"next_due\":-1,\"dead\":7,\"instances\":1,\"enqueued\":30,\"drift\":0,"
    "\"dead_causes\":{\"hard_timeout\":4,\"signal:SIGSEGV\":3},\"ledger\":{\"done\":12,\"dead:hard_timeout\":4}}";

static void test_queue_stats_read_every_number_is_taken(void **arg)
{
    (void)arg;
    struct queue_stats s = {.queue = "pdf"};
    assert_int_equal(queue_stats_read(&s, good, strlen(good), 99, NULL), 0);
    assert_string_equal(s.queue, "pdf");
    assert_int_equal(s.read_ms, 99);
    assert_true(s.paused);
    assert_int_equal(s.n_paused_kinds, 1);
    assert_int_equal(s.bands[BAND_EXPRESS].active, 2);
    assert_int_equal(s.bands[BAND_HIGH].ready, 4);
    assert_int_equal(s.scheduled, 5);
    assert_int_equal(s.next_due_ms, -1);
    assert_int_equal(s.enqueued, 30);
    assert_int_equal(s.n_causes, 2);
    assert_int_equal(s.n_counters, 1);
    assert_int_equal(queue_stats_counter(&s, "done"), 12);
    assert_int_equal(queue_stats_counter(&s, "none"), 0);
    queue_stats_fini(&s);
    queue_stats_fini(&s);
    queue_stats_fini(NULL);
}

static void test_queue_stats_read_empty_lua_tables_are_arrays(void **arg)
{
    (void)arg;
    struct queue_stats s = {.queue = "pdf"};
    char text[sizeof good + 8];
    memcpy(text, good, sizeof good);
    char *causes = strstr(text, "{\"hard_timeout\"");
    memcpy(causes, "[],\"ledger\":[]}", sizeof "[],\"ledger\":[]}");
    assert_int_equal(queue_stats_read(&s, text, strlen(text), 1, NULL), 0);
    assert_int_equal(s.n_causes, 0);
    assert_int_equal(s.n_counters, 0);
    queue_stats_fini(&s);
}

static void test_queue_stats_read_wrong_answer_keeps_the_last(void **arg)
{
    (void)arg;
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"", "no JSON"},
        {"[]", "no JSON object"},
        {"{}", "band express is missing"},
        {"{\"bands\":{\"express\":{\"ready\":\"1\"}}}", "\"ready\" is missing or no whole number"},
        {"{\"bands\":{\"express\":{\"ready\":1,\"active\":2,\"oldest_ms\":3}}}", "band high is missing"},
    };
    struct queue_stats s = {.queue = "pdf"};
    assert_int_equal(queue_stats_read(&s, good, strlen(good), 5, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        assert_int_equal(queue_stats_read(&s, rows[i].text, strlen(rows[i].text), 6, &e), ERR_PROTOCOL);
        if (strstr(e.message, rows[i].part) == NULL)
            fail_msg("\"%s\" is missing in: %s", rows[i].part, e.message);
        assert_int_equal(s.read_ms, 5);
        assert_int_equal(s.enqueued, 30);
    }
    queue_stats_fini(&s);
}

static void test_queue_stats_read_many_causes_are_bounded(void **arg)
{
    (void)arg;
    struct queue_stats s = {.queue = "pdf"};
    json_t *root = json_loads(good, 0, NULL);
    for (int i = 0; i < 500; i++) {
        char name[200];
        (void)snprintf(name, sizeof name, "cause-%0150d", i);
        (void)json_object_set_new(json_object_get(root, "dead_causes"), name, json_integer(1));
        (void)json_object_set_new(json_object_get(root, "ledger"), name, json_integer(1));
    }
    AUTO_FREE char *text = json_dumps(root, 0);
    json_decref(root);
    assert_int_equal(queue_stats_read(&s, text, strlen(text), 1, NULL), 0);
    assert_int_equal(s.n_causes, QUEUE_STATS_CAUSES_MAX);
    assert_int_equal(s.n_counters, QUEUE_STATS_COUNTERS_MAX);
    queue_stats_fini(&s);
}

static void test_queue_stats_json_known_and_unknown_queues(void **arg)
{
    (void)arg;
    struct queue_stats queues[2] = {{.queue = "pdf"}, {.queue = "match"}};
    struct buf b;
    buf_init(&b, 65536);
    assert_int_equal(queue_stats_read(&queues[0], good, strlen(good), 100, NULL), 0);
    assert_int_equal(queue_stats_json(queues, 2, "host\"1", 350, &b), 0);
    json_t *o = json_loads(b.data, 0, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "instance")), "host\"1");
    json_t *list = json_object_get(o, "queues");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "age_ms")), 250);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "dead")), 7);
    assert_true(json_is_null(json_object_get(json_array_get(list, 1), "age_ms")));
    json_decref(o);
    queue_stats_fini(&queues[0]);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_stats_read_every_number_is_taken),
        cmocka_unit_test(test_queue_stats_read_empty_lua_tables_are_arrays),
        cmocka_unit_test(test_queue_stats_read_wrong_answer_keeps_the_last),
        cmocka_unit_test(test_queue_stats_read_many_causes_are_bounded),
        cmocka_unit_test(test_queue_stats_json_known_and_unknown_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
