/*
 * Why: somebody who asked to be told must be told of what matters, once, and nobody may be drowned or starved.
 * Estimates are given by the test, time is an argument. Refuses to: know how the table is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "wait_notice.h"

enum { TICKETS = 5000 };
#define T0 INT64_C(1700000000000)

static struct wait_estimate said[TICKETS + 1]; /* by hash */
static bool gone[TICKETS + 1];
static unsigned told[TICKETS + 1], told_all, last_changes;
static double last_was;

static bool ask(void *arg, uint64_t hash, int64_t now_ms, struct wait_estimate *ret)
{
    (void)arg;
    (void)now_ms;
    *ret = said[hash];
    return !gone[hash];
}

static void tell(void *arg, const struct wait_news *news)
{
    (void)arg;
    told[atoi(news->id + 2)]++;
    told_all++;
    last_changes = news->changes;
    last_was = news->was_p50_s;
}

static struct wait_event event(enum wait_event_type type, unsigned number, bool consents)
{
    struct wait_event ev = {.type = type, .pool = "p", .who = {.hash = number}};
    if (consents)
        (void)snprintf(ev.id, sizeof ev.id, "t-%u", number);
    return ev;
}

static void estimate(unsigned number, double p50_s, enum wait_reason reason, double within30)
{
    said[number] =
        (struct wait_estimate){.wait = {.p50_s = p50_s, .p90_s = 3 * p50_s, .within = {within30}}, .reason = reason};
}

static struct wait_notice *one(double p50_s)
{
    memset(told, 0, sizeof told);
    memset(gone, 0, sizeof gone);
    told_all = last_changes = 0;
    struct wait_notice *n = wait_notice_new();
    assert_non_null(n);
    const struct wait_event ev = event(WAIT_JOIN, 1, true);
    wait_notice_event(n, &ev);
    estimate(1, p50_s, WAIT_REASON_NONE, 0.1);
    (void)wait_notice_step(n, T0, 100, ask, tell, NULL);
    assert_int_equal(told_all, 0);
    return n;
}

static unsigned look(struct wait_notice *n, int64_t after_ms)
{
    told_all = last_changes = 0;
    (void)wait_notice_step(n, T0 + after_ms, 100, ask, tell, NULL);
    return told_all;
}

static void test_notice_tells_when_the_end_moved(void **state)
{
    (void)state;
    struct wait_notice *n = one(200);
    estimate(1, 140, WAIT_REASON_NONE, 0.1);
    assert_int_equal(look(n, 60000), 0); /* as foretold */
    estimate(1, 175, WAIT_REASON_NONE, 0.1);
    assert_int_equal(look(n, 60000), 0); /* 35 s, but less than a quarter */
    estimate(1, 200, WAIT_REASON_NONE, 0.1);
    assert_int_equal(look(n, 60000), 1);
    assert_int_equal(last_changes, WAIT_CHANGE_MOVED);
    assert_true(last_was > 139 && last_was < 141);
    assert_int_equal(look(n, 75000), 0); /* told: that is what is said now */
    wait_notice_free(n);
}

static void test_notice_small_waits_need_thirty_seconds(void **state)
{
    (void)state;
    struct wait_notice *n = one(20);
    estimate(1, 35, WAIT_REASON_NONE, 0.1);
    assert_int_equal(look(n, 10000), 0); /* 25 s: more than a quarter, less than 30 s */
    estimate(1, 45, WAIT_REASON_NONE, 0.1);
    assert_int_equal(look(n, 11000), 1);
    wait_notice_free(n);
}

static void test_notice_more_than_twenty_minutes_stays_that(void **state)
{
    (void)state;
    struct wait_notice *n = one(WAIT_HORIZON_S);
    assert_int_equal(look(n, 900000), 0);
    wait_notice_free(n);
}

static void test_notice_soon_is_told_once(void **state)
{
    (void)state;
    struct wait_notice *n = one(100);
    estimate(1, 80, WAIT_REASON_NONE, 0.6);
    assert_int_equal(look(n, 20000), 1);
    assert_int_equal(last_changes, WAIT_CHANGE_SOON);
    estimate(1, 70, WAIT_REASON_NONE, 0.45);
    assert_int_equal(look(n, 31000), 0);
    estimate(1, 60, WAIT_REASON_NONE, 0.6);
    assert_int_equal(look(n, 42000), 0); /* it never stopped being near */
    estimate(1, 55, WAIT_REASON_NONE, 0.2);
    assert_int_equal(look(n, 45000), 0);
    estimate(1, 50, WAIT_REASON_NONE, 0.6);
    assert_int_equal(look(n, 50000), 1);
    wait_notice_free(n);
}

static void test_notice_reason_must_stay(void **state)
{
    (void)state;
    struct wait_notice *n = one(100);
    estimate(1, 80, WAIT_REASON_AGE, 0.1);
    assert_int_equal(look(n, 20000), 0);
    estimate(1, 79, WAIT_REASON_NONE, 0.1);
    assert_int_equal(look(n, 21000), 0);
    estimate(1, 75, WAIT_REASON_AGE, 0.1);
    assert_int_equal(look(n, 25000), 0);
    assert_int_equal(look(n, 39000), 0);
    assert_int_equal(look(n, 41000), 1);
    assert_int_equal(last_changes, WAIT_CHANGE_REASON);
    wait_notice_free(n);
}

static void test_notice_one_ticket_is_not_drowned(void **state)
{
    (void)state;
    struct wait_notice *n = one(100);
    unsigned times = 0;
    for (int s = 1; s <= 100; s++) { /* swings by minutes every second */
        estimate(1, s % 2 ? 600 : 100, WAIT_REASON_NONE, 0.1);
        times += look(n, s * 1000);
    }
    assert_in_range(times, 5, 10);
    wait_notice_free(n);
}

static void test_notice_is_bounded_and_fair(void **state)
{
    (void)state;
    struct wait_notice *n = one(100);
    for (unsigned i = 2; i <= TICKETS; i++) {
        const struct wait_event ev = event(WAIT_HERE, i, true);
        wait_notice_event(n, &ev);
        estimate(i, 100, WAIT_REASON_NONE, 0.1);
    }
    uint64_t untold;
    assert_int_equal(wait_notice_watched(n, &untold), WAIT_NOTICE_MAX);
    assert_int_equal(untold, TICKETS - WAIT_NOTICE_MAX);
    for (size_t looked = 0; looked < WAIT_NOTICE_MAX;)
        looked += wait_notice_step(n, T0, 1000, ask, tell, NULL);
    for (unsigned i = 1; i <= TICKETS; i++)
        estimate(i, 900, WAIT_REASON_NONE, 0.1);
    memset(told, 0, sizeof told);
    int64_t seconds = WAIT_NOTICE_MAX / WAIT_NOTICE_PER_S + 1;
    for (int64_t s = 1; s <= seconds; s++) {
        told_all = 0;
        (void)wait_notice_step(n, T0 + 60000 + s * 1000, WAIT_NOTICE_MAX, ask, tell, NULL);
        assert_true(told_all <= WAIT_NOTICE_PER_S);
    }
    for (unsigned i = 1; i <= WAIT_NOTICE_MAX; i++)
        assert_int_equal(told[i], 1); /* nobody twice before everybody once */
    wait_notice_free(n);
}

static void test_notice_only_while_they_wait_and_consent(void **state)
{
    (void)state;
    struct wait_notice *n = one(100);
    uint64_t untold;
    struct wait_event ev = event(WAIT_JOIN, 2, false);
    wait_notice_event(n, &ev);
    assert_int_equal(wait_notice_watched(n, &untold), 1);
    ev = event(WAIT_JOIN, 1, false); /* replaced by a ticket that does not consent */
    wait_notice_event(n, &ev);
    assert_int_equal(wait_notice_watched(n, &untold), 0);
    static const enum wait_event_type ends[] = {WAIT_LEAVE, WAIT_MATCH, WAIT_GONE};
    for (unsigned i = 0; i < 3; i++) {
        ev = event(WAIT_JOIN, 3 + i, true);
        wait_notice_event(n, &ev);
        assert_int_equal(wait_notice_watched(n, &untold), 1);
        ev = event(ends[i], 3 + i, false);
        wait_notice_event(n, &ev);
        assert_int_equal(wait_notice_watched(n, &untold), 0);
    }
    ev = event(WAIT_JOIN, 9, true);
    wait_notice_event(n, &ev);
    gone[9] = true; /* the model gave it up */
    (void)wait_notice_step(n, T0, 10, ask, tell, NULL);
    assert_int_equal(wait_notice_watched(n, &untold), 0);
    assert_int_equal(wait_notice_step(n, T0, 10, ask, tell, NULL), 0);
    wait_notice_free(n);
    wait_notice_free(NULL);
}

static void test_notice_new_publisher_begins_quietly(void **state)
{
    (void)state;
    struct wait_notice *n = one(100);
    wait_notice_restart(n);
    estimate(1, 900, WAIT_REASON_AGE, 0.1);
    assert_int_equal(look(n, 60000), 0);
    estimate(1, 100, WAIT_REASON_AGE, 0.1);
    assert_int_equal(look(n, 75000), 1);
    wait_notice_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notice_tells_when_the_end_moved),
        cmocka_unit_test(test_notice_small_waits_need_thirty_seconds),
        cmocka_unit_test(test_notice_more_than_twenty_minutes_stays_that),
        cmocka_unit_test(test_notice_soon_is_told_once),
        cmocka_unit_test(test_notice_reason_must_stay),
        cmocka_unit_test(test_notice_one_ticket_is_not_drowned),
        cmocka_unit_test(test_notice_is_bounded_and_fair),
        cmocka_unit_test(test_notice_only_while_they_wait_and_consent),
        cmocka_unit_test(test_notice_new_publisher_begins_quietly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
