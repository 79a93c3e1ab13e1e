/* Which pools a supervisor runs: all, or those that were named; never less than was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pool_choice.h"

#include <stdio.h>

static struct conf *conf_of_three(void)
{
    static const char *const names[] = {"match", "pdf", "pdf-large"};
    struct conf *c = calloc(1, sizeof *c);
    assert_non_null(c);
    (void)snprintf(c->path, sizeof c->path, "/etc/stint/stint.conf");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)snprintf(c->pools[c->n_pools++].name, sizeof c->pools[0].name, "%s", names[i]);
    return c;
}

static void test_pool_choice_apply_nothing_named_keeps_all(void **state)
{
    (void)state;
    struct pool_choice choice = {.n = 0};
    struct conf *c = conf_of_three();
    assert_int_equal(pool_choice_apply(&choice, c, NULL), 0);
    assert_int_equal(c->n_pools, 3);
    free(c);
}

static void test_pool_choice_apply_named_ones_stay_in_their_order(void **state)
{
    (void)state;
    struct pool_choice choice = {.n = 0};
    struct conf *c = conf_of_three();
    assert_int_equal(pool_choice_add(&choice, "pdf-large", NULL), 0);
    assert_int_equal(pool_choice_add(&choice, "match", NULL), 0);
    assert_int_equal(pool_choice_add(&choice, "match", NULL), 0); /* twice is once */
    assert_int_equal(choice.n, 2);
    assert_int_equal(pool_choice_apply(&choice, c, NULL), 0);
    assert_int_equal(c->n_pools, 2);
    assert_string_equal(c->pools[0].name, "match");
    assert_string_equal(c->pools[1].name, "pdf-large");
    assert_null(conf_pool_of(c, "pdf"));
    free(c);
}

static void test_pool_choice_apply_unknown_pool_names_those_there_are(void **state)
{
    (void)state;
    struct pool_choice choice = {.n = 0};
    struct err e = {0};
    struct conf *c = conf_of_three();
    assert_int_equal(pool_choice_add(&choice, "pdf", NULL), 0);
    assert_int_equal(pool_choice_add(&choice, "pfd", NULL), 0);
    assert_int_equal(pool_choice_apply(&choice, c, &e), ERR_BAD_ARGUMENT);
    assert_string_equal(e.message, "there is no pool \"pfd\" in /etc/stint/stint.conf; its pools: match, pdf, pdf-large");
    assert_int_equal(c->n_pools, 3); /* unchanged */
    free(c);
}

static void test_pool_choice_add_too_many_is_an_error(void **state)
{
    (void)state;
    struct pool_choice choice = {.n = 0};
    struct err e = {0};
    char names[CONF_POOL_MAX + 1][8];
    for (size_t i = 0; i <= CONF_POOL_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "p%zu", i);
        assert_int_equal(pool_choice_add(&choice, names[i], &e), i < CONF_POOL_MAX ? 0 : ERR_BAD_ARGUMENT);
    }
    assert_non_null(strstr(e.message, "--pool"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_choice_apply_nothing_named_keeps_all),
        cmocka_unit_test(test_pool_choice_apply_named_ones_stay_in_their_order),
        cmocka_unit_test(test_pool_choice_apply_unknown_pool_names_those_there_are),
        cmocka_unit_test(test_pool_choice_add_too_many_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
