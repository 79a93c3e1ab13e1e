/*
 * What a reload takes over, and what it only warns of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reload.h"
#include <stdio.h>

struct pair {
    struct conf current, fresh;
    struct reload_report report;
};

static struct pair *pair_new(void)
{
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    (void)snprintf(p->current.pools[0].name, sizeof p->current.pools[0].name, "pdf");
    p->current.n_pools = 1;
    (void)snprintf(p->current.kinds[0].name, sizeof p->current.kinds[0].name, "probe");
    p->current.n_kinds = 1;
    p->fresh = p->current;
    return p;
}

static void test_reload_apply_same_file_changes_nothing(void **arg)
{
    (void)arg;
    struct pair *p = pair_new();
    /* what follows the end of a text is no difference */
    (void)snprintf(p->current.match.preset, sizeof p->current.match.preset, "%s", "a long one");
    (void)snprintf(p->current.match.preset, sizeof p->current.match.preset, "%s", "speed");
    (void)snprintf(p->fresh.match.preset, sizeof p->fresh.match.preset, "%s", "speed");
    reload_apply(&p->current, &p->fresh, &p->report);
    assert_int_equal(p->report.changed.n, 0);
    assert_int_equal(p->report.needs_restart.n, 0);
    free(p);
}

static void test_reload_apply_takes_reloadable_and_names_the_rest(void **arg)
{
    (void)arg;
    struct pair *p = pair_new();
    p->fresh.supervisor.lease = 77000;
    p->fresh.metrics.port = 1234;
    p->fresh.pools[0].workers = 9;
    p->fresh.kinds[0].attempts = 8;
    (void)snprintf(p->fresh.pools[0].queue, sizeof p->fresh.pools[0].queue, "other");
    reload_apply(&p->current, &p->fresh, &p->report);
    assert_int_equal(p->current.supervisor.lease, 77000);
    assert_int_equal(p->current.pools[0].workers, 9);
    assert_int_equal(p->current.kinds[0].attempts, 8);
    assert_int_equal(p->current.metrics.port, 0);
    assert_string_equal(p->current.pools[0].queue, "");
    assert_int_equal(p->report.changed.n, 3);
    assert_string_equal(p->report.changed.names[0], "supervisor.lease");
    assert_string_equal(p->report.changed.names[1], "pool.pdf.workers");
    assert_string_equal(p->report.changed.names[2], "kind.probe.attempts");
    assert_int_equal(p->report.needs_restart.n, 2);
    assert_string_equal(p->report.needs_restart.names[0], "metrics.port");
    assert_string_equal(p->report.needs_restart.names[1], "pool.pdf.queue");
    free(p);
}

static void test_reload_apply_pools_come_and_go(void **arg)
{
    (void)arg;
    struct pair *p = pair_new();
    p->current.pools[0].workers = 3;
    (void)snprintf(p->fresh.pools[0].name, sizeof p->fresh.pools[0].name, "match");
    reload_apply(&p->current, &p->fresh, &p->report);
    assert_string_equal(p->current.pools[0].name, "pdf");
    assert_int_equal(p->current.pools[0].workers, 0);
    assert_int_equal(p->current.n_pools, 2);
    assert_string_equal(p->current.pools[1].name, "match");
    assert_int_equal(p->report.needs_restart.n, 0);
    assert_int_equal(p->report.changed.n, 2);
    assert_string_equal(p->report.changed.names[0], "pool.pdf.(removed)");
    assert_string_equal(p->report.changed.names[1], "pool.match.(added)");
    free(p);
}

static void test_reload_apply_new_kind_is_added(void **arg)
{
    (void)arg;
    struct pair *p = pair_new();
    (void)snprintf(p->fresh.kinds[1].name, sizeof p->fresh.kinds[1].name, "later");
    p->fresh.kinds[1].attempts = 4;
    p->fresh.n_kinds = 2;
    reload_apply(&p->current, &p->fresh, &p->report);
    assert_int_equal(p->current.n_kinds, 2);
    assert_int_equal(p->current.kinds[1].attempts, 4);
    assert_int_equal(p->report.changed.n, 1);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload_apply_same_file_changes_nothing),
        cmocka_unit_test(test_reload_apply_takes_reloadable_and_names_the_rest),
        cmocka_unit_test(test_reload_apply_pools_come_and_go),
        cmocka_unit_test(test_reload_apply_new_kind_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
