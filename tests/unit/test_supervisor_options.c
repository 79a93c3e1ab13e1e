/*
 * The command line and the instance's name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "instance_id.h"
#include "supervisor_options.h"

static int read_args(struct supervisor_options *o, struct err *e, char *first, char *second)
{
    char name[] = "stint-supervisor";
    char *const argv[] = {name, first, second, NULL};
    return supervisor_options_read(o, first == NULL ? 1 : second == NULL ? 2 : 3, argv, e);
}

static void test_supervisor_options_read_known_arguments_are_taken(void **arg)
{
    (void)arg;
    struct supervisor_options o;
    char config[] = "--config", joined[] = "--config=/b", file[] = "/a", check[] = "--check";
    assert_int_equal(read_args(&o, NULL, NULL, NULL), 0);
    assert_null(o.config);
    assert_int_equal(read_args(&o, NULL, config, file), 0);
    assert_string_equal(o.config, "/a");
    assert_int_equal(read_args(&o, NULL, joined, check), 0);
    assert_string_equal(o.config, "/b");
    assert_true(o.check);
    char pool[] = "--pool", joined_pool[] = "--pool=match", name[] = "pdf";
    assert_int_equal(read_args(&o, NULL, pool, name), 0);
    assert_int_equal(o.pools.n, 1);
    assert_string_equal(o.pools.names[0], "pdf");
    assert_int_equal(read_args(&o, NULL, joined_pool, NULL), 0);
    assert_string_equal(o.pools.names[0], "match");
}

static void test_supervisor_options_read_wrong_argument_names_itself(void **arg)
{
    (void)arg;
    struct supervisor_options o = {.check = true};
    struct err e = {0};
    char wrong[] = "--wrong", config[] = "--config";
    assert_int_equal(read_args(&o, &e, wrong, NULL), ERR_BAD_ARGUMENT);
    assert_non_null(strstr(e.message, "--wrong"));
    assert_non_null(strstr(e.message, "--config"));
    assert_int_equal(read_args(&o, &e, config, NULL), ERR_BAD_ARGUMENT);
    char pool[] = "--pool", like[] = "--pools";
    assert_int_equal(read_args(&o, &e, pool, NULL), ERR_BAD_ARGUMENT);
    assert_non_null(strstr(e.message, "--pool needs the name"));
    assert_int_equal(read_args(&o, &e, like, pool), ERR_BAD_ARGUMENT);
    assert_non_null(strstr(e.message, "\"--pools\""));
    char of[] = "--successor-of", hold[] = "--hold-fd=2", word[] = "three", closed[] = "999";
    assert_int_equal(read_args(&o, &e, of, word), ERR_BAD_ARGUMENT);
    assert_non_null(strstr(e.message, "\"three\" is no open descriptor"));
    assert_int_equal(read_args(&o, &e, of, closed), ERR_BAD_ARGUMENT);
    assert_int_equal(read_args(&o, &e, hold, NULL), ERR_BAD_ARGUMENT); /* a standard one */
    assert_true(o.check); /* untouched */
}

static void test_instance_id_of_odd_host_names_are_made_plain(void **arg)
{
    (void)arg;
    static const unsigned char random[4] = {0x1a, 0x2b, 0x3c, 0x4d};
    char id[INSTANCE_MAX], longest[300];
    instance_id_of(id, "web-1.example", random);
    assert_string_equal(id, "web-1.example-1a2b3c4d");
    instance_id_of(id, "a b:c", random);
    assert_string_equal(id, "a-b-c-1a2b3c4d");
    instance_id_of(id, "", random);
    assert_string_equal(id, "host-1a2b3c4d");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    instance_id_of(id, longest, random);
    assert_int_equal(strlen(id), 80 + 9);
}

static void test_instance_id_new_twice_differs(void **arg)
{
    (void)arg;
    char a[INSTANCE_MAX], b[INSTANCE_MAX];
    assert_int_equal(instance_id_new(a, "x"), 0);
    assert_int_equal(instance_id_new(b, "x"), 0);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supervisor_options_read_known_arguments_are_taken),
        cmocka_unit_test(test_supervisor_options_read_wrong_argument_names_itself),
        cmocka_unit_test(test_instance_id_of_odd_host_names_are_made_plain),
        cmocka_unit_test(test_instance_id_new_twice_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
