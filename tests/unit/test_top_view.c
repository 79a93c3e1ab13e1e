/* What an operator sees of the whole system: rates from counters and never from one look, what is down before all else,
 * order by the key asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "top_rates.h"
#include "top_view.h"

#include <locale.h>
#include <stdio.h>

/* -- rates -----------------------------------------------------------------------------------------------------------
 */

static int64_t look(struct top_rates *r, int64_t at_ms, int64_t in, int64_t done)
{
    json_t *stats = json_pack("{s:I, s:I, s:{s:I}}", "now", (json_int_t)at_ms, "enqueued", (json_int_t)in, "ledger",
                              "done", (json_int_t)done);
    assert_non_null(stats);
    int64_t since = top_rates_look(r, stats);
    json_decref(stats);
    return since;
}

static void expect_rate(const struct top_rates *r, double in, double done, int64_t over_ms)
{
    json_t *rate = top_rates_json(r);
    assert_float_equal(json_real_value(json_object_get(rate, "in")), in, 1e-9);
    assert_float_equal(json_real_value(json_object_get(rate, "done")), done, 1e-9);
    assert_int_equal(json_integer_value(json_object_get(rate, "over_ms")), over_ms);
    json_decref(rate);
}

static void expect_no_rate(const struct top_rates *r)
{
    json_t *rate = top_rates_json(r);
    assert_true(json_is_null(rate));
    json_decref(rate);
}

static void test_top_rates_need_two_looks(void **state)
{
    struct top_rates r;
    (void)state;
    top_rates_init(&r, "pdf");
    expect_no_rate(&r);
    assert_int_equal(look(&r, 1000, 50, 40), 0); /* what was done before is not done now */
    expect_no_rate(&r);
    assert_int_equal(look(&r, 3000, 60, 70), 30);
    expect_rate(&r, 5, 15, 2000);
}

static void test_top_rates_forget_what_is_long_ago(void **state)
{
    struct top_rates r;
    (void)state;
    top_rates_init(&r, "pdf");
    for (int i = 0; i <= 60; i++) /* a burst of a minute ago, then 2 a second */
        (void)look(&r, i * 1000, i < 5 ? 1000 * i : 5000 + 2 * i, 0);
    expect_rate(&r, 2, 0, TOP_RATES_OVER_MS);
    for (int i = 0; i < 3 * TOP_RATES_LOOKS; i++) /* more looks than are kept, close together */
        (void)look(&r, 60000 + i * 50, 5120 + i, 0);
    expect_rate(&r, 20, 0, (TOP_RATES_LOOKS - 1) * 50);
}

static void test_top_rates_a_long_pause_is_still_a_rate(void **state)
{
    struct top_rates r;
    (void)state;
    top_rates_init(&r, "pdf");
    (void)look(&r, 0, 0, 0);
    (void)look(&r, 60000, 600, 300);
    expect_rate(&r, 10, 5, 60000);
}

static void test_top_rates_counters_that_went_back_begin_anew(void **state)
{
    static const struct top_look back[] = {{5000, 99, 50}, {5000, 100, 49}, {3999, 100, 50}};
    struct top_rates r;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(back); i++) {
        top_rates_init(&r, "pdf");
        (void)look(&r, 2000, 10, 10);
        (void)look(&r, 4000, 100, 50);
        assert_int_equal(look(&r, back[i].at_ms, back[i].in, back[i].done), 0);
        expect_no_rate(&r);
    }
    (void)look(&r, 6000, 100, 50);
    assert_int_equal(look(&r, 6000, 100, 50), 0); /* the same moment twice */
    expect_rate(&r, 0, 0, 2001);
}

/* -- the screen ------------------------------------------------------------------------------------------------------
 */

static json_t *queue(const char *name, int ready, int oldest_ms, int dead)
{
    return json_pack("{s:s, s:{s:{s:i, s:i, s:i}}, s:i, s:i, s:{s:i}, s:{s:f, s:f}, s:b}", "queue", name, "bands",
                     "normal", "ready", ready, "active", 1, "oldest_ms", oldest_ms, "scheduled", 7, "dead", dead,
                     "dead_causes", "timeout", dead, "rates", "in", 12.5, "done", 1234.0, "paused", dead == 0);
}

static json_t *worker(const char *pool, int slot, const char *job, int since_ms, int memory)
{
    return json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:i, s:i, s:i}", "pool", pool, "slot", slot, "pid",
                     100 + slot, "state", "ready", "phase", *job != '\0' ? "run" : "idle", "kind",
                     *job != '\0' ? "pdf-parse" : "", "job", job, "since_ms", since_ms, "deadline_in_ms", 5000,
                     "rss_bytes", memory);
}

static void make_status(struct status_view *v)
{
    *v = (struct status_view){
        .queues =
            json_pack("[o, o, o]", queue("mail", 5, 1000, 0), queue("alpha", 2, 90000, 3), queue("zeta", 9, 0, 2)),
        .pools = json_pack("[{s:s, s:s, s:i, s:i, s:s}]", "name", "pdf", "queue", "mail", "desired", 3, "ready", 3,
                           "state", "ok"),
        .workers = json_pack("[o, o, o]", worker("pdf", 2, "job-two", 100, 3000),
                             worker("pdf", 0, "job-zero", 9000, 1000), worker("pdf", 1, "", 50, 9000))};
    v->supervisors.items = calloc(2, sizeof v->supervisors.items[0]);
    assert_non_null(v->supervisors.items);
    v->supervisors.n = 2;
    v->supervisors.items[0].reply = json_pack("{s:s, s:s, s:s, s:I}", "state", "running", "instance", "host-1",
                                              "version", "1.2", "uptime_ms", (json_int_t)61000);
    v->supervisors.items[1].reply = json_pack("{s:s, s:s, s:s, s:I}", "state", "draining", "instance", "host-2",
                                              "version", "1.1", "uptime_ms", (json_int_t)61000);
    (void)snprintf(v->supervisors.items[1].name, sizeof v->supervisors.items[1].name, "night");
}

static char *shown(const struct status_view *v, enum top_order order)
{
    struct history ready, done;
    char *text = NULL;
    size_t len = 0;
    history_init(&ready);
    history_init(&done);
    history_set(&ready, 1795353866000, 3);
    history_set(&ready, 1795353876000, 16);
    struct out o = {.to = open_memstream(&text, &len), .remarks = stderr, .columns = 100};
    const struct top_state state = {
        .status = v, .ready = &ready, .done = &done, .now_ms = 1795353876000, .order = order};
    assert_non_null(o.to);
    top_view_print(&state, &o);
    assert_int_equal(fclose(o.to), 0);
    return text;
}

/* Each of the words is shown, in this order. */
static void expect_order(const char *text, const char *const words[])
{
    const char *at = text;
    for (size_t i = 0; words[i] != NULL; i++) {
        at = strstr(at, words[i]);
        if (at == NULL)
            fail_msg("\"%s\" is not where it belongs in:\n%s", words[i], text);
        at += strlen(words[i]);
    }
}

static void test_top_view_shows_everything_in_the_order_asked_for(void **state)
{
    static const char *const orders[TOP_ORDER_COUNT][10] = {
        {"running: host-1, up 1 min 01 s, version 1.2", "draining: host-2 of night", "reachable", "alpha", "mail",
         "zeta", "job-zero", "job-two", NULL},
        {"host-1", "alpha", "mail", "zeta", "job-zero", "job-two", NULL},
        {"host-1", "zeta", "mail", "alpha", "job-two", "job-zero", NULL},
    };
    struct status_view v;
    (void)state;
    make_status(&v);
    for (enum top_order order = 0; order < TOP_ORDER_COUNT; order++) {
        AUTO_FREE char *text = shown(&v, order);
        expect_order(text, orders[order]);
        static const char *const always[] = {"ready         16  ",
                                             "done/s      3702",
                                             "QUEUE",
                                             "12.5",
                                             "1234",
                                             "paused",
                                             "dead in alpha: timeout 3",
                                             "2 of 3 workers here have a job",
                                             NULL};
        for (size_t i = 0; always[i] != NULL; i++)
            if (strstr(text, always[i]) == NULL)
                fail_msg("no \"%s\" in:\n%s", always[i], text);
    }
    status_view_fini(&v);
}

static void test_top_view_what_is_down_comes_first_and_the_rest_is_shown(void **state)
{
    struct status_view v;
    (void)state;
    make_status(&v);
    (void)err_set(&v.supervisors.items[1].e, -ECONNREFUSED, "nobody is there");
    (void)json_array_clear(v.workers);
    (void)err_set(&v.errors[STATUS_POSTGRES], ERR_STORE_UNAVAILABLE, "no route");
    AUTO_FREE char *text = shown(&v, TOP_BY_NAME);
    expect_order(text, (const char *const[]){"host-1", "supervisor  DOWN: nobody is there",
                                             "postgres    DOWN: no route", "alpha", "zeta", NULL});
    assert_null(strstr(text, "reachable"));
    assert_null(strstr(text, "workers here"));
    status_view_fini(&v);
    v = (struct status_view){.queues = json_array()}; /* nobody could be asked at all */
    (void)err_set(&v.errors[STATUS_SUPERVISOR], -ECONNREFUSED, "no control socket");
    AUTO_FREE char *none = shown(&v, TOP_BY_NAME);
    expect_order(none,
                 (const char *const[]){"supervisor  DOWN: no control socket", "Redis and PostgreSQL reachable", NULL});
    status_view_fini(&v);
}

static void test_top_view_rate_that_is_not_known_is_no_zero(void **state)
{
    struct status_view v;
    (void)state;
    make_status(&v);
    for (size_t i = 0; i < json_array_size(v.queues); i++)
        (void)json_object_set_new(json_array_get(v.queues, i), "rates", json_null());
    AUTO_FREE char *text = shown(&v, TOP_BY_NAME);
    assert_non_null(strstr(text, "done/s         -"));
    assert_null(strstr(text, "0.0"));
    status_view_fini(&v);
}

static void test_top_view_fit_keeps_the_footer_on_any_terminal(void **state)
{
    static const struct {
        const char *text;
        size_t rows;
        const char *fit;
    } cases[] = {
        {"a\nb\nc\n", 3, "a\nb\nF\n"}, {"a\n", 4, "a\n\n\nF\n"}, {"a\nb\n", 1, "F\n"}, {"", 2, "\nF\n"},
        {"a\nb\n", 3, "a\nb\nF\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FREE char *fit = top_view_fit(cases[i].text, cases[i].rows, "F");
        assert_string_equal(fit, cases[i].fit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_top_rates_need_two_looks),
        cmocka_unit_test(test_top_rates_forget_what_is_long_ago),
        cmocka_unit_test(test_top_rates_a_long_pause_is_still_a_rate),
        cmocka_unit_test(test_top_rates_counters_that_went_back_begin_anew),
        cmocka_unit_test(test_top_view_shows_everything_in_the_order_asked_for),
        cmocka_unit_test(test_top_view_what_is_down_comes_first_and_the_rest_is_shown),
        cmocka_unit_test(test_top_view_rate_that_is_not_known_is_no_zero),
        cmocka_unit_test(test_top_view_fit_keeps_the_footer_on_any_terminal),
    };
    (void)setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
