/* The verb table is whole: every verb is found by its words, explains itself, and shows an example that would parse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "verb.h"

#include <stdio.h>

enum { WORDS_MAX = 4 };

/* Splits "queue pause" into words; returns how many. */
static int split(char *text, char *words[static WORDS_MAX])
{
    int n = 0;
    char *rest = NULL;
    for (char *w = strtok_r(text, " ", &rest); w != NULL && n < WORDS_MAX; w = strtok_r(NULL, " ", &rest))
        words[n++] = w;
    return n;
}

static void test_verb_find_every_row_is_found_by_its_words(void **state)
{
    (void)state;
    size_t n;
    const struct verb *all = verb_all(&n);
    assert_true(n > 20);
    for (size_t i = 0; i < n; i++) {
        char text[64], *words[WORDS_MAX];
        (void)snprintf(text, sizeof text, "%s", all[i].words);
        int count = split(text, words), taken = 0;
        assert_ptr_equal(verb_find(count, words, &taken), &all[i]);
        assert_int_equal(taken, count);
    }
}

static void test_verb_find_half_a_verb_is_none(void **state)
{
    (void)state;
    char queue[] = "queue", pau[] = "pau", *const words[] = {queue, pau};
    int taken = 0;
    assert_null(verb_find(2, words, &taken));
    assert_null(verb_find(1, words, &taken));
    assert_null(verb_find(0, words, &taken));
}

static void test_verb_all_rows_explain_themselves(void **state)
{
    (void)state;
    size_t n;
    const struct verb *all = verb_all(&n);
    for (size_t i = 0; i < n; i++) {
        char start[80];
        (void)snprintf(start, sizeof start, "stint %s", all[i].words);
        assert_true(strlen(all[i].help) > 5);
        if (strncmp(all[i].example, start, strlen(start)) != 0)
            fail_msg("the example of \"%s\" does not begin with \"%s\"", all[i].words, start);
        assert_true(all[i].most == VERB_MANY || all[i].most >= all[i].least);
        assert_true(all[i].most == 0 || *all[i].positionals != '\0');
    }
}

static void check_option(const struct verb *v, const struct arg_spec *o)
{
    bool valued = o->type != ARG_FLAG, choice = o->type == ARG_ENUM;
    if (o->help == NULL || *o->help == '\0' || valued != (o->value != NULL) || (choice && o->values == NULL))
        fail_msg("option --%s of \"%s\" is half described", o->name, v->words);
    for (const struct arg_spec *g = verb_global_options(); g->name != NULL; g++)
        if (strcmp(g->name, o->name) == 0)
            fail_msg("option --%s of \"%s\" hides the global one", o->name, v->words);
    for (const struct arg_spec *other = v->options; other != o; other++)
        if (strcmp(other->name, o->name) == 0)
            fail_msg("option --%s of \"%s\" is there twice", o->name, v->words);
}

static void test_verb_all_options_are_described_and_unique(void **state)
{
    (void)state;
    size_t n, looked = 0;
    const struct verb *all = verb_all(&n);
    for (size_t i = 0; i < n; i++)
        for (const struct arg_spec *o = all[i].options; o->name != NULL; o++, looked++)
            check_option(&all[i], o);
    assert_true(looked > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verb_find_every_row_is_found_by_its_words),
        cmocka_unit_test(test_verb_find_half_a_verb_is_none),
        cmocka_unit_test(test_verb_all_rows_explain_themselves),
        cmocka_unit_test(test_verb_all_options_are_described_and_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
