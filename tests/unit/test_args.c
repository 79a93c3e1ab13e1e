/* Options are typed before a verb sees them; each wrong one is named with what would have been allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "args.h"

static const struct arg_spec OWN[] = {
    {"flag", ARG_FLAG, NULL, "", NULL, 0, 0},
    {"text", ARG_TEXT, "TEXT", "", NULL, 1, 5},
    {"count", ARG_INT, "N", "", NULL, 1, 10},
    {"number", ARG_NUMBER, "X", "", NULL, -90, 90},
    {"wait", ARG_DURATION, "5s", "", NULL, 1, 60000},
    {"size", ARG_SIZE, "1M", "", NULL, 0, 0},
    {"band", ARG_ENUM, "BAND", "", "express|high|normal|low", 0, 0},
    {"names", ARG_LIST, "A,B", "", "a|b|c", 0, 0},
    {"ics", ARG_OPTIONAL, "OUT", "", ".pdf", 1, 8},
    {.name = NULL},
};
static const struct arg_spec GLOBAL[] = {
    {"json", ARG_FLAG, NULL, "", NULL, 0, 0},
    {"help", ARG_FLAG, NULL, "", NULL, 0, 0},
    {.name = NULL},
};

static int parse(struct args *a, struct err *e, int argc, const char *const argv[])
{
    static char copies[16][64];
    char *mutable[16];
    assert_true(argc <= 16);
    for (int i = 0; i < argc; i++) {
        assert_true(strlen(argv[i]) < sizeof copies[i]);
        mutable[i] = strcpy(copies[i], argv[i]);
    }
    *e = (struct err){.code = 0};
    return args_parse(a, OWN, GLOBAL, argc, mutable, e);
}

#define PARSE(a, e, ...)                                                                                               \
    parse(a, e, (int)ARRAY_LEN(((const char *const[]){__VA_ARGS__})), (const char *const[]){__VA_ARGS__})

static void test_args_parse_every_type_is_read(void **state)
{
    (void)state;
    struct args a;
    struct err e;
    assert_int_equal(PARSE(&a, &e, "--flag", "--text=abc", "--count", "7", "one", "--number", "-33.5", "--wait", "5s",
                           "--size=64K", "--band", "high", "--names", "a,c", "two"),
                     0);
    assert_true(args_has(&a, "flag"));
    assert_false(args_has(&a, "json"));
    assert_string_equal(args_text(&a, "text", NULL), "abc");
    assert_int_equal(args_int(&a, "count", 0), 7);
    assert_true(args_number(&a, "number", 0) < -33.4);
    assert_int_equal(args_int(&a, "wait", 0), 5000);
    assert_int_equal(args_int(&a, "size", 0), 65536);
    assert_int_equal(args_int(&a, "band", -1), 1);
    assert_int_equal(a.n_positionals, 2);
    assert_string_equal(args_positional(&a, 1), "two");
    assert_null(args_positional(&a, 2));
    args_fini(&a);
    args_fini(&a);
}

static void test_args_parse_absent_option_gives_fallback(void **state)
{
    (void)state;
    struct args a;
    struct err e;
    assert_int_equal(parse(&a, &e, 0, NULL), 0);
    assert_string_equal(args_text(&a, "text", "none"), "none");
    assert_int_equal(args_int(&a, "count", 42), 42);
    args_fini(&a);
}

static void test_args_parse_double_dash_ends_options(void **state)
{
    (void)state;
    struct args a;
    struct err e;
    assert_int_equal(PARSE(&a, &e, "--json", "--", "--flag", "-"), 0);
    assert_int_equal(a.n_positionals, 2);
    assert_false(args_has(&a, "flag"));
    args_fini(&a);
}

static void assert_complains(const char *what, int argc, const char *const argv[])
{
    struct args a;
    struct err e;
    assert_int_equal(parse(&a, &e, argc, argv), ERR_BAD_ARGUMENT);
    if (strstr(e.message, what) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", e.message, what);
    args_fini(&a);
}

#define COMPLAINS(what, ...)                                                                                           \
    assert_complains(what, (int)ARRAY_LEN(((const char *const[]){__VA_ARGS__})), (const char *const[]){__VA_ARGS__})

static void test_args_parse_wrong_input_is_named_with_what_is_allowed(void **state)
{
    (void)state;
    COMPLAINS("did you mean --flag?", "--flg");
    COMPLAINS("allowed: --flag, --text", "--colour");
    COMPLAINS("--text needs a value", "--text");
    COMPLAINS("--text needs a value", "--text", "--flag");
    COMPLAINS("--flag takes no value", "--flag=yes");
    COMPLAINS("given twice", "--count", "1", "--count", "2");
    COMPLAINS("allowed: 1 to 5", "--text", "abcdef");
    COMPLAINS("allowed: 1 to 10", "--count", "11");
    COMPLAINS("4294967297", "--count", "4294967297");
    COMPLAINS("--count", "--count", "1x");
    COMPLAINS("allowed: -90 to 90", "--number", "90.5");
    COMPLAINS("decimal", "--number", "nan");
    COMPLAINS("--wait", "--wait", "5");
    COMPLAINS("allowed: 1 ms to 1 min 00 s", "--wait", "2m");
    COMPLAINS("allowed: express|high|normal|low", "--band", "hig");
    COMPLAINS("a|b|c", "--names", "a,d");
    COMPLAINS("single commas", "--names", "a,,b");
}

static void test_args_parse_list_given_again_goes_on(void **state)
{
    (void)state;
    struct args a;
    struct err e;
    PARSE(&a, &e, "--names", "a", "--names=b,c", "--names", "a");
    assert_int_equal(e.code, 0);
    assert_string_equal(args_text(&a, "names", ""), "a,b,c,a");
    args_fini(&a);
}

static void test_args_parse_optional_value_is_left_out_before_options_and_documents(void **state)
{
    (void)state;
    static const struct {
        const char *words[4], *ics;
        size_t positionals;
    } cases[] = {
        {{"--ics", "out.ics", "a.pdf"}, "out.ics", 1}, {{"--ics", "a.PDF", "b.pdf"}, "", 2}, {{"a.pdf", "--ics"}, "", 1},
        {{"--ics", "--flag", "a.pdf"}, "", 1},         {{"--ics=a.pdf", "b.pdf"}, "a.pdf", 1}, {{"--ics", "-", "a.pdf"}, "-", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct args a;
        struct err e;
        int n = 0;
        while (n < 4 && cases[i].words[n] != NULL)
            n++;
        assert_int_equal(parse(&a, &e, n, cases[i].words), 0);
        assert_string_equal(args_text(&a, "ics", "absent"), cases[i].ics);
        assert_int_equal(a.n_positionals, cases[i].positionals);
        args_fini(&a);
    }
}

static void test_args_parse_leading_stops_at_the_first_word(void **state)
{
    (void)state;
    struct args a;
    struct err e = {.code = 0};
    char json[] = "--json", verb[] = "queue", flag[] = "--flag", *const argv[] = {json, verb, flag};
    assert_int_equal(args_parse_leading(&a, GLOBAL, 3, argv, &e), 1);
    assert_true(args_has(&a, "json"));
}

static void test_args_nearest_slip_is_found_and_noise_is_not(void **state)
{
    (void)state;
    static const char *const words[] = {"enqueue", "queue pause", "status", NULL};
    assert_string_equal(args_nearest("enqeue", words), "enqueue");
    assert_string_equal(args_nearest("queue paus", words), "queue pause");
    assert_null(args_nearest("zzzzzz", words));
    assert_null(args_nearest("", words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_args_parse_every_type_is_read),
        cmocka_unit_test(test_args_parse_absent_option_gives_fallback),
        cmocka_unit_test(test_args_parse_double_dash_ends_options),
        cmocka_unit_test(test_args_parse_wrong_input_is_named_with_what_is_allowed),
        cmocka_unit_test(test_args_parse_list_given_again_goes_on),
        cmocka_unit_test(test_args_parse_optional_value_is_left_out_before_options_and_documents),
        cmocka_unit_test(test_args_parse_leading_stops_at_the_first_word),
        cmocka_unit_test(test_args_nearest_slip_is_found_and_noise_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
