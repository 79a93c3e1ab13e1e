/*
 * How many workers: the formulas against values from tables and limits, the estimates, the shares of hosts, and each
 * decision with its reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "autoscale.h"
#include "load_estimate.h"

#include <math.h>
#include <stdio.h>

static bool near(double a, double b, double within)
{
    if (fabs(a - b) > within)
        print_message("# %.6f is not %.6f\n", a, b);
    return fabs(a - b) <= within;
}

/* -- formulas --------------------------------------------------------------------------------------------------------
 */

static void test_queueing_erlang_c_known_values(void **arg)
{
    (void)arg;
    assert_true(near(queueing_erlang_c(1, 0.5), 0.5, 1e-12));   /* M/M/1: the load itself */
    assert_true(near(queueing_erlang_c(2, 1), 1.0 / 3, 1e-12)); /* M/M/2: a²/(2 + a) */
    assert_true(near(queueing_erlang_c(2, 1.5), 2.25 / 3.5, 1e-12));
    assert_true(near(queueing_erlang_c(3, 2), 4.0 / 9, 1e-12));
    assert_true(near(queueing_erlang_c(10, 8), 0.40918, 5e-6)); /* tables of Erlang C */
    assert_true(near(queueing_erlang_c(5, 0), 0, 1e-12));
    assert_true(near(queueing_erlang_c(4, 4), 1, 1e-12));
    assert_true(near(queueing_erlang_c(4, 9), 1, 1e-12));
    assert_true(queueing_erlang_c(5000, 4900) > 0 && queueing_erlang_c(5000, 4900) < 1); /* no overflow */
}

static void test_queueing_steady_wait_is_littles(void **arg)
{
    (void)arg;
    const struct queueing_load q = {.arrivals_per_s = 0.5, .service_s = 1};
    assert_true(near(queueing_steady_wait_s(&q, 1), 1, 1e-12)); /* M/M/1: ρS/(1 − ρ) */
    const struct queueing_load full = {.arrivals_per_s = 2, .service_s = 1};
    assert_true(isinf(queueing_steady_wait_s(&full, 2)));
    assert_true(isinf(queueing_steady_wait_s(&full, 0)));
    assert_true(near(queueing_steady_wait_s(&full, 3), 4.0 / 9, 1e-12));
}

static void test_queueing_servers_steady(void **arg)
{
    (void)arg;
    const struct queueing_load q = {.arrivals_per_s = 2, .service_s = 1};
    assert_int_equal(queueing_servers(&q, 1), 3); /* 2 never catch up; 3 wait 0.44 s */
    assert_int_equal(queueing_servers(&q, 0.4), 4);
    const struct queueing_load idle = {.service_s = 1};
    assert_int_equal(queueing_servers(&idle, 1), 0);
    const struct queueing_load huge = {.arrivals_per_s = 1e9, .service_s = 1e3};
    assert_int_equal(queueing_servers(&huge, 1), QUEUEING_SERVERS_MAX);
}

static void test_queueing_servers_backlog(void **arg)
{
    (void)arg;
    const struct queueing_load fast = {.service_s = 0.1, .ready = 1000};
    assert_int_equal(queueing_servers(&fast, 10), 10); /* 100 s of work in 10 s; 9.9 */
    const struct queueing_load slow = {.service_s = 3600, .ready = 3, .active = 2};
    assert_int_equal(queueing_servers(&slow, 10), 5); /* one each: waiting for an hour is no way */
    const struct queueing_load one = {.service_s = 60, .ready = 1};
    assert_int_equal(queueing_servers(&one, 10), 1); /* and never more than jobs */
}

static void test_queueing_wait_of_who_arrives_now(void **arg)
{
    (void)arg;
    const struct queueing_load q = {.service_s = 2, .ready = 7, .active = 2};
    assert_true(near(queueing_wait_s(&q, 2, 10), 8, 1e-12));  /* 8 ends at one a second */
    assert_true(near(queueing_wait_s(&q, 10, 10), 0, 1e-12)); /* eight are free */
    const struct queueing_load growing = {.arrivals_per_s = 2, .service_s = 1, .active = 1};
    assert_true(near(queueing_wait_s(&growing, 1, 10), 11, 1e-12)); /* ten more than can be served by then */
    assert_true(isinf(queueing_wait_s(&q, 0, 10)));
}

/* -- estimates -------------------------------------------------------------------------------------------------------
 */

static void test_load_rate_finds_a_steady_rate_and_is_no_fool_of_a_burst(void **arg)
{
    (void)arg;
    struct load_rate r = {0};
    load_rate_note(&r, 1000, 1000);
    assert_true(near(load_rate_per_s(&r), 0, 1e-12)); /* what was there before is no arrival */
    load_rate_note(&r, 1300, 3000);
    assert_true(near(load_rate_per_s(&r), 10, 1e-9)); /* 300 at once: not 150 a second */
    int64_t counter = 1300;
    for (uint64_t t = 5000; t <= 600000; t += 2000)
        load_rate_note(&r, counter += 10, t);
    assert_true(near(load_rate_per_s(&r), 5, 0.2));
    load_rate_note(&r, 4, 602000); /* Redis lost its data */
    assert_true(near(load_rate_per_s(&r), 0, 1e-12));
    load_rate_note(&r, 34, 604000);
    assert_true(near(load_rate_per_s(&r), 1, 1e-9));
}

static void test_load_rate_forgets(void **arg)
{
    (void)arg;
    struct load_rate r = {0};
    load_rate_note(&r, 0, 1);
    for (int i = 1; i <= 60; i++)
        load_rate_note(&r, i * 100, (uint64_t)i * 1000);
    double before = load_rate_per_s(&r);
    for (int i = 61; i <= 241; i++)
        load_rate_note(&r, 6000, (uint64_t)i * 1000);
    assert_true(load_rate_per_s(&r) < before / 15); /* three times its memory later */
}

static double service_of(const struct load_service *s)
{
    struct load_sum sum = load_service_sum(s);
    return load_sum_service_s(&sum);
}

static void test_load_service_counts_time_of_servers_per_job(void **arg)
{
    (void)arg;
    struct load_service s = {0};
    assert_true(service_of(&s) < 0);
    load_service_note(&s, 0, 0, 0, 0, 1000);
    assert_true(service_of(&s) < 0);
    load_service_note(&s, 0, 0, 2, 6, 4000); /* nothing has ended: at least as long as they run already */
    assert_true(near(service_of(&s), 3, 1e-9));
    load_service_note(&s, 8000000, 2, 0, 0, 6000);
    assert_true(near(service_of(&s), 4, 1e-9));
    load_service_note(&s, 8100000, 102, 0, 0, 8000); /* a hundred in one round of 100 ms */
    assert_true(service_of(&s) < 0.09);
}

static void test_load_service_remembers_over_an_idle_night(void **arg)
{
    (void)arg;
    struct load_service s = {0};
    load_service_note(&s, 0, 0, 0, 0, 1000);
    load_service_note(&s, 50000000, 10, 0, 0, 3000);
    load_service_note(&s, 50000000, 10, 0, 0, 3000 + UINT64_C(600000)); /* five fades */
    assert_true(near(service_of(&s), 5, 1e-6));
    load_service_note(&s, 50000000, 10, 1, 3,
                      3000 + UINT64_C(900000)); /* one runs: the old knowledge counts as one job */
    assert_true(near(service_of(&s), 8, 1e-6));
}

static void test_load_service_of_hosts_adds_up(void **arg)
{
    (void)arg;
    const struct load_sum a = {.busy_s = 10, .jobs = 10}, b = {.busy_s = 90, .jobs = 30};
    struct load_sum sum = {0};
    load_sum_add(&sum, &a);
    load_sum_add(&sum, &b);
    assert_true(near(load_sum_service_s(&sum), 2.5, 1e-12));
}

/* -- shares ----------------------------------------------------------------------------------------------------------
 */

static uint32_t sum_of_shares(const struct autoscale_member *m, size_t n, uint32_t demand)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += autoscale_share(m, n, i, demand);
    return sum;
}

static void test_autoscale_share_everybody_agrees(void **arg)
{
    (void)arg;
    const struct autoscale_member m[] = {{"a/pdf", 1, 1, 4}, {"b/pdf", 1, 1, 2}, {"c/pdf", 3, 3, 3}};
    for (uint32_t demand = 0; demand <= 20; demand++)
        assert_int_equal(sum_of_shares(m, 3, demand), MIN_OF(MAX_OF(demand, 5U), 9U));
    assert_int_equal(autoscale_share(m, 3, 0, 6), 2); /* one more: the first by name starts it … */
    assert_int_equal(autoscale_share(m, 3, 1, 6), 1); /* … and nobody else */
    assert_int_equal(autoscale_share(m, 3, 1, 7), 2);
    assert_int_equal(autoscale_share(m, 3, 0, 9), 4); /* what the others may not have */
}

static void test_autoscale_sort_is_by_name(void **arg)
{
    (void)arg;
    struct autoscale_member m[] = {{"b/x", 1, 1, 1}, {"a/y", 2, 2, 2}, {"a/x", 3, 3, 3}};
    autoscale_sort(m, 3);
    assert_string_equal(m[0].id, "a/x");
    assert_string_equal(m[1].id, "a/y");
    assert_string_equal(m[2].id, "b/x");
}

/* -- decisions -------------------------------------------------------------------------------------------------------
 */

/* One pool on one host: 1 to 8 workers, target 10 s; all are ready and busy. */
struct scene {
    struct autoscale_member members[4];
    struct autoscale_view view;
    struct autoscale_state state;
};

static struct scene scene_of(uint32_t workers)
{
    struct scene c = {.members = {{"a/p", workers, 1, 8}}};
    c.view = (struct autoscale_view){
        .now_ms = 1000000,
        .target_s = 10,
        .down_after_s = 60,
        .known = true,
        .load = {.service_s = 1, .active = workers},
        .n_members = 1,
        .desired = workers,
        .ready = workers,
        .max = 8,
    };
    return c;
}

static struct autoscale_decision decide(struct scene *c)
{
    c->view.members = c->members;
    return autoscale_decide(&c->state, &c->view);
}

static void check_at(struct scene *c, uint32_t desired, enum autoscale_reason reason, int line)
{
    struct autoscale_decision d = decide(c);
    if (d.desired != desired || d.reason != reason)
        fail_msg("line %d: %u %s, not %u %s", line, d.desired, autoscale_reason_name(d.reason), desired,
                 autoscale_reason_name(reason));
}
#define CHECK(c, desired, reason) check_at(c, desired, reason, __LINE__)

static void test_autoscale_steady_load_keeps_the_number(void **arg)
{
    (void)arg;
    struct scene c = scene_of(3);
    c.view.load.arrivals_per_s = 2;
    c.view.load.active = 2;
    c.view.idle = 1;
    for (int i = 0; i < 1000; i++, c.view.now_ms += 2000)
        CHECK(&c, 3, AUTOSCALE_STEADY);
}

static void test_autoscale_burst_doubles_until_enough(void **arg)
{
    (void)arg;
    struct scene c = scene_of(1);
    c.view.load.ready = 60; /* 60 s of work, 10 s of time */
    CHECK(&c, 2, AUTOSCALE_UP);
    c.members[0].workers = c.view.desired = 2; /* wanted, not ready yet */
    CHECK(&c, 2, AUTOSCALE_STARTING);
    c.view.ready = 2;
    c.view.load.active = 2;
    CHECK(&c, 4, AUTOSCALE_UP);
    c.members[0].workers = c.view.desired = c.view.ready = 4;
    c.view.load.active = 4;
    CHECK(&c, 6, AUTOSCALE_UP); /* (60 + 4)/(1 + 10): no more than are needed */
    c.members[0].workers = c.view.desired = c.view.ready = 6;
    c.view.load.active = 6;
    CHECK(&c, 6, AUTOSCALE_STEADY);
}

static void test_autoscale_slow_jobs_get_a_worker_each(void **arg)
{
    (void)arg;
    struct scene c = scene_of(2);
    c.view.load = (struct queueing_load){.service_s = 600, .ready = 3, .active = 2};
    CHECK(&c, 4, AUTOSCALE_UP);
    c.members[0].workers = c.view.desired = c.view.ready = 4;
    c.view.load.ready = 1;
    c.view.load.active = 4;
    CHECK(&c, 5, AUTOSCALE_UP);
}

static void test_autoscale_nothing_known_of_the_service_time(void **arg)
{
    (void)arg;
    struct scene c = scene_of(1);
    c.view.load = (struct queueing_load){.service_s = -1, .ready = 100};
    CHECK(&c, 1, AUTOSCALE_STEADY); /* the first has not run */
    c.view.load.active = 1;
    c.view.oldest_s = 11; /* nothing ended, and it is too late already */
    CHECK(&c, 2, AUTOSCALE_UP);
    c.view.load.service_s = 8; /* as long as it runs so far, at least */
    c.view.oldest_s = 8;
    CHECK(&c, 2, AUTOSCALE_UP);
}

static void test_autoscale_from_none(void **arg)
{
    (void)arg;
    struct scene c = scene_of(0);
    c.members[0].min = 0;
    c.view.load = (struct queueing_load){.service_s = -1};
    CHECK(&c, 0, AUTOSCALE_STEADY);
    c.view.load.ready = 1;
    CHECK(&c, 1, AUTOSCALE_UP);
    c.view.load.service_s = 1;
    CHECK(&c, 1, AUTOSCALE_UP);
    c.view.load.ready = 0;
    CHECK(&c, 0, AUTOSCALE_STEADY);
}

static void test_autoscale_late_in_spite_of_the_model(void **arg)
{
    (void)arg;
    struct scene c = scene_of(2);
    c.view.load.ready = 1;
    c.view.load.service_s = 0.001; /* tells nothing of what the worker does besides */
    c.view.oldest_s = 12;
    CHECK(&c, 3, AUTOSCALE_UP);
    c.view.load.active = 1; /* a worker is free somewhere: more would be free too */
    CHECK(&c, 2, AUTOSCALE_COOLING);
}

static void test_autoscale_one_idle_here_is_used_first(void **arg)
{
    (void)arg;
    struct scene c = scene_of(2);
    c.view.load.ready = 100;
    c.view.idle = 1;
    CHECK(&c, 2, AUTOSCALE_IDLE);
}

static void test_autoscale_down_one_at_a_time_and_only_idle_ones(void **arg)
{
    (void)arg;
    struct scene c = scene_of(4);
    c.view.load.active = 0;
    c.view.idle = 4;
    CHECK(&c, 4, AUTOSCALE_COOLING);
    c.view.now_ms += 59999;
    CHECK(&c, 4, AUTOSCALE_COOLING);
    c.view.now_ms += 1;
    c.view.idle = 0;
    CHECK(&c, 4, AUTOSCALE_BUSY);
    c.view.idle = 1;
    CHECK(&c, 3, AUTOSCALE_DOWN);
    c.members[0].workers = c.view.desired = c.view.ready = 3;
    CHECK(&c, 3, AUTOSCALE_COOLING);
    c.view.now_ms += 60000;
    CHECK(&c, 2, AUTOSCALE_DOWN);
    c.members[0].workers = c.view.desired = c.view.ready = 1;
    c.view.now_ms += 600000;
    CHECK(&c, 1, AUTOSCALE_STEADY); /* workers_min */
}

static void test_autoscale_flapping_keeps_what_its_height_needs(void **arg)
{
    (void)arg;
    struct scene c = scene_of(4);
    for (int i = 0; i < 500; i++, c.view.now_ms += 10000) {
        c.view.load.arrivals_per_s = i % 5 == 0 ? 3.2 : 0.1; /* every 50 s */
        c.view.idle = i % 5 != 0;
        CHECK(&c, 4, i % 5 == 0 ? AUTOSCALE_STEADY : AUTOSCALE_COOLING);
    }
}

static void test_autoscale_keeps_a_reserve_before_it_goes_down(void **arg)
{
    (void)arg;
    struct scene c = scene_of(4);
    c.view.idle = 2;
    c.view.load.arrivals_per_s = 2.7; /* three would do; a fifth more would need four */
    CHECK(&c, 4, AUTOSCALE_STEADY);
    c.view.load.arrivals_per_s = 2.2;
    CHECK(&c, 4, AUTOSCALE_COOLING);
}

static void test_autoscale_at_its_maximum_says_so(void **arg)
{
    (void)arg;
    struct scene c = scene_of(8);
    c.view.load.ready = 1000;
    struct autoscale_decision d = decide(&c);
    assert_int_equal(d.desired, 8);
    assert_int_equal(d.reason, AUTOSCALE_AT_MAX);
    assert_true(d.short_of_workers);
    assert_int_equal(d.demand, 92); /* for an outer scaler */
    assert_true(near(d.wait_s, 1001 / 8.0, 1e-9));
    char text[AUTOSCALE_TEXT_MAX];
    c.view.oldest_s = 0.25;
    assert_string_equal(
        autoscale_text(&d, &c.view, text),
        "more are needed than workers_max allows (1000 ready, oldest 250 ms, 0.00/s arriving, 1.0 s each: wait 125 s, "
        "target 10 s, the queue needs 92)");
}

static void test_autoscale_short_of_memory_and_cpu(void **arg)
{
    (void)arg;
    struct scene c = scene_of(2);
    c.view.load.ready = 100;
    c.members[0].max = 3; /* there is room for one more */
    c.view.no_memory = true;
    CHECK(&c, 3, AUTOSCALE_UP);
    c.members[0].max = 2;
    CHECK(&c, 2, AUTOSCALE_MEMORY);
    c.view.no_cpu = true;
    CHECK(&c, 2, AUTOSCALE_CPU);
    c.view.load.ready = 0; /* nobody needs what there is not */
    c.view.idle = 2;
    c.view.load.active = 0;
    assert_false(decide(&c).short_of_workers);
}

static void test_autoscale_holds(void **arg)
{
    (void)arg;
    struct scene c = scene_of(2);
    c.view.load.ready = 100;
    c.view.failing = true; /* more workers that do not start help nobody */
    CHECK(&c, 2, AUTOSCALE_FAILING);
    c.view.failing = false;
    c.view.known = false;
    CHECK(&c, 2, AUTOSCALE_UNKNOWN);
    assert_true(decide(&c).wait_s < 0);
    c.view.known = true;
    c.view.paused = true;
    CHECK(&c, 2, AUTOSCALE_PAUSED);
    c.view.paused = false;
    c.view.quiet = true;
    CHECK(&c, 2, AUTOSCALE_QUIET);
    c.view.manual = true;
    CHECK(&c, 2, AUTOSCALE_MANUAL);
    assert_int_equal(decide(&c).demand, 10); /* what would be needed is known all the same */
}

static void test_autoscale_a_hold_begins_the_wait_for_down_anew(void **arg)
{
    (void)arg;
    struct scene c = scene_of(4);
    c.view.load.active = 0;
    c.view.idle = 4;
    CHECK(&c, 4, AUTOSCALE_COOLING);
    c.view.now_ms += 59000;
    c.view.paused = true;
    CHECK(&c, 4, AUTOSCALE_PAUSED);
    c.view.paused = false;
    c.view.now_ms += 2000;
    CHECK(&c, 4, AUTOSCALE_COOLING);
}

static void test_autoscale_bounds_hold_at_once(void **arg)
{
    (void)arg;
    struct scene c = scene_of(4);
    c.view.max = c.members[0].max = 3; /* a reload */
    CHECK(&c, 3, AUTOSCALE_BOUNDS);
    c = scene_of(1);
    c.members[0].min = 2;
    CHECK(&c, 2, AUTOSCALE_BOUNDS);
}

static void test_autoscale_hosts_start_one_only(void **arg)
{
    (void)arg;
    struct autoscale_member m[] = {{"a/p", 1, 1, 8}, {"b/p", 1, 1, 8}, {"c/p", 1, 1, 8}};
    uint32_t all = 0;
    for (size_t self = 0; self < 3; self++) {
        struct scene c = scene_of(1);
        memcpy(c.members, m, sizeof m);
        c.view.n_members = 3;
        c.view.self = self;
        c.view.load = (struct queueing_load){.arrivals_per_s = 3.4, .service_s = 1, .active = 3};
        all += decide(&c).desired;
    }
    assert_int_equal(all, 4);
}

static void test_autoscale_a_host_that_joins_takes_its_share(void **arg)
{
    (void)arg;
    struct scene c = scene_of(4); /* alone with four until now */
    c.members[1] = (struct autoscale_member){"b/p", 1, 1, 8};
    c.view.n_members = 2;
    c.view.load = (struct queueing_load){.arrivals_per_s = 3.1, .service_s = 1, .active = 4};
    c.view.idle = 1;
    CHECK(&c, 4, AUTOSCALE_COOLING); /* two are its part now, and none goes at once */
    c.view.now_ms += 60000;
    CHECK(&c, 3, AUTOSCALE_DOWN);
    c.state = (struct autoscale_state){0};
    c.view.self = 1;
    c.view.desired = c.view.ready = 1;
    c.view.idle = 0;
    CHECK(&c, 2, AUTOSCALE_UP);
}

static void test_autoscale_a_full_host_leaves_it_to_others(void **arg)
{
    (void)arg;
    struct scene c = scene_of(2);
    c.members[1] = (struct autoscale_member){"b/p", 2, 1, 2}; /* short of memory there */
    c.view.n_members = 2;
    c.view.load = (struct queueing_load){.service_s = 1, .ready = 60, .active = 4};
    CHECK(&c, 4, AUTOSCALE_UP);
    c.view.self = 1;
    c.view.no_memory = true;
    assert_false(decide(&c).short_of_workers); /* others have room */
}

static void test_autoscale_two_pools_of_one_queue(void **arg)
{
    (void)arg;
    struct scene c = scene_of(1);
    c.members[1] = (struct autoscale_member){"a/q", 3, 3, 3}; /* not scaled: three, always */
    c.view.n_members = 2;
    c.view.load = (struct queueing_load){.arrivals_per_s = 2.5, .service_s = 1, .active = 2};
    CHECK(&c, 1, AUTOSCALE_STEADY);
    c.view.load = (struct queueing_load){.arrivals_per_s = 4.5, .service_s = 1, .active = 4};
    CHECK(&c, 2, AUTOSCALE_UP);
}

static void test_autoscale_reasons_have_words(void **arg)
{
    (void)arg;
    char text[AUTOSCALE_TEXT_MAX];
    const struct autoscale_view nothing = {.known = false};
    for (int i = 0; i < AUTOSCALE_REASON_COUNT; i++) {
        const struct autoscale_decision d = {.reason = (enum autoscale_reason)i};
        assert_true(autoscale_reason_name(d.reason)[0] != '\0');
        assert_true(autoscale_text(&d, &nothing, text)[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queueing_erlang_c_known_values),
        cmocka_unit_test(test_queueing_steady_wait_is_littles),
        cmocka_unit_test(test_queueing_servers_steady),
        cmocka_unit_test(test_queueing_servers_backlog),
        cmocka_unit_test(test_queueing_wait_of_who_arrives_now),
        cmocka_unit_test(test_load_rate_finds_a_steady_rate_and_is_no_fool_of_a_burst),
        cmocka_unit_test(test_load_rate_forgets),
        cmocka_unit_test(test_load_service_counts_time_of_servers_per_job),
        cmocka_unit_test(test_load_service_remembers_over_an_idle_night),
        cmocka_unit_test(test_load_service_of_hosts_adds_up),
        cmocka_unit_test(test_autoscale_share_everybody_agrees),
        cmocka_unit_test(test_autoscale_sort_is_by_name),
        cmocka_unit_test(test_autoscale_steady_load_keeps_the_number),
        cmocka_unit_test(test_autoscale_burst_doubles_until_enough),
        cmocka_unit_test(test_autoscale_slow_jobs_get_a_worker_each),
        cmocka_unit_test(test_autoscale_nothing_known_of_the_service_time),
        cmocka_unit_test(test_autoscale_from_none),
        cmocka_unit_test(test_autoscale_late_in_spite_of_the_model),
        cmocka_unit_test(test_autoscale_one_idle_here_is_used_first),
        cmocka_unit_test(test_autoscale_down_one_at_a_time_and_only_idle_ones),
        cmocka_unit_test(test_autoscale_flapping_keeps_what_its_height_needs),
        cmocka_unit_test(test_autoscale_keeps_a_reserve_before_it_goes_down),
        cmocka_unit_test(test_autoscale_at_its_maximum_says_so),
        cmocka_unit_test(test_autoscale_short_of_memory_and_cpu),
        cmocka_unit_test(test_autoscale_holds),
        cmocka_unit_test(test_autoscale_a_hold_begins_the_wait_for_down_anew),
        cmocka_unit_test(test_autoscale_bounds_hold_at_once),
        cmocka_unit_test(test_autoscale_hosts_start_one_only),
        cmocka_unit_test(test_autoscale_a_host_that_joins_takes_its_share),
        cmocka_unit_test(test_autoscale_a_full_host_leaves_it_to_others),
        cmocka_unit_test(test_autoscale_two_pools_of_one_queue),
        cmocka_unit_test(test_autoscale_reasons_have_words),
    };
    return cmocka_run_group_tests_name("autoscale", tests, NULL, NULL);
}
